# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves DEADLINE-01, DEADLINE-02; what is awaited by the same tests under asyncio and trio.
import asyncio
import threading
from datetime import timedelta

import anyio
import pytest
from trifuse import (
    CircuitBreaker,
    ConfigurationError,
    RequestTimeoutError,
    Timeout,
    deadline,
    remaining,
    testing,
)
from trifuse._deadline import check, remaining_ns


def test_without_a_deadline_nothing_remains_to_be_told():
    assert remaining() is None
    assert remaining_ns() is None
    check()


def test_inside_the_time_that_is_left_is_told(clock):
    with deadline(5) as given:
        assert given.seconds == 5
        clock.advance(2)
        assert remaining() == pytest.approx(3)
        assert remaining_ns() == 3_000_000_000
        clock.advance(4)
        assert remaining() == 0.0
        with pytest.raises(RequestTimeoutError) as caught:
            check()
    assert (caught.value.setting, caught.value.limit) == ("deadline", 5)
    assert remaining() is None


def test_nested_deadlines_only_tighten(clock):
    with deadline(5):
        with deadline(timedelta(seconds=10)):
            assert remaining() == pytest.approx(5)
        with deadline(2, name="inner"):
            assert remaining() == pytest.approx(2)
            clock.advance(2)
            with pytest.raises(RequestTimeoutError) as caught:
                check()
            assert caught.value.name == "inner"
        assert remaining() == pytest.approx(3)


def test_one_deadline_may_be_entered_again_and_by_several_threads(clock):
    shared, seen = deadline(5), []
    with shared:
        clock.advance(1)
        with shared:
            seen.append(remaining())
        thread = threading.Thread(target=lambda: seen.append(remaining()))
        thread.start()
        thread.join()

    def other():
        with shared:
            seen.append(remaining())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [pytest.approx(4), None, pytest.approx(5)]


def test_leaving_without_entering_says_so():
    with pytest.raises(RuntimeError, match="not entered"):
        deadline(5).__exit__(None, None, None)


def test_it_decorates_functions_of_all_kinds(clock):
    @deadline(5)
    def function():
        clock.advance(6)
        return remaining()

    @deadline(5)
    def items():
        while True:
            clock.advance(2)
            yield remaining()

    assert function() == 0.0
    stream, got = items(), []
    with pytest.raises(RequestTimeoutError) as caught:
        for item in stream:
            got.append(item)
            assert remaining() is None
    assert got == [pytest.approx(3), pytest.approx(1), 0.0]
    assert caught.value.name.endswith("items")


def test_a_deadline_of_zero_has_passed():
    calls = []
    with deadline(0), pytest.raises(RequestTimeoutError):
        Timeout(1).call(calls.append, 1)
    assert calls == []


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_bad_duration_is_refused(bad):
    with pytest.raises(ConfigurationError, match="seconds"):
        deadline(bad)


def test_a_breakers_call_in_a_thread_does_not_outlive_it():
    breaker = CircuitBreaker("threaded", thread=True)
    with deadline(0.01), pytest.raises(RequestTimeoutError) as caught:
        breaker.call(threading.Event().wait, 5)
    assert caught.value.setting == "deadline"
    assert breaker.snapshot().timeouts == 1


def test_switched_off_there_is_none(run):
    with testing.disabled(), deadline(5):
        assert remaining() is None

    async def main():
        async with deadline(1):
            await asyncio.sleep(10)

    with testing.disabled():
        run(main())


@pytest.fixture(params=["async with", "decorated", "called", "stream"])
def within(request):
    """Make a coroutine function that runs within a deadline."""

    def make(fn, seconds):
        policy = deadline(seconds, name="mine")
        if request.param == "async with":

            async def inside():
                async with policy:
                    return await fn()

            return inside
        if request.param == "stream":

            @policy
            async def items():
                yield await fn()

            async def first():
                stream = items()
                try:
                    return await anext(stream)
                finally:
                    await stream.aclose()

            return first
        return policy(fn) if request.param == "decorated" else lambda: policy.call(fn)

    return make


@pytest.mark.anyio
class TestAwaited:
    async def test_the_block_is_cancelled_at_the_deadline(self, within):
        before = anyio.current_time()
        with pytest.raises(RequestTimeoutError) as caught:
            await within(lambda: anyio.sleep(1000), 3)()
        assert anyio.current_time() - before == pytest.approx(3)
        assert (caught.value.name, caught.value.setting, caught.value.limit) == ("mine", "deadline", 3)
        assert remaining() is None

    async def test_within_its_time_nothing_happens(self, within):
        async def working():
            await anyio.sleep(2.999)
            return remaining() is not None

        assert await within(working, 3)()

    async def test_a_cancellation_from_outside_stays_one(self, within):
        for seconds in (1, 3):
            with anyio.move_on_after(seconds) as scope:
                await within(lambda: anyio.sleep(1000), 3)()
            assert scope.cancelled_caught

    async def test_an_inner_timeout_never_outlives_it(self, within):
        async def hanging():
            with pytest.raises(RequestTimeoutError):
                await Timeout(1)(anyio.sleep)(1000)
            await Timeout(100)(anyio.sleep)(1000)

        before = anyio.current_time()
        with pytest.raises(RequestTimeoutError) as caught:
            await within(hanging, 3)()
        assert caught.value.setting == "deadline"
        assert anyio.current_time() - before == pytest.approx(3)

    @pytest.mark.parametrize(
        "fn",
        [
            anyio.sleep,
            Timeout(100)(anyio.sleep),
            CircuitBreaker("any", registry=None, request_timeout=0)(anyio.sleep),
        ],
    )
    async def test_a_plain_with_limits_what_is_awaited_inside(self, fn):
        before = anyio.current_time()
        with pytest.raises(RequestTimeoutError) as caught, deadline(3):
            await fn(1000)
        assert caught.value.setting == "deadline"
        assert anyio.current_time() - before == pytest.approx(3, abs=0.1)

    async def test_it_is_the_tasks_own_and_handed_to_the_tasks_it_starts(self, clock):
        seen = {}

        async def telling(name):
            await anyio.sleep(0)
            seen[name] = remaining()

        async with anyio.create_task_group() as group:
            group.start_soon(telling, "before")
            async with deadline(5):
                group.start_soon(telling, "inside")
                await anyio.sleep(0)
            group.start_soon(telling, "after")
        assert seen == {"before": None, "inside": pytest.approx(5), "after": None}

    async def test_a_thousand_tasks_with_deadlines_of_their_own(self):
        ends = []
        begun = anyio.current_time()

        async def one(number):
            with pytest.raises(RequestTimeoutError):
                async with deadline(number / 100):
                    await anyio.sleep(1000)
            ends.append(round((anyio.current_time() - begun) * 100))

        async with anyio.create_task_group() as group:
            for number in range(1, 1001):
                group.start_soon(one, number)
        assert ends == list(range(1, 1001))
