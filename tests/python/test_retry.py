# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RETRY-WRAP-01, RETRY-WRAP-02, RETRY-OWN-01, RETRY-AFTER-01, RETRY-AFTER-02, RETRY-STOP-01,
# RETRY-STOP-02, RETRY-COUNT-01, RETRY-TOTAL-01, SEED-14 from Python, for synchronous functions.
import logging
import pickle
import time
from datetime import timedelta

import pytest
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    RequestTimeoutError,
    RetriesExhausted,
    Retry,
    RetryEvent,
    deadline,
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


def test_a_success_is_returned_at_once_with_its_arguments(slept):
    call = Failing(0)
    policy = Retry()
    assert policy.call(call, 1, max_retries=9, delay=3) == 1
    assert call.arguments == ((1,), {"max_retries": 9, "delay": 3})
    assert slept == []
    assert policy.snapshot()[:5] == (1, 1, 0, 0, 0)


def test_failures_are_retried_after_growing_delays(slept):
    call = Failing(3)
    policy = Retry(jitter="none")
    assert policy(call)() == 4
    assert slept == [0.1, 0.2, 0.4]
    picture = policy.snapshot()
    assert (picture.calls, picture.successes, picture.retried, picture.retries) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    ("settings", "delays"),
    [
        ({"strategy": "fixed", "delay": 2}, [2, 2, 2]),
        ({"strategy": "linear", "delay": 1, "increment": 0.5}, [1, 1.5, 2]),
        ({"multiplier": 3, "delay": timedelta(seconds=1)}, [1, 3, 9]),
        ({"multiplier": 3, "delay": 1, "max_delay": 4}, [1, 3, 4]),
    ],
)
def test_strategies_give_their_delays(slept, settings, delays):
    with pytest.raises(OSError, match="4"):
        Retry(jitter="none", **settings).call(Failing())
    assert slept == delays


@pytest.mark.parametrize("jitter", ["proportional", "full", "equal", "decorrelated"])
def test_jitter_is_drawn_from_the_seed(jitter):
    drawn = []
    for seed in (1, 1, 2):
        with testing.no_waiting() as slept, pytest.raises(OSError):
            Retry(jitter=jitter, seed=seed, max_retries=20).call(Failing())
        drawn.append(slept)
    assert drawn[0] != drawn[2]
    assert all(0 <= delay <= 10 for delay in drawn[0])
    assert len(set(drawn[0])) > 10


def test_the_last_error_is_raised_as_it_is(slept):
    error = OSError("mine")
    with pytest.raises(OSError) as caught:
        Retry(max_retries=2).call(Failing(error=error))
    assert caught.value is error
    assert error.__context__ is None
    assert error.__cause__ is None
    assert not hasattr(error, "__notes__")


def test_errors_of_attempts_are_not_chained_to_one_another(slept):
    with pytest.raises(OSError, match="4") as caught:
        Retry().call(Failing())
    assert caught.value.__context__ is None


def test_on_request_the_number_of_attempts_is_told_with_the_last_error(slept):
    policy = Retry(max_retries=2, raise_exhausted=True, name="search")
    with pytest.raises(RetriesExhausted) as caught:
        policy.call(Failing())
    told = caught.value
    assert (told.attempts, str(told.last_error), told.name) == (3, "3", "search")
    assert told.__cause__ is told.last_error
    assert "3 attempts" in str(told)
    again = pickle.loads(pickle.dumps(told))
    assert (again.attempts, str(again.last_error), again.name) == (3, "3", "search")


def test_what_is_not_retried_is_raised_as_it_is_even_so(slept):
    with pytest.raises(KeyError):
        Retry(on=OSError, raise_exhausted=True).call(Failing(error=KeyError))


def test_no_attempt_begins_after_max_elapsed(clock):
    policy = Retry(max_elapsed=0.65, jitter="none", max_retries=100)
    call, before = Failing(), clock.now
    with pytest.raises(OSError):
        policy.call(call)
    assert call.calls == 3
    assert clock.now - before == pytest.approx(0.3)
    assert policy.snapshot().stopped_deadline == 1


