# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-PER-01, RATE-CONF-02, RATE-CONF-03, RATE-CONF-04, RATE-CONF-05: in Python.
import pickle
from datetime import timedelta

import pytest
from trifuse import ConfigurationError, RateLimit, RateLimitedError, per, per_second, testing


def test_rates_are_written_so_that_they_cannot_be_misread():
    minute = per(500, minutes=1)
    assert (
        minute
        == per(500, seconds=60)
        == per(500, timedelta(minutes=1))
        == per(500, seconds=59, milliseconds=1000)
    )
    assert repr(minute) == "per(500, seconds=60)"
    assert repr(per_second(0.5)) == "per_second(0.5)"
    for bad in (
        lambda: per(5),
        lambda: per(5, 60),
        lambda: per(5, timedelta(1), seconds=1),
        lambda: per("5", seconds=1),
    ):
        with pytest.raises(ConfigurationError):
            bad()
    with pytest.raises(TypeError, match="fortnights"):
        per(5, fortnights=1)
    assert RateLimit(20).snapshot().per_second == RateLimit(per_second(20)).snapshot().per_second == 20
    assert RateLimit("500/minute").describe() == RateLimit({"permits": 500, "seconds": 60}).describe()


def test_the_default_capacity_is_a_second_s_worth_or_the_n():
    assert RateLimit(20.9).snapshot().capacity == 20
    assert RateLimit(0.1).snapshot().capacity == 1
    assert RateLimit(per(500, minutes=1)).snapshot().capacity == 500
    assert RateLimit(20, capacity=3).snapshot().capacity == 3


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": -1}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"rate": float("inf")}, "rate"),
        ({"rate": 1e10}, "rate"),
        ({"rate": 10**400}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": None}, "rate"),
        ({"rate": per(0, seconds=1)}, "permits"),
        ({"rate": per(-5, seconds=1)}, "permits"),
        ({"rate": per(5, seconds=0)}, "period"),
        ({"rate": per(5, days=3650)}, "period"),
        ({"rate": 5, "capacity": 0}, "capacity"),
        ({"rate": 5, "capacity": 2_000_000_000}, "capacity"),
        ({"rate": 5, "capacity": 1.5}, "capacity"),
        ({"rate": 5, "wait": -1}, "wait"),
        ({"rate": 5, "wait": "1"}, "wait"),
        ({"rate": 5, "algorithm": "leaky"}, "algorithm"),
        ({"rate": 5, "algorithm": "sliding_log"}, "rate"),
        ({"rate": per(5, seconds=1), "algorithm": "fixed_window", "capacity": 7}, "capacity"),
        ({"rate": 5, "name": 5}, "name"),
    ],
)
def test_a_bad_setting_is_refused_by_name_with_what_is_allowed(fields, name):
    with pytest.raises(ConfigurationError) as caught:
        RateLimit(**fields)
    assert caught.value.field == name
    assert caught.value.allowed
    assert len(str(caught.value)) > 20


def test_the_settings_make_another_of_the_kind():
    limit = RateLimit(per(5, seconds=1), algorithm="sliding_log", wait=1.5, name="s")
    again = RateLimit(name="s", **limit._settings())
    assert again.describe() == limit.describe()


def test_the_refusal_can_be_pickled_and_says_what_to_do():
    error = RateLimitedError("search", 0.25, 3, 1)
    again = pickle.loads(pickle.dumps(error))
    assert (again.requested, again.available, again.retry_after) == (3, 1, 0.25)
    assert str(again) == str(error)
    assert "Try again in 0.25 s" in str(error)


def test_switched_off_nothing_is_limited_and_nothing_is_counted():
    limit = RateLimit(5, name="search")
    limit.acquire(5)
    before = limit.snapshot()
    with testing.disabled():
        assert [limit(lambda: 5)() for _ in range(20)] == [5] * 20
        assert limit.try_acquire(100)
        limit.acquire(3)
    assert limit.snapshot() == before
