# SPDX-License-Identifier: MIT OR Apache-2.0
"""Leaving the real streams of openai and anthropic early: nothing is counted, nothing is left behind."""

import asyncio
import contextlib
import gc
import threading
import time

import pytest
from trifuse._llm import streams_leaving, watcher
from trifuse.testing.chaos import empty, hang, reset, stream, truncate


@pytest.mark.parametrize("how", ["close", "drop", "block"])
def test_leaving_early_is_ignored_and_closes_the_connection_at_once(api, how):
    api.server.script(stream(*"a" * 100, gap=0.05))
    opened = api.open()
    api.next(opened)
    if how == "close":
        api.run(opened.close())
    elif how == "block":
        api.run(opened.__aexit__(None, None, None) if api.asynchronous else opened.__exit__(None, None, None))
    del opened
    gc.collect()
    if api.asynchronous:
        api.runner.run(asyncio.sleep(0.02))
    assert api.counts == (0, 0, 0, 1)
    api.wait_until_left()


def test_closing_from_elsewhere_ends_a_read(api):
    api.server.script(stream("a", then=hang()))
    opened, got = api.open(), []
    if api.asynchronous:

        async def read():
            got.extend([event async for event in opened])

        async def both():
            reading = asyncio.create_task(read())
            await asyncio.sleep(0.05)
            await opened.close()
            await reading

        api.runner.run(both())
    else:
        thread = threading.Thread(target=lambda: got.extend(opened))
        thread.start()
        time.sleep(0.05)
        opened.close()
        thread.join(5)
        assert not thread.is_alive()
    assert api.text(got) == "a"
    assert api.counts == (0, 0, 0, 1)
    api.wait_until_left()


def test_after_streams_that_ended_in_every_way_no_connection_or_watch_is_left(api):
    steps = [
        stream("a"),
        stream("a", then=truncate()),
        stream("a", then=reset()),
        stream("a", then=hang()),
        empty(),
    ]
    for number in range(60):
        api.server.script(steps[number % 5])
        with contextlib.suppress(Exception):
            opened = api.open(idle=0.02)
            if number % 3 == 0:
                del opened
                continue
            while True:
                api.next(opened)
    if api.asynchronous:
        api.runner.run(asyncio.sleep(0.05))
    gc.collect()
    pool = api.client._client._transport._pool
    assert all(connection.is_idle() or connection.is_closed() for connection in pool.connections)
    assert len(pool.connections) <= 1
    assert not pool._requests
    assert not streams_leaving._tasks
    assert all(entry[2]._close is None for entry in watcher._watcher._heap)
    assert sum(api.counts[:2]) + api.counts[3] == 60
