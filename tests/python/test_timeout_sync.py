# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves TIMEOUT-01, SEED-15 for what is not awaited, and the settings of a timeout.
import asyncio
import gc
import inspect
import threading
import weakref
from datetime import timedelta

import pytest
from trifuse import (
    ConfigurationError,
    RequestTimeoutError,
    Retry,
    Timeout,
    deadline,
    remaining,
    testing,
    timeout,
)


def test_a_synchronous_call_is_not_interrupted_and_its_late_result_is_returned(clock):
    @timeout(5)
    def slow():
        clock.advance(6)
        return remaining()

    assert slow() == 0.0
    assert remaining() is None


def test_but_no_policy_inside_waits_or_calls_after_it(clock):
    calls = []

    @Retry(jitter="none")
    def failing():
        calls.append(1)
        clock.advance(6)
        raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        Timeout(5)(failing)()
    assert calls == [1]


def test_a_generator_is_not_interrupted_but_inside_an_expired_deadline_no_item_is_asked_for(clock):
    @timeout(5)
    def items():
        clock.advance(6)
        yield 1
        yield 2

    assert list(items()) == [1, 2]
    stream = items()
    with deadline(7):
        next(stream)
        clock.advance(1)
        with pytest.raises(RequestTimeoutError) as caught:
            next(stream)
    assert caught.value.setting == "deadline"


def test_in_a_thread_the_caller_gets_its_timeout_in_time():
    going_on, noted, seen = threading.Event(), threading.Event(), []

    @timeout(0.02, thread=True, name="mine")
    def hanging():
        seen.append(remaining())
        noted.set()
        going_on.wait(30)

    with pytest.raises(RequestTimeoutError) as caught:
        hanging()
    assert noted.wait(30)
    going_on.set()
    assert (caught.value.name, caught.value.setting) == ("mine", "timeout")
    assert 0 <= seen[0] <= 0.02


def test_in_a_thread_results_errors_and_an_earlier_deadline_come_through():
    assert Timeout(30, thread=True).call(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        Timeout(30, thread=True).call(divmod, 7, 0)
    with deadline(0.01), pytest.raises(RequestTimeoutError) as caught:
        Timeout(30, thread=True).call(threading.Event().wait, 5)
    assert caught.value.setting == "deadline"


def test_what_cannot_be_is_refused_when_decorated():
    async def coroutine(): ...

    def generator():
        yield

    async def async_generator():
        yield

    for fn in (coroutine, generator, async_generator):
        with pytest.raises(ConfigurationError, match="thread"):
            timeout(1, thread=True)(fn)
    for fn in (coroutine, lambda: 1):
        with pytest.raises(ConfigurationError, match="idle_timeout"):
            timeout(1, idle_timeout=1)(fn)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "1", None, True, timedelta(days=366)])
def test_a_bad_limit_is_refused_by_name(bad):
    with pytest.raises(ConfigurationError, match="seconds"):
        Timeout(bad)
    with pytest.raises(ConfigurationError, match="seconds"):
        Timeout(1).with_limit(bad)
    if bad not in {0, None}:
        with pytest.raises(ConfigurationError, match="idle_timeout"):
            Timeout(1, idle_timeout=bad)


def test_the_default_is_ten_seconds_and_a_call_may_have_another():
    policy = Timeout(name="manager")
    assert policy.seconds == 10
    other = policy.with_limit(timedelta(milliseconds=500))
    assert (other.seconds, other.name, policy.seconds) == (0.5, "manager", 10)
    assert timeout(lambda: 1).policy.seconds == 10


def test_it_describes_itself_and_is_reconfigured_as_a_whole(run):
    policy = Timeout(2, name="n")
    assert policy.describe() == {
        "kind": "timeout", "name": "n", "seconds": 2.0, "thread": False, "idle_timeout": 0.0,
    }  # fmt: skip
    assert repr(policy) == "Timeout('n', seconds=2.0, thread=False, idle_timeout=0.0)"
    guarded = policy(asyncio.sleep)

    async def main():
        with pytest.raises(ConfigurationError):
            policy.reconfigure(seconds=100, idle_timeout=-1)
        assert policy.seconds == 2
        policy.reconfigure(seconds=100)
        await guarded(50)

    run(main())


def test_the_guarded_function_keeps_its_kind():
    @timeout
    async def fetch() -> int:
        return 1

    assert inspect.iscoroutinefunction(fetch)
    assert isinstance(fetch.policy, Timeout)


def test_switched_off_nothing_is_limited(run):
    with testing.disabled():
        run(Timeout(1)(asyncio.sleep)(100))
        assert Timeout(1).call(remaining) is None


def test_a_thread_switched_on_serves_functions_that_are_decorated_already():
    limit, ended = Timeout(0.02, name="slow"), threading.Event()

    @limit
    def hanging():
        return ended.wait(10)

    limit.reconfigure(thread=True)
    try:
        with pytest.raises(RequestTimeoutError, match="slow"):
            hanging()
    finally:
        ended.set()
    limit.reconfigure(thread=False)
    assert hanging() is True


def test_a_timeout_made_for_one_call_is_freed_at_once():
    gc.collect()
    made = weakref.ref(Timeout(5).with_limit(2))
    assert made() is None
