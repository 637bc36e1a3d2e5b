# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-STREAM-01, WRAP-STREAM-02, WRAP-STREAM-03.
import gc
import inspect

import anyio
import pytest
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    RequestTimeoutError,
    last_fallback,
)


@pytest.fixture(params=["decorated", "called", "returned", "returned called"])
def guarded(request, breaker_of):
    """Make (breaker, guarded generator function): by kind, or by what a plain function returns."""

    def make(fn, **fields):
        breaker = breaker_of(**fields)
        returning = (lambda *a: fn(*a)) if request.param.startswith("returned") else fn
        if request.param.endswith("called"):
            return breaker, lambda *args: breaker.call(returning, *args)
        return breaker, breaker(returning)

    return make


def three():
    yield 1
    yield 2
    yield 3


def test_a_stream_is_one_call_with_its_outcome_at_the_end(guarded):
    breaker, stream = guarded(three)
    counts = []
    for item in stream():
        counts.append((item, breaker.snapshot().calls))
    assert counts == [(1, 0), (2, 0), (3, 0)]
    assert breaker.snapshot().successes == 1


def test_a_generator_function_is_admitted_at_the_first_item_asked_for(breaker_of):
    breaker = breaker_of()
    stream = breaker(three)()
    breaker.trip()
    with pytest.raises(CircuitBreakerOpenError):
        next(stream)


def test_closed_early_by_the_consumer_it_is_ignored(guarded):
    closed = []

    def closing():
        try:
            yield 1
        finally:
            closed.append(True)

    breaker, stream = guarded(closing)
    items = stream()
    next(items)
    items.close()
    assert closed == [True]
    assert breaker.snapshot().ignored == 1


def test_a_stream_that_is_dropped_gives_its_permit_back(guarded, clock):
    breaker, stream = guarded(three, half_open_max_calls=1)
    breaker.trip(retry_after=1)
    clock.advance(1)
    items = stream()
    next(items)
    assert breaker.snapshot().probes_in_flight == 1
    del items
    gc.collect()
    assert breaker.snapshot().probes_in_flight == 0


def test_a_stream_that_breaks_is_a_failure_with_its_own_error(guarded):
    def breaking():
        yield 1
        raise OSError("mid-stream")

    breaker, stream = guarded(breaking)
    with pytest.raises(OSError, match="mid-stream"):
        list(stream())
    assert breaker.snapshot().failures == 1


def test_a_first_item_that_comes_too_late_makes_it_a_timeout(guarded, clock):
    def slow():
        clock.advance(5.1)
        yield 1

    breaker, stream = guarded(slow)
    assert list(stream()) == [1]
    assert breaker.snapshot().timeouts == 1


def test_the_consumers_own_time_is_not_the_streams(guarded, clock):
    breaker, stream = guarded(three)
    for _ in stream():
        clock.advance(100)
    assert breaker.snapshot().successes == 1


def test_the_time_between_items_is_judged_by_the_idle_timeout_only(breaker_of, clock):
    def pausing():
        yield 1
        clock.advance(20)
        yield 2

    patient, strict = breaker_of(), breaker_of(idle_timeout=19)
    assert list(patient(pausing)()) == list(strict(pausing)()) == [1, 2]
    assert patient.snapshot().successes == 1
    assert strict.snapshot().timeouts == 1


def test_values_sent_thrown_and_returned_pass_through(guarded):
    def talking():
        heard = yield "first"
        try:
            yield heard
        except ZeroDivisionError:
            yield "caught"
        return "end"

    breaker, stream = guarded(talking)
    items = stream()
    assert next(items) == "first"
    assert items.send("hello") == "hello"
    assert items.throw(ZeroDivisionError()) == "caught"
    with pytest.raises(StopIteration) as ended:
        next(items)
    assert ended.value.value == "end"
    assert breaker.snapshot().successes == 1


def test_a_long_stream_keeps_its_lease(guarded, clock):
    def long():
        for _ in range(10):
            clock.advance(50)
            yield 1

    breaker, stream = guarded(long, half_open_permit_ttl=60, request_timeout=55)
    breaker.trip(retry_after=1)
    clock.advance(1)
    assert len(list(stream())) == 10
    picture = breaker.snapshot()
    assert (picture.state, picture.late_results) == ("closed", 0)


def test_the_guarded_functions_are_still_generator_functions(breaker_of):
    async def asynchronous():
        yield 1

    assert inspect.isgeneratorfunction(breaker_of()(three))
    assert inspect.isasyncgenfunction(breaker_of()(asynchronous))


def test_a_refused_stream_falls_back_to_other_items(breaker_of):
    breaker = breaker_of(fallback=lambda: iter("ab"))
    breaker.trip()
    assert list(breaker(three)()) == ["a", "b"]
    assert last_fallback.get().level == 1


