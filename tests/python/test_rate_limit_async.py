# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-FIFO-01, RATE-FIFO-02, WRAP-STREAM-01: by the same tests under asyncio and trio.
import anyio
import pytest
from trifuse import RateLimit, RateLimitedError, deadline, per, rate_limit, testing

pytestmark = pytest.mark.anyio
KINDS = ("token_bucket", "fixed_window", "sliding_log")


@pytest.fixture
async def clock():
    """Virtual time that begins at a whole second, where fixed windows do."""
    with testing.virtual_clock() as clock:
        clock.advance((-clock.now_ns % 1_000_000_000) / 1e9)
        yield clock


@pytest.fixture(params=["decorated", "called", "awaitable", "acquired", "async with"])
def limited(request):
    """Make a limited coroutine function in each of the ways that an awaited call can go."""

    def make(limit, fn):
        if request.param == "async with":

            async def inside(*args):
                async with limit:
                    return await fn(*args)

            return inside
        if request.param == "acquired":

            async def after(*args):
                await limit.acquire_async()
                return await fn(*args)

            return after
        if request.param == "called":
            return lambda *args: limit.call(fn, *args)
        if request.param == "awaitable":
            return limit(lambda *args: fn(*args))  # no coroutine function by inspection
        return limit(fn)

    return make


class Times:
    """When calls were made, in seconds from the beginning."""

    def __init__(self, clock):
        self._clock, self._begun = clock, clock.now
        self.made = []

    async def __call__(self, number):
        self.made.append((number, round(self._clock.now - self._begun, 6)))
        return number


def emptied(algorithm="token_bucket", n=1, **fields):
    limit = RateLimit(per(n, seconds=1), algorithm=algorithm, wait=3600, **fields)
    limit.acquire(n)
    return limit


@pytest.mark.parametrize("algorithm", KINDS)
async def test_tasks_get_their_turns_in_the_order_of_their_coming(clock, limited, algorithm):
    limit, times = RateLimit(per(1, seconds=1), algorithm=algorithm, wait=60), Times(clock)
    call = limited(limit, times.__call__)
    await call(0)
    async with anyio.create_task_group() as tasks:
        for number in range(1, 5):
            tasks.start_soon(call, number)
            await anyio.lowlevel.checkpoint()
            while limit.snapshot().waiting < number:
                await anyio.lowlevel.checkpoint()
    assert times.made == [(number, number) for number in range(5)]
    assert limit.snapshot().waiting == 0


async def started(tasks, call, *args, waiting, limit):
    tasks.start_soon(call, *args)
    while limit.snapshot().waiting < waiting:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("algorithm", KINDS)
async def test_a_cancelled_waiter_leaves_its_turn_to_the_next(clock, algorithm):
    limit, times, scopes = emptied(algorithm), Times(clock), []

    async def waiting(number):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await limit.acquire_async()
            await times(number)

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            await started(tasks, waiting, number, waiting=number + 1, limit=limit)
        for number in (0, 3, 5):
            scopes[number].cancel()
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert limit.snapshot().waiting == 3
    assert times.made == [(1, 1), (2, 2), (4, 3)]
    assert limit.debt == 0
    assert not limit.try_acquire()
    clock.advance(1)
    assert limit.try_acquire()


async def test_those_who_leave_with_other_weights_leave_their_tokens(clock):
    limit, times, scopes = emptied(n=10), Times(clock), []

    async def waiting(number, n):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await limit.acquire_async(n)
            await times(number)

    async with anyio.create_task_group() as tasks:
        for number, n in enumerate((2, 8, 1, 5, 4)):
            await started(tasks, waiting, number, n, waiting=number + 1, limit=limit)
        scopes[1].cancel()
        scopes[3].cancel()
    assert times.made == [(0, 0.2), (2, 0.3), (4, 0.7)]
    assert limit.debt == 0
    assert limit.available() == 0


async def test_all_who_wait_may_leave_and_all_their_tokens_come_back(clock):
    limit = emptied(n=10)
    with anyio.move_on_after(0):
        async with anyio.create_task_group() as tasks:
            for number, n in enumerate((2, 8, 1, 5, 4)):
                await started(tasks, limit.acquire_async, n, waiting=number + 1, limit=limit)
            tasks.cancel_scope.cancel()
    assert limit.snapshot().waiting == 0
    assert (limit.debt, limit.available()) == (0, 0)
    clock.advance(0.1)
    assert limit.try_acquire()


