# SPDX-License-Identifier: MIT OR Apache-2.0
"""Milvus behind a circuit breaker: ``client = protect(MilvusClient(...))``.

Reads that are refused or fail are answered by an empty result of the same shape; writes raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, Unpack

from trifuse._worker_threads import WorkerPool
from trifuse.contrib._need import need
from trifuse.contrib._vector import build
from trifuse.contrib._vector.describing import describe
from trifuse.contrib._vector.milvus_methods import LIBRARY
from trifuse.contrib._vector.settings import ProtectSettings

if TYPE_CHECKING:
    from pymilvus import AsyncMilvusClient, MilvusClient

__all__ = ["WorkerPool", "aconnect", "aprotect", "connect", "describe", "protect"]
T = TypeVar("T")


def protect(client: T, /, *, thread: bool = False, **settings: Unpack[ProtectSettings]) -> T:
    """Guard a MilvusClient or an AsyncMilvusClient, of a server or of Milvus Lite.

    Args:
        client: it stays as it is. Each call gets ``request_timeout`` as its ``timeout`` unless it brings
            one: pymilvus has none by itself, and retries a server that does not answer 75 times.
            Iterators, and work that takes its time such as ``create_index`` and ``load_collection``,
            pass through without a guard, as ``describe()`` lists.
        thread: run synchronous calls in worker threads, so that their caller gets the timeout in
            time whatever the client does.
        settings: see ``ProtectSettings``. The breaker is called ``"milvus"`` unless ``name`` says otherwise.

    Gives an object of the same class to ``isinstance``, with the same methods.

    Raises:
        ConfigurationError: for a bad setting, and for what is no client of Milvus.
    """
    guarded: T = build.protect(LIBRARY, client, settings, thread=thread)
    return guarded


def aprotect(client: MilvusClient, /, **settings: Unpack[ProtectSettings]) -> AsyncMilvusClient:
    """Guard a synchronous client for asynchronous code: ``await guarded.search(...)``.

    Its calls run in at most 16 threads, never on the event loop; more wait, and are refused with
    BulkheadFullError when too many do. The caller gets timeouts and cancellations in time; a call
    whose caller has gone keeps its thread until it ends. Settings as for :func:`protect`.
    """
    guarded: AsyncMilvusClient = build.aprotect(LIBRARY, client, settings)
    return guarded


def connect(
    make: Callable[[], MilvusClient], /, *, thread: bool = False, **settings: Unpack[ProtectSettings]
) -> MilvusClient:
    """Guard a client that ``make`` gives when the first call needs it.

    ``MilvusClient(...)`` connects when it is made; here a server that is down is one more failure of
    the guarded call, answered by the empty result, and the next call tries again. Give it a
    ``timeout``: ``connect(lambda: MilvusClient(uri, timeout=2))``. Settings as for :func:`protect`.
    """
    kind = need("pymilvus", "milvus").MilvusClient
    made: MilvusClient = build.connect(LIBRARY, make, kind, settings, thread=thread, awaited=False)
    return made


def aconnect(make: Callable[[], MilvusClient], /, **settings: Unpack[ProtectSettings]) -> AsyncMilvusClient:
    """As :func:`connect` and :func:`aprotect`: ``make`` and all calls run in worker threads."""
    kind = need("pymilvus", "milvus").MilvusClient
    made: AsyncMilvusClient = build.connect(LIBRARY, make, kind, settings, thread=False, awaited=True)
    return made
