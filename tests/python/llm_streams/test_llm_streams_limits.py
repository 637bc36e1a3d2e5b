# SPDX-License-Identifier: MIT OR Apache-2.0
# The limits of streams: on content, in virtual time, for both kinds of clients.
from datetime import timedelta

import anyio
import pytest
from stream_fakes import ROLE, STOP, USAGE, AsyncFake, Client, read_async, say, wait
from trifuse import ConfigurationError, Fallback, Pipeline, RequestTimeoutError, Retry, remaining
from trifuse._llm.formats import OPENAI_CHAT, RawFormat
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync

PING = {"type": "ping"}


def ended_by(got, setting, limit):
    return isinstance(got.error, RequestTimeoutError) and (got.error.setting, got.error.limit) == (
        setting,
        limit,
    )


@pytest.mark.parametrize(
    ("script", "setting", "text"),
    [
        ((wait(6), say("a"), STOP), "first_content", ""),
        ((ROLE, wait(6), say("a"), STOP), "first_content", ""),
        ((ROLE, wait(3), ROLE, wait(3), say("a"), STOP), "first_content", ""),
        ((say("a"), wait(3), say("b"), STOP), "idle", "a"),
        ((say("a"), wait(1.5), USAGE, wait(1.5), say("b"), STOP), "idle", "a"),
        ((say("a"), *[wait(1), say("b")] * 50), "total", "a" + "b" * 20),
    ],
)
def test_each_limit_ends_a_stream_and_is_named(read, breaker_of, counts, script, setting, text):
    breaker = breaker_of(request_timeout=0)
    given = {"first_content": 5, "idle": 2, "total": 20.5}
    got = read(breaker, script, limits=given)
    assert ended_by(got, setting, given[setting])
    assert got.text == text
    assert counts(breaker) == (0, 1, 1, 0)
    assert got.client.all_closed


def test_what_comes_just_in_time_is_given(read, breaker_of):
    script = (wait(4.9), ROLE, say("a"), wait(1.9), say("b"), wait(1.9), STOP)
    assert read(breaker_of(), script, limits={"first_content": 5, "idle": 2, "total": 9}).error is None


def test_keep_alives_satisfy_no_limit(read, breaker_of):
    pings = [wait(0.1), PING] * 1000
    breaker = breaker_of(request_timeout=0)
    assert ended_by(read(breaker, pings, limits={"first_content": 5}), "first_content", 5)
    assert ended_by(read(breaker, (say("a"), *pings), limits={"idle": 2}), "idle", 2)


def test_the_time_in_which_the_consumer_holds_an_event_is_not_idle(read, breaker_of, counts):
    breaker = breaker_of()
    got = read(breaker, (say("a"), wait(1), say("b"), STOP), limits={"idle": 2}, pause=100)
    assert got.error is None
    assert counts(breaker) == (1, 0, 0, 0)


def test_the_total_runs_while_the_consumer_holds_an_event_but_is_no_fault_of_the_service(
    read, breaker_of, counts
):
    breaker = breaker_of()
    got = read(breaker, (say("a"), say("b"), say("c"), STOP), limits={"total": 15}, pause=10)
    assert ended_by(got, "total", 15)
    assert got.text == "ab"
    assert counts(breaker) == (0, 0, 0, 1)
    assert got.client.all_closed


@pytest.mark.anyio
async def test_a_total_that_passed_while_the_consumer_held_an_event_closes_at_once(breaker_of):
    breaker, client = breaker_of(), Client(AsyncFake, (say("a"), say("b"), STOP))
    stream = await open_async(breaker, OPENAI_CHAT, client, StreamLimits(total=5))
    await anext(stream)
    await anyio.sleep(6)
    with pytest.raises(RequestTimeoutError):
        await anext(stream)
    assert client.all_closed
    assert breaker.snapshot().ignored == 1


def test_a_complete_answer_is_not_lost_to_a_slow_consumer(read, breaker_of, counts):
    breaker = breaker_of()
    got = read(breaker, (say("a"), STOP), limits={"total": 15}, pause=10)
    assert (got.error, len(got.events)) == (None, 2)
    assert counts(breaker) == (1, 0, 0, 0)