async def test_a_large_request_is_not_starved_by_small_ones(clock):
    limit, times = emptied(n=10), Times(clock)

    async def waiting(number, n):
        await limit.acquire_async(n)
        await times(number)

    async with anyio.create_task_group() as tasks:
        await started(tasks, waiting, 0, 10, waiting=1, limit=limit)
        for number in range(1, 4):
            await started(tasks, waiting, number, 1, waiting=number + 1, limit=limit)
        assert not limit.try_acquire()
    assert times.made == [(0, 1), (1, 1.1), (2, 1.2), (3, 1.3)]


@pytest.mark.parametrize("algorithm", KINDS)
async def test_a_wait_that_is_known_to_be_too_long_is_refused_at_once(clock, limited, algorithm):
    limit = RateLimit(per(1, seconds=1), algorithm=algorithm, wait=0.9)
    call, begun = limited(limit, anyio.sleep), clock.now
    await call(0)
    with pytest.raises(RateLimitedError) as caught:
        await call(0)
    assert caught.value.retry_after == pytest.approx(1)
    assert clock.now == begun


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_log"])
async def test_who_stands_behind_gives_up_at_its_own_time(clock, algorithm):
    limit, times = emptied(algorithm), Times(clock)

    async def waiting(number, wait):
        try:
            await limit.acquire_async(wait=wait)
        except RateLimitedError:
            number = f"{number} refused"
        await times(number)

    async with anyio.create_task_group() as tasks:
        await started(tasks, waiting, 1, 10, waiting=1, limit=limit)
        tasks.start_soon(waiting, 2, 0.5)
        await started(tasks, waiting, 3, 1.5, waiting=2, limit=limit)
        await started(tasks, waiting, 4, 10, waiting=3, limit=limit)
        with pytest.raises(RateLimitedError) as caught:
            limit.acquire(wait=0)
        assert caught.value.retry_after == pytest.approx(1)
    assert times.made == [("2 refused", 0), (1, 1), ("3 refused", 1), (4, 2)]


@pytest.mark.parametrize("algorithm", KINDS)
async def test_the_deadline_bounds_the_wait(clock, algorithm):
    limit = emptied(algorithm)
    begun = clock.now
    with deadline(0.5), pytest.raises(RateLimitedError):
        await limit.acquire_async()
    with deadline(0.5), pytest.raises(RateLimitedError):
        limit.acquire()
    assert clock.now == begun
    assert limit.debt == 0
    with deadline(2):
        await limit.acquire_async()
    assert clock.now - begun == pytest.approx(1)


async def test_moving_the_virtual_clock_by_hand_ends_the_wait(clock):
    limit, times = emptied(), Times(clock)

    async def waiting():
        await limit.acquire_async()
        await times("turn")

    async with anyio.create_task_group() as tasks:
        await started(tasks, waiting, waiting=1, limit=limit)
        clock.advance(0.75)
        await anyio.lowlevel.checkpoint()
        assert limit.snapshot().waiting == 1
        clock.advance(0.25)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert times.made == [("turn", 1)]


async def test_a_stream_asks_at_its_first_item(clock):
    @rate_limit(per(1, seconds=1), wait=5)
    async def items():
        yield 1
        yield 2

    begun = clock.now
    first, second = items(), items()
    assert [item async for item in second] == [1, 2]
    assert clock.now == begun
    assert [item async for item in first] == [1, 2]
    assert clock.now - begun == pytest.approx(1)
    third = items()
    await third.aclose()
    assert limit_of(items).granted == 2


def limit_of(fn):
    return fn.policy.snapshot()


async def test_a_call_that_gives_an_awaitable_and_is_never_awaited_waits_for_nothing(clock):
    limit = emptied()

    class Answer:
        def __await__(self):
            return iter(())

    call = limit(lambda: Answer())
    clock.advance(1)
    await call()
    pending = call()
    assert limit.debt == 0
    with pytest.warns(RuntimeWarning, match="never awaited"):
        del pending


async def test_storms_of_cancellation_lose_nothing_and_keep_the_order(clock):
    limit, times = emptied(n=1), Times(clock)
    scopes = {}

    async def waiting(number):
        with anyio.CancelScope() as scopes[number]:
            await limit.acquire_async()
            await times(number)

    async with anyio.create_task_group() as tasks:
        for number in range(300):
            await started(tasks, waiting, number, waiting=number + 1, limit=limit)
        for number in range(300):
            if number % 10:
                scopes[number].cancel()
    assert times.made == [(number * 10, number + 1) for number in range(30)]
    assert limit.snapshot()[4:7] == (0, 0, 0)
