# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-13, RETRY-WRAP-05: the retries of tenacity, stamina and backoff around a guarded function
# make no call and no wait while the circuit is open.
import asyncio
import itertools

import backoff
import pytest
import stamina
import tenacity
from trifuse import CircuitBreakerOpenError, is_retryable

TRIES = 5


class Waits(list):
    """The sleeps that another library asks for."""

    def __call__(self, seconds):
        self.append(seconds)

    async def asynchronous(self, seconds):
        self.append(seconds)


@pytest.fixture
def waits(monkeypatch):
    waits = Waits()
    monkeypatch.setattr("time.sleep", waits)
    monkeypatch.setattr("tenacity.nap.time.sleep", waits)
    real = asyncio.sleep
    monkeypatch.setattr("asyncio.sleep", lambda s, *a: waits.asynchronous(s) if s else real(s, *a))
    return waits


def with_tenacity(fn):
    return tenacity.retry(
        retry=tenacity.retry_if_exception(is_retryable),
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_fixed(1),
        reraise=True,
    )(fn)


def with_stamina(fn):
    return stamina.retry(on=is_retryable, attempts=TRIES, wait_initial=1, wait_max=1, wait_jitter=0)(fn)


def with_backoff(fn):
    giveup = lambda error: not is_retryable(error)  # noqa: E731 - as people write it
    return backoff.on_exception(backoff.constant, Exception, max_tries=TRIES, giveup=giveup, jitter=None)(fn)


libraries = pytest.mark.parametrize("library", [with_tenacity, with_stamina, with_backoff])


def make(breaker, asynchronous, times):
    calls = []

    def work():
        calls.append(1)
        if len(calls) <= times:
            raise OSError(len(calls))
        return "done"

    async def awaited():
        return work()

    return calls, breaker(awaited if asynchronous else work)


@pytest.mark.parametrize("asynchronous", [False, True])
@libraries
class TestOther:
    def call(self, fn, asynchronous):
        return asyncio.run(fn()) if asynchronous else fn()

    def test_failures_are_retried_as_ever(self, library, asynchronous, waits, breaker_of):
        calls, guarded = make(breaker_of(consecutive_failures=10), asynchronous, 3)
        assert self.call(library(guarded), asynchronous) == "done"
        assert (len(calls), len(waits)) == (4, 3)

    def test_while_open_there_is_no_call_and_no_wait(self, library, asynchronous, waits, breaker_of):
        breaker = breaker_of()
        calls, guarded = make(breaker, asynchronous, 10**9)
        retried = library(guarded)
        with pytest.raises(CircuitBreakerOpenError):
            self.call(retried, asynchronous)
        assert len(calls) == 2
        del waits[:]
        for _ in itertools.repeat(None, 3):
            with pytest.raises(CircuitBreakerOpenError):
                self.call(retried, asynchronous)
        assert (len(calls), waits) == (2, [])
        assert breaker.snapshot().refused == 4

    def test_when_the_wait_is_over_calls_are_made_again(
        self, library, asynchronous, waits, breaker_of, clock
    ):
        breaker = breaker_of()
        _, guarded = make(breaker, asynchronous, 2)
        with pytest.raises(CircuitBreakerOpenError):
            self.call(library(guarded), asynchronous)
        clock.advance(10)
        assert self.call(library(guarded), asynchronous) == "done"
        assert breaker.state == "closed"