def test_the_first_content_is_a_limit_of_each_attempt_and_the_total_of_all(read, breaker_of, counts):
    breaker = breaker_of(consecutive_failures=99, request_timeout=0)
    policy = Pipeline("x", Retry(delay=0, jitter="none", max_retries=9), breaker)
    late = (wait(6), say("a"), STOP)
    good = read(policy, late, late, (say("a"), STOP), limits={"first_content": 5})
    assert (good.text, good.client.calls) == ("a", 3)
    got = read(policy, *[late] * 10, limits={"first_content": 5, "total": 13})
    assert ended_by(got, "total", 13)
    assert got.client.calls == 3


def test_a_retry_does_not_sleep_beyond_the_total(kind, read, breaker_of):
    policy = Pipeline("x", Retry(delay=100, max_delay=100), breaker_of())
    got = read(policy, OSError("refused"), limits={"total": 12})
    assert type(got.error) is OSError
    assert got.client.calls == 1


def test_a_fallback_around_is_not_bound_by_a_total_that_is_over(read, breaker_of):
    left = []

    def instead():
        left.append(remaining())
        return [say("instead"), STOP]

    policy = Pipeline("x", Fallback(instead), Retry(delay=0), breaker_of(consecutive_failures=9))
    got = read(policy, *[(wait(13),)] * 9, limits={"total": 12})
    assert (got.text, left) == ("instead", [None])


def test_the_opening_sees_what_is_left_as_its_deadline(kind, run, breaker_of):
    seen = []
    inner = Client(kind, (say("a"), STOP))

    def opener():
        seen.append(remaining())
        return inner()

    async def look():
        args = (None, OPENAI_CHAT, opener, StreamLimits(total=30, first_content=5))
        stream = await open_async(*args) if kind is AsyncFake else open_sync(*args)
        seen.append(remaining())
        closing = stream.close()
        if closing is not None:
            await closing

    run(look())
    assert seen == [pytest.approx(5, abs=0.01), None]


@pytest.mark.anyio
async def test_an_opening_that_hangs_is_ended_in_time_under_asyncio_and_trio(breaker_of):
    breaker = breaker_of(request_timeout=0)
    begun = anyio.current_time()
    got = await read_async(breaker, Client(AsyncFake, (), opening=1000), limits={"first_content": 5})
    assert ended_by(got, "first_content", 5)
    assert anyio.current_time() - begun == pytest.approx(5)
    assert breaker.snapshot().timeouts == 1


@pytest.mark.anyio
async def test_a_raw_asynchronous_generator_is_ended_and_cleaned_up_under_asyncio_and_trio(breaker_of):
    closed = []

    async def items():
        try:
            yield "a"
            await anyio.sleep(1000)
        finally:
            closed.append(1)

    breaker = breaker_of()
    got = await read_async(breaker, items, fmt=RawFormat(), limits={"idle": 2})
    assert ended_by(got, "idle", 2)
    assert (got.events, closed) == (["a"], [1])


@pytest.mark.anyio
async def test_a_cancellation_from_outside_is_ignored_and_stays_one(breaker_of):
    breaker = breaker_of()
    client = Client(AsyncFake, (say("a"), wait(1000)))
    with anyio.move_on_after(3) as scope:
        await read_async(breaker, client, limits={"idle": 20})
    assert scope.cancelled_caught
    assert (breaker.snapshot().ignored, breaker.snapshot().failures) == (1, 0)
    assert client.all_closed


def test_the_breakers_own_limits_hold_as_well(run, breaker_of):
    breaker = breaker_of(request_timeout=3)
    got = run(read_async(breaker, Client(AsyncFake, (ROLE, wait(6), say("a"))), limits={"first_content": 5}))
    assert ended_by(got, "request_timeout", 3)
    assert got.error.setting == "request_timeout"


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "5", 400 * 86400, True and "x"])
@pytest.mark.parametrize("field", ["total", "first_content", "idle"])
def test_a_limit_that_is_no_duration_is_refused(field, bad):
    with pytest.raises(ConfigurationError) as caught:
        StreamLimits(**{field: bad})
    assert caught.value.field == field


def test_limits_are_values():
    limits = StreamLimits(total=timedelta(seconds=5))
    assert limits == StreamLimits(5.0)
    assert hash(limits) == hash(StreamLimits(5))
    assert repr(limits) == "StreamLimits(total=5)"
    with pytest.raises(AttributeError):
        limits.total = 6
