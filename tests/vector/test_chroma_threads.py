# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chroma, embedded: time limits, worker threads, retries."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import chromadb
import pytest
import trio
from embedded import ONE, Slow
from trifuse import RequestTimeoutError, Retry
from trifuse._worker_threads import WorkerPool
from trifuse.contrib.chromadb import aprotect, protect

_numbers = itertools.count()


def test_in_a_thread_the_caller_gets_its_timeout_in_time_and_the_empty_result(bare, slow, quick, until):
    guarded = protect(bare, thread=True, **{**quick, "request_timeout": 0.1})
    began = time.monotonic()
    assert guarded.count() == 0
    assert 0.09 < time.monotonic() - began < 0.4
    with pytest.raises(RequestTimeoutError) as late:
        guarded.delete(ids=["a"])
    assert (late.value.setting, late.value.limit) == ("request_timeout", 0.1)
    assert guarded.circuit_breaker.state == "open"
    assert guarded.describe()["threads"]["stuck"] == 2
    slow.gate.set()
    until(lambda: guarded.describe()["threads"]["running"] == 0)


def test_without_a_thread_a_late_result_is_returned_and_recorded_as_a_timeout(bare, slow, quick):
    guarded = protect(bare, **{**quick, "request_timeout": 0.05})
    threading.Timer(0.15, slow.gate.set).start()
    assert guarded.count() == 2
    assert guarded.circuit_breaker.snapshot().timeouts == 1


def test_the_total_ends_all_attempts_and_a_retry_repeats_reads_only(bare, slow, quick, monkeypatch):
    slow.gate.set()
    failing = {"_count", "_delete"}

    def fail(self, attribute):
        def call(*_, **__):
            self.calls += 1
            raise ConnectionError(attribute)

        return call if attribute in failing else getattr(self._server, attribute)

    monkeypatch.setattr(Slow, "__getattr__", fail)
    retry = Retry(max_retries=2, delay=0.001)
    guarded = protect(bare, **{**quick, "consecutive_failures": 50}, retry=retry, total=5)
    assert guarded.count() == 0
    assert slow.calls == 3
    with pytest.raises(ConnectionError):
        guarded.delete(ids=["a"])
    assert slow.calls == 4
    assert [policy["kind"] for policy in guarded.describe()["policies"]] == [
        "timeout",
        "retry",
        "circuit_breaker",
    ]


def test_awaited_calls_of_an_embedded_collection_never_run_on_the_loop(bare, slow, texts, embedder, name):
    slow.gate.set()

    async def main():
        guarded = aprotect(bare, name=name)
        assert not isinstance(guarded, chromadb.Collection)
        found = await guarded.query(query_embeddings=[ONE], n_results=1)
        assert found["ids"] == [["a"]]
        embedded = aprotect(texts, name=name + "-texts")
        assert (await embedded.query(query_texts=["A"], n_results=1))["ids"] == [["a"]]
        assert guarded.name == bare.name

    asyncio.run(main())
    assert threading.get_ident() not in slow.threads
    assert embedder.thread != threading.get_ident()


def test_an_awaited_call_that_hangs_gives_its_caller_the_empty_result_and_keeps_its_thread(
    bare, slow, quick, until
):
    async def main():
        guarded = aprotect(bare, **{**quick, "request_timeout": 0.1, "consecutive_failures": 100})
        began = time.monotonic()
        counts = await asyncio.gather(*(guarded.count() for _ in range(40)))
        assert time.monotonic() - began < 1.5
        assert set(counts) == {0}
        assert slow.calls == 16  # as many as there are threads: the others waited for one, and were refused
        assert guarded.circuit_breaker.snapshot().timeouts == 16
        threads = guarded.describe()["threads"]
        assert (threads["running"], threads["stuck"], threads["waiting"]) == (16, 16, 0)
        began = time.monotonic()
        assert await guarded.count() == 0  # refused at once: none of them will be free
        assert time.monotonic() - began < 0.05
        slow.gate.set()
        return guarded

    guarded = asyncio.run(main())
    until(lambda: guarded.describe()["threads"]["running"] == 0)


def test_a_cancelled_awaited_call_is_ignored_and_stays_a_cancellation(bare, slow, name, until):
    async def main():
        guarded = aprotect(bare, name=name)
        call = asyncio.ensure_future(guarded.count())
        while not slow.calls:
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        taken = guarded.circuit_breaker.snapshot()
        assert (taken.ignored, taken.failures, taken.successes) == (1, 0, 0)
        slow.gate.set()

    asyncio.run(main())


def test_on_trio_calls_are_awaited_limited_and_cancelled_alike(bare, slow, quick, until):
    guarded = aprotect(bare, **{**quick, "request_timeout": 0.1})

    async def main():
        began = time.monotonic()
        assert await guarded.count() == 0
        assert 0.09 < time.monotonic() - began < 1
        with trio.move_on_after(0.02) as scope:
            await guarded.delete(ids=["none"])
        assert scope.cancelled_caught
        taken = guarded.circuit_breaker.snapshot()
        assert (taken.timeouts, taken.ignored) == (1, 1)
        slow.gate.set()
        assert await guarded.count() == 2

    trio.run(main)
    until(lambda: guarded.describe()["threads"]["running"] == 0)


def test_of_a_thousand_tasks_at_half_open_exactly_the_probes_reach_the_database(bare, slow, name):
    async def main():
        pool = WorkerPool(16, queue=2000, name=name)
        guarded = aprotect(
            bare, name=name, pool=pool, half_open_max_calls=3, success_threshold=3, open_duration=0.05
        )
        guarded.circuit_breaker.trip()
        await asyncio.sleep(0.06)
        calls = [asyncio.ensure_future(guarded.count()) for _ in range(1000)]
        while sum(call.done() for call in calls) < 997:
            await asyncio.sleep(0.001)
        assert slow.calls == 3
        slow.gate.set()
        assert sorted(await asyncio.gather(*calls)) == [0] * 997 + [2] * 3
        assert guarded.circuit_breaker.state == "closed"
        assert pool.snapshot()[2:5] == (0, 0, 0)

    asyncio.run(main())


def test_an_awaited_client_opens_awaited_collections(client, bare, name):
    async def main():
        guarded = aprotect(client, name=name)
        opened = await guarded.get_collection(bare.name, embedding_function=None)
        assert await opened.count() == 2
        assert opened.circuit_breaker is guarded.circuit_breaker
        opened.circuit_breaker.force_open()
        assert await opened.count() == 0

    asyncio.run(main())
