# SPDX-License-Identifier: MIT OR Apache-2.0
"""A real Chroma server that is killed, stopped and started again."""

from __future__ import annotations

import asyncio
import gc
import time

import chromadb
import pytest
from servers import ChromaServer
from trifuse import CircuitBreakerOpenError, registry
from trifuse.contrib.chromadb import aconnect, aprotect, connect, protect

ONE = [1.0, 2.0, 3.0]
# chromadb leaves sockets to the garbage collector, which make() runs after each test.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def started():
    server = ChromaServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def server(started):
    """The server, which every test finds running."""
    if started.process is None:
        started.start()
    return started


@pytest.fixture
def make(server):
    made = []

    def make():
        client = chromadb.HttpClient(host="127.0.0.1", port=server.port)
        made.append(client)
        collection = client.get_or_create_collection("docs", embedding_function=None)
        collection.upsert(ids=["a"], embeddings=[ONE], documents=["A"])
        return collection

    yield make
    for client in made:
        client._server._session.close()
    chromadb.api.client.SharedSystemClient.clear_system_cache()
    gc.collect()


def test_a_server_that_is_killed_gives_empty_results_opens_the_breaker_and_is_found_again(
    server, make, quick
):
    guarded = protect(make(), **quick)
    assert guarded.query(query_embeddings=ONE)["documents"] == [["A"]]
    server.kill()
    began = time.monotonic()
    for _ in range(4):
        assert guarded.query(query_embeddings=[ONE, ONE])["documents"] == [[], []]
    assert time.monotonic() - began < 1
    breaker = registry[quick["name"]]
    assert breaker.state == "open"
    assert breaker.snapshot().failures == 2  # the other two did not reach for the server
    with pytest.raises(CircuitBreakerOpenError):
        guarded.upsert(ids=["b"], embeddings=[ONE])
    server.start()
    time.sleep(0.25)
    assert guarded.query(query_embeddings=ONE)["documents"] == [["A"]]
    assert breaker.state == "closed"


def test_the_synchronous_client_gets_our_time_limit_because_it_has_none(server, make, quick):
    guarded = protect(make(), **quick)
    with server.hanging():
        began = time.monotonic()
        assert guarded.count() == 0
        assert 0.4 < time.monotonic() - began < 2
    assert guarded.circuit_breaker.snapshot().timeouts == 1
    assert guarded.count() == 1


def test_an_application_may_start_before_its_database(server, make, quick):
    server.kill()
    with pytest.raises(ValueError, match="Could not connect"):
        make()
    guarded = connect(make, **quick)
    assert guarded.query(query_embeddings=ONE)["ids"] == [[]]
    assert guarded.circuit_breaker.snapshot().failures == 1
    server.start()
    assert guarded.query(query_embeddings=ONE)["ids"] == [["a"]]


def test_the_asynchronous_client_is_limited_and_found_again(server, make, quick):
    make()

    async def main():
        clients = []

        async def collection():
            client = await chromadb.AsyncHttpClient(host="127.0.0.1", port=server.port)
            clients.append(client)
            return await client.get_collection("docs", embedding_function=None)

        bare = await collection()
        guarded = protect(bare, **quick)
        assert isinstance(guarded, type(bare))
        assert (await guarded.query(query_embeddings=ONE))["ids"] == [["a"]]
        with server.hanging():
            began = time.monotonic()
            found = await asyncio.gather(*(guarded.query(query_embeddings=ONE) for _ in range(20)))
            assert time.monotonic() - began < 1.5
            assert [each["ids"] for each in found] == [[[]]] * 20
        assert guarded.circuit_breaker.state == "open"
        await asyncio.sleep(0.25)
        assert await guarded.count() == 1
        later = connect(collection, type(bare), name=quick["name"] + "-later")
        assert (await later.get())["ids"] == ["a"]
        for client in clients:
            for session in client._server._clients.values():
                await session.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("lazily", [False, True])
def test_a_hanging_server_stops_neither_the_loop_nor_the_other_callers(server, make, quick, lazily, until):
    guarded = aconnect(make, **quick) if lazily else aprotect(make(), **quick)

    async def main():
        assert await guarded.count() == 1
        with server.hanging():
            lags = []

            async def watch():
                while True:
                    began = time.perf_counter()
                    await asyncio.sleep(0.005)
                    lags.append(time.perf_counter() - began - 0.005)

            watching = asyncio.ensure_future(watch())
            counts = await asyncio.gather(*(guarded.count() for _ in range(30)))
            watching.cancel()
        assert set(counts) == {0}
        assert sorted(lags)[len(lags) * 9 // 10] < 0.05

    asyncio.run(main())
    until(lambda: guarded.describe()["threads"]["running"] == 0)