def test_the_time_of_the_attempts_counts_towards_max_elapsed(clock):
    def slow():
        clock.advance(1)
        raise OSError

    policy = Retry(max_elapsed=3, delay=0.1, strategy="fixed", jitter="none", max_retries=100)
    before = clock.now
    with pytest.raises(OSError):
        policy.call(slow)
    assert clock.now - before == pytest.approx(3.2)


def test_a_deadline_around_ends_it_with_the_error_it_has(clock):
    call, policy = Failing(), Retry(jitter="none", max_retries=100)
    before = clock.now
    with deadline(0.65), pytest.raises(OSError, match="3"):
        policy.call(call)
    assert clock.now - before == pytest.approx(0.3)
    assert policy.snapshot().stopped_deadline == 1


def test_after_the_deadline_no_attempt_is_made(clock):
    call = Failing(0)
    for guarded in (Retry()(call), lambda: list(Retry()(stream)())):
        with deadline(1), pytest.raises(RequestTimeoutError) as caught:
            clock.advance(1)
            guarded()
        assert caught.value.setting == "deadline"
    assert call.calls == 0


def stream():
    yield 1


def test_listeners_are_told_every_retry_and_the_end(slept):
    told = []
    policy = Retry(max_retries=1, jitter="none", on_retry=told.append, on_give_up=[told.append], name="n")
    with pytest.raises(OSError):
        policy.call(Failing())
    assert [event[:3] for event in told] == [("n", 1, 0.1), ("n", 2, None)]
    assert isinstance(told[0], RetryEvent)
    assert [event.stopped for event in told] == [None, "max_retries"]
    assert str(told[1].error) == "2"


def test_a_listener_that_raises_is_logged_and_harmless(slept, caplog):
    assert Retry(on_retry=lambda event: 1 / 0, name="n").call(Failing(1)) == 2
    assert "a listener of retry 'n' failed" in caplog.text


def test_the_longest_time_is_known_beforehand():
    policy = Retry(jitter="none")
    assert policy.max_total_time() == pytest.approx(0.7)
    assert policy.max_total_time(5) == policy.max_total_time(timedelta(seconds=5)) == pytest.approx(20.7)
    assert Retry(max_retries=5, delay=1).max_total_time() == pytest.approx(
        9.0909 + 8.8 + 4.4 + 2.2 + 1.1, rel=0.1
    )
    with pytest.raises(ConfigurationError, match="attempt_timeout"):
        policy.max_total_time(-1)


def test_the_founding_snippet_a_breaker_around_a_retry(slept, breaker_of):
    def retry_with_backoff(func, max_attempts, **kwargs):
        return Retry(max_retries=max_attempts - 1).call(func, **kwargs)

    call = Failing(2)
    breaker = breaker_of()
    assert breaker.call(retry_with_backoff, max_attempts=3, func=call, prompt="p") == 3
    assert call.arguments == ((), {"prompt": "p"})
    assert breaker.snapshot().calls == 1


def test_a_retry_around_a_breaker_makes_no_call_and_no_wait_while_it_is_open(slept, breaker_of):
    # Proves RETRY-WRAP-05, SEED-13.
    call, breaker = Failing(), breaker_of()
    guarded = Retry()(breaker(call))
    with pytest.raises(CircuitBreakerOpenError):
        guarded()
    assert (call.calls, len(slept)) == (2, 2)
    del slept[:]
    for _ in range(3):
        with pytest.raises(CircuitBreakerOpenError):
            guarded()
    assert (call.calls, slept) == (2, [])


def test_without_virtual_time_it_really_sleeps():
    with pytest.MonkeyPatch.context() as patch:
        slept = []
        patch.setattr("trifuse._sleep._is_virtual", lambda: False)
        patch.setattr(time, "sleep", slept.append)
        assert Retry(jitter="none").call(Failing(2)) == 3
    assert slept == [0.1, 0.2]


def test_nothing_is_logged_on_the_way(slept, caplog):
    caplog.set_level(logging.DEBUG)
    assert Retry().call(Failing(3), "secret") == 4
    assert caplog.text == ""
