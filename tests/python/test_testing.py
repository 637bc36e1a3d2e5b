# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio
from datetime import timedelta

import pytest
from trifuse import (
    CircuitBreaker,
    CircuitBreakerOpenError,
    ConfigurationError,
    State,
    circuit_breaker,
    testing,
)
from trifuse._core import lib


def test_virtual_time_stands_still_until_advanced_and_ends_with_its_block():
    with testing.virtual_clock() as clock:
        begun = lib.trifuse_py_now()
        assert lib.trifuse_py_now() == begun == clock.now_ns
        clock.advance(timedelta(hours=1))
        assert clock.now_ns - begun == 3600 * 10**9
        clock.advance(-1)
        assert lib.trifuse_py_now() - begun == 3599 * 10**9
        for bad in ("1", float("nan"), -1e9):
            with pytest.raises(ConfigurationError):
                clock.advance(bad)
        with testing.virtual_clock() as inner:
            inner.advance(5)
        assert lib.trifuse_py_now() == clock.now_ns
    first = lib.trifuse_py_now()
    while lib.trifuse_py_now() == first:
        pass


@pytest.mark.parametrize("state", list(State))
def test_a_breaker_can_be_put_into_any_state_for_a_while(state):
    breaker = CircuitBreaker("forced")
    with testing.forced(breaker, state) as same:
        assert same is breaker
        assert breaker.state is state
    assert breaker.state is State.CLOSED


def test_a_half_open_breaker_has_all_its_probes(clock):
    breaker = CircuitBreaker("probing", half_open_max_calls=2)
    with testing.forced(breaker, "half_open"), breaker, breaker:
        with pytest.raises(Exception, match="half-open"):
            breaker.call(int)


def test_everything_can_be_switched_off(breaker_of, run):
    breaker = breaker_of(fallback_value="instead", fallback_on=Exception, request_timeout=1)
    plain = breaker_of(request_timeout=1)
    breaker.force_open()
    plain.force_open()

    async def slow():
        await asyncio.sleep(100)
        return "slow"

    async def items():
        yield 1

    async def main():
        assert await plain(slow)() == await breaker.call(slow) == "slow"
        assert [i async for i in breaker(items)()] == [1]
        async with plain as block:
            await asyncio.sleep(100)
            block.failure()

    with testing.disabled():
        assert plain(int)("3") if False else plain.call(int, "3") == 3
        with pytest.raises(ZeroDivisionError):
            breaker.call(lambda: 1 / 0)
        assert list(breaker(lambda: (i for i in "ab"))()) == ["a", "b"]
        with plain:
            pass
        run(main())
    for each in (breaker, plain):
        assert each.snapshot().refused == each.snapshot().calls == 0
    with pytest.raises(Exception, match="forced"):
        plain.call(int)


def test_a_recorder_keeps_what_listeners_are_told_until_it_is_detached():
    breaker = CircuitBreaker("recorded")
    with testing.record() as everything, testing.record(breaker) as own:
        breaker.call(int)
        breaker.trip()
        with pytest.raises(CircuitBreakerOpenError):
            breaker.call(int)
    breaker.reset()
    for recorder in (everything, own):
        assert [t.to_state for t in recorder.transitions] == ["open"]
        assert [r.reason for r in recorder.refusals] == ["open"]
        assert [c.outcome for c in recorder.calls] == ["success", "refused"]


def test_the_fixture_gives_virtual_time_and_a_recorder(trifuse_testing):
    @circuit_breaker("fixture", consecutive_failures=1)
    def failing():
        raise OSError

    with pytest.raises(OSError):
        failing()
    trifuse_testing.clock.advance(30)
    with pytest.raises(OSError):
        failing()
    assert [t.to_state for t in trifuse_testing.recorder.transitions] == [
        "open",
        "half_open",
        "open",
    ]
