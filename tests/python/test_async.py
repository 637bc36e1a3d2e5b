# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-ASYNC-01, WRAP-ASYNC-02, WRAP-ASYNC-03, SEED-05: by the same tests under asyncio and trio.
import anyio
import pytest
from trifuse import CircuitBreakerOpenError, RequestTimeoutError, State

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["decorated", "called", "rich", "awaitable", "awaitable called", "async with"])
def guarded(request, breaker_of):
    """Make (breaker, guarded coroutine function) in each of the ways an awaited call can go."""

    def make(fn, **fields):
        if request.param == "rich":
            fields.setdefault("failure_if", lambda result: False)
        breaker = breaker_of(**fields)
        if request.param == "async with":

            async def inside(*args):
                async with breaker:
                    return await fn(*args)

            return breaker, inside
        if request.param.startswith("awaitable"):
            returning = lambda *args: fn(*args)  # noqa: E731 - no coroutine function by inspection
        else:
            returning = fn
        if request.param.endswith("called"):
            return breaker, lambda *args: breaker.call(returning, *args)
        return breaker, breaker(returning)

    return make


async def test_a_success_is_counted_once_and_at_its_end(guarded):
    async def working(x):
        await anyio.sleep(1)
        seen.append(breaker.snapshot().calls)
        return x

    seen = []
    breaker, call = guarded(working)
    assert await call(3) == 3
    assert seen == [0]
    assert breaker.snapshot().successes == 1


async def test_its_own_error_passes_through_unchanged(guarded):
    error = OSError("mine")

    async def failing():
        await anyio.sleep(0)
        raise error

    breaker, call = guarded(failing)
    with pytest.raises(OSError, match="mine") as caught:
        await call()
    assert caught.value is error
    assert breaker.snapshot().failures == 1


async def test_a_hanging_call_is_cancelled_in_time_and_says_which_setting_did_it(guarded):
    ended = []

    async def hanging():
        try:
            await anyio.sleep(1000)
        finally:
            ended.append(anyio.current_time())

    breaker, call = guarded(hanging)
    begun = anyio.current_time()
    with pytest.raises(RequestTimeoutError) as caught:
        await call()
    assert ended[0] - begun == pytest.approx(5)
    assert (caught.value.name, caught.value.setting) == (breaker.name, "request_timeout")
    picture = breaker.snapshot()
    assert (picture.timeouts, picture.failures, picture.ignored) == (1, 1, 0)


async def test_a_call_within_its_time_is_not_touched(guarded):
    breaker, call = guarded(anyio.sleep)
    await call(4.999)
    assert breaker.snapshot().successes == 1


async def test_without_a_timeout_nothing_is_cancelled(guarded):
    breaker, call = guarded(anyio.sleep, request_timeout=0)
    await call(10_000)
    assert breaker.snapshot().successes == 1


async def test_a_cancellation_from_outside_is_ignored_and_stays_one(guarded):
    breaker, call = guarded(anyio.sleep)
    with anyio.move_on_after(1) as scope:
        await call(1000)
    assert scope.cancelled_caught
    picture = breaker.snapshot()
    assert (picture.ignored, picture.calls) == (1, 0)


async def test_a_cancellation_from_outside_wins_when_both_come_together(guarded):
    breaker, call = guarded(anyio.sleep)
    with anyio.move_on_after(5) as scope:
        await call(1000)
    assert scope.cancelled_caught
    assert breaker.snapshot().ignored == 1


async def test_a_call_cancelled_after_long_enough_is_a_timeout_where_asked(guarded, clock):
    async def hanging():
        clock.advance(elapsed)
        await anyio.sleep(1000)

    breaker, call = guarded(hanging, cancelled_counts_after=3, request_timeout=30)
    for elapsed in (2.999, 3):  # noqa: B007 - hanging() reads it
        with anyio.move_on_after(1):
            await call()
    picture = breaker.snapshot()
    assert (picture.ignored, picture.timeouts) == (1, 1)


