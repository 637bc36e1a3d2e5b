# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RETRY-WRAP-02, RETRY-OWN-01, RETRY-AFTER-01, RETRY-AFTER-02 from Python: what is retried, and
# what an error, a result or the user says about the delay.
from datetime import timedelta

import pytest
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    OverCapacityError,
    RateLimitedError,
    RequestTimeoutError,
    RetriesExhausted,
    Retry,
    is_retryable,
    testing,
)

pytestmark = pytest.mark.usefixtures("clock")


class Failing:
    """Fails so many times, then gives the number of its calls."""

    def __init__(self, times=10**9, error=OSError):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self, *args, **kwargs):
        self.calls += 1
        self.arguments = args, kwargs
        if self.calls <= self.times:
            raise self.error(self.calls) if isinstance(self.error, type) else self.error
        return self.calls


@pytest.fixture
def slept():
    with testing.no_waiting() as slept:
        yield slept


@pytest.mark.parametrize(
    ("settings", "error", "calls"),
    [
        ({"on": OSError}, OSError, 4),
        ({"on": (OSError, KeyError)}, KeyError, 4),
        ({"on": OSError}, KeyError, 1),
        ({"on": lambda error: "1" in str(error)}, OSError, 2),
        ({"ignore": OSError}, ConnectionError, 1),
        ({"on": OSError, "ignore": lambda error: isinstance(error, ConnectionError)}, ConnectionError, 1),
    ],
)
def test_on_and_ignore_say_which_errors_are_retried(slept, settings, error, calls):
    call = Failing(error=error)
    with pytest.raises(error):
        Retry(**settings).call(call)
    assert call.calls == calls


OURS = [
    CircuitBreakerOpenError("x", 3.0),
    RateLimitedError("x", 3.0),
    ConfigurationError("x", 1, "2"),
    OverCapacityError("x", 3, 2),
    RetriesExhausted(3, OSError()),
]


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_refusals_and_callers_mistakes_are_not_retried(slept, error):
    for settings in ({}, {"on": Exception}):
        call = Failing(error=error)
        with pytest.raises(type(error)):
            Retry(**settings).call(call)
        assert call.calls == 1
    assert not is_retryable(error)
    assert slept == []


def test_a_refusal_that_is_named_is_retried_when_it_says(slept):
    call = Failing(2, RateLimitedError("x", 3.0))
    assert Retry(on=(OSError, RateLimitedError)).call(call) == 3
    assert len(slept) == 2
    assert all(3.0 <= delay <= 3.3 for delay in slept)


def test_a_timeout_of_ours_is_retried_but_not_the_deadline(slept):
    call = Failing(1, RequestTimeoutError("x", "timeout", 1))
    assert Retry().call(call) == 2
    assert is_retryable(RequestTimeoutError("x", "request_timeout", 1))
    assert is_retryable(OSError())
    assert not is_retryable(RequestTimeoutError("x", "deadline", 1))
    assert not is_retryable(KeyboardInterrupt())


def test_what_is_no_exception_passes_and_counts_nothing(slept):
    policy = Retry()
    with pytest.raises(KeyboardInterrupt):
        policy.call(Failing(error=KeyboardInterrupt))
    assert policy.snapshot().calls == 0


def test_unwanted_results_are_retried_and_the_last_is_returned(slept):
    policy = Retry(retry_if=lambda result: result < 3)
    assert policy.call(Failing(0)) == 4 - 1
    call = Failing(0)
    assert Retry(retry_if=lambda result: True, max_retries=1)(call)() == 2
    with pytest.raises(RetriesExhausted, match="not wanted") as caught:
        Retry(retry_if=lambda result: True, raise_exhausted=True).call(Failing(0))
    assert (caught.value.last_error, caught.value.last_result) == (None, 4)


def test_a_predicate_that_raises_is_logged_and_harmless(slept, caplog):
    assert Retry(retry_if=lambda result: result.missing).call(Failing(0)) == 1
    with pytest.raises(OSError, match="1"):
        Retry(on=lambda error: error.missing).call(Failing())
    assert "retry_if raised" in caplog.text
    assert "predicate on errors raised" in caplog.text


class Told(Exception):
    def __init__(self, retry_after):
        super().__init__(retry_after)
        self.retry_after = retry_after


def test_a_servers_word_replaces_the_delay_and_is_never_cut_short(slept):
    assert Retry(max_delay=1).call(Failing(2, Told(30))) == 3
    assert all(30 <= delay <= 33 for delay in slept)


def test_a_servers_word_that_is_too_long_ends_the_call_at_once(slept):
    policy = Retry()
    call = Failing(error=Told(61))
    with pytest.raises(Told):
        policy.call(call)
    assert (call.calls, slept, policy.snapshot().stopped_retry_after) == (1, [], 1)


def test_a_servers_word_on_an_unwanted_result_counts_too(slept):
    class Response:
        headers = {"retry-after": "7"}  # noqa: RUF012
        status = 429

    answers = [Response(), "fine"]
    assert Retry(retry_if=lambda r: r != "fine").call(lambda: answers.pop(0)) == "fine"
    assert 7 <= slept[0] <= 7.7


def test_a_delay_function_replaces_the_delay_within_the_cap(slept):
    asked = []

    def delay(attempt, error):
        asked.append((attempt, str(error)))
        return {1: 3, 2: timedelta(seconds=100), 3: None}[attempt]

    with pytest.raises(OSError):
        Retry(delay_fn=delay, jitter="none").call(Failing())
    assert slept == [3, 10, 0.4]
    assert asked == [(1, "1"), (2, "2"), (3, "3")]


@pytest.mark.parametrize("bad", [lambda *_: 1 / 0, lambda *_: -1, lambda *_: "soon", lambda *_: float("nan")])
def test_a_delay_function_that_fails_is_logged_and_ours_is_taken(slept, caplog, bad):
    assert Retry(delay_fn=bad, jitter="none").call(Failing(1)) == 2
    assert slept == [0.1]
    assert "delay_fn" in caplog.text
