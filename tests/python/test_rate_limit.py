# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-N-02, RATE-WAIT-01, RATE-KIND-01, RATE-RESERVE-01, RATE-RESERVE-02, RATE-CANCEL-01, RATE-REFUND-01,
# RATE-DEBIT-01, RATE-SET-01, RATE-SET-03, RATE-READ-01, RATE-TOTAL-01, RATE-FIFO-02: through Python.
import pickle

import pytest
from trifuse import (
    ConfigurationError,
    OverCapacityError,
    RateLimit,
    RateLimitedError,
    UnsupportedError,
    per,
    rate_limit,
)

WINDOWED = ("sliding_log", "sliding_counter", "fixed_window")
ALL = ("token_bucket", *WINDOWED)


@pytest.fixture(autouse=True)
def clock(clock):
    """Virtual time that begins at a whole second, where fixed windows do."""
    clock.advance((-clock.now_ns % 1_000_000_000) / 1e9)
    return clock


def used_up(algorithm="token_bucket", **fields):
    """A limit of 5 a second from which 5 were taken."""
    limit = RateLimit(per(5, seconds=1), algorithm=algorithm, name="search", **fields)
    for _ in range(5):
        assert limit.try_acquire()
    return limit


@pytest.mark.parametrize("algorithm", ALL)
def test_what_is_there_is_granted_and_one_more_is_refused(algorithm):
    limit = used_up(algorithm)
    assert not limit.try_acquire()
    assert limit.available() == limit.available_tokens() == 0
    picture = limit.snapshot()
    assert (picture.granted, picture.refused, picture.granted_tokens) == (5, 1, 5)
    assert (picture.algorithm, picture.capacity, picture.per_second) == (algorithm, 5, 5.0)


@pytest.mark.parametrize("algorithm", ALL)
def test_the_refusal_tells_a_wait_that_is_exact(algorithm, clock):
    limit = used_up(algorithm)
    with pytest.raises(RateLimitedError) as caught:
        limit.acquire()
    error = caught.value
    assert (error.name, error.policy, error.requested, error.available) == ("search", "rate_limit", 1, 0)
    wait = round(error.retry_after * 1e9)
    clock.advance((wait - 1) / 1e9)
    assert not limit.try_acquire()
    clock.advance(1e-9)
    assert limit.try_acquire()


def wait_of(limit, n=1):
    with pytest.raises(RateLimitedError) as caught:
        limit.acquire(n)
    return round(caught.value.retry_after * 1e9)


def test_a_token_bucket_tells_the_nanosecond(clock):
    limit = used_up()
    assert wait_of(limit) == 200_000_000
    clock.advance(0.199999999)
    assert wait_of(limit) == 1
    clock.advance(1e-9)
    assert limit.try_acquire()


@pytest.mark.parametrize("algorithm", ALL)
def test_more_than_there_can_ever_be_fails_at_once(algorithm):
    limit = RateLimit(per(5, seconds=1), algorithm=algorithm, name="search", wait=3600)
    for call in (limit.try_acquire, limit.acquire):
        with pytest.raises(OverCapacityError) as caught:
            call(6)
        assert (caught.value.field, caught.value.value, caught.value.capacity) == ("n", 6, 5)
        assert "'search'" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert limit.snapshot()[7:9] == (0, 0)


@pytest.mark.parametrize("n", [0, -1, 1.5, "1", None, 1 << 64])
def test_a_number_of_tokens_is_a_whole_one(n):
    limit = RateLimit(5, name="search")
    calls = [limit.try_acquire, limit.acquire, lambda n: limit.acquire(n, wait=1), limit.reserve]
    for call in (*calls, limit.refund, limit.debit):
        with pytest.raises(ConfigurationError, match="whole number"):
            call(n)


@pytest.mark.parametrize("algorithm", ALL)
def test_a_waiting_thread_sleeps_exactly_as_long_as_it_must(algorithm, clock):
    limit = used_up(algorithm, wait=5)
    with pytest.raises(RateLimitedError) as caught:
        limit.acquire(wait=0)
    begun = clock.now_ns
    limit.acquire()
    assert clock.now_ns - begun == pytest.approx(caught.value.retry_after * 1e9, abs=2)
    assert limit.snapshot().waiting == 0


@pytest.mark.parametrize("algorithm", ALL)
def test_a_wait_that_is_known_to_be_too_long_is_refused_at_once(algorithm, clock):
    limit = used_up(algorithm, wait=0.0001)
    begun = clock.now_ns
    with pytest.raises(RateLimitedError) as caught:
        limit.acquire()
    assert clock.now_ns == begun
    assert caught.value.retry_after > 0.0001
    with pytest.raises(RateLimitedError):
        limit.acquire(5, wait=0.15)
    assert clock.now_ns == begun
    assert limit.snapshot().waiting == 0
    assert limit.snapshot().granted == 5


