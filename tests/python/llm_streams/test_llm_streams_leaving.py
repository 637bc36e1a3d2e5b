# SPDX-License-Identifier: MIT OR Apache-2.0
# Consumers that leave early, in every way there is: nothing is counted, everything comes back.
import asyncio
import gc
import threading
import warnings

import anyio
import pytest
from stream_fakes import GOOD, ROLE, STOP, AsyncFake, Client, SyncFake, free, say, wait, world
from trifuse import Bulkhead, Pipeline
from trifuse._llm import streams_leaving
from trifuse._llm.formats import OPENAI_CHAT, RAW
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync

ENDLESS = (ROLE, *[say("a")] * 50)


async def left(how, stream):
    if how == "close":
        await stream.close()
        await stream.close()
    elif how == "aclose":
        await stream.aclose()
    elif how == "block":
        async with stream:
            await anext(stream)
    elif how == "raise":
        with pytest.raises(KeyError):
            async with stream:
                raise KeyError
    elif how == "before":
        await stream.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["close", "aclose", "block", "raise", "before"])
async def test_a_stream_that_is_closed_early_counts_as_nothing_and_is_closed_at_once(breaker_of, how):
    breaker, one, policy = world(breaker_of)
    client = Client(AsyncFake, ENDLESS)
    stream = await open_async(policy, OPENAI_CHAT, client)
    if how != "before":
        assert [await anext(stream), await anext(stream)] == [ROLE, say("a")]
    await left(how, stream)
    seen = breaker.snapshot()
    assert (seen.ignored, seen.successes, seen.failures) == (1, 0, 0)
    assert client.all_closed
    assert free(breaker, one)


@pytest.mark.parametrize("how", ["close", "block", "raise", "dropped"])
def test_a_synchronous_stream_that_is_left_early_counts_as_nothing(clock, breaker_of, how):
    breaker, one, policy = world(breaker_of)
    client = Client(SyncFake, ENDLESS)
    stream = open_sync(policy, OPENAI_CHAT, client)
    assert next(stream) == ROLE
    if how == "close":
        stream.close()
        stream.close()
        assert next(stream, None) is None
    elif how == "block":
        with stream:
            next(stream)
    elif how == "raise":
        with pytest.raises(KeyError), stream:
            raise KeyError
    del stream
    assert breaker.snapshot().ignored == 1
    assert client.all_closed
    assert free(breaker, one)


@pytest.mark.anyio
async def test_a_stream_that_is_left_after_its_terminal_event_is_a_success(breaker_of):
    breaker, one, policy = world(breaker_of)
    client = Client(AsyncFake, (ROLE, say("a"), STOP, wait(1000)))
    async with await open_async(policy, OPENAI_CHAT, client) as stream:
        async for event in stream:
            if event == STOP:
                break
    assert (breaker.snapshot().successes, breaker.snapshot().ignored) == (1, 0)
    assert client.all_closed
    assert free(breaker, one)


def test_a_synchronous_stream_that_is_left_after_its_terminal_event_is_a_success(clock, breaker_of):
    breaker, _one, policy = world(breaker_of)
    client = Client(SyncFake, (ROLE, say("a"), STOP, OSError()))
    for event in open_sync(policy, OPENAI_CHAT, client):
        if event == STOP:
            break
    assert (breaker.snapshot().successes, breaker.snapshot().ignored) == (1, 0)
    assert client.all_closed


