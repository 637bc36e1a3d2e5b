# SPDX-License-Identifier: MIT OR Apache-2.0
"""qdrant behind a circuit breaker: ``client = protect(QdrantClient(...))``.

Reads that are refused or fail are answered by an empty result of the same shape; writes raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, Unpack

from trifuse._worker_threads import WorkerPool
from trifuse.contrib._vector import build
from trifuse.contrib._vector.describing import describe
from trifuse.contrib._vector.points import LIBRARY
from trifuse.contrib._vector.settings import ProtectSettings

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, QdrantClient

__all__ = ["WorkerPool", "aprotect", "describe", "protect"]
T = TypeVar("T")


def protect(client: T, /, *, thread: bool = False, **settings: Unpack[ProtectSettings]) -> T:
    """Guard a QdrantClient or an AsyncQdrantClient, of a server or in memory.

    Args:
        client: it stays as it is. ``upload_points``, ``upload_collection`` and ``migrate``, which make
            many requests, pass through without a guard, as ``describe()`` lists.
        thread: run synchronous calls in worker threads, so that their caller gets the timeout in
            time. Without it they cannot be interrupted: one that takes too long is recorded as a
            timeout, and its result is returned. The client's own time limit is 5 s.
        settings: see ``ProtectSettings``. The breaker is called ``"qdrant"`` unless ``name`` says otherwise.

    Gives an object of the same class to ``isinstance``, with the same methods.

    Raises:
        ConfigurationError: for a bad setting, and for what is no client of qdrant.
    """
    guarded: T = build.protect(LIBRARY, client, settings, thread=thread)
    return guarded


def aprotect(client: QdrantClient, /, **settings: Unpack[ProtectSettings]) -> AsyncQdrantClient:
    """Guard a synchronous client for asynchronous code: ``await guarded.query_points(...)``.

    Its calls run in at most 16 threads, never on the event loop; more wait, and are refused with
    BulkheadFullError when too many do. The caller gets timeouts and cancellations in time; a call
    whose caller has gone keeps its thread until it ends. Settings as for :func:`protect`.
    """
    guarded: AsyncQdrantClient = build.aprotect(LIBRARY, client, settings)
    return guarded
