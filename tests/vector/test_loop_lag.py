# SPDX-License-Identifier: MIT OR Apache-2.0
"""What blocking calls of a synchronous client do to an event loop: on it, and in worker threads."""

from __future__ import annotations

import asyncio
import itertools
import time

import chromadb
import pytest
from trifuse._worker_threads import WorkerPool
from trifuse.contrib.chromadb import aprotect

_numbers = itertools.count()
_BLOCKING = 0.2
_CALLS = 50


class Blocking:
    """In place of a server: every call blocks its thread."""

    def __init__(self, server):
        self._server = server

    def __getattr__(self, name):
        found = getattr(self._server, name)

        def call(*args, **kwargs):
            time.sleep(_BLOCKING)
            return found(*args, **kwargs)

        return call


@pytest.fixture
def bare():
    found = chromadb.EphemeralClient().create_collection(f"lag-{next(_numbers)}", embedding_function=None)
    found._client = Blocking(found._client)
    return found


async def lag_of(calls):
    """Give the lag of the loop while calls run: how late a task that sleeps 2 ms is, p99 and most, in seconds."""
    lags = []

    async def watch():
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            lags.append(time.perf_counter() - began - 0.002)

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0.02)
    results = await asyncio.gather(*calls)
    await asyncio.sleep(0.01)
    watching.cancel()
    lags.sort()
    return results, lags[len(lags) * 99 // 100], lags[-1]


def test_fifty_blocking_calls_do_not_hold_up_the_loop_in_worker_threads(bare, name):
    guarded = aprotect(bare, name=name, pool=WorkerPool(25, name=name))

    async def main():
        began = time.monotonic()
        results, p99, _ = await lag_of([guarded.count() for _ in range(_CALLS)])
        assert results == [0] * _CALLS
        assert time.monotonic() - began < 2  # two rounds, not fifty
        return p99

    p99 = asyncio.run(main())
    print(f"lag p99 of the loop: {p99 * 1000:.2f} ms")
    assert p99 < 0.03


def test_on_the_loop_each_of_them_holds_it_up(bare):
    async def main():
        async def on_the_loop():
            return bare.count()

        return await lag_of([on_the_loop() for _ in range(2)])

    _, _, most = asyncio.run(main())
    assert most > _BLOCKING
