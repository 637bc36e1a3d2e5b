# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chroma behind a circuit breaker: ``collection = protect(collection)``.

Reads that are refused or fail are answered by an empty result of the same shape; writes raise.
``protect`` guards a Collection, an AsyncCollection, and clients, which then open guarded collections;
``aprotect`` lets asynchronous code await a synchronous one, embedded or not; ``connect`` makes one
when it is first needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from trifuse._worker_threads import WorkerPool
from trifuse.contrib._need import need
from trifuse.contrib._vector import build
from trifuse.contrib._vector.chroma import LIBRARY
from trifuse.contrib._vector.describing import describe
from trifuse.contrib._vector.embedding import protect_embedding
from trifuse.contrib._vector.settings import ProtectSettings

if TYPE_CHECKING:
    from chromadb.api.async_client import AsyncClient
    from chromadb.api.client import Client
    from chromadb.api.models.AsyncCollection import AsyncCollection
    from chromadb.api.models.Collection import Collection

__all__ = ["WorkerPool", "aconnect", "aprotect", "connect", "describe", "protect", "protect_embedding"]
T = TypeVar("T")


def protect(target: T, /, *, thread: bool = False, **settings: Unpack[ProtectSettings]) -> T:
    """Guard a collection or a client of Chroma, synchronous or asynchronous.

    Args:
        target: the object; it stays as it is, but for the HTTP client of a server, which gets
            ``request_timeout`` as its time limit where it had none.
        thread: run synchronous calls in worker threads, so that their caller gets the timeout in
            time. Without it they cannot be interrupted: one that takes too long is recorded as a
            timeout, and its result is returned.
        settings: see ``ProtectSettings``. The breaker is called ``"chroma"`` unless ``name`` says otherwise,
            that of embedding functions ``"chroma:embeddings"``.

    Gives an object of the same class to ``isinstance``, with the same methods. What has no guard
    passes through: ``describe()`` lists it.

    Raises:
        ConfigurationError: for a bad setting, and for what is no object of Chroma.
    """
    guarded: T = build.protect(LIBRARY, target, settings, thread=thread)
    return guarded


@overload
def aprotect(target: Collection, /, **settings: Unpack[ProtectSettings]) -> AsyncCollection: ...
@overload
def aprotect(target: Client, /, **settings: Unpack[ProtectSettings]) -> AsyncClient: ...
def aprotect(target: Any, /, **settings: Unpack[ProtectSettings]) -> Any:
    """Guard a synchronous collection or client for asynchronous code: ``await guarded.query(...)``.

    Its calls run in at most 16 threads, never on the event loop; more wait, and are refused with
    BulkheadFullError when too many do. The caller gets timeouts and cancellations in time; a call
    whose caller has gone keeps its thread until it ends. Settings as for :func:`protect`.
    """
    return build.aprotect(LIBRARY, target, settings)


@overload
def connect(
    make: Callable[[], Awaitable[AsyncCollection]],
    /,
    kind: type[AsyncCollection],
    **settings: Unpack[ProtectSettings],
) -> AsyncCollection: ...
@overload
def connect(
    make: Callable[[], T],
    /,
    kind: type[T] | None = None,
    *,
    thread: bool = False,
    **settings: Unpack[ProtectSettings],
) -> T: ...
def connect(
    make: Callable[[], Any], /, kind: Any = None, *, thread: bool = False, **settings: Unpack[ProtectSettings]
) -> Any:
    """Guard a collection that ``make`` gives when the first call needs it.

    ``HttpClient()`` asks the server when it is made: a server that is down is a ValueError there.
    Here it is one more failure of the guarded call, answered by the empty result, and the next call
    tries again. ``connect(lambda: chromadb.HttpClient().get_or_create_collection("docs"))``.

    Args:
        make: connects and gives the object; for an AsyncCollection it may be a coroutine function.
        kind: the class of what it gives, a Collection by default.
        thread: as in :func:`protect`.
        settings: as for :func:`protect`.
    """
    if kind is None:
        kind = need("chromadb.api.models.Collection", "chromadb").Collection
    return build.connect(LIBRARY, make, kind, settings, thread=thread, awaited=False)


def aconnect(make: Callable[[], Collection], /, **settings: Unpack[ProtectSettings]) -> AsyncCollection:
    """As :func:`connect` and :func:`aprotect`: ``make`` and all calls run in worker threads."""
    kind = need("chromadb.api.models.Collection", "chromadb").Collection
    made: AsyncCollection = build.connect(LIBRARY, make, kind, settings, thread=False, awaited=True)
    return made
