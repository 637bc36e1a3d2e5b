# SPDX-License-Identifier: MIT OR Apache-2.0
# The order of the parts shows by what happens. Proves PIPE-01, PIPE-08, SEED-13, SEED-19.
import pytest
from trifuse import (
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerOpenError,
    Fallback,
    Pipeline,
    RateLimit,
    RateLimitedError,
    RefusedError,
    Retry,
    Timeout,
    per,
)

pytestmark = pytest.mark.usefixtures("clock")


class Failing:
    """A function that fails for some calls, then works; counts its calls."""

    def __init__(self, times=10**6, error=OSError):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self, result="done"):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error(f"call {self.calls}")
        return result


def breaker(failures=2, **fields):
    settings = {"consecutive_failures": failures, "failure_rate_threshold": 1.0, "open_duration": 10}
    return CircuitBreaker("search", registry=None, **{**settings, **fields})


def retry(**fields):
    return Retry(**{"max_retries": 3, "delay": 0.1, "jitter": "none", **fields})


def test_a_breaker_inside_a_retry_sees_every_attempt_and_ends_the_retry_when_it_opens():
    guard, work = breaker(failures=2), Failing()
    with pytest.raises(CircuitBreakerOpenError):
        Pipeline("search", retry(), guard).call(work)
    assert (work.calls, guard.state) == (2, "open")


def test_a_breaker_outside_a_retry_sees_one_outcome():
    guard, work = breaker(failures=2), Failing()
    pipeline = Pipeline("search", guard, retry())
    with pytest.raises(OSError, match="call 4"):
        pipeline.call(work)
    assert (work.calls, guard.state, guard.snapshot().failures) == (4, "closed", 1)
    with pytest.raises(OSError, match="call 8"):
        pipeline.call(work)
    with pytest.raises(CircuitBreakerOpenError):
        pipeline.call(work)
    assert (work.calls, guard.state) == (8, "open")


def test_a_breaker_outside_and_another_inside_a_retry_each_count_as_they_read():
    outside, inside, work = breaker(failures=2), breaker(failures=10), Failing(times=2)
    assert Pipeline("search", outside, retry(), inside).call(work) == "done"
    assert (outside.snapshot().successes, outside.snapshot().failures) == (1, 0)
    assert (inside.snapshot().successes, inside.snapshot().failures) == (1, 2)


def test_a_limit_inside_a_retry_is_asked_for_every_attempt():
    limit, work = RateLimit(per(10, seconds=60)), Failing(times=2)
    assert Pipeline("search", retry(), limit).call(work) == "done"
    assert limit.available() == 7


def test_a_limit_outside_a_retry_is_asked_once():
    limit, work = RateLimit(per(10, seconds=60)), Failing(times=2)
    assert Pipeline("search", limit, retry()).call(work) == "done"
    assert limit.available() == 9


def test_a_limit_before_a_breaker_takes_tokens_for_refused_calls_and_after_it_none():
    guard, first, then = breaker(), RateLimit(per(10, seconds=60)), RateLimit(per(10, seconds=60))
    guard.trip()
    for pipeline in (Pipeline("before", first, guard), Pipeline("after", guard, then)):
        with pytest.raises(CircuitBreakerOpenError):
            pipeline.call(print)
    assert (first.available(), then.available()) == (9, 10)


def test_the_refusal_of_a_limit_is_no_failure_of_the_service_to_the_breaker_around_it():
    guard, limit = breaker(failures=1), RateLimit(per(1, seconds=60))
    pipeline = Pipeline("search", guard, limit)
    assert pipeline.call(abs, -1) == 1
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            pipeline.call(abs, -1)
    picture = guard.snapshot()
    assert (guard.state, picture.failures, picture.ignored) == ("closed", 0, 3)


def test_an_error_rule_of_ones_own_may_count_such_refusals():
    guard, limit = breaker(failures=1, failure_on=RefusedError), RateLimit(per(1, seconds=60))
    pipeline = Pipeline("search", guard, limit)
    pipeline.call(abs, -1)
    with pytest.raises(RateLimitedError):
        pipeline.call(abs, -1)
    assert guard.state == "open"


def test_a_fallback_in_the_outermost_place_answers_the_refusals_of_all_the_others():
    everything = [breaker(), RateLimit(per(1, seconds=60)), Bulkhead(1)]
    pipeline = Pipeline("search", Fallback("instead"), *everything)
    everything[0].force_open()
    assert pipeline.call(Failing(0)) == "instead"
    everything[0].reset()
    assert pipeline.call(Failing(0)) == "done"
    assert pipeline.call(Failing(0)) == "instead"  # the only token is gone
    full = Bulkhead(1)
    with full:
        assert Pipeline("full", Fallback("instead"), full).call(Failing(0)) == "instead"


def test_a_fallback_inside_a_breaker_hides_the_failure_from_it():
    guard = breaker(failures=1)
    assert Pipeline("search", guard, Fallback("instead", on=OSError)).call(Failing()) == "instead"
    assert (guard.state, guard.snapshot().successes) == ("closed", 1)


def test_of_two_retries_the_outermost_wins():
    work = Failing()
    with pytest.raises(OSError, match="call 3"):
        Pipeline("search", retry(max_retries=2), retry(max_retries=5)).call(work)
    assert work.calls == 3


def test_the_same_policy_may_stand_twice():
    limit, places = RateLimit(per(10, seconds=60)), Bulkhead(2)
    assert Pipeline("twice", limit, limit, places, places).call(abs, -3) == 3
    assert (limit.available(), places.in_flight) == (8, 0)


def test_a_pipeline_may_be_part_of_another():
    limit, work = RateLimit(per(10, seconds=60)), Failing(times=2)
    inner = Pipeline("inner", limit, breaker(failures=9))
    outer = Pipeline("outer", Fallback("instead", on=OSError), retry(), inner)
    assert outer.call(work) == "done"
    assert limit.available() == 7
    assert (outer["pipeline"], inner["rate_limit"].name) == (inner, "inner")


def test_a_retry_within_the_total_time_begins_no_attempt_after_it(clock):
    work = Failing()
    with pytest.raises(OSError, match="call 2"):
        Pipeline("search", Timeout(1), retry(delay=0.7, multiplier=1)).call(work)
    assert work.calls == 2
