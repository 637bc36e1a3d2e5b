# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chroma, embedded: embeddings have a breaker of their own."""

from __future__ import annotations

import itertools
import threading

import pytest
from embedded import ONE, Embedder
from trifuse import CircuitBreakerOpenError
from trifuse.contrib.chromadb import protect, protect_embedding

_numbers = itertools.count()


def test_a_failing_embedding_opens_its_own_breaker_and_leaves_the_databases_alone(texts, embedder, name):
    guarded = protect(texts, name=name, embeddings={"consecutive_failures": 2, "minimum_calls": 100})
    embedder.error = ConnectionError("no model")
    embedder.calls = 0
    for _ in range(5):
        assert guarded.query(query_texts=["x"])["ids"] == [[]]
    assert embedder.calls == 2
    assert guarded.circuit_breaker.snapshot().calls == 0
    assert guarded.describe()["embeddings"]["name"] == f"{name}:embeddings"
    assert guarded.query(query_embeddings=ONE, n_results=1)["ids"] != [[]]  # the database serves on
    with pytest.raises(CircuitBreakerOpenError) as refused:
        guarded.add(ids=["c"], documents=["CCC"])
    assert refused.value.name == f"{name}:embeddings"
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
    guarded = protect(texts, name=name, request_timeout=0.05, embeddings={"request_timeout": 5})
    embedder.gate = threading.Event()
    threading.Timer(0.15, embedder.gate.set).start()
    assert guarded.query(query_texts=["A"], n_results=1)["ids"] == [["a"]]
    assert guarded.circuit_breaker.snapshot().timeouts == 0


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
    with pytest.raises(CircuitBreakerOpenError):
        collection.add(ids=["b"], documents=["B"])
    guarded.circuit_breaker.reset()
    with pytest.raises(ConnectionError):
        guarded(["B"])
    with pytest.raises(CircuitBreakerOpenError):
        guarded(input=["B"])
    assert embedder.calls == 3
    plain = protect_embedding(lambda texts: [[1.0]] * len(texts), name=name + "-plain")
    assert plain(["x", "y"]) == [[1.0], [1.0]]
    assert plain.policy.snapshot().successes == 1
