# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves ERR-01, ERR-02, SEED-04.
import copy
import pickle
import sys

import pytest
import trifuse
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    HalfOpenLimitError,
    RefusedError,
    RequestTimeoutError,
    TrifuseError,
)

EXAMPLES = [
    CircuitBreakerOpenError("payments", 12.5),
    CircuitBreakerOpenError("payments"),
    HalfOpenLimitError("payments"),
    ForcedOpenError("payments"),
    RequestTimeoutError("payments", "request_timeout", 5.0),
    ConfigurationError("open_duration", -1, "more than 0"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_error_comes_back_from_a_pickle_with_all_it_said(error):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(error, protocol))
        assert type(back) is type(error)
        assert (back.args, vars(back)) == (error.args, vars(error))
        assert str(back) == str(error)
    assert str(copy.copy(error)) == str(error)


def test_the_hierarchy_is_one_tree():
    for kind in (CircuitBreakerOpenError, HalfOpenLimitError, ForcedOpenError):
        assert issubclass(kind, RefusedError)
    for kind in (RefusedError, RequestTimeoutError, ConfigurationError):
        assert issubclass(kind, TrifuseError)
    assert issubclass(RequestTimeoutError, TimeoutError)
    assert issubclass(ConfigurationError, ValueError)


def test_a_refusal_says_who_refused_why_and_when_to_try_again():
    error = EXAMPLES[0]
    assert (error.name, error.reason, error.retry_after) == ("payments", "open", 12.5)
    assert "'payments'" in str(error)
    assert "12.5 s" in str(error)
    assert HalfOpenLimitError("x").reason is trifuse.RefusalReason.HALF_OPEN_LIMIT
    assert ForcedOpenError("x").retry_after is None


def test_a_timeout_says_which_setting_ended_the_call():
    error = RequestTimeoutError("payments", "idle_timeout", 0.25)
    assert (error.setting, error.limit) == ("idle_timeout", 0.25)
    assert "idle_timeout" in str(error)
    assert "0.25 s" in str(error)


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
