# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-CLASS-03, WRAP-CLASS-04, RETRY-WRAP-02: in Python.
"""What breakers, limits and retries do with the kinds of error, unless they are told otherwise."""

import asyncio
from functools import partial

import pytest
from trifuse import (
    AdaptiveLimit,
    CircuitBreakerOpenError,
    RateLimitedError,
    RequestTimeoutError,
    RetriesExhausted,
    Retry,
    Throttle,
    is_retryable,
    testing,
)
from trifuse.classify import Kind


class StatusError(Exception):
    def __init__(self, status=None, code=None, **attributes):
        super().__init__(status, code)
        if status is not None:
            self.status_code = status
        self.code = code
        vars(self).update(attributes)


QUOTA = StatusError(429, "insufficient_quota")


def of_each_kind():
    return {
        Kind.transient: StatusError(500),
        Kind.rate_limited: StatusError(429),
        Kind.quota_spent: QUOTA,
        Kind.overloaded: StatusError(503),
        Kind.timeout: StatusError(504),
        Kind.caller: StatusError(401),
        Kind.context_length: StatusError(400, "context_length_exceeded"),
        Kind.content_filter: StatusError(400, "content_filter"),
        Kind.local: OSError(24, "too many open files"),
        Kind.unknown: ValueError(),
    }


def counted(breaker):
    seen = breaker.snapshot()
    return seen.failures, seen.timeouts, seen.ignored


EXPECTED = {"failure": (1, 0, 0), "timeout": (1, 1, 0), "ignored": (0, 0, 1)}


@pytest.mark.parametrize("kind", of_each_kind())
def test_a_breaker_counts_a_kind_by_its_outcome(breaker_of, of_each_kind, outcome, kind):
    error = globals()["of_each_kind"]()[kind]

    def fails():
        raise error

    for fn in of_each_kind(fails).values():
        for guard in ("decorated", "called"):
            breaker = breaker_of(quota_open_duration=0)
            guarded = breaker(fn) if guard == "decorated" else partial(breaker.call, fn)
            with pytest.raises(type(error)):
                outcome(guarded)
            assert counted(breaker) == EXPECTED[kind.outcome]


def test_a_block_counts_by_kind_too(breaker_of, run):
    breaker = breaker_of()
    with pytest.raises(StatusError), breaker:
        raise StatusError(404)

    async def block():
        async with breaker:
            raise StatusError(404)

    with pytest.raises(StatusError):
        run(block())
    assert counted(breaker) == (0, 0, 2)


def raising(error):
    raise error


def test_mistakes_of_the_caller_never_open_a_breaker_nor_mend_it(breaker_of):
    breaker = breaker_of()
    for status in (400, 401, 403, 404, 413, 422) * 50:
        with pytest.raises(StatusError):
            breaker.call(raising, StatusError(status))
    assert (breaker.state, counted(breaker)) == ("closed", (0, 0, 300))
    for status in (500, 400, 500):  # between two failures in a row
        with pytest.raises(StatusError):
            breaker.call(raising, StatusError(status))
    assert breaker.state == "open"


def test_what_a_guard_is_told_wins(breaker_of):
    for fields, error, expected in (
        ({"failure_on": StatusError}, StatusError(401), "failure"),
        ({"failure_on": OSError}, StatusError(500), "ignored"),
        ({"failure_on": lambda e: e.status_code == 404}, StatusError(404), "failure"),
        ({"failure_on": Exception, "ignore": lambda e: True}, StatusError(500), "ignored"),
        ({"ignore": ValueError}, StatusError(401), "ignored"),
        ({"ignore": StatusError}, StatusError(504), "ignored"),
    ):
        breaker = breaker_of(**fields)
        with pytest.raises(StatusError):
            breaker.call(raising, error)
        assert counted(breaker) == EXPECTED[expected]


def test_the_refusal_of_another_breaker_is_a_failure_and_of_a_limit_nothing(breaker_of):
    breaker = breaker_of()
    with pytest.raises(CircuitBreakerOpenError):
        breaker.call(raising, CircuitBreakerOpenError("inner", 3.0))
    assert counted(breaker) == (1, 0, 0)
    with pytest.raises(RateLimitedError):
        breaker.call(raising, RateLimitedError("inner", 3.0))
    assert counted(breaker) == (1, 0, 1)


def test_retries_that_gave_up_count_as_their_last_error(breaker_of):
    policy = Retry(max_retries=1, raise_exhausted=True)
    for error, expected in ((StatusError(500), (1, 0, 0)), (StatusError(504), (1, 1, 0))):
        breaker = breaker_of()
        with testing.no_waiting(), pytest.raises(RetriesExhausted):
            breaker.call(policy.call, raising, error)
        assert counted(breaker) == expected


def test_a_rate_limit_with_a_time_trips_for_it_and_without_one_counts_only(breaker_of):
    breaker = breaker_of()
    with pytest.raises(StatusError):
        breaker.call(raising, StatusError(429))
    assert breaker.state == "closed"
    with pytest.raises(StatusError):
        breaker.call(raising, StatusError(429, retry_after=45))
    assert breaker.snapshot().retry_after == 45.0


