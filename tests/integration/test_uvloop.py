# SPDX-License-Identifier: MIT OR Apache-2.0
"""The asynchronous guard on uvloop's event loop, in real time."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop
from trifuse import CircuitBreaker, RefusedError, RequestTimeoutError

pytestmark = pytest.mark.end_to_end


def run(coroutine):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def test_a_hanging_call_is_cut_off_in_time():
    breaker = CircuitBreaker("uvloop", request_timeout=0.1)

    async def main():
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            await breaker.call(asyncio.sleep, 5)
        return time.monotonic() - began

    assert 0.09 <= run(main()) < 2
    assert breaker.snapshot().timeouts == 1


def test_many_at_once_expire_or_succeed_each_by_its_own_time():
    breaker = CircuitBreaker("uvloop", request_timeout=0.6, failure_rate_threshold=1.0)

    @breaker
    async def work(seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def main():
        calls = [work(5 if i % 2 else 0.01) for i in range(1000)]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = run(main())
    assert answers[::2] == [0.01] * 500
    assert {type(answer) for answer in answers[1::2]} == {RequestTimeoutError}
    found = breaker.snapshot()
    assert (found.successes, found.timeouts) == (500, 500)


def test_a_cancellation_from_outside_stays_one_and_is_ignored():
    breaker = CircuitBreaker("uvloop", request_timeout=5)

    async def main():
        task = asyncio.ensure_future(breaker.call(asyncio.sleep, 5))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    found = breaker.snapshot()
    assert (found.ignored, found.failures) == (1, 0)


def test_exactly_the_probes_are_admitted_of_a_thousand_tasks():
    breaker = CircuitBreaker("uvloop", initial_state="half_open", half_open_max_calls=3)

    async def main():
        gate = asyncio.Event()
        tasks = [asyncio.ensure_future(breaker.call(gate.wait)) for _ in range(1000)]
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = run(main())
    assert sum(answer is True for answer in answers) == 3
    assert sum(isinstance(answer, RefusedError) for answer in answers) == 997
