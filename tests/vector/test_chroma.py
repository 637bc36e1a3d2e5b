# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chroma, embedded: the empty results are those of Chroma, mistakes are raised, embeddings count apart."""

from __future__ import annotations

import asyncio
import copy
import inspect
import itertools
import pickle
import threading
import time

import chromadb
import numpy as np
import pytest
from chromadb.api.types import EmbeddingFunction
from chromadb.errors import InvalidArgumentError, NotFoundError
from trifuse import CircuitBreakerOpenError, ConfigurationError, ForcedOpenError, RequestTimeoutError, Retry
from trifuse.contrib.chromadb import aprotect, connect, describe, protect, protect_embedding

_numbers = itertools.count()
ONE, TWO = [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]


class Embedder(EmbeddingFunction):
    """Gives vectors of the length of texts; fails, or takes its time, when told."""

    def __init__(self):
        self.calls, self.error, self.gate = 0, None, None
        self.thread = None

    def __call__(self, input):
        self.calls += 1
        self.thread = threading.get_ident()
        if self.gate is not None:
            self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return [np.array([float(len(text)), 1.0, 1.0], dtype=np.float32) for text in input]

    @staticmethod
    def name():
        return "of the tests"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Embedder()


@pytest.fixture(scope="module")
def client():
    return chromadb.EphemeralClient()


@pytest.fixture
def embedder():
    return Embedder()


@pytest.fixture
def bare(client):
    found = client.create_collection(f"docs-{next(_numbers)}", embedding_function=None)
    found.add(ids=["a", "b"], embeddings=[ONE, TWO], documents=["A", "B"], metadatas=[{"n": 1}, {"n": 2}])
    return found


@pytest.fixture
def texts(client, embedder):
    found = client.create_collection(f"texts-{next(_numbers)}", embedding_function=embedder)
    found.add(ids=["a", "b"], documents=["A", "BB"])
    return found


