# SPDX-License-Identifier: MIT OR Apache-2.0
"""PostgreSQL with pgvector behind a circuit breaker: ``connection = protect(connection)``.

Statements that only read and are refused or fail have no rows; all others raise. The connections are
those of psycopg 3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from trifuse._worker_threads import WorkerPool
from trifuse.contrib._need import need
from trifuse.contrib._vector import build
from trifuse.contrib._vector.describing import describe
from trifuse.contrib._vector.pg_calls import TransactionLostError
from trifuse.contrib._vector.postgres import LIBRARY
from trifuse.contrib._vector.settings import ProtectSettings

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

__all__ = ["TransactionLostError", "WorkerPool", "aconnect", "aprotect", "connect", "describe", "protect"]
T = TypeVar("T")


def protect(connection: T, /, *, thread: bool = False, **settings: Unpack[ProtectSettings]) -> T:
    """Guard a Connection or an AsyncConnection of psycopg, and the cursors that it gives.

    Args:
        connection: it stays as it is. One that is lost stays lost: :func:`connect` makes another.
        thread: run synchronous calls in worker threads. Without it too the caller gets the timeout in
            time: the query is cancelled at the server, and 0.5 s later its connection shut.
        settings: see ``ProtectSettings``. The breaker is called ``"pgvector"`` unless ``name`` says otherwise.

    A statement reads when it begins with SELECT, WITH, TABLE, VALUES or SHOW and has no word that
    changes or locks anything. A fallback gives rows; it is given the statement and its
    parameters. Inside a transaction that has failed it does not answer: the error is raised.
    ``executemany``, and all that is no read, is a write. ``rollback()`` is never refused. ``notifies``,
    ``pipeline``, ``copy``, ``stream`` and two-phase commits pass through without a guard.

    Gives an object of the same class to ``isinstance``.

    Raises:
        ConfigurationError: for a bad setting, and for what is no connection of psycopg.
    """
    guarded: T = build.protect(LIBRARY, connection, settings, thread=thread)
    return guarded


def aprotect(connection: Connection[Any], /, **settings: Unpack[ProtectSettings]) -> AsyncConnection[Any]:
    """Guard a synchronous connection for asynchronous code: ``await guarded.execute(...)``.

    Its calls run in worker threads, never on the event loop; the caller gets timeouts and cancellations in
    time. Where it can be chosen an AsyncConnection does the same without threads. Settings as for
    :func:`protect`.
    """
    guarded: AsyncConnection[Any] = build.aprotect(LIBRARY, connection, settings)
    return guarded


@overload
def connect(
    make: Callable[[], Awaitable[AsyncConnection[Any]]], /, kind: type[AsyncConnection[Any]],
    **settings: Unpack[ProtectSettings],
) -> AsyncConnection[Any]: ...  # fmt: skip
@overload
def connect(
    make: Callable[[], Connection[Any]], /, kind: None = None, *, thread: bool = False,
    **settings: Unpack[ProtectSettings],
) -> Connection[Any]: ...  # fmt: skip
def connect(
    make: Callable[[], Any], /, kind: Any = None, *, thread: bool = False, **settings: Unpack[ProtectSettings]
) -> Any:
    """Guard a connection that ``make`` gives when the first statement needs it, and again when it is lost.

    ``connect(lambda: psycopg.connect(dsn, connect_timeout=2, autocommit=True))``. To fail to connect is
    a failure of the guarded statement: it counts, and a read has no rows then. A connection that is
    lost inside a transaction is not replaced without a word: the next statement or ``commit()`` raises
    TransactionLostError.

    Args:
        make: connects, registers what is to be registered (``pgvector.psycopg.register_vector``), and
            gives the connection; for an AsyncConnection it may be a coroutine function.
        kind: the class of what it gives, ``psycopg.Connection`` by default.
        thread: as in :func:`protect`.
        settings: as for :func:`protect`.
    """
    if kind is None:
        kind = need("psycopg", "pgvector").Connection
    return build.connect(LIBRARY, make, kind, settings, thread=thread, awaited=False)


def aconnect(
    make: Callable[[], Connection[Any]], /, **settings: Unpack[ProtectSettings]
) -> AsyncConnection[Any]:
    """As :func:`connect` and :func:`aprotect`: ``make`` and all statements run in worker threads."""
    kind = need("psycopg", "pgvector").Connection
    made: AsyncConnection[Any] = build.connect(LIBRARY, make, kind, settings, thread=False, awaited=True)
    return made
