# SPDX-License-Identifier: MIT OR Apache-2.0
# Functions that return a coroutine, whose guard is cancelled or dropped before its first step.
import asyncio
import gc
import inspect
import warnings

import pytest
import trifuse
from trifuse import CircuitBreaker, Pipeline

MAKE = {
    "retry": lambda: trifuse.Retry(max_retries=1),
    "timeout": lambda: trifuse.Timeout(2),
    "deadline": lambda: trifuse.deadline(2),
    "rate_limit": lambda: trifuse.RateLimit(trifuse.per(500, seconds=60)),
    "bulkhead": lambda: trifuse.Bulkhead(20),
    "adaptive_limit": lambda: trifuse.AdaptiveLimit("vegas"),
    "throttle": lambda: trifuse.Throttle(),
    "fallback": lambda: trifuse.Fallback(7),
    "hedge": lambda: trifuse.Hedge(after=1),
    "circuit_breaker": lambda: CircuitBreaker("unstarted", registry=None),
    "rich breaker": lambda: CircuitBreaker("unstarted", registry=None, fallback_value=7),
    "pipeline": lambda: Pipeline("unstarted", *(make() for kind, make in MAKE.items() if kind != "pipeline")),
}


@pytest.fixture(params=MAKE)
def guarded(request):
    """Guard a plain function that returns a coroutine; gives also what it returned, and the policy."""
    policy, given = MAKE[request.param](), []

    async def inner():
        await asyncio.sleep(0)
        return "done"

    def returning():
        given.append(inner())
        return given[-1]

    return policy(returning), given, policy


@pytest.fixture
def warned():
    """Collect the warnings, those of finalizers too."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")

        def messages():
            gc.collect()
            return [str(warning.message) for warning in seen]

        yield messages


def test_a_task_that_is_cancelled_before_its_first_step_leaves_no_warning(guarded, warned, run):
    call, given, _ = guarded

    async def main():
        task = asyncio.ensure_future(call())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert inspect.getcoroutinestate(given.pop()) == inspect.CORO_CLOSED
    assert warned() == []


def test_a_coroutine_that_is_closed_before_its_first_step_leaves_no_warning(guarded, warned):
    call, given, _ = guarded
    call().close()
    assert inspect.getcoroutinestate(given.pop()) == inspect.CORO_CLOSED
    assert warned() == []


def test_a_coroutine_that_nobody_awaits_warns_once(guarded, warned):
    call, given, _ = guarded
    call()
    given.clear()
    (message,) = warned()
    assert "was never awaited" in message


def test_a_coroutine_that_is_awaited_comes_to_its_end(guarded, warned, run):
    call, given, _ = guarded

    async def main():
        return await call()

    assert run(main()) == "done"
    assert inspect.getcoroutinestate(given.pop()) == inspect.CORO_CLOSED
    assert warned() == []


def test_what_never_began_holds_no_place_and_no_permit(run):
    places, breaker = trifuse.Bulkhead(1), CircuitBreaker("unstarted", registry=None, fallback_value=7)
    call = Pipeline("unstarted", places, breaker)(lambda: asyncio.sleep(0, "done"))
    call().close()
    assert places.in_flight == 0
    assert breaker.snapshot().ignored == 1

    async def main():
        return await call()

    assert run(main()) == "done"


def test_a_coroutine_that_somebody_else_began_is_left_to_them(warned):
    async def inner():
        await Later()
        return "done"

    class Later:
        def __await__(self):
            yield "begun"

    begun = inner()
    assert begun.send(None) == "begun"
    trifuse.Timeout(2)(lambda: begun)().close()
    with pytest.raises(StopIteration) as ended:
        begun.send(None)
    assert ended.value.value == "done"
    assert warned() == []