def same(found, expected):
    """Compare results, arrays included, with their types."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return type(found) is list and len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, np.ndarray):
        return isinstance(found, np.ndarray) and found.shape == expected.shape and found.dtype == expected.dtype
    return found == expected


EVERY = ["documents", "metadatas", "embeddings", "uris", "distances"]
NOTHING = {"where": {"n": -1}}
CALLS = {
    "one vector": ("query", {"query_embeddings": ONE, **NOTHING}),
    "two vectors": ("query", {"query_embeddings": [ONE, TWO], **NOTHING}),
    "an array": ("query", {"query_embeddings": np.array([ONE, TWO, ONE]), **NOTHING}),
    "all columns": ("query", {"query_embeddings": [ONE, TWO], "include": EVERY, **NOTHING}),
    "no columns": ("query", {"query_embeddings": [ONE], "include": [], **NOTHING}),
    "get": ("get", dict(NOTHING)),
    "get all columns": ("get", {"include": EVERY[:-1], **NOTHING}),
    "get no columns": ("get", {"include": [], "ids": ["none"]}),
}


@pytest.mark.parametrize("case", CALLS)
def test_an_empty_result_is_what_chroma_itself_gives_when_it_finds_nothing(case, bare, name):
    method, arguments = CALLS[case]
    guarded = protect(bare, name=name)
    expected = getattr(bare, method)(**copy.deepcopy(arguments))
    guarded.circuit_breaker.force_open()
    assert same(getattr(guarded, method)(**arguments), expected)


def test_peek_and_count_of_an_open_breaker_are_those_of_an_empty_collection(client, bare, name):
    nothing = client.create_collection(f"empty-{next(_numbers)}", embedding_function=None)
    guarded = protect(bare, name=name)
    guarded.circuit_breaker.force_open()
    assert same(guarded.peek(), nothing.peek())
    assert guarded.count() == nothing.count() == 0
    searched = guarded.search(["one", "two"])
    assert searched.rows() == [[], []]


def test_texts_count_as_queries_without_being_embedded(texts, embedder, name):
    guarded = protect(texts, name=name)
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_texts="one")["ids"] == [[]]
    assert guarded.query(query_texts=["one", "two"])["ids"] == [[], []]
    assert guarded.query(None, ["one", "two", "three"])["ids"] == [[], [], []]


def test_a_guarded_collection_is_a_collection_and_gives_what_it_gives(bare, name):
    guarded = protect(bare, name=name)
    assert isinstance(guarded, chromadb.Collection)
    assert (guarded.name, guarded.id, guarded == bare, bare == guarded) == (bare.name, bare.id, True, True)
    assert same(guarded.query(query_embeddings=[ONE]), bare.query(query_embeddings=[ONE]))
    assert inspect.signature(guarded.query) == inspect.signature(bare.query)
    assert copy.deepcopy(guarded) is guarded
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(guarded)
    guarded.upsert(ids=["c"], embeddings=[ONE])
    assert bare.count() == guarded.count() == 3
    assert guarded.circuit_breaker.snapshot().successes == 3


MISTAKES = {
    "a wrong dimension": (lambda c: c.query(query_embeddings=[1.0, 2.0]), InvalidArgumentError),
    "no query": (lambda c: c.query(), ValueError),
    "a bad filter": (lambda c: c.get(where={"$no": 1}), InvalidArgumentError),
    "no results wanted": (lambda c: c.query(query_embeddings=ONE, n_results=0), TypeError),
    "an unknown argument": (lambda c: c.query(query=ONE), TypeError),
    "twice the same id": (lambda c: c.add(ids=["x", "x"], embeddings=[ONE, ONE]), Exception),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(mistake, bare, name):
    call, error = MISTAKES[mistake]
    guarded = protect(bare, name=name, consecutive_failures=1)
    with pytest.raises(error):
        call(guarded)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures, taken.state) == (1, 0, "closed")


def test_a_collection_that_is_gone_is_a_mistake_not_an_empty_result(client, name):
    bare = client.create_collection(f"gone-{next(_numbers)}", embedding_function=None)
    guarded = protect(bare, name=name)
    client.delete_collection(bare.name)
    with pytest.raises(NotFoundError):
        guarded.count()


def test_a_failing_embedding_opens_its_own_breaker_and_leaves_the_databases_alone(texts, embedder, name):
    guarded = protect(texts, name=name, embedding={"consecutive_failures": 2, "minimum_calls": 100})
    embedder.error = ConnectionError("no model")
    embedder.calls = 0
    for _ in range(5):
        assert guarded.query(query_texts=["x"])["ids"] == [[]]
    assert embedder.calls == 2
    assert guarded.circuit_breaker.snapshot().calls == 0
    assert guarded.describe()["embedding"]["name"] == f"{name}.embedding"
    assert guarded.query(query_embeddings=ONE, n_results=1)["ids"] != [[]]  # the database serves on
    with pytest.raises(CircuitBreakerOpenError) as refused:
        guarded.add(ids=["c"], documents=["CCC"])
    assert refused.value.name == f"{name}.embedding"
    assert texts.count() == 2


def test_writes_and_queries_of_texts_are_embedded_once_as_chroma_would(texts, embedder, name):
    guarded = protect(texts, name=name)
    embedder.calls = 0
    guarded.add(ids=["c"], documents=["CCC"])
    guarded.add(["d"], None, None, ["DDDD"])
    guarded.upsert(ids=["c"], documents=["CCCCC"])
    guarded.update(ids=["a"], documents=["AAAAAAA"])
    guarded.update(ids=["a"], metadatas=[{"n": 1}])
    assert embedder.calls == 4
    got = texts.get(ids=["a", "c", "d"], include=["embeddings"])
    assert sorted(vector[0] for vector in got["embeddings"]) == [4.0, 5.0, 7.0]
    assert guarded.query(query_texts="xxxxx", n_results=1)["ids"] == [["c"]]
    assert embedder.calls == 5


def test_a_slow_embedding_is_no_slow_database(texts, embedder, name):
    guarded = protect(texts, name=name, request_timeout=0.05, embedding={"request_timeout": 5})
    embedder.gate = threading.Event()
    threading.Timer(0.15, embedder.gate.set).start()
    assert guarded.query(query_texts=["A"], n_results=1)["ids"] == [["a"]]
    assert guarded.circuit_breaker.snapshot().timeouts == 0


def test_writes_have_no_fallback_unless_they_are_given_one(bare, name):
    guarded = protect(bare, name=name)
    guarded.circuit_breaker.force_open()
    with pytest.raises(ForcedOpenError):
        guarded.upsert(ids=["c"], embeddings=[ONE])
    with pytest.raises(ForcedOpenError):
        guarded.delete(ids=["a"])
    kept = []
    other = protect(
        bare, name=name + "-kept", fallback={"add": lambda **call: kept.append(call["ids"]), "count": -1}
    )
    other.circuit_breaker.force_open()
    other.add(ids=["c"], embeddings=[ONE])
    assert kept == [["c"]]
    assert other.count() == -1
    assert other.get()["ids"] == []


def test_a_chain_is_asked_in_order_with_the_arguments_of_the_call_and_may_end_with_the_empty_result(bare, name):
    asked = []

    def cached(**call):
        asked.append(call["query_embeddings"])
        raise KeyError

    guarded = protect(bare, name=name, fallback={"query": [cached, "empty"], "get": None})
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_embeddings=[ONE])["ids"] == [[]]
    assert asked == [[ONE]]
    with pytest.raises(ForcedOpenError):
        guarded.get()


def test_a_fallback_by_kind_of_error_has_its_empty_results_too(bare, name):
    guarded = protect(bare, name=name, fallback={"timeout": ["empty"], "default": [lambda **_: "other", "empty"]})
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_embeddings=[ONE]) == "other"
    assert guarded.get() == "other"


class Slow:
    """In place of a server: every call waits at a gate."""

    def __init__(self, server):
        self._server, self.gate, self.calls, self.threads = server, threading.Event(), 0, set()

    def __getattr__(self, attribute):
        found = getattr(self._server, attribute)

        def call(*args, **kwargs):
            self.calls += 1
            self.threads.add(threading.get_ident())
            self.gate.wait(5)
            return found(*args, **kwargs)

        return call


@pytest.fixture
def slow(bare):
    bare._client = Slow(bare._client)
    yield bare._client
    bare._client.gate.set()


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
    assert [policy["kind"] for policy in guarded.describe()["policies"]] == ["timeout", "retry", "circuit_breaker"]


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


def test_an_awaited_call_that_hangs_gives_its_caller_the_empty_result_and_keeps_its_thread(bare, slow, quick, until):
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


def test_a_guarded_client_opens_guarded_collections_of_the_same_breaker(client, bare, name):
    guarded = protect(client, name=name, embedding=False)
    opened = guarded.get_collection(bare.name, embedding_function=None)
    assert isinstance(opened, chromadb.Collection)
    assert opened.circuit_breaker is guarded.circuit_breaker
    assert all(each.circuit_breaker is guarded.circuit_breaker for each in guarded.list_collections())
    guarded.circuit_breaker.force_open()
    assert guarded.list_collections() == []
    assert opened.get()["ids"] == []
    with pytest.raises(ForcedOpenError):
        guarded.get_collection(bare.name)


def test_connect_makes_the_collection_when_it_is_needed_and_tries_again_after_a_failure(bare, quick):
    made = []

    def make():
        made.append(1)
        if len(made) < 3:
            raise ValueError("Could not connect to a Chroma server. Are you sure it is running?")
        return bare

    guarded = connect(make, **quick)
    assert isinstance(guarded, chromadb.Collection)
    assert made == []
    assert guarded.query(query_embeddings=[ONE, TWO])["ids"] == [[], []]
    assert guarded.count() == 0
    assert guarded.circuit_breaker.state == "open"  # a ValueError of connecting is no mistake
    time.sleep(0.25)
    assert guarded.count() == 2
    assert len(made) == 3
    assert guarded.circuit_breaker.state == "closed"


def test_describe_lists_what_passes_through_and_what_answers(bare, name):
    guarded = protect(bare, name=name)
    told = describe(guarded)
    assert told["unguarded"] == []
    assert told["fallback"] == {each: ["empty"] for each in ("count", "get", "peek", "query", "search")}
    assert {"add", "delete", "update", "upsert"} <= set(told["writes"])

    class Mine(chromadb.Collection):
        def shuffle(self):
            return "mine"

    mine = protect(Mine(client=bare._client, model=bare.get_model()), name=name)
    assert mine.shuffle() == "mine"
    assert describe(mine)["unguarded"] == ["shuffle"]
    with pytest.raises(TypeError, match="is not guarded"):
        describe(bare)


def test_an_embedding_function_can_be_guarded_by_itself(client, embedder, name):
    guarded = protect_embedding(embedder, name=name, consecutive_failures=1)
    assert isinstance(guarded, Embedder)
    collection = client.create_collection(f"own-{next(_numbers)}", embedding_function=guarded)
    collection.add(ids=["a"], documents=["A"])
    embedder.error = ConnectionError()
    with pytest.raises(ConnectionError):
        collection.query(query_texts=["A"])
    with pytest.raises(CircuitBreakerOpenError):
        collection.query(query_texts=["A"])
    assert embedder.calls == 2
    plain = protect_embedding(lambda texts: [[1.0]] * len(texts), name=name + "-plain")
    assert plain(["x", "y"]) == [[1.0], [1.0]]
    assert plain.policy.snapshot().successes == 1


BAD = {
    "no object of chroma": lambda c: protect(object()),
    "a class": lambda c: protect(type(c)),
    "guarded twice": lambda c: protect(protect(c, name="twice"), name="twice"),
    "an unknown method": lambda c: protect(c, name="unknown", fallback={"querry": []}).count(),
    "empty where there is none": lambda c: protect(c, name="none", fallback={"add": "empty"}).add(ids=["a"]),
    "a bad total": lambda c: protect(c, total=float("nan")),
    "a policy of another kind": lambda c: protect(c, bulkhead=Retry()),
    "a bad pool": lambda c: protect(c, pool=4, thread=True),
    "a bad embedding": lambda c: protect(c, embedding=3),
    "connect without a function": lambda c: connect(c),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_refused(case, bare):
    with pytest.raises(ConfigurationError):
        BAD[case](bare)


def test_an_unknown_setting_is_a_type_error(bare):
    with pytest.raises(TypeError, match="no setting 'falback'"):
        protect(bare, falback=None)
