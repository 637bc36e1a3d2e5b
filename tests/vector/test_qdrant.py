# SPDX-License-Identifier: MIT OR Apache-2.0
"""qdrant: in memory, and its REST client against a server that answers by a script."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from servers import ScriptedServer, free_port
from trifuse import BulkheadFullError, ForcedOpenError
from trifuse._worker_threads import WorkerPool
from trifuse.contrib.qdrant import aprotect, describe, protect

ONE = [1.0, 2.0, 3.0]
POINT = {"id": 7, "version": 1, "score": 0.5, "payload": None, "vector": None}
FOUND = (200, {"result": {"points": [POINT]}, "status": "ok", "time": 0.0}, {})


def filled(client):
    vectors = models.VectorParams(size=3, distance=models.Distance.COSINE)
    yield client.create_collection("docs", vectors_config=vectors)
    yield client.upsert("docs", points=[models.PointStruct(id=7, vector=ONE, payload={"t": "A"})])


@pytest.fixture
def memory():
    client = QdrantClient(":memory:")
    list(filled(client))
    yield client
    client.close()


@pytest.fixture
def server():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def remote(server):
    client = QdrantClient(url=server.url, check_compatibility=False, timeout=2)
    yield client
    client.close()


NONE = models.Filter(must=[models.FieldCondition(key="t", match=models.MatchValue(value="none"))])
READS = {
    "query_points": lambda c: c.query_points("docs", query=ONE, query_filter=NONE),
    "query_batch_points": lambda c: c.query_batch_points(
        "docs", requests=[models.QueryRequest(query=ONE, filter=NONE)] * 3
    ),
    "query_points_groups": lambda c: c.query_points_groups("docs", "t", query=ONE, query_filter=NONE),
    "scroll": lambda c: c.scroll("docs", scroll_filter=NONE),
    "count": lambda c: c.count("docs", count_filter=NONE),
    "facet": lambda c: c.facet("docs", key="none"),
    "retrieve": lambda c: c.retrieve("docs", ids=[99]),
    "search_matrix_pairs": lambda c: c.search_matrix_pairs("docs", query_filter=NONE),
    "search_matrix_offsets": lambda c: c.search_matrix_offsets("docs", query_filter=NONE),
}


@pytest.mark.parametrize("read", READS)
def test_an_empty_result_is_what_qdrant_itself_gives_when_it_finds_nothing(read, memory, name):
    guarded = protect(memory, name=name)
    expected = READS[read](memory)
    assert READS[read](guarded) == expected
    guarded.circuit_breaker.force_open()
    found = READS[read](guarded)
    assert found == expected
    assert type(found) is type(expected)
    with pytest.raises(ForcedOpenError):
        guarded.delete("docs", points_selector=[7])


MISTAKES = {
    "a wrong dimension": lambda c: c.query_points("docs", query=[1.0, 2.0]),
    "an unknown collection": lambda c: c.query_points("none", query=ONE),
    "an unknown argument": lambda c: c.query_points("docs", query=ONE, nonsense=1),
    "a wrong point": lambda c: c.upsert("docs", points=[models.PointStruct(id=1, vector=[1.0])]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(mistake, memory, name):
    guarded = protect(memory, name=name, consecutive_failures=1)
    with pytest.raises((ValueError, AssertionError)):
        MISTAKES[mistake](guarded)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures) == (1, 0)


OUTAGES = {
    "status 500": (500, {"status": {"error": "broken"}}, {}),
    "status 503": (503, {"status": {"error": "starting"}}, {}),
    "a reset": "reset",
    "silence": 3,
    "too many requests": (429, {"status": {"error": "slow down"}}, {}),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_gives_empty_results_and_two_requests_open_the_breaker(outage, server, remote, quick):
    server.default = OUTAGES[outage]
    guarded = protect(remote, thread=True, **quick)
    for _ in range(4):
        assert guarded.query_points("docs", query=ONE).points == []
    assert guarded.circuit_breaker.state == "open"
    assert server.paths == ["/collections/docs/points/query"] * 2
    server.default = FOUND
    time.sleep(0.25)
    assert [point.id for point in guarded.query_points("docs", query=ONE).points] == [7]
    assert guarded.circuit_breaker.state == "closed"


def test_the_wait_that_the_server_asks_for_keeps_the_breaker_open_for_as_long(server, remote, quick):
    server.default = (429, {"status": {"error": "slow down"}}, {"retry-after": "1"})
    guarded = protect(remote, **quick)
    began = time.monotonic()
    for _ in range(50):
        assert guarded.query_points("docs", query=ONE).points == []
        if guarded.circuit_breaker.state == "open":
            break
    server.default = FOUND
    reached = len(server.paths)
    time.sleep(0.5)
    assert guarded.query_points("docs", query=ONE).points == []
    assert len(server.paths) == reached
    time.sleep(max(0.0, began + 1.1 - time.monotonic()))
    assert guarded.query_points("docs", query=ONE).points != []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_status_that_blames_the_request_is_raised(status, server, remote, quick):
    from qdrant_client.http.exceptions import UnexpectedResponse

    server.default = (status, {"status": {"error": "wrong"}}, {})
    guarded = protect(remote, **quick)
    for _ in range(3):
        with pytest.raises(UnexpectedResponse):
            guarded.query_points("docs", query=ONE)
    assert guarded.circuit_breaker.snapshot().ignored == 3


def test_nobody_listening_is_a_failure(quick):
    client = QdrantClient(url=f"http://127.0.0.1:{free_port()}", check_compatibility=False)
    guarded = protect(client, **quick)
    assert guarded.count("docs").count == 0
    assert guarded.scroll("docs") == ([], None)
    assert guarded.circuit_breaker.state == "open"
    client.close()


def test_the_asynchronous_client_in_memory_and_remote(server, quick):
    async def main():
        memory = AsyncQdrantClient(":memory:")
        for step in filled(memory):
            await step
        guarded = protect(memory, **quick)
        assert isinstance(guarded, AsyncQdrantClient)
        assert [point.id for point in (await guarded.query_points("docs", query=ONE)).points] == [7]
        with pytest.raises(ValueError):
            await guarded.query_points("none", query=ONE)
        await memory.close()
        server.default = 3
        client = AsyncQdrantClient(url=server.url, check_compatibility=False, timeout=5)
        remote = protect(client, **{**quick, "name": quick["name"] + "-remote", "request_timeout": 0.2})
        began = time.monotonic()
        assert (await remote.query_points("docs", query=ONE)).points == []
        assert 0.15 < time.monotonic() - began < 1
        assert remote.circuit_breaker.snapshot().timeouts == 1
        call = asyncio.ensure_future(remote.count("docs"))
        while len(server.paths) < 2:
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert remote.circuit_breaker.snapshot().ignored == 1
        await client.close()

    asyncio.run(main())


def test_a_synchronous_client_is_awaited_in_a_pool_of_ones_own(server, remote, quick):
    server.steps = [FOUND]
    server.default = 3
    pool = WorkerPool(2, queue=0, name="mine")

    async def main():
        guarded = aprotect(remote, pool=pool, **{**quick, "request_timeout": 0.2})
        assert [point.id for point in (await guarded.query_points("docs", query=ONE)).points] == [7]
        assert (await guarded.query_points("docs", query=ONE)).points == []
        writes = [guarded.delete("docs", points_selector=[1]) for _ in range(3)]
        ended = await asyncio.gather(*writes, return_exceptions=True)
        assert [isinstance(error, BulkheadFullError) for error in ended] == [False, True, True]
        assert pool.snapshot().stuck == 2

    asyncio.run(main())


def test_what_makes_many_requests_passes_through_and_is_listed(memory, name):
    guarded = protect(memory, name=name)
    told = describe(guarded)
    assert {"upload_points", "upload_collection", "migrate"} <= set(told["unguarded"])
    guarded.upload_points("docs", [models.PointStruct(id=8, vector=ONE)])
    assert guarded.circuit_breaker.snapshot().calls == 0
    assert guarded.count("docs").count == 2


def test_what_passes_through_is_awaited_in_a_thread_where_the_client_is_awaited(memory, name):
    threads = []
    memory.upload_points = lambda *_: threads.append(threading.get_ident())

    class Uploading(QdrantClient):
        def upload_points(self, *_):
            threads.append(threading.get_ident())

    client = Uploading(":memory:")
    asyncio.run(aprotect(client, name=name).upload_points("docs", []))
    assert threads != [threading.get_ident()]
    client.close()
