# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves ERR-01, ERR-02, ERR-04, ERR-05, SEED-04.
import copy
import pickle
import sys

import pytest
import trifuse
from trifuse import (
    BulkheadFullError,
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    HalfOpenLimitError,
    OverCapacityError,
    RateLimitedError,
    RefusedError,
    RequestTimeoutError,
    RetriesExhausted,
    RetryBudgetError,
    ThrottledError,
    TrifuseError,
    UnsupportedError,
)

EXAMPLES = [
    CircuitBreakerOpenError("payments", 12.5),
    CircuitBreakerOpenError("payments"),
    HalfOpenLimitError("payments"),
    ForcedOpenError("payments"),
    RequestTimeoutError("payments", "request_timeout", 5.0),
    ConfigurationError("open_duration", -1, "more than 0"),
    RateLimitedError("search", 0.25, 5, 2),
    RateLimitedError("search"),
    BulkheadFullError("search"),
    BulkheadFullError("search", None, "adaptive_limit"),
    ThrottledError("search"),
    RetryBudgetError("search"),
    RequestTimeoutError("search", "timeout", 2.0),
    RequestTimeoutError("", "deadline", 3.0),
    OverCapacityError("search", 11, 10),
    UnsupportedError("search", "reserve", "use a token bucket"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_error_comes_back_from_a_pickle_with_all_it_said(error):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(error, protocol))
        assert type(back) is type(error)
        assert (back.args, vars(back)) == (error.args, vars(error))
        assert str(back) == str(error)
    assert str(copy.copy(error)) == str(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_what_was_written_to_an_error_comes_back_too(error):
    error = copy.copy(error)
    error.add_note("of a fallback")
    error.fallback_errors = (OSError("cache"),)
    back = pickle.loads(pickle.dumps(error))
    assert back.__notes__ == copy.copy(error).__notes__ == ["of a fallback"]
    assert str(back.fallback_errors) == str(error.fallback_errors)


def test_exhausted_retries_come_back_from_a_pickle_with_the_last_error():
    error = RetriesExhausted(4, ConnectionError("down"), "search")
    back = pickle.loads(pickle.dumps(error))
    assert (back.attempts, str(back.last_error), back.name) == (4, "down", "search")
    assert (
        str(back) == str(error) == "retry 'search' gave up after 4 attempts; the last: ConnectionError: down"
    )
    assert "1 attempt;" in str(RetriesExhausted(1, ConnectionError("down")))


def test_the_hierarchy_is_one_tree():
    breakers = (CircuitBreakerOpenError, HalfOpenLimitError, ForcedOpenError)
    for kind in (*breakers, RateLimitedError, BulkheadFullError, ThrottledError, RetryBudgetError):
        assert issubclass(kind, RefusedError)
    others = (RequestTimeoutError, RetriesExhausted, ConfigurationError, OverCapacityError, UnsupportedError)
    for kind in (RefusedError, *others):
        assert issubclass(kind, TrifuseError)
    assert issubclass(OverCapacityError, ConfigurationError)
    assert issubclass(RequestTimeoutError, TimeoutError)
    assert issubclass(ConfigurationError, ValueError)


def test_a_refusal_says_who_refused_why_and_when_to_try_again():
    error = EXAMPLES[0]
    assert (error.name, error.reason, error.retry_after) == ("payments", "open", 12.5)
    assert "'payments'" in str(error)
    assert "12.5 s" in str(error)
    assert HalfOpenLimitError("x").reason is trifuse.RefusalReason.HALF_OPEN_LIMIT
    assert ForcedOpenError("x").retry_after is None


@pytest.mark.parametrize(
    ("error", "policy", "reason", "says"),
    [
        (CircuitBreakerOpenError("search", 1.0), "circuit_breaker", "open", "circuit breaker 'search' is open"),
        (RateLimitedError("search", 0.25, 5, 2), "rate_limit", "rate_limited", "has 2 of the 5 tokens"),
        (BulkheadFullError("search"), "bulkhead", "bulkhead_full", "bulkhead 'search' is full"),
        (
            BulkheadFullError("search", None, "adaptive_limit"),
            "adaptive_limit", "bulkhead_full", "adaptive limit 'search' is full",
        ),
        (ThrottledError("search"), "throttle", "throttled", "throttle 'search' refused"),
        (RetryBudgetError("search"), "retry_budget", "retry_budget", "retry budget 'search' is spent"),
    ],
)  # fmt: skip
def test_a_refusal_says_which_policy_refused_and_what_to_do(error, policy, reason, says):
    assert (error.policy, error.reason, error.name) == (policy, reason, "search")
    assert error.reason in trifuse.RefusalReason
    assert says in str(error)
    assert "the call was not made" in str(error)
    assert "ry again" in str(error) or "not known when" in str(error)


def test_a_rate_limit_refusal_carries_what_was_requested_and_available():
    error = RateLimitedError("search", 0.25, 5, 2)
    assert (error.requested, error.available, error.retry_after) == (5, 2, 0.25)
    assert "Try again in 0.25 s" in str(error)
    plain = RateLimitedError("search", 1.0)
    assert (plain.requested, plain.available) == (1, 0)


def test_what_can_never_be_had_names_the_most_there_can_be():
    error = OverCapacityError("search", 11, 10)
    assert (error.field, error.value, error.requested, error.capacity) == ("n", 11, 11, 10)
    assert "1 to 10" in str(error)


@pytest.mark.parametrize(
    ("name", "setting", "says"),
    [
        ("search", "timeout", "the call guarded by 'search' did not answer within 2 s (the timeout)"),
        ("search", "deadline", "the call guarded by 'search' did not end within 2 s (the deadline)"),
        ("", "deadline", "the call did not end within 2 s (the deadline)"),
        ("search", "request_timeout", "(request_timeout of the circuit breaker)"),
    ],
)
def test_a_timeout_is_worded_by_what_set_it(name, setting, says):
    assert says in str(RequestTimeoutError(name, setting, 2.0))


def test_a_timeout_says_which_setting_ended_the_call():
    error = RequestTimeoutError("payments", "idle_timeout", 0.25)
    assert (error.setting, error.limit) == ("idle_timeout", 0.25)
    assert "idle_timeout" in str(error)
    assert "0.25 s" in str(error)
    assert repr(error) == "RequestTimeoutError('payments', 'idle_timeout', 0.25)"
    assert (error.errno, error.strerror, error.filename) == (None, None, None)


def test_a_refusal_is_small():
    assert sys.getsizeof(EXAMPLES[0]) + sys.getsizeof(vars(EXAMPLES[0])) < 500


def test_every_refusal_is_a_fresh_object_with_a_short_traceback(breaker_of):
    breaker = breaker_of()
    breaker.force_open()
    seen = []
    for _ in range(3):
        with pytest.raises(ForcedOpenError) as caught:
            breaker.call(print)
        seen.append(caught.value)
    assert len({id(error) for error in seen}) == 3
    depths = [len(list(walk(error.__traceback__))) for error in seen]
    assert depths[0] == depths[-1]


def walk(trace):
    while trace:
        yield trace
        trace = trace.tb_next
