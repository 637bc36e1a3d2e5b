# SPDX-License-Identifier: MIT OR Apache-2.0
import contextlib
import threading

import anyio
import pytest
from trifuse import CircuitBreaker, CircuitBreakerOpenError, RequestTimeoutError, State


def test_a_block_is_one_call(breaker_of):
    breaker = breaker_of()
    with breaker:
        assert breaker.snapshot().calls == 0
    with pytest.raises(OSError, match="mine"), breaker:
        raise OSError("mine")
    picture = breaker.snapshot()
    assert (picture.successes, picture.failures) == (1, 1)


def test_a_block_says_that_it_failed_or_is_to_be_ignored(breaker_of):
    breaker = breaker_of(consecutive_failures=0)
    with breaker as block:
        block.failure()
    with breaker as block:
        block.ignore()
    with pytest.raises(OSError), breaker as block:
        block.ignore()
        raise OSError
    picture = breaker.snapshot()
    assert (picture.failures, picture.ignored, picture.successes) == (1, 2, 0)


def test_a_blocks_failure_may_carry_a_retry_after(breaker_of):
    class Response:
        def __init__(self):
            self.headers = {"retry-after": "33"}

    breaker = breaker_of()
    with breaker as block:
        block.failure(Response())
    assert breaker.snapshot().retry_after == 33.0


def test_a_blocks_time_is_judged_afterwards(breaker_of, clock):
    breaker = breaker_of()
    with breaker:
        clock.advance(6)
    assert breaker.snapshot().timeouts == 1


def test_a_refused_block_is_not_entered(breaker_of):
    breaker = breaker_of()
    breaker.trip()
    with pytest.raises(CircuitBreakerOpenError), breaker:
        pytest.fail("entered")


def test_blocks_of_one_breaker_nest_and_exit_stacks_work(breaker_of):
    breaker = breaker_of(consecutive_failures=0)
    with breaker as outer, breaker as inner:
        inner.failure()
        outer.ignore()
    with contextlib.ExitStack() as stack:
        stack.enter_context(breaker)
        stack.enter_context(breaker)
    picture = breaker.snapshot()
    assert (picture.failures, picture.ignored, picture.successes) == (1, 1, 2)


def test_blocks_in_several_threads_do_not_mix(breaker_of):
    breaker = breaker_of(consecutive_failures=0)
    barrier = threading.Barrier(8)

    def work(index):
        with breaker as block:
            barrier.wait()
            if index % 2:
                block.failure()
            barrier.wait()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    picture = breaker.snapshot()
    assert (picture.failures, picture.successes) == (4, 4)


@pytest.mark.anyio
async def test_blocks_in_many_tasks_do_not_mix(breaker_of):
    breaker = breaker_of(consecutive_failures=0)

    async def work(index):
        async with breaker as block:
            await anyio.sleep(index % 3)
            if index % 2:
                block.failure()

    async with anyio.create_task_group() as group:
        for index in range(100):
            group.start_soon(work, index)
    picture = breaker.snapshot()
    assert (picture.failures, picture.successes) == (50, 50)


@pytest.mark.anyio
async def test_an_asynchronous_block_is_ended_in_time(breaker_of):
    breaker = breaker_of()
    with pytest.raises(RequestTimeoutError):
        async with breaker:
            await anyio.sleep(6)
    assert breaker.snapshot().timeouts == 1
    async with breaker:
        await anyio.sleep(4)
    assert breaker.state is State.CLOSED


@pytest.mark.anyio
async def test_a_block_left_by_another_task_is_still_reported(breaker_of):
    breaker = breaker_of()
    breaker.__enter__()
    async with anyio.create_task_group() as group:

        async def leave():
            breaker.__exit__(None, None, None)

        group.start_soon(leave)
    assert breaker.snapshot().successes == 1


def test_a_probe_whose_block_raises_gives_its_place_back(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=1)
    breaker.trip(retry_after=1)
    clock.advance(1)
    with pytest.raises(KeyboardInterrupt), breaker:
        raise KeyboardInterrupt
    assert breaker.snapshot().probes_in_flight == 0


def test_leaving_a_block_that_was_not_entered_is_an_error(breaker_of):
    with pytest.raises(RuntimeError, match="not entered"):
        breaker_of().__exit__(None, None, None)


def test_threads_that_enter_a_new_breaker_together_get_the_same_blocks():
    import sys

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            breaker = CircuitBreaker("new", registry=None)
            barrier = threading.Barrier(8)
            threads = [threading.Thread(target=enter_together, args=(breaker, barrier)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert breaker.snapshot().successes == 8
            assert len(breaker._listeners.on_transition) == 8
    finally:
        sys.setswitchinterval(before)


def enter_together(breaker, barrier):
    barrier.wait()
    with breaker:
        breaker.on_transition(lambda transition: None)
