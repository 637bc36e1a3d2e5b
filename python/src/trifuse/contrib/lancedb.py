# SPDX-License-Identifier: MIT OR Apache-2.0
"""LanceDB behind a circuit breaker: ``table = protect(table)``.

A query is noted step by step and runs, guarded, when its result is asked for: ``to_list()``,
``to_arrow()``, ``to_pandas()`` and the like. Refused or failed, the result is empty, with the columns
that it would have had. Writes raise.
"""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from trifuse._worker_threads import WorkerPool
from trifuse.contrib._vector import build
from trifuse.contrib._vector.describing import describe
from trifuse.contrib._vector.lance import LIBRARY
from trifuse.contrib._vector.settings import ProtectSettings

__all__ = ["WorkerPool", "aprotect", "describe", "protect"]
T = TypeVar("T")


def protect(target: T, /, *, thread: bool = False, **settings: Unpack[ProtectSettings]) -> T:
    """Guard a table or a connection of LanceDB, synchronous or asynchronous.

    Args:
        target: it stays as it is. A connection opens guarded tables.
        thread: run synchronous calls in worker threads, so that their caller gets the timeout in
            time. Without it LanceDB itself is told how long a query may take; other calls cannot
            be interrupted: one that takes too long is recorded as a timeout, its result returned.
        settings: see ``ProtectSettings``. The breaker is called ``"lancedb"`` unless ``name`` says
            otherwise, that of the embeddings of a query's text ``"lancedb:embeddings"``.

    Gives an object of the same class to ``isinstance``, with the same methods. What has no guard, such as
    ``merge_insert``, passes through: ``describe()`` lists it.

    Raises:
        ConfigurationError: for a bad setting, and for what is no object of LanceDB.
    """
    guarded: T = build.protect(LIBRARY, target, settings, thread=thread)
    return guarded


def aprotect(target: Any, /, **settings: Unpack[ProtectSettings]) -> Any:
    """Guard a synchronous table or connection for asynchronous code.

    ``await guarded.search(vector).limit(5).to_list()``: what asks the database is awaited, the steps
    of a query are not. Calls run in at most 16 threads, never on the event loop; more wait, and are
    refused with BulkheadFullError when too many do. The caller gets timeouts and cancellations in
    time; a call whose caller has gone keeps its thread until it ends. Settings as for :func:`protect`.
    """
    return build.aprotect(LIBRARY, target, settings)