async def test_many_at_once_expire_each_in_its_time(guarded):
    breaker, call = guarded(anyio.sleep, consecutive_failures=1000, failure_count_threshold=0)
    outcomes = []

    async def one(index):
        await anyio.sleep(index / 100)
        begun = anyio.current_time()
        try:
            await call(1 if index % 2 else 1000)
            outcomes.append("done")
        except RequestTimeoutError:
            outcomes.append(round(anyio.current_time() - begun, 6))

    async with anyio.create_task_group() as group:
        for index in range(200):
            group.start_soon(one, index)
    assert outcomes.count("done") == 100
    assert outcomes.count(5.0) == 100
    assert breaker.snapshot().timeouts == 100


async def test_an_inner_limit_leaves_the_outer_guard_untouched(breaker_of):
    inner, outer = breaker_of(request_timeout=1), breaker_of(request_timeout=2)
    call = outer(inner(anyio.sleep))
    with pytest.raises(RequestTimeoutError) as caught:
        await call(10)
    assert caught.value.name == inner.name
    assert (inner.snapshot().timeouts, outer.snapshot().timeouts) == (1, 1)


async def test_an_outer_limit_is_a_cancellation_to_the_inner_guard(breaker_of):
    inner, outer = breaker_of(request_timeout=2), breaker_of(request_timeout=1)
    with pytest.raises(RequestTimeoutError) as caught:
        await outer(inner(anyio.sleep))(10)
    assert caught.value.name == outer.name
    assert (inner.snapshot().ignored, outer.snapshot().timeouts) == (1, 1)


async def test_a_guarded_call_works_in_the_clean_up_of_a_cancelled_task(guarded):
    breaker, call = guarded(anyio.sleep)
    with anyio.move_on_after(1):
        try:
            await anyio.sleep(1000)
        finally:
            with anyio.CancelScope(shield=True):
                await call(2)
    assert breaker.snapshot().successes == 1


async def test_an_error_raised_while_being_cancelled_comes_through_as_a_timeout(guarded):
    async def stubborn():
        try:
            await anyio.sleep(1000)
        finally:
            raise OSError("while ending")

    breaker, call = guarded(stubborn)
    with pytest.raises(OSError, match="while ending"):
        await call()
    assert breaker.snapshot().timeouts == 1


async def test_refused_calls_are_never_begun(guarded):
    begun = []

    async def beginning():
        begun.append(1)

    breaker, call = guarded(beginning)
    breaker.trip()
    with pytest.raises(CircuitBreakerOpenError):
        await call()
    assert not begun


async def test_exactly_the_probes_are_admitted_of_a_thousand_tasks(guarded, clock):
    gate = anyio.Event()
    breaker, call = guarded(gate.wait, half_open_max_calls=5)
    breaker.trip(retry_after=1)
    clock.advance(1)
    admitted, refused = [], []

    async def one():
        try:
            await call()
            admitted.append(1)
        except Exception:
            refused.append(1)

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(one)
        await anyio.sleep(0.1)
        assert breaker.snapshot().probes_in_flight == 5
        gate.set()
    assert (len(admitted), len(refused)) == (5, 995)
    assert breaker.state is State.CLOSED


async def test_a_function_of_two_natures_is_guarded_by_what_it_returns(breaker_of):
    async def later():
        return "later"

    @breaker_of()
    def either(asynchronous):
        return later() if asynchronous else "now"

    assert either(False) == "now"
    assert await either(True) == "later"
    assert either.circuit_breaker.snapshot().successes == 2


async def test_an_awaitable_that_is_never_awaited_gives_its_permit_back(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=1)
    breaker.trip(retry_after=1)
    clock.advance(1)

    class Later:
        def __await__(self):
            yield from ()

    pending = breaker.call(Later)
    assert breaker.snapshot().probes_in_flight == 1
    pending.close()
    del pending
    assert breaker.snapshot().probes_in_flight == 0
    assert breaker.snapshot().ignored == 1
