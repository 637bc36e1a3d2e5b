# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves HEDGE-01, HEDGE-04, HEDGE-05, HEDGE-06, HEDGE-07 from Python, under asyncio and trio.
import contextlib
import gc
import weakref

import anyio
import pytest
from trifuse import Hedge, Timeout, testing

pytestmark = pytest.mark.anyio


class Attempts:
    """A call whose attempts take the given times and may fail; it notes how each one ended."""

    def __init__(self, *times, failing=()):
        self.times, self.failing = times, failing
        self.begun, self.ended = 0, {}

    async def __call__(self, *args):
        self.begun += 1
        number = self.begun
        try:
            await anyio.sleep(self.times[min(number, len(self.times)) - 1])
            if number in self.failing:
                raise OSError(number)
        except BaseException as error:
            await anyio.lowlevel.cancel_shielded_checkpoint()
            self.ended[number] = type(error).__name__
            raise
        self.ended[number] = "result"
        return number, *args


@pytest.fixture(params=["decorated", "called", "awaitable"])
def hedged(request):
    """Make (hedge, hedged function) that may hedge every call after a second."""

    def make(fn, **settings):
        policy = Hedge(**{"after": 1, "share": 1.0, **settings})
        returning = (lambda *args: fn(*args)) if request.param == "awaitable" else fn
        if request.param == "called":
            return policy, lambda *args: policy.call(returning, *args)
        return policy, policy(returning)

    return make


CANCELLED = {"CancelledError", "Cancelled"}


async def test_a_fast_call_gets_no_second_attempt(hedged):
    attempts = Attempts(0.9)
    policy, call = hedged(attempts)
    assert await call("x") == (1, "x")
    await anyio.sleep(5)
    assert attempts.begun == 1
    assert policy.snapshot()[:3] == (1.0, 1, 0)


async def test_a_slow_call_gets_one_and_the_first_success_wins(hedged):
    attempts = Attempts(100, 1)
    policy, call = hedged(attempts)
    before = anyio.current_time()
    assert await call("x") == (2, "x")
    assert anyio.current_time() - before == pytest.approx(2)
    assert attempts.ended[2] == "result"
    assert attempts.ended[1] in CANCELLED
    assert policy.snapshot()[:3] == (0.0, 1, 1)


async def test_the_first_attempt_may_still_win_and_the_second_is_cancelled(hedged):
    attempts = Attempts(1.5, 100)
    _, call = hedged(attempts)
    before = anyio.current_time()
    assert await call() == (1,)
    assert anyio.current_time() - before == pytest.approx(1.5)
    assert attempts.ended[2] in CANCELLED


@pytest.mark.parametrize(
    ("times", "failing", "ends"),
    [
        ((1.5, 3), {1}, (2,)),
        ((3, 1), {2}, (1,)),
        ((1.5, 3), {1, 2}, "1"),
        ((3, 1), {1, 2}, "2"),
        ((0.5, 3), {1}, "1"),
    ],
)
async def test_a_failure_waits_for_the_other_and_of_two_the_earlier_is_raised(hedged, times, failing, ends):
    _, call = hedged(Attempts(*times, failing=failing))
    if isinstance(ends, tuple):
        assert await call() == ends
    else:
        with pytest.raises(OSError, match=ends) as caught:
            await call()
        assert caught.value.__context__ is None


async def test_the_share_bounds_the_second_attempts(hedged):
    attempts = Attempts(2)
    policy, call = hedged(attempts, share=0.05)
    for _ in range(40):
        await call()
    assert attempts.begun == 42
    picture = policy.snapshot()
    assert (picture.calls, picture.hedges, picture.refused) == (40, 2, 38)


async def test_while_no_durations_are_known_there_is_none(hedged, clock):
    attempts = Attempts(2)
    policy, call = hedged(attempts, after="p95")
    await call()
    assert attempts.begun == 1
    assert policy.snapshot().delay is not None