def test_the_wait_of_one_call_may_be_another(clock):
    limit = used_up()
    begun = clock.now
    limit.acquire(2, wait=1)
    assert clock.now - begun == pytest.approx(0.4)
    with pytest.raises(ConfigurationError, match="wait"):
        limit.acquire(wait=-1)


def test_a_decorated_function_is_one_token_a_call(clock):
    calls = []

    @rate_limit(per(2, seconds=1), wait=0.5)
    def call(x, *, y=0):
        calls.append((clock.now, x, y))
        return x

    begun = clock.now
    assert [call(number, y=1) for number in range(3)] == [0, 1, 2]
    assert [round(when - begun, 6) for when, _, _ in calls] == [0, 0, 0.5]
    call.policy.debit(5)
    with pytest.raises(RateLimitedError):
        call(3)
    assert len(calls) == 3
    assert call.policy.name.endswith("call")


def test_a_stream_asks_at_its_first_item(clock):
    @rate_limit(1)
    def items():
        yield 1
        yield 2

    first, second = items(), items()
    assert items.policy.available() == 1
    assert list(first) == [1, 2]
    with pytest.raises(RateLimitedError):
        next(second)


def test_a_block_takes_a_token():
    limit = RateLimit(1)
    with limit as same:
        assert same is limit
    with pytest.raises(RateLimitedError), limit:
        raise AssertionError


def test_tokens_are_reserved_in_advance_and_cancelled(clock):
    limit = used_up()
    first = limit.reserve(2)
    second = limit.reserve(1, max_wait=0.6)
    assert (first.n, first.wait, second.wait) == (2, 0.4, 0.6)
    with pytest.raises(RateLimitedError) as caught:
        limit.reserve(1, max_wait=0.799)
    assert caught.value.retry_after == pytest.approx(0.8)
    assert not limit.try_acquire()
    assert limit.debt == 3
    assert second.cancel() == 1
    assert second.cancel() == 0
    assert limit.reserve().wait == pytest.approx(0.6)
    assert first.cancel() == 0  # less what was granted after it
    assert limit.snapshot().given_back == 1


def test_an_estimate_is_settled_afterwards(clock):
    limit = RateLimit(per(1000, minutes=1))
    limit.acquire(600)
    limit.refund(100)
    assert limit.available() == 500
    limit.debit(800)
    assert (limit.available(), limit.debt) == (0, 300)
    assert wait_of(limit) == pytest.approx(301 * 60e6, abs=2)
    limit.refund(10_000)
    assert limit.available() == 1000


@pytest.mark.parametrize("algorithm", WINDOWED)
def test_what_only_a_token_bucket_can_do_is_refused_clearly(algorithm):
    limit = RateLimit(per(5, seconds=1), algorithm=algorithm, name="search")
    for operation, call in (("reserve", limit.reserve), ("refund", limit.refund), ("debit", limit.debit)):
        with pytest.raises(UnsupportedError) as caught:
            call(1)
        assert caught.value.operation == f"{operation}()"
        assert "token_bucket" in str(caught.value)


def test_another_rate_keeps_what_was_taken(clock):
    limit = used_up()
    limit.set_rate(per(10, seconds=1))
    assert (limit.available(), limit.snapshot().capacity) == (0, 10)
    clock.advance(0.1)
    assert limit.available() == 1
    limit.reconfigure(capacity=3, wait=2)
    assert limit.describe() == {
        "kind": "rate_limit", "name": "search", "rate": {"permits": 10, "seconds": 1.0},
        "algorithm": "token_bucket", "wait": 2.0, "capacity": 3,
    }  # fmt: skip
    for changes in ({"rate": 0}, {"rate": per(1, seconds=1), "wait": -1}, {"algorithm": "fixed_window"}):
        with pytest.raises(ConfigurationError):
            limit.reconfigure(**changes)
    assert limit.snapshot().per_second == 10


@pytest.mark.parametrize("algorithm", WINDOWED)
def test_of_a_kind_with_a_window_only_n_changes(algorithm, clock):
    limit = used_up(algorithm)
    limit.set_rate(per(3, seconds=1))
    assert not limit.try_acquire()
    with pytest.raises(ConfigurationError, match="another n per 1 s"):
        limit.set_rate(per(3, seconds=2))
    assert limit.describe()["rate"] == {"permits": 3, "seconds": 1.0}