def test_a_failing_stream_falls_back_before_its_first_item_only(breaker_of):
    def breaking(after):
        if after:
            yield 1
        raise OSError("stream")

    breaker = breaker_of(fallback_value=["instead"], fallback_on=OSError, consecutive_failures=0)
    assert list(breaker(breaking)(after=False)) == ["instead"]
    received = []
    with pytest.raises(OSError, match="stream"):
        received.extend(breaker(breaking)(after=True))
    given = breaker(breaking)(after=True)
    assert next(given) == 1
    assert breaker.snapshot().failures == 2


def test_an_idle_timeout_without_a_stream_is_refused(breaker_of):
    with pytest.raises(ConfigurationError, match="idle_timeout"):
        breaker_of(idle_timeout=1)(len)


async def count(n, pause=0.0):
    for i in range(n):
        await anyio.sleep(pause)
        yield i


async def listed(items):
    return [item async for item in items]


@pytest.mark.anyio
async def test_an_asynchronous_stream_is_one_call(guarded):
    breaker, stream = guarded(count)
    assert await listed(stream(3, 4)) == [0, 1, 2]
    assert breaker.snapshot().calls == breaker.snapshot().successes == 1


@pytest.mark.anyio
async def test_an_asynchronous_stream_without_a_first_item_in_time_is_ended(guarded):
    breaker, stream = guarded(count)
    begun = anyio.current_time()
    with pytest.raises(RequestTimeoutError) as caught:
        await listed(stream(3, 6))
    assert anyio.current_time() - begun == pytest.approx(5)
    assert caught.value.setting == "request_timeout"
    assert breaker.snapshot().timeouts == 1


@pytest.mark.anyio
async def test_an_idle_asynchronous_stream_is_ended_where_asked(breaker_of):
    async def stalling():
        yield 1
        await anyio.sleep(100)
        yield 2

    patient, strict = breaker_of(), breaker_of(idle_timeout=7)
    assert await listed(patient(stalling)()) == [1, 2]
    received = []
    with pytest.raises(RequestTimeoutError) as caught:
        async for item in strict(stalling)():
            received.append(item)
    assert received == [1]
    assert (caught.value.setting, caught.value.limit) == ("idle_timeout", 7)
    assert strict.snapshot().timeouts == 1


@pytest.mark.anyio
async def test_a_slow_consumer_does_not_time_an_asynchronous_stream_out(breaker_of):
    breaker = breaker_of(idle_timeout=1)
    async for _ in breaker(count)(3):
        await anyio.sleep(100)
    assert breaker.snapshot().successes == 1


@pytest.mark.anyio
async def test_an_asynchronous_stream_closed_early_is_ignored_and_cleaned_up(guarded):
    closed = []

    async def closing():
        try:
            yield 1
            yield 2
        finally:
            await anyio.sleep(0)
            closed.append(True)

    breaker, stream = guarded(closing)
    items = stream()
    assert await anext(items) == 1
    await items.aclose()
    assert closed == [True]
    assert breaker.snapshot().ignored == 1


@pytest.mark.anyio
async def test_an_asynchronous_stream_cancelled_from_outside_is_ignored(guarded):
    breaker, stream = guarded(count)
    with anyio.move_on_after(1) as scope:
        await listed(stream(3, 3))
    assert scope.cancelled_caught
    assert breaker.snapshot().ignored == 1


@pytest.mark.anyio
async def test_a_broken_asynchronous_stream_is_a_failure(guarded):
    async def breaking():
        yield 1
        raise OSError("mid-stream")

    breaker, stream = guarded(breaking)
    with pytest.raises(OSError, match="mid-stream"):
        await listed(stream())
    assert breaker.snapshot().failures == 1


@pytest.mark.anyio
async def test_values_sent_and_thrown_reach_an_asynchronous_stream(breaker_of):
    async def talking():
        heard = yield "first"
        try:
            yield heard
        except ZeroDivisionError:
            yield "caught"

    breaker = breaker_of()
    items = breaker(talking)()
    assert await anext(items) == "first"
    assert await items.asend("hello") == "hello"
    assert await items.athrow(ZeroDivisionError()) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(items)
    assert breaker.snapshot().successes == 1


@pytest.mark.anyio
async def test_a_refused_asynchronous_stream_falls_back_to_either_kind_of_items(breaker_of):
    async def other(n):
        yield from_fallback * n

    from_fallback = "x"
    for fallback, expected in ((other, ["xx"]), (lambda n: [n], [2])):
        breaker = breaker_of(fallback=fallback)
        breaker.trip()
        assert await listed(breaker(count)(2)) == expected


@pytest.mark.anyio
async def test_a_failing_asynchronous_stream_falls_back_before_its_first_item_only(breaker_of):
    async def breaking(given):
        if given:
            yield 1
        raise OSError("stream")

    breaker = breaker_of(fallback_value=["instead"], fallback_on=OSError, consecutive_failures=0)
    assert await listed(breaker(breaking)(False)) == ["instead"]
    with pytest.raises(OSError, match="stream"):
        await listed(breaker(breaking)(True))
