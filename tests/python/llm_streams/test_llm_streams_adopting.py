# SPDX-License-Identifier: MIT OR Apache-2.0
# Streams of clients that plainly guarded functions return: known by the names of their classes.
import asyncio
import gc

import pytest
from stream_fakes import GOOD, ROLE, STOP, AsyncFake, SyncFake, say, wait
from trifuse import (
    AdaptiveLimit,
    Bulkhead,
    CircuitBreaker,
    Fallback,
    Pipeline,
    RateLimit,
    Retry,
    StreamInterruptedError,
    Throttle,
    Timeout,
)
from trifuse._awaiting import PLAIN, is_client_stream

Stream = type("Stream", (SyncFake,), {"__module__": "openai._streaming"})
AsyncStream = type("AsyncStream", (AsyncFake,), {"__module__": "openai._streaming"})
CUT = (ROLE, say("a"))


@pytest.fixture(autouse=True)
def _clock(clock):
    SyncFake.clock = clock


def functions(*scripts):
    """Give functions that return streams: (plain, of a synchronous client), (awaited, of an async one)."""
    left, right = list(scripts), list(scripts)

    def plain():
        script = left.pop(0)
        return Stream(script)

    async def awaited():
        await asyncio.sleep(0)
        return AsyncStream(right.pop(0))

    return plain, awaited


async def read_both(policy, *scripts):
    """Call both kinds of functions under the policy and read to the end; gives (events, error) of each."""
    plain, awaited = functions(*scripts)
    outcomes = []
    for fn in (plain, awaited):
        got, error = [], None
        try:
            stream = policy(fn)()
            if asyncio.iscoroutine(stream):
                stream = await stream
                assert isinstance(stream, AsyncStream)
                async for event in stream:
                    got.append(event)
            else:
                assert isinstance(stream, Stream)
                got.extend(stream)
        except Exception as raised:
            error = raised
        outcomes.append((got, error))
    return outcomes


@pytest.mark.parametrize(
    "fields", [{}, {"failure_if": lambda _: False}, {"fallback_value": 5}, {"request_timeout": 0}]
)
def test_a_breaker_guards_the_stream_to_its_end(run, breaker_of, fields):
    breaker = breaker_of(**fields)
    for got, error in run(read_both(breaker, GOOD)):
        assert (got, error) == (list(GOOD), None)
    seen = breaker.snapshot()
    assert (seen.calls, seen.successes) == (2, 2)
    for got, error in run(read_both(breaker, CUT)):
        assert (got, type(error)) == (list(CUT), StreamInterruptedError)
    assert breaker.snapshot().failures == 2


def test_called_through_it_is_guarded_as_well(run, breaker_of):
    breaker = breaker_of(consecutive_failures=9)
    plain, awaited = functions(CUT)

    async def call():
        with pytest.raises(StreamInterruptedError):
            list(breaker.call(plain))
        stream = await breaker.call(awaited)
        with pytest.raises(StreamInterruptedError):
            [event async for event in stream]

    run(call())
    assert breaker.snapshot().failures == 2


def test_it_is_nothing_yet_while_it_runs_and_ignored_when_it_is_dropped(run, breaker_of):
    breaker = breaker_of()
    plain, awaited = functions(GOOD)

    async def drop():
        kept = [breaker(plain)(), await breaker(awaited)()]
        assert breaker.snapshot().calls == 0
        kept.clear()
        await asyncio.sleep(0.01)

    run(drop())
    gc.collect()
    assert breaker.snapshot().ignored == 2


def test_what_fails_before_the_first_content_is_raised_by_the_call_and_retried_around_it(run, breaker_of):
    breaker = breaker_of(consecutive_failures=9)
    policy = Pipeline("x", Retry(delay=0), breaker)
    for got, error in run(read_both(policy, (ROLE, OSError()), (), GOOD)):
        assert (got, error) == (list(GOOD), None)
    assert (breaker.snapshot().failures, breaker.snapshot().successes) == (4, 2)


def test_a_fallback_answers_before_the_first_content_as_it_would_for_a_refusal(run, breaker_of):
    breaker = breaker_of(fallback_value="sorry", fallback_on=OSError, consecutive_failures=9)
    plain, awaited = functions((ROLE, OSError()))
    assert breaker(plain)() == "sorry"
    assert run(breaker(awaited)()) == "sorry"
    assert breaker.snapshot().failures == 2
    assert Fallback("sorry")(breaker_of()(functions((OSError(),))[0]))() == "sorry"


def test_the_first_content_is_awaited_for_request_timeout_at_most(run, breaker_of):
    breaker = breaker_of(request_timeout=5)
    _plain, awaited = functions((ROLE, wait(6), say("a"), STOP))
    with pytest.raises(TimeoutError):
        run(breaker(awaited)())
    assert breaker.snapshot().timeouts == 1


def test_guards_within_guards_each_see_the_whole_stream(run, breaker_of):
    inner, outer = breaker_of(), breaker_of()
    for got, error in run(read_both(lambda fn: outer(inner(fn)), CUT)):
        assert (got, type(error)) == (list(CUT), StreamInterruptedError)
    assert inner.snapshot().failures == outer.snapshot().failures == 2


@pytest.mark.parametrize("limit", [Bulkhead(1, max_queue=0), AdaptiveLimit()], ids=["bulkhead", "adaptive"])
def test_a_limit_keeps_its_place_for_a_synchronous_stream(limit):
    stream = limit(functions(GOOD)[0])()
    assert next(stream) == ROLE
    assert limit.snapshot().in_flight == 1
    stream.close()
    assert limit.snapshot().in_flight == 0


def test_a_throttle_counts_a_synchronous_stream_at_its_end():
    throttle = Throttle()
    stream = throttle(functions(GOOD)[0])()
    assert throttle.snapshot().accepts == 0
    assert list(stream) == list(GOOD)
    assert throttle.snapshot().accepts == 1


def test_every_other_policy_passes_a_stream_on_as_one():
    for policy in (Timeout(5), RateLimit("100/second"), Retry(), Fallback("sorry")):
        stream = policy(functions(GOOD)[0])()
        assert isinstance(stream, Stream)
        assert list(stream) == list(GOOD)


def test_only_the_clients_own_classes_are_streams():
    assert is_client_stream(Stream)
    assert is_client_stream(type("Stream", (), {"__module__": "anthropic"}))
    assert is_client_stream(type("Sub", (AsyncStream,), {"__module__": "mine"}))
    assert not is_client_stream(type("Stream", (), {"__module__": "mine"}))
    assert not is_client_stream(type("Response", (), {"__module__": "openai._streaming"}))
    assert Stream not in PLAIN


def test_a_function_that_gives_other_things_too_is_not_confused(run, breaker_of):
    breaker = breaker_of()
    results = [1, AsyncStream(GOOD), "text", AsyncStream(GOOD)]

    async def any_of():
        return results.pop(0)

    async def calls():
        guarded = breaker(any_of)
        return [type(await guarded()).__name__ for _ in range(4)]

    assert run(calls()) == ["int", "GuardedAsyncStream", "str", "GuardedAsyncStream"]


def test_a_switched_off_breaker_leaves_streams_alone(run):
    from trifuse import testing

    breaker = CircuitBreaker("off", registry=None)
    with testing.disabled():
        assert type(breaker(functions(GOOD)[0])()) is Stream
        assert type(run(breaker(functions(GOOD)[1])())) is AsyncStream
