# SPDX-License-Identifier: MIT OR Apache-2.0
"""Milvus Lite, and a server that is not there. Runs in an environment of its own: `make test-clients`."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import threading
import time

import pytest
from pymilvus import MilvusClient, MilvusException
from trifuse import CircuitBreakerOpenError, ForcedOpenError
from trifuse.contrib.milvus import aconnect, aprotect, connect, describe, protect

pytestmark = pytest.mark.filterwarnings("ignore")  # pymilvus and its database warn of themselves
ONE, TWO = [1.0, 2.0, 3.0], [9.0, 1.0, 0.0]
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.ERROR)  # pymilvus logs every error with its traceback
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def name():
    return f"milvus-{next(_numbers)}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    client = MilvusClient(str(tmp_path_factory.mktemp("milvus") / "lite.db"))
    client.create_collection("docs", dimension=3)
    client.insert("docs", [{"id": 1, "vector": ONE, "text": "A"}, {"id": 2, "vector": TWO, "text": "B"}])
    yield client
    client.close()


@pytest.fixture
def nobody():
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


NONE = "text == 'none'"
READS = {
    "search": lambda c: c.search("docs", data=[ONE], filter=NONE),
    "search of several": lambda c: c.search(
        "docs", data=[ONE, TWO, ONE], filter=NONE, output_fields=["text"]
    ),
    "query": lambda c: c.query("docs", filter=NONE),
    "get": lambda c: c.get("docs", ids=[99]),
}


@pytest.mark.parametrize("read", READS)
def test_an_empty_result_is_what_milvus_itself_gives_when_it_finds_nothing(read, client, name):
    guarded = protect(client, name=name)
    assert isinstance(guarded, MilvusClient)
    expected = READS[read](client)
    guarded.circuit_breaker.force_open()
    found = READS[read](guarded)
    assert type(found) is type(expected)
    assert [list(row) for row in found] == [list(row) for row in expected]


def test_a_guarded_client_finds_what_the_client_finds(client, name):
    guarded = protect(client, name=name)
    found = guarded.search("docs", data=[ONE], limit=1, output_fields=["text"])
    assert found[0][0]["entity"]["text"] == "A"
    assert guarded.query("docs", filter="text == 'B'")[0]["id"] == 2
    guarded.circuit_breaker.force_open()
    with pytest.raises(ForcedOpenError):
        guarded.insert("docs", [{"id": 3, "vector": ONE}])


MISTAKES = {
    "a wrong dimension": lambda c: c.search("docs", data=[[1.0, 2.0]]),
    "an unknown collection": lambda c: c.search("none", data=[ONE]),
    "a bad filter": lambda c: c.query("docs", filter="text ==== 1"),
    "a wrong row": lambda c: c.insert("docs", [{"id": 3, "vector": [1.0]}]),
    "nonsense": lambda c: c.search("docs", data="x"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(mistake, client, name):
    guarded = protect(client, name=name, consecutive_failures=1)
    with pytest.raises(MilvusException):
        MISTAKES[mistake](guarded)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures) == (1, 0)


def test_each_call_gets_our_time_limit_unless_it_brings_its_own(client, name):
    told = []

    class Noting(MilvusClient):
        def search(self, *args, timeout=None, **kwargs):
            told.append(timeout)
            return []

    guarded = protect(Noting.__new__(Noting), name=name, request_timeout=2)
    guarded.search("docs", data=[ONE])
    guarded.search("docs", data=[ONE], timeout=9)
    assert told == [2.0, 9]


def test_a_server_that_is_not_there_gives_empty_results_and_opens_the_breaker(name):
    settings = {"name": name, "consecutive_failures": 2, "failure_rate_threshold": 1.0}
    guarded = connect(lambda: MilvusClient("http://127.0.0.1:9", timeout=1), **settings)
    assert isinstance(guarded, MilvusClient)
    for _ in range(3):
        assert [list(row) for row in guarded.search("docs", data=[ONE, TWO])] == [[], []]
    assert guarded.circuit_breaker.state == "open"
    assert guarded.circuit_breaker.snapshot().failures == 2
    with pytest.raises(CircuitBreakerOpenError):
        guarded.upsert("docs", [{"id": 1, "vector": ONE}])


def test_a_server_that_says_nothing_holds_up_no_caller_that_awaits(nobody, name):
    async def main():
        guarded = aconnect(lambda: MilvusClient(nobody, timeout=1), name=name, request_timeout=0.2)
        began = time.monotonic()
        assert [list(row) for row in await guarded.search("docs", data=[ONE])] == [[]]
        assert time.monotonic() - began < 0.8
        assert guarded.circuit_breaker.snapshot().timeouts == 1

    asyncio.run(main())


def test_a_synchronous_client_is_awaited_in_threads(client, name):
    threads = set()

    class Noting(MilvusClient):
        def search(self, *args, **kwargs):
            threads.add(threading.get_ident())
            return client.search(*args, **kwargs)

    async def main():
        guarded = aprotect(Noting.__new__(Noting), name=name)
        return await guarded.search("docs", data=[ONE], limit=1)

    assert asyncio.run(main())[0][0]["id"] == 1
    assert threads != {threading.get_ident()}


def test_work_that_takes_its_time_passes_through_and_is_listed(client, name):
    assert {"create_index", "load_collection", "query_iterator"} <= set(
        describe(protect(client, name=name))["unguarded"]
    )
