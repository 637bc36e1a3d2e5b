# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RETRY-WRAP-01, RETRY-WRAP-02, RETRY-WRAP-03, RETRY-STOP-02 for what is awaited, by the same
# tests under asyncio and trio.
import gc
import inspect

import anyio
import pytest
from trifuse import (
    CircuitBreakerOpenError,
    RequestTimeoutError,
    RetriesExhausted,
    Retry,
    RetryBudget,
    deadline,
    retry,
    testing,
)

pytestmark = pytest.mark.anyio


class Failing:
    """Fails so many times, then gives the number of its calls."""

    def __init__(self, times=10**9, error=OSError):
        self.calls, self.times, self.error = 0, times, error

    async def __call__(self, *args):
        self.calls += 1
        await anyio.sleep(0)
        if self.calls <= self.times:
            raise self.error(self.calls)
        return self.calls


@pytest.fixture(params=["decorated", "called", "awaitable"])
def retried(request):
    """Make a retried function in each of the ways an awaited call can go."""

    def make(fn, **settings):
        policy = Retry(**{"jitter": "none", **settings})
        returning = (lambda *args: fn(*args)) if request.param == "awaitable" else fn
        if request.param == "called":
            return policy, lambda *args: policy.call(returning, *args)
        return policy, policy(returning)

    return make


async def test_a_success_at_once_sleeps_not(retried):
    policy, call = retried(Failing(0))
    before = anyio.current_time()
    assert await call() == 1
    assert anyio.current_time() == before
    assert policy.snapshot()[:5] == (1, 1, 0, 0, 0)


async def test_failures_are_retried_after_delays_by_the_loops_clock(retried):
    policy, call = retried(Failing(3))
    before = anyio.current_time()
    assert await call() == 4
    assert anyio.current_time() - before == pytest.approx(0.7)
    assert policy.snapshot()[:5] == (1, 1, 0, 1, 3)


async def test_the_last_error_is_raised_as_it_is(retried):
    _, call = retried(Failing(), max_retries=2)
    with pytest.raises(OSError, match="3") as caught:
        await call()
    assert caught.value.__context__ is None
    _, call = retried(Failing(), max_retries=2, raise_exhausted=True)
    with pytest.raises(RetriesExhausted) as exhausted:
        await call()
    assert exhausted.value.attempts == 3


async def test_unwanted_results_are_retried(retried):
    _, call = retried(Failing(0), retry_if=lambda result: result < 3)
    assert await call() == 3


async def test_virtual_time_moves_on_by_what_was_slept(retried, clock):
    _, call = retried(Failing(2))
    before = clock.now
    await call()
    assert clock.now - before == pytest.approx(0.3)


async def test_waiting_can_be_switched_off(retried):
    _, call = retried(Failing(3))
    before = anyio.current_time()
    with testing.no_waiting() as slept:
        assert await call() == 4
    assert (slept, anyio.current_time()) == ([0.1, 0.2, 0.4], before)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
async def test_a_cancellation_at_every_await_passes_and_ends_it(retried, at):
    attempts = []

    async def failing():
        attempts.append(1)
        await anyio.sleep(1)
        raise OSError

    policy, call = retried(failing, delay=1, strategy="fixed")
    with anyio.move_on_after(at + 0.5) as scope:
        await call()
    assert scope.cancelled_caught
    assert len(attempts) == at // 2 + 1
    assert policy.snapshot().calls == 0
    _, other = retried(Failing(1))
    assert await other() == 2


async def test_a_cancelled_attempt_is_not_retried(retried):
    calls = []

    async def hanging():
        calls.append(1)
        await anyio.sleep(1000)

    _, call = retried(hanging)
    with anyio.move_on_after(1):
        await call()
    assert calls == [1]


async def test_a_retry_inside_a_retry_does_not_multiply(retried):
    innermost = Failing()
    inner, guarded = retried(innermost)
    outer = Retry(jitter="none")
    with pytest.raises(OSError, match="4"):
        await outer(guarded)()
    assert innermost.calls == 4
    assert (inner.snapshot().retries, outer.snapshot().retries) == (0, 3)