def test_a_wait_on_a_mistake_of_the_caller_does_not_trip(breaker_of):
    breaker = breaker_of()
    with pytest.raises(StatusError):
        breaker.call(raising, StatusError(400, retry_after=45))
    assert breaker.state == "closed"


@pytest.mark.parametrize("kind", of_each_kind())
def test_a_retry_tries_again_what_may_succeed_later(of_each_kind, outcome, kind):
    error = globals()["of_each_kind"]()[kind]
    calls = []

    def fails():
        calls.append(1)
        raise error

    assert is_retryable(error) is kind.retryable
    for fn in of_each_kind(fails).values():
        calls.clear()
        with testing.no_waiting(), pytest.raises(type(error)):
            outcome(Retry(max_retries=2)(fn))
        assert len(calls) == (3 if kind.retryable else 1)


def test_a_retry_that_is_told_what_to_retry_does_that():
    for fields, error, expected in (
        ({"on": StatusError}, StatusError(401), 2),
        ({"on": Exception}, QUOTA, 2),
        ({"on": OSError}, StatusError(500), 1),
        ({"ignore": StatusError}, StatusError(500), 1),
    ):
        calls = []

        def fails(error=error, calls=calls):
            calls.append(1)
            raise error

        with testing.no_waiting(), pytest.raises(StatusError):
            Retry(max_retries=1, **fields).call(fails)
        assert len(calls) == expected


def test_a_retry_that_gives_up_over_a_mistake_says_that_it_is_no_error_to_retry():
    told = []
    with pytest.raises(StatusError):
        Retry(on_give_up=told.append).call(raising, StatusError(401))
    assert [(event.attempt, event.stopped) for event in told] == [(1, "error")]


def test_is_retryable_of_what_is_no_ordinary_error():
    assert not is_retryable(asyncio.CancelledError())
    assert not is_retryable(KeyboardInterrupt())
    assert not is_retryable(CircuitBreakerOpenError("b", 1.0))
    assert not is_retryable(RetriesExhausted(3, StatusError(500)))
    assert not is_retryable(RequestTimeoutError("d", "deadline", 1.0))
    assert is_retryable(RequestTimeoutError("b", "request_timeout", 1.0))
    assert is_retryable(ExceptionGroup("x", [StatusError(401), StatusError(500)]))
    assert not is_retryable(ExceptionGroup("x", [StatusError(401)]))


def test_mistakes_of_the_caller_are_taken_on_by_a_backend_as_a_throttle_sees_it():
    throttle = Throttle(k=1.0)
    for status in (400, 401, 404):
        with pytest.raises(StatusError):
            throttle.call(raising, StatusError(status))
    assert throttle.snapshot().accepted == 3
    with pytest.raises(StatusError):
        throttle.call(raising, StatusError(503))
    assert throttle.snapshot().accepted == 3


def test_mistakes_of_the_caller_do_not_lower_an_adaptive_limit():
    limit = AdaptiveLimit("aimd", limit=10, backoff_ratio=0.9)
    for status, expected in ((400, 10), (401, 10), (503, 9)):
        with pytest.raises(StatusError):
            limit.call(raising, StatusError(status))
        assert limit.snapshot().limit == expected


def test_listeners_can_ask_the_kind(breaker_of):
    calls = []
    breaker = breaker_of(on_call=calls.append)
    breaker.call(int)
    for error in (StatusError(404), QUOTA, TimeoutError()):
        breaker.reset()
        with pytest.raises(type(error)):
            breaker.call(raising, error)
    breaker.force_open()
    with pytest.raises(Exception, match="forced"):
        breaker.call(int)
    assert [call.kind for call in calls] == [None, Kind.caller, Kind.quota_spent, Kind.timeout, Kind.refused]


class Hostile(Exception):
    """One of which not even the cause can be read; nor could a test show it, so none shall hold it."""

    def __getattribute__(self, name):
        if name == "__class__":
            return super().__getattribute__(name)
        raise RuntimeError(name)


def test_an_error_that_cannot_be_looked_at_is_a_failure_and_comes_through(breaker_of):
    breaker, came = breaker_of(), None
    try:
        with testing.no_waiting():
            Retry(max_retries=1).call(breaker.call, raising, Hostile())
    except BaseException as error:
        came = type(error)
    assert came is Hostile
    assert counted(breaker) == (2, 0, 0)


def test_ten_thousand_classified_failures_leave_nothing_behind(breaker_of):
    import gc
    import weakref

    breaker = breaker_of(consecutive_failures=0)
    alive = weakref.WeakSet()
    for number in range(10_000):
        error = StatusError(400 + number % 150, code="x" * 50)
        alive.add(error)
        with pytest.raises(StatusError):
            breaker.call(raising, error)
        del error
        breaker.reset()
    gc.collect()
    assert len(alive) == 0
