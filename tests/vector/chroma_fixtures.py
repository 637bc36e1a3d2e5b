# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fixtures of the tests with an embedded Chroma."""

from __future__ import annotations

import itertools

import chromadb
import pytest
from embedded import ONE, TWO, Embedder, Slow

_numbers = itertools.count()


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


@pytest.fixture
def slow(bare):
    bare._client = Slow(bare._client)
    yield bare._client
    bare._client.gate.set()
