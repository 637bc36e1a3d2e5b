# SPDX-License-Identifier: MIT OR Apache-2.0
# What only asyncio does: its counts of cancellations, several loops, futures.
import asyncio
import gc
import inspect

import anyio
import pytest
import trio.testing
from trifuse import Pipeline, RequestTimeoutError, Timeout, _limits


async def hang():
    await asyncio.sleep(1000)


def test_a_swallowed_cancellation_returns_the_result_and_counts_as_a_timeout(breaker_of, run):
    breaker = breaker_of()

    @breaker
    async def swallowing():
        try:
            await hang()
        except asyncio.CancelledError:
            return "kept"

    async def main():
        assert await swallowing() == "kept"
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(1)

    run(main())
    assert breaker.snapshot().timeouts == 1


def test_an_outside_cancel_in_the_same_step_stays_a_cancellation(breaker_of, run):
    breaker = breaker_of()

    async def main():
        loop = asyncio.get_running_loop()
        task = loop.create_task(breaker.call(hang))
        decorated = loop.create_task(breaker(hang)())
        await asyncio.sleep(0)
        for each in (task, decorated):
            loop.call_at(loop.time() + 5, each.cancel)
        await asyncio.sleep(10)
        assert task.cancelled()
        assert decorated.cancelled()

    run(main())
    assert breaker.snapshot().ignored == 2


def test_asyncio_timeout_outside_and_inside_and_at_the_same_time(breaker_of, run):
    breaker = breaker_of(consecutive_failures=0)

    async def limited():
        async with asyncio.timeout(1):
            await hang()

    async def main():
        for seconds in (1, 5):
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(seconds):
                    await breaker(hang)()
            assert not isinstance(caught.value, RequestTimeoutError)
        with pytest.raises(TimeoutError) as caught:
            await breaker(limited)()
        assert not isinstance(caught.value, RequestTimeoutError)
        with pytest.raises(RequestTimeoutError):
            async with asyncio.timeout(6):
                await breaker(hang)()

    run(main())
    picture = breaker.snapshot()
    assert (picture.ignored, picture.timeouts) == (2, 2)


def test_a_task_that_failed_in_a_group_before_is_still_limited(breaker_of, run):
    breaker = breaker_of()

    async def fail():
        raise OSError

    async def main():
        with pytest.raises(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await hang()
        with pytest.raises(RequestTimeoutError):
            await breaker(hang)()

    run(main())


def test_a_breaker_serves_several_loops_and_forgets_the_closed(breaker_of, run):
    breaker = breaker_of(consecutive_failures=0)
    guarded = breaker(hang)

    async def main():
        with pytest.raises(RequestTimeoutError):
            await guarded()
        return asyncio.get_running_loop()

    for _ in range(5):
        run(main())
        gc.collect()
    assert len(_limits._tables) <= 1
    assert breaker.snapshot().timeouts == 5


def test_a_task_made_of_a_pending_call_and_a_gathered_one_are_guarded(breaker_of, run):
    breaker = breaker_of()

    async def main():
        future = asyncio.get_running_loop().create_future()
        pending = asyncio.create_task(breaker.call(lambda: future))
        await asyncio.sleep(0)
        future.set_result(7)
        assert await asyncio.gather(pending, breaker.call(asyncio.sleep, 1, 8)) == [7, 8]

    run(main())
    assert breaker.snapshot().successes == 2


def test_without_an_event_loop_a_coroutine_can_still_be_driven(breaker_of):
    async def direct():
        return 3

    coroutine = breaker_of()(direct)()
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value == 3


def test_probes_come_back_when_the_call_cannot_even_begin(breaker_of, clock, run):
    breaker = breaker_of(half_open_max_calls=1, half_open_failure_threshold=9)
    breaker.trip(retry_after=1)
    clock.advance(1)

    async def main():
        for _ in range(3):
            with pytest.raises(TypeError):
                await breaker(hang)("an argument too many")

    run(main())
    assert breaker.snapshot().probes_in_flight == 0


def test_outcomes_of_tasks_that_ran_across_a_trip_are_late(breaker_of, run):
    breaker = breaker_of()

    async def main():
        tasks = [asyncio.create_task(breaker(asyncio.sleep)(1)) for _ in range(10)]
        await asyncio.sleep(0.5)
        breaker.trip()
        breaker.reset()
        await asyncio.gather(*tasks)

    run(main())
    picture = breaker.snapshot()
    assert (picture.late_results, picture.window_total) == (10, 0)


def test_a_breaker_used_under_asyncio_serves_trio_afterwards(breaker_of, run):
    guarded = breaker_of(consecutive_failures=0)(anyio.sleep)

    async def main():
        await guarded(1)

    run(main())
    run(main())
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    run(main())
    assert guarded.circuit_breaker.snapshot().successes == 4


def test_a_function_only_marked_as_a_coroutine_function_may_share_its_awaitable(breaker_of, run):
    breaker = breaker_of()

    def shared():
        return future

    marking = getattr(inspect, "markcoroutinefunction", None)
    if marking is not None:
        marking(shared)
    guarded = breaker(shared)

    async def main():
        nonlocal future
        future = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(1)
        future.set_result("shared")
        assert await asyncio.gather(*tasks) == ["shared"] * 3

    async def wait():
        return await guarded()

    future = None
    run(main())
    assert breaker.snapshot().successes == 3


@pytest.mark.parametrize(
    "way", ["breaker", "rich breaker", "breaker block", "timeout", "timeout block", "pipeline"]
)
def test_a_coroutine_that_a_callback_of_the_loop_steps_runs_without_a_limit(breaker_of, run, way):
    breaker = breaker_of(request_timeout=1, **({"fallback_value": 0} if way == "rich breaker" else {}))
    limit = {"timeout": Timeout(1), "pipeline": Pipeline("search", Timeout(2), breaker)}.get(way, breaker)

    async def direct():
        return 3

    async def inside():
        async with breaker if way == "breaker block" else Timeout(1):
            return await direct()

    call = inside if way.endswith("block") else limit(direct)

    def step(ended):
        try:
            call().send(None)
        except StopIteration as stop:
            ended.set_result(stop.value)
        except Exception as error:
            ended.set_exception(error)

    async def main():
        before, ended = await call(), asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(step, ended)
        return before, await ended, await call()

    assert run(main()) == (3, 3, 3)
    assert breaker.snapshot().successes == (0 if way.startswith("timeout") else 3)
