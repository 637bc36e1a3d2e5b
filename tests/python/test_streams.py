# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-STREAM-01, WRAP-STREAM-02, WRAP-STREAM-03.
import gc
import inspect

import pytest
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    last_fallback,
)


def three():
    yield 1
    yield 2
    yield 3


def test_a_stream_is_one_call_with_its_outcome_at_the_end(guarded_stream):
    breaker, stream = guarded_stream(three)
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


def test_closed_early_by_the_consumer_it_is_ignored(guarded_stream):
    closed = []

    def closing():
        try:
            yield 1
        finally:
            closed.append(True)

    breaker, stream = guarded_stream(closing)
    items = stream()
    next(items)
    items.close()
    assert closed == [True]
    assert breaker.snapshot().ignored == 1


def test_a_stream_that_is_dropped_gives_its_permit_back(guarded_stream, clock):
    breaker, stream = guarded_stream(three, half_open_max_calls=1)
    breaker.trip(retry_after=1)
    clock.advance(1)
    items = stream()
    next(items)
    assert breaker.snapshot().probes_in_flight == 1
    del items
    gc.collect()
    assert breaker.snapshot().probes_in_flight == 0


def test_a_stream_that_breaks_is_a_failure_with_its_own_error(guarded_stream):
    def breaking():
        yield 1
        raise OSError("mid-stream")

    breaker, stream = guarded_stream(breaking)
    with pytest.raises(OSError, match="mid-stream"):
        list(stream())
    assert breaker.snapshot().failures == 1


def test_a_first_item_that_comes_too_late_makes_it_a_timeout(guarded_stream, clock):
    def slow():
        clock.advance(5.1)
        yield 1

    breaker, stream = guarded_stream(slow)
    assert list(stream()) == [1]
    assert breaker.snapshot().timeouts == 1


def test_the_consumers_own_time_is_not_the_streams(guarded_stream, clock):
    breaker, stream = guarded_stream(three)
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


def test_values_sent_thrown_and_returned_pass_through(guarded_stream):
    def talking():
        heard = yield "first"
        try:
            yield heard
        except ZeroDivisionError:
            yield "caught"
        return "end"

    breaker, stream = guarded_stream(talking)
    items = stream()
    assert next(items) == "first"
    assert items.send("hello") == "hello"
    assert items.throw(ZeroDivisionError()) == "caught"
    with pytest.raises(StopIteration) as ended:
        next(items)
    assert ended.value.value == "end"
    assert breaker.snapshot().successes == 1


def test_a_long_stream_keeps_its_lease(guarded_stream, clock):
    def long():
        for _ in range(10):
            clock.advance(50)
            yield 1

    breaker, stream = guarded_stream(long, half_open_permit_ttl=60, request_timeout=55)
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
