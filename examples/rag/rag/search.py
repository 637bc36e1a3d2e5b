# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vector search: Chroma, embedded or a server. Down, it finds nothing, and says so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import chromadb
from trifuse import last_call
from trifuse.contrib.chromadb import aconnect

from rag.settings import Settings

_SIZE = 64
DOCUMENTS = {
    "breakers": "A circuit breaker stops calls to a service that fails, and lets a few through to see whether it is back.",
    "retries": "A retry makes a failed call again after a wait that grows, at most as often as its budget allows.",
    "bulkheads": "A bulkhead lets at most so many calls run at once, so that a slow service cannot take all threads.",
    "fallbacks": "A fallback answers when a call was refused or failed: a cached result, another model, a rule, a value.",
}


class Source(NamedTuple):
    """A document that was found."""

    name: str
    text: str


def embed(text: str) -> Sequence[float]:
    """Give a vector of the words of a text: enough for an example, and nothing to download."""
    vector = [0.0] * _SIZE
    for word in text.lower().replace(".", " ").replace(",", " ").replace("?", " ").split():
        vector[hashlib.sha256(word.rstrip("s").encode()).digest()[0] % _SIZE] += 1.0
    return vector


def open_collection(settings: Settings) -> Any:
    """Connect, and make the collection with its documents if it is not there."""
    client = (
        chromadb.EphemeralClient()
        if settings.chroma is None
        else chromadb.HttpClient(host=settings.chroma[0], port=settings.chroma[1])
    )
    collection = client.get_or_create_collection("documents", embedding_function=None)
    texts = list(DOCUMENTS.values())
    collection.upsert(ids=list(DOCUMENTS), documents=texts, embeddings=[*map(embed, texts)])
    return collection


class Search:
    """Finds documents. The client is synchronous: it runs in worker threads, never on the event loop."""

    def __init__(self, settings: Settings) -> None:
        """Guard the collection, which is connected to when the first question needs it."""
        self._collection = aconnect(
            lambda: open_collection(settings),
            name="search", registry=settings.registry, request_timeout=settings.limits[0], **settings.breaker,
        )  # fmt: skip

    async def find(self, question: str) -> tuple[list[Source], bool]:
        """Give the nearest documents, and whether the search answered; without it there are none."""
        found = await self._collection.query(
            query_embeddings=embed(question), n_results=2, include=["documents"]
        )
        last = last_call()
        names, texts = found["ids"][0], (found["documents"] or [[]])[0]
        return [Source(*pair) for pair in zip(names, texts, strict=True)], not (last and last.degraded)
