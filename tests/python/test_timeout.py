# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves TIMEOUT-01, TIMEOUT-02, SEED-15; what is awaited by the same tests under asyncio and trio.
import asyncio

import anyio
import pytest
import trio.testing
from trifuse import (
    Hedge,
    RequestTimeoutError,
    Retry,
    Timeout,
    deadline,
    remaining,
)


@pytest.fixture(params=["decorated", "called", "awaitable", "per call", "in a deadline", "async with"])
def limited(request):
    """Make (timeout, limited coroutine function) in each of the ways an awaited call can go."""

    def make(fn, seconds=5):
        policy = Timeout(seconds, name="mine")
        if request.param == "async with":

            async def inside(*args):
                async with policy:
                    return await fn(*args)

            return policy, inside
        if request.param == "in a deadline":

            async def within(*args):
                with deadline(100_000):
                    return await policy(fn)(*args)

            return policy, within
        if request.param == "awaitable":
            return policy, policy(lambda *args: fn(*args))
        if request.param == "per call":
            return policy, lambda *args: Timeout(1, name="mine").with_limit(seconds).call(fn, *args)
        if request.param == "called":
            return policy, lambda *args: policy.call(fn, *args)
        return policy, policy(fn)

    return make


@pytest.mark.anyio
class TestAwaited:
    async def test_a_call_within_its_time_is_not_touched(self, limited):
        async def working(x):
            await anyio.sleep(4.999)
            return x

        _, call = limited(working)
        assert await call(3) == 3

    async def test_a_hanging_call_is_cancelled_in_time_and_says_which_setting_did_it(self, limited):
        ended = []

        async def hanging():
            try:
                await anyio.sleep(1000)
            finally:
                ended.append(anyio.current_time())

        _, call = limited(hanging)
        begun = anyio.current_time()
        with pytest.raises(RequestTimeoutError) as caught:
            await call()
        assert ended[0] - begun == pytest.approx(5)
        error = caught.value
        assert (error.name, error.setting, error.limit) == ("mine", "timeout", 5.0)
        assert isinstance(error, TimeoutError)

    async def test_its_own_error_passes_through_unchanged(self, limited):
        error = OSError("mine")

        async def failing():
            await anyio.sleep(1)
            raise error

        _, call = limited(failing)
        with pytest.raises(OSError) as caught:
            await call()
        assert caught.value is error
        assert remaining() is None

    async def test_a_cancellation_from_outside_stays_one(self, limited):
        _, call = limited(lambda: anyio.sleep(1000))
        with anyio.move_on_after(1) as scope:
            await call()
        assert scope.cancelled_caught

    async def test_a_cancellation_from_outside_wins_when_both_come_together(self, limited):
        _, call = limited(lambda: anyio.sleep(1000))
        with anyio.move_on_after(5) as scope:
            await call()
        assert scope.cancelled_caught

    async def test_what_runs_inside_sees_the_time_that_is_left(self, limited, clock):
        async def telling():
            clock.advance(2)
            await anyio.sleep(0)
            return remaining()

        _, call = limited(telling)
        assert await call() == pytest.approx(3)
        assert remaining() is None

    async def test_a_call_that_swallows_the_cancellation_keeps_its_result(self, limited):
        async def swallowing():
            try:
                await anyio.sleep(1000)
            except anyio.get_cancelled_exc_class():
                return "kept"

        _, call = limited(swallowing)
        assert await call() == "kept"
        await anyio.sleep(1)

    async def test_a_thousand_calls_each_have_their_own_time(self, limited):
        _, call = limited(anyio.sleep)
        ends = []

        async def one(seconds):
            try:
                await call(seconds)
                ends.append("done")
            except RequestTimeoutError:
                ends.append(anyio.current_time())

        begun = anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, 1 if number % 2 else 1000)
        assert ends.count("done") == 500
        assert all(end == "done" or end - begun == pytest.approx(5) for end in ends)

    async def test_the_shorter_of_two_does_it(self, limited):
        _, call = limited(lambda: anyio.sleep(1000))
        with pytest.raises(RequestTimeoutError) as caught:
            await Timeout(2, name="outer")(call)()
        assert caught.value.name == "outer"
        with pytest.raises(RequestTimeoutError) as caught:
            await Timeout(7, name="outer")(call)()
        assert caught.value.name == "mine"

    async def test_a_retry_outside_tries_again_and_one_inside_gives_up_in_time(self, limited, clock):
        calls = []

        async def hanging():
            calls.append(1)
            await anyio.sleep(1000)

        _, call = limited(hanging)
        with pytest.raises(RequestTimeoutError):
            await Retry(max_retries=2)(call)()
        assert len(calls) == 3

        async def failing():
            raise OSError("mine")

        _, call = limited(Retry(delay=3, strategy="fixed", jitter="none")(failing))
        before = clock.now
        with pytest.raises(OSError, match="mine"):
            await call()
        assert clock.now - before == pytest.approx(3)


def test_a_task_that_is_cancelled_in_the_same_step_stays_cancelled(run):
    async def main():
        loop = asyncio.get_running_loop()
        task = loop.create_task(Timeout(5)(asyncio.sleep)(1000))
        await asyncio.sleep(0)
        loop.call_at(loop.time() + 5, task.cancel)
        await asyncio.sleep(10)
        assert task.cancelled()

    run(main())


def test_one_timeout_serves_several_loops(run):
    policy = Timeout(5)
    guarded = policy(asyncio.sleep)
    for _ in range(2):
        run(guarded(1))
        with pytest.raises(RequestTimeoutError):
            run(guarded(6))


def test_under_trio_a_nursery_inside_that_is_cancelled_is_a_timeout(breaker_of):
    async def working():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1000)
            await trio.sleep(1000)

    breaker = breaker_of()

    async def main():
        for guarded in (Timeout(5)(working), breaker(working)):
            with pytest.raises(RequestTimeoutError):
                await guarded()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert breaker.snapshot().timeouts == 1


@pytest.mark.parametrize("limit", [Timeout(5), deadline(5)], ids=["timeout", "deadline"])
def test_asyncio_timeout_outside_and_inside_and_at_the_same_time(run, limit):
    async def limited():
        async with asyncio.timeout(1):
            await asyncio.sleep(1000)

    async def main():
        for seconds in (1, 5):
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(seconds):
                    await limit(asyncio.sleep)(1000)
            assert not isinstance(caught.value, RequestTimeoutError)
        with pytest.raises(TimeoutError) as caught:
            await limit(limited)()
        assert not isinstance(caught.value, RequestTimeoutError)
        with pytest.raises(RequestTimeoutError):
            async with asyncio.timeout(6):
                await limit(asyncio.sleep)(1000)
        assert asyncio.current_task().cancelling() == 0

    run(main())


@pytest.mark.parametrize("limit", [Timeout(5), deadline(5), Hedge(after=1, share=1)], ids=lambda p: p.kind)
def test_a_task_that_failed_in_a_group_before_is_still_guarded(run, limit):
    async def failing():
        raise OSError

    async def main():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(failing())
                await asyncio.sleep(1)
        except* OSError:
            pass
        times = iter([3, 0])
        if limit.kind == "hedge":
            await limit(lambda: asyncio.sleep(next(times)))()
            assert limit.snapshot().hedges == 1
        else:
            with pytest.raises(RequestTimeoutError):
                await limit(asyncio.sleep)(1000)

    run(main())
