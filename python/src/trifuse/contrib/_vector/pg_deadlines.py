# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time limits of PostgreSQL: the query is cancelled; where the server does not answer, its connection is shut."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from trifuse._llm.watcher import Watch, watch

GRACE = 0.5
"""Seconds that the server has to end a query that it was asked to cancel."""


@contextlib.contextmanager
def within(connection: Any, seconds: float | None) -> Iterator[list[Watch]]:
    """Let what runs on a synchronous connection end after so many seconds.

    Gives the watches: the first has fired when it was ended.
    """
    if seconds is None:
        yield []
        return
    watches = [
        watch(lambda: _start(_cancel, connection), seconds),
        watch(lambda: _shut(connection), seconds + GRACE),
    ]
    try:
        yield watches
    finally:
        for each in watches:
            each.cancel()


def _start(function: Any, connection: Any) -> None:
    """Cancel in a thread of its own: it waits for the server, and the watcher has others to see to."""
    threading.Thread(target=function, args=(connection,), name="trifuse-cancel", daemon=True).start()


def _cancel(connection: Any) -> None:
    with contextlib.suppress(Exception):  # the call ended meanwhile, or the server does not answer
        connection.cancel_safe(timeout=GRACE)


def _shut(connection: Any) -> None:
    """Shut the socket, so that the thread that reads from it is told; libpq closes it."""
    with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)  # if the call has ended meanwhile this raises


async def firmly(call: Coroutine[Any, Any, Any]) -> Any:
    """Await a call of an asynchronous connection; cancelled, it has ``GRACE`` to end, then is cut off.

    psycopg answers a cancellation by asking the server to cancel, and waits up to 10 s for that; a
    second one closes the connection at once.
    """
    import asyncio

    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        for _ in range(2):
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=GRACE)
        raise
    finally:
        task.cancel()
        task.add_done_callback(_seen)


def _seen(task: Any) -> None:
    if not task.cancelled():
        task.exception()