async def test_after_a_percentile_of_the_durations_of_late(hedged, clock):
    policy, call = hedged(Attempts(100, 0), after="p95")
    for duration in range(1, 101):
        policy.latency.record(duration / 100)
    before = anyio.current_time()
    assert policy.snapshot().delay == pytest.approx(0.95, rel=0.05)
    assert await call() == (2,)
    assert anyio.current_time() - before == pytest.approx(0.95, rel=0.05)
    clock.advance(121)
    assert policy.snapshot().delay is None


async def test_durations_of_calls_that_succeeded_are_recorded(hedged, clock):
    async def working(fails):
        clock.advance(3)
        if fails:
            raise OSError

    policy, call = hedged(working)
    await call(False)
    with pytest.raises(OSError):
        await call(True)
    assert policy.latency.snapshot().count == 1
    assert policy.latency.quantile(0.5) == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("at", [0.5, 1, 1.5, 2.5])
async def test_a_cancellation_from_outside_cancels_both_and_stays_one(hedged, at):
    attempts = Attempts(100, 100)
    _, call = hedged(attempts)
    with anyio.move_on_after(at) as scope:
        await call()
    assert scope.cancelled_caught
    assert len(attempts.ended) == attempts.begun
    assert set(attempts.ended.values()) <= CANCELLED


async def test_a_cancellation_in_the_step_in_which_the_second_wins_stays_one(hedged):
    attempts = Attempts(100, 1)
    _, call = hedged(attempts)
    with anyio.move_on_after(2) as scope:
        await call()
    if scope.cancelled_caught:
        assert attempts.ended[1] in CANCELLED
    else:
        assert attempts.ended == {1: attempts.ended[1], 2: "result"}
    await anyio.sleep(1)


async def test_a_timeout_around_ends_both(hedged):
    attempts = Attempts(100, 100)
    _, call = hedged(attempts)
    with pytest.raises(TimeoutError):
        await Timeout(5)(call)()
    assert len(attempts.ended) == 2


async def test_a_thousand_calls_at_once(hedged):
    attempts = Attempts(2)
    policy, call = hedged(attempts, max_saved=1000)
    results = []

    async def one():
        results.append(await call())

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(one)
    assert len(results) == 1000
    assert policy.snapshot().hedges == attempts.begun - 1000 > 900
    assert len(attempts.ended) == attempts.begun


async def test_no_error_holds_itself_and_none_is_left_behind(hedged):
    class Marked(OSError):
        alive = 0

        def __init__(self, *args):
            super().__init__(*args)
            Marked.alive += 1

        def __del__(self):
            Marked.alive -= 1

    async def failing():
        await anyio.sleep(1.5)
        raise Marked

    _, call = hedged(failing)
    for _ in range(3):
        with pytest.raises(Marked):
            await call()
    await anyio.sleep(10)
    gc.collect()
    assert Marked.alive == 0


def test_under_asyncio_two_that_fail_leave_nothing_to_the_garbage_collector(run, clock):
    class Marked(OSError):
        pass

    async def failing():
        await anyio.sleep(1.5)
        error = Marked()
        alive.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def once():
        with contextlib.suppress(Marked):
            await Hedge(after=1, share=1.0)(failing)()

    alive = []
    gc.collect()
    gc.disable()
    try:
        run(once())
        assert [ref() for ref in alive] == [None, None]
    finally:
        gc.enable()


async def test_a_first_attempt_that_swallows_its_cancellation_still_gives_its_result(hedged):
    async def swallowing():
        calls.append(1)
        if len(calls) == 2:
            return "second"
        try:
            await anyio.sleep(100)
        except anyio.get_cancelled_exc_class():
            return "first"

    calls = []
    _, call = hedged(swallowing)
    assert await call() in {"first", "second"}
    await anyio.sleep(1)


async def test_a_first_attempt_that_fails_on_being_cancelled_has_lost(hedged):
    async def failing():
        calls.append(1)
        if len(calls) == 2:
            return "second"
        try:
            await anyio.sleep(100)
        finally:
            raise OSError

    calls = []
    _, call = hedged(failing)
    assert await call() == "second"


async def test_switched_off_there_is_one_attempt(hedged):
    attempts = Attempts(5)
    policy, call = hedged(attempts)
    with testing.disabled():
        await call()
    assert attempts.begun == 1
    assert policy.snapshot().calls == 0
