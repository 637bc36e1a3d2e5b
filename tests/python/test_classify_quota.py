# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-CLASS-04: in Python.
"""A spent quota opens the breaker for long."""

from datetime import timedelta

import pytest
from trifuse import CircuitBreaker, CircuitBreakerOpenError, ConfigurationError, Pipeline


class StatusError(Exception):
    def __init__(self, status, code, **attributes):
        super().__init__(status, code)
        self.status_code, self.code = status, code
        vars(self).update(attributes)


QUOTA = StatusError(429, "insufficient_quota")


def raising(error):
    raise error


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_spent_quota_opens_the_breaker_at_once_and_for_long(breaker_of, run, clock, asynchronous):
    breaker = breaker_of()

    async def fails():
        raise QUOTA

    with pytest.raises(StatusError):
        run(breaker.call(fails)) if asynchronous else breaker.call(raising, QUOTA)
    seen = breaker.snapshot()
    assert (seen.state, seen.cause, seen.retry_after) == ("open", "tripped", 600.0)
    clock.advance(599.9)
    with pytest.raises(CircuitBreakerOpenError):
        breaker.call(int)
    clock.advance(0.2)
    assert breaker.call(int) == 0


@pytest.mark.parametrize(
    ("fields", "told", "wait"),
    [
        ({}, 3_600, 3600.0),
        ({}, 20, 20.0),
        ({"quota_open_duration": 60}, None, 60.0),
        ({"quota_open_duration": timedelta(hours=2)}, None, 7200.0),
        ({"quota_open_duration": 60, "respect_retry_after": False}, 20, 60.0),
        ({"quota_open_duration": 60, "failure_on": StatusError}, None, 60.0),
    ],
)
def test_for_as_long_as_the_server_says_else_as_the_setting_says(breaker_of, fields, told, wait):
    breaker = breaker_of(**fields)
    with pytest.raises(StatusError):
        breaker.call(raising, StatusError(429, "insufficient_quota", retry_after=told))
    assert breaker.snapshot().retry_after == wait


@pytest.mark.parametrize("fields", [{"quota_open_duration": 0}, {"ignore": StatusError}])
def test_unless_that_is_switched_off_or_the_error_is_ignored(breaker_of, fields):
    breaker = breaker_of(**fields)
    with pytest.raises(StatusError):
        breaker.call(raising, QUOTA)
    assert breaker.state == "closed"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "long", True, 366 * 86_400])
def test_a_bad_duration_for_it_is_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        CircuitBreaker("b", registry=None, quota_open_duration=value)
    assert caught.value.field == "quota_open_duration"


def test_breakers_of_other_durations_for_it_are_not_the_same():
    CircuitBreaker("quota", quota_open_duration=60)
    CircuitBreaker("quota", quota_open_duration=60.0)
    with pytest.raises(ConfigurationError, match="other fallbacks or error rules"):
        CircuitBreaker("quota", quota_open_duration=61)


def test_a_pipeline_takes_the_duration_from_plain_data():
    made = Pipeline.from_dict({"circuit_breaker": {"quota_open_duration": 90}}, name="p")
    with pytest.raises(StatusError):
        made.call(raising, QUOTA)
    (breaker,) = (policy for policy in made if policy.kind == "circuit_breaker")
    assert breaker.snapshot().retry_after == pytest.approx(90, abs=1)
