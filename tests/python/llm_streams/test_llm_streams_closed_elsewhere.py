# SPDX-License-Identifier: MIT OR Apache-2.0
# Streams that another task or thread closes while they are read, or wait for a policy.
import threading
import time

import anyio
import pytest
from stream_fakes import AsyncFake, Client, free, say, wait, world
from trifuse import Bulkhead
from trifuse._llm.formats import OPENAI_CHAT, RAW
from trifuse._llm.streams import open_async, open_sync
from trifuse.streams import guard_stream


@pytest.mark.anyio
async def test_a_task_that_reads_gets_the_end_when_another_closes(breaker_of):
    breaker, one, policy = world(breaker_of)
    client = Client(AsyncFake, (say("a"), wait(1000)))
    stream = await open_async(policy, OPENAI_CHAT, client)
    got = []

    async def read():
        got.extend([event async for event in stream])
        got.append("over")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.sleep(1)
        await stream.close()
    assert got == [say("a"), "over"]
    assert breaker.snapshot().ignored == 1
    assert client.all_closed
    assert free(breaker, one)


@pytest.mark.anyio
async def test_a_task_that_waits_for_a_policy_gets_the_end_when_another_closes(breaker_of):
    breaker, one, policy = world(breaker_of)
    one.reconfigure(max_queue=1)
    opened, got = [], []

    @guard_stream(policy)
    async def letters():
        opened.append(1)
        yield "a"

    first, second = letters(), letters()
    assert await anext(first) == "a"

    async def read():
        got.extend([event async for event in second])
        got.append("over")

    breaker.reset()  # or the second would be refused while the probe is in flight
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.sleep(1)
        await second.close()
        await first.close()
    assert (got, opened) == (["over"], [1])
    assert breaker.snapshot().ignored == 1
    assert free(breaker, one)


def test_a_thread_that_waits_for_a_policy_gets_the_end_when_another_closes(breaker_of):
    one = Bulkhead(1, max_queue=1)
    opened, got = [], []

    @guard_stream(one)
    def letters():
        opened.append(1)
        yield "a"

    first, second = letters(), letters()
    assert next(first) == "a"
    thread = threading.Thread(target=lambda: got.append(list(second)))
    thread.start()
    while not one.snapshot().waiting:
        time.sleep(0.001)
    second.close()
    first.close()
    thread.join(10)
    assert (got, opened) == ([[]], [1])
    assert one.in_flight == 0


def test_an_interrupt_comes_through_though_another_thread_closes_the_stream():
    @guard_stream()
    def letters():
        yield "a"
        stream.close()  # as from another thread, while this one reads
        raise KeyboardInterrupt

    stream = letters()
    assert next(stream) == "a"
    with pytest.raises(KeyboardInterrupt):
        next(stream)


def test_a_thread_that_reads_gets_the_end_when_another_closes(breaker_of):
    breaker, one, policy = world(breaker_of)
    reading, told = threading.Event(), threading.Event()

    class Blocking:
        def __init__(self):
            self.items = iter("a")

        def __iter__(self):
            return self

        def __next__(self):
            for item in self.items:
                return item
            reading.set()
            assert told.wait(10)
            raise OSError("shut down")

    stream = open_sync(policy, RAW, Blocking)
    stream._call.reading._closer = told.set
    got = []
    thread = threading.Thread(target=lambda: got.extend(stream))
    thread.start()
    assert reading.wait(10)
    stream.close()
    thread.join(10)
    assert got == ["a"]
    assert breaker.snapshot().ignored == 1
    assert free(breaker, one)
