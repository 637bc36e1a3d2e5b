# SPDX-License-Identifier: MIT OR Apache-2.0
"""The database of answers: PostgreSQL or SQLite. Down, answers wait in memory until it is back."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from trifuse import CircuitBreaker
from trifuse.contrib.pgvector import connect

from rag.settings import Settings

Row = tuple[str, str, str]
_TABLE = "CREATE TABLE IF NOT EXISTS answers (question TEXT, answer TEXT, sources TEXT)"
_MOST_WAITING = 1000


class Store:
    """Saves answers, the oldest first; at most 1,000 wait while the database is down.

    Each is saved at least once: twice where the time of a save is over and the database has it all the same.
    """

    def __init__(self, settings: Settings) -> None:
        """Guard the database, which is connected to when the first answer is saved."""
        self.waiting: deque[Row] = deque(maxlen=_MOST_WAITING)
        self._turn = asyncio.Lock()  # or two requests would save the same row
        self._insert, self._close = (_postgres if settings.postgres else _sqlite)(settings)

    async def save(self, row: Row) -> bool:
        """Save an answer and those that wait; False: it waits too."""
        self.waiting.append(row)
        async with self._turn:
            while self.waiting:
                first = self.waiting[0]
                try:
                    await self._insert(first)
                except Exception:  # noqa: BLE001 - the caller has the answer; saving it is not worth an error
                    return False
                if self.waiting[0] is first:  # else it has made room for a newer one
                    self.waiting.popleft()
        return True

    async def close(self) -> None:
        """Close the connection."""
        await self._close()


Parts = tuple[Callable[[Row], Awaitable[Any]], Callable[[], Awaitable[Any]]]


def _postgres(settings: Settings) -> Parts:
    import psycopg

    async def make() -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(
            settings.database, autocommit=True, connect_timeout=2
        )
        await connection.execute(_TABLE)
        return connection

    guarded = connect(
        make, psycopg.AsyncConnection,
        name="database", registry=settings.registry, request_timeout=settings.limits[2], **settings.breaker,
    )  # fmt: skip
    return lambda row: guarded.execute("INSERT INTO answers VALUES (%s, %s, %s)", row), guarded.close


def _sqlite(settings: Settings) -> Parts:
    breaker = CircuitBreaker(
        "database", registry=settings.registry, request_timeout=settings.limits[2], **settings.breaker
    )

    def insert(row: Row) -> None:
        with contextlib.closing(sqlite3.connect(settings.database, timeout=1)) as connection, connection:
            connection.execute(_TABLE)
            connection.execute("INSERT INTO answers VALUES (?, ?, ?)", row)

    @breaker
    async def insert_in_thread(row: Row) -> None:
        await asyncio.to_thread(insert, row)

    async def close() -> None:
        return

    return insert_in_thread, close