@pytest.mark.anyio
@pytest.mark.parametrize("complete", [False, True])
async def test_a_stream_that_is_dropped_gives_everything_back_without_a_sound(breaker_of, complete):
    breaker, one, policy = world(breaker_of)
    client = Client(AsyncFake, (ROLE, say("a"), STOP, wait(1000)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = await open_async(policy, OPENAI_CHAT, client)
        for _ in range(3 if complete else 2):
            await anext(stream)
        del stream
        await anyio.sleep(0.01)
        gc.collect()
        await anyio.sleep(0.01)
    seen = breaker.snapshot()
    assert (seen.successes, seen.ignored) == ((1, 0) if complete else (0, 1))
    assert client.all_closed
    assert free(breaker, one)
    assert not streams_leaving._tasks


def test_a_stream_that_outlives_its_loop_gives_its_permit_back(run, breaker_of):
    breaker, one, policy = world(breaker_of)
    kept = []

    async def keep():
        kept.append(await open_async(policy, OPENAI_CHAT, Client(AsyncFake, ENDLESS)))

    run(keep())
    kept.clear()
    assert free(breaker, one)


def test_a_stream_whose_loop_was_merely_closed_gives_its_permit_back(breaker_of):
    breaker, one, policy = world(breaker_of)
    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(open_async(policy, OPENAI_CHAT, Client(AsyncFake, ENDLESS)))
    loop.close()
    assert not free(breaker, one)
    del stream
    assert free(breaker, one)
    assert breaker.snapshot().ignored == 1


def test_a_stream_that_is_dropped_in_another_thread_is_left_in_its_loops(run, breaker_of):
    breaker, one, policy = world(breaker_of)
    client = Client(AsyncFake, ENDLESS)

    async def drop():
        held = [await open_async(policy, OPENAI_CHAT, client)]
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        await asyncio.sleep(0.01)

    run(drop())
    assert client.all_closed
    assert free(breaker, one)


@pytest.mark.anyio
async def test_a_raw_generator_is_closed_by_whoever_leaves(breaker_of):
    closed = []

    async def items():
        try:
            yield "a"
            yield "b"
        finally:
            await anyio.sleep(0)
            closed.append(1)

    breaker = breaker_of()
    async with await open_async(breaker, RAW, items) as stream:
        assert await anext(stream) == "a"
    assert closed == [1]
    assert breaker.snapshot().ignored == 1


@pytest.mark.anyio
async def test_cancelling_at_any_moment_gives_everything_back(breaker_of):
    """At every one of the points where a stream can wait."""
    breaker, one, policy = world(breaker_of)
    script = [step for event in GOOD for step in (wait(1), event)]
    ended = 0
    for moment in range(1, 9):
        client = Client(AsyncFake, script, opening=2)
        with anyio.move_on_after(moment - 0.5) as scope:
            stream = await open_async(policy, OPENAI_CHAT, client, StreamLimits(idle=50, first_content=50))
            await stream.until_done()
        ended += not scope.cancelled_caught
        assert client.all_closed
        assert free(breaker, one)
    seen = breaker.snapshot()
    assert (seen.successes, seen.failures, seen.ignored) == (ended, 0, 8 - ended)
    assert 0 < ended < 8


@pytest.mark.anyio
async def test_after_a_thousand_streams_that_ended_in_every_way_nothing_is_left(breaker_of):
    breaker = breaker_of(consecutive_failures=10**6)
    limit = Bulkhead(1000, max_queue=0)
    policy = Pipeline("x", breaker, limit)
    clients = []

    async def one(number):
        how = number % 7
        scripts = {
            0: GOOD,
            1: (say("a"), OSError()),
            2: (say("a"),),
            3: (),
            4: (say("a"), wait(1000)),
            5: ENDLESS,
        }
        client = Client(AsyncFake, scripts.get(how, ENDLESS), opening=number % 3)
        clients.append(client)
        with anyio.move_on_after(1 if how == 6 else 10_000):
            try:
                stream = await open_async(policy, OPENAI_CHAT, client, StreamLimits(first_content=20, idle=5))
                if how == 5:
                    return  # dropped
                if how == 6:
                    await anyio.sleep(1000)
                await stream.until_done()
            except Exception:
                pass

    async with anyio.create_task_group() as tasks:
        for number in range(1000):
            tasks.start_soon(one, number)
    await anyio.sleep(0.01)
    gc.collect()
    await anyio.sleep(0.01)
    seen = breaker.snapshot()
    assert seen.successes + seen.failures + seen.ignored == 1000
    assert all(client.all_closed for client in clients)
    assert limit.snapshot().in_flight == 0
    assert not streams_leaving._tasks