async def test_unless_it_says_so(retried):
    innermost = Failing()
    _, guarded = retried(innermost, nested=True)
    with pytest.raises(OSError, match="16"):
        await Retry(jitter="none")(guarded)()
    assert innermost.calls == 16


async def test_after_a_retry_the_next_one_is_not_inside_it(retried):
    for _ in range(2):
        _, call = retried(Failing(1))
        assert await call() == 2


async def test_a_task_that_outlives_the_retry_it_was_started_in_retries_by_itself(retried):
    _, inner = retried(Failing(2))
    results = []

    async def later():
        await anyio.sleep(10)
        results.append(await inner())

    async with anyio.create_task_group() as group:

        @retry
        async def starting():
            group.start_soon(later)

        await starting()
    assert results == [3]


async def test_a_task_started_inside_a_retry_that_goes_on_is_inside_it(retried):
    innermost = Failing()
    _, inner = retried(innermost)

    @retry(max_retries=1)
    async def outer():
        errors = []

        async def child():
            try:
                await inner()
            except OSError as error:
                errors.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(child)
        raise errors[0]

    with pytest.raises(OSError):
        await outer()
    assert innermost.calls == 2


async def test_no_retry_while_the_breaker_inside_is_open(retried, breaker_of):
    failing, breaker = Failing(), breaker_of()
    _, call = retried(breaker(failing.__call__))
    with pytest.raises(CircuitBreakerOpenError):
        await call()
    before = anyio.current_time()
    with pytest.raises(CircuitBreakerOpenError):
        await call()
    assert anyio.current_time() == before
    assert failing.calls == 2


async def test_a_retry_gives_up_rather_than_sleep_past_the_deadline(retried, clock):
    failing = Failing()
    policy, call = retried(failing, max_retries=50)
    before = clock.now
    with pytest.raises(OSError, match="3"):
        async with deadline(0.65):
            await call()
    assert clock.now - before == pytest.approx(0.3)
    assert policy.snapshot().stopped_deadline == 1


async def test_an_attempt_that_hangs_is_cancelled_at_the_deadline(retried):
    _, call = retried(lambda: anyio.sleep(1000))
    before = anyio.current_time()
    with pytest.raises(RequestTimeoutError) as caught:
        async with deadline(3):
            await call()
    assert caught.value.setting == "deadline"
    assert anyio.current_time() - before == pytest.approx(3)


async def test_a_thousand_tasks_share_one_retry_and_its_budget(retried, clock):
    budget = RetryBudget(ratio=0.5, floor=0)
    results = []

    async def failing():
        await anyio.sleep(0)
        raise OSError

    policy, call = retried(failing, budget=budget, max_retries=1)

    async def one():
        try:
            await call()
        except OSError as error:
            results.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(one)
    picture = policy.snapshot()
    assert len(results) == 1000
    assert (picture.calls, picture.failures, picture.retries, picture.refused_budget) == (
        1000,
        1000,
        500,
        500,
    )
    assert budget.snapshot().available == 0


async def test_the_guarded_function_keeps_its_kind():
    @retry
    async def fetch(x: int) -> int:
        return x

    assert inspect.iscoroutinefunction(fetch)
    assert await fetch(3) == 3
    assert await Retry()(lambda: fetch(4))() == 4


async def test_no_error_holds_itself(retried):
    class Marked(Exception):
        alive = 0

        def __init__(self, *args):
            super().__init__(*args)
            Marked.alive += 1

        def __del__(self):
            Marked.alive -= 1

    _, call = retried(Failing(2, Marked))
    gc.collect()
    gc.disable()
    try:
        assert await call() == 3
        assert Marked.alive == 0
    finally:
        gc.enable()


def test_where_no_event_loop_is_known_sleeping_says_so():
    coroutine = Retry()(Failing(1).__call__)()
    with pytest.raises(Exception, match="asyncio or trio"):
        while True:
            coroutine.send(None)
