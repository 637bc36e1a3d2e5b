# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves TIME-WALL-01, SEED-05, SEED-06.
import pathlib
import time
from datetime import timedelta

import pytest
from trifuse import (
    CircuitBreaker,
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    HalfOpenLimitError,
    State,
)


def broken(*args, **kwargs):
    raise OSError("broken")


def fail(breaker, times=2):
    for _ in range(times):
        with pytest.raises(OSError, match="broken"):
            breaker.call(broken)


def test_it_opens_refuses_waits_probes_and_closes(breaker_of, clock):
    breaker = breaker_of()
    fail(breaker)
    assert breaker.state is State.OPEN
    clock.advance(9.999_999_999)
    with pytest.raises(CircuitBreakerOpenError) as refused:
        breaker.call(broken)
    assert refused.value.retry_after == pytest.approx(1e-9)
    clock.advance(1e-9)
    assert breaker.call(lambda: "back") == "back"
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().transitions == {
        ("closed", "open"): 1,
        ("open", "half_open"): 1,
        ("half_open", "closed"): 1,
    }


def test_a_failed_probe_opens_it_again(breaker_of, clock):
    breaker = breaker_of()
    fail(breaker)
    clock.advance(10)
    fail(breaker, 1)
    assert breaker.state is State.OPEN


def test_surplus_callers_of_a_half_open_breaker_are_refused_at_once(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=1)
    fail(breaker)
    clock.advance(10)

    def probing():
        with pytest.raises(HalfOpenLimitError) as refused:
            breaker.call(print)
        return refused.value.retry_after

    assert breaker.call(probing) is None


def test_a_probe_that_never_reports_frees_its_place_after_its_lease(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=1, half_open_permit_ttl=60)
    fail(breaker)
    clock.advance(10)
    hung = breaker.__enter__()
    clock.advance(60)
    assert breaker.call(lambda: 1) == 1
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().lost_permits == 1
    breaker.__exit__(None, None, None)
    assert hung is not None
    assert breaker.snapshot().late_results == 1


def test_an_outcome_from_before_a_reset_changes_nothing(breaker_of):
    breaker = breaker_of()

    def reset_and_fail():
        breaker.reset()
        raise OSError("broken")

    for _ in range(5):
        with pytest.raises(OSError, match="broken"):
            breaker.call(reset_and_fail)
    picture = breaker.snapshot()
    assert (picture.late_results, picture.window_total, picture.state) == (5, 0, "closed")


def test_the_states_that_people_force(breaker_of):
    breaker = breaker_of()
    breaker.force_open()
    with pytest.raises(ForcedOpenError):
        breaker.call(print)
    breaker.disable()
    fail(breaker, 5)
    assert breaker.snapshot().calls == 0
    breaker.metrics_only()
    fail(breaker, 5)
    picture = breaker.snapshot()
    assert (picture.state, picture.failures, picture.would_have_opened) == ("metrics_only", 5, 1)
    breaker.close()
    assert breaker.state is State.CLOSED


def test_trip_opens_for_as_long_as_it_is_told(breaker_of, clock):
    breaker = breaker_of()
    breaker.trip(retry_after=timedelta(minutes=5))
    clock.advance(299)
    with pytest.raises(CircuitBreakerOpenError) as refused:
        breaker.call(print)
    assert refused.value.retry_after == 1.0
    breaker.reset()
    breaker.trip()
    assert breaker.snapshot().retry_after == 10.0
    for bad in (-1, float("nan"), "5", timedelta(days=366)):
        with pytest.raises(ConfigurationError):
            breaker.trip(retry_after=bad)


def test_the_founding_dictionary_has_exactly_its_keys(breaker_of, clock):
    breaker = breaker_of()
    assert breaker.get_state() == {
        "name": breaker.name,
        "state": "closed",
        "failure_count": 0,
        "success_count": 0,
        "failure_rate": 0.0,
        "last_failure_time": None,
    }
    breaker.call(lambda: 1)
    fail(breaker, 1)
    clock.advance(2)
    told = breaker.get_state()
    assert (told["failure_count"], told["success_count"], told["failure_rate"]) == (1, 1, 0.5)
    assert told["last_failure_time"] == pytest.approx(time.time() - 2, abs=1)
    assert type(told["state"]) is str


def test_the_wall_clock_decides_nothing(breaker_of, monkeypatch):
    breaker = breaker_of()
    fail(breaker)
    monkeypatch.setattr(time, "time", lambda: 1e12)
    with pytest.raises(CircuitBreakerOpenError):
        breaker.call(print)


def test_a_failure_rate_opens_when_it_exceeds_its_threshold():
    breaker = CircuitBreaker("rate", minimum_calls=4)
    for _ in range(2):
        breaker.call(lambda: 1)
    fail(breaker, 2)
    assert breaker.state is State.CLOSED
    fail(breaker, 1)
    assert breaker.state is State.OPEN


def test_slow_calls_open_it_where_slow_detection_is_on(breaker_of, clock):
    breaker = breaker_of(
        slow_call_duration=1, slow_call_rate_threshold=0.4, minimum_calls=2, request_timeout=None
    )

    def slow():
        clock.advance(1.5)

    breaker.call(slow)
    breaker.call(lambda: 1)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().slow == 1


def test_keywords_reach_the_callee_untouched(breaker_of):
    def callee(*args, **kwargs):
        return args, kwargs

    names = dict.fromkeys(("fn", "self", "breaker", "args", "kwargs", "name", "slot", "options"), 1)
    assert breaker_of().call(callee, 1, 2, **names) == ((1, 2), names)
    assert breaker_of()(callee)(1, 2, **names) == ((1, 2), names)
    rich = breaker_of(fallback_value=0)
    assert rich.call(callee, 1, 2, **names) == ((1, 2), names)
    assert rich(callee)(1, 2, **names) == ((1, 2), names)


def test_repr_shows_name_and_state(breaker_of):
    breaker = breaker_of()
    assert repr(breaker) == f"<CircuitBreaker {breaker.name!r} closed>"


def test_breakers_leave_no_memory_behind():
    import gc

    def resident():
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

    def churn():
        for _ in range(20_000):
            CircuitBreaker("gone", registry=None).call(int)

    churn()
    gc.collect()
    before = resident()
    churn()
    gc.collect()
    assert resident() - before < 4_000_000
