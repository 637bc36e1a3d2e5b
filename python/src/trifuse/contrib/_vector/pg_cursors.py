# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cursors in front of psycopg's: their statements are guarded, and a read may have the rows of a fallback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from trifuse.contrib._need import need
from trifuse.contrib._vector.pg_statements import reads

if TYPE_CHECKING:
    from trifuse.contrib._vector.pg_calls import Session

running: ContextVar[CursorBase] = ContextVar("trifuse.cursor")
"""The cursor whose statement is guarded now."""
_OWN = ("_session", "_given", "_real", "_rows", "_set", "before")


class CursorBase:
    """What the synchronous and the asynchronous cursor have in common."""

    _session: Session
    _given: tuple[tuple[Any, ...], dict[str, Any]]
    _real: Any
    _rows: list[Any] | None
    _set: dict[str, Any]
    before: int

    def __init__(self, session: Session, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin without a cursor of psycopg's: that needs a connection."""
        own = {
            "_session": session,
            "_given": (args, kwargs),
            "_real": None,
            "_rows": None,
            "_set": {},
            "before": 0,
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @property
    def connection(self) -> Any:
        """The guarded connection."""
        return self._session.guarded

    @property
    def rowcount(self) -> int:
        """Rows that the last statement found or changed; -1 before there was one."""
        if self._rows is not None:
            return len(self._rows)
        return -1 if self._real is None else int(self._real.rowcount)

    @property
    def description(self) -> Any:
        """The columns of the result; None for rows of a fallback."""
        return None if self._rows is not None or self._real is None else self._real.description

    @property
    def named(self) -> bool:
        """Whether the rows stay at the server until they are fetched."""
        args, kwargs = self._given
        return bool(args and args[0]) or bool(kwargs.get("name"))

    def __getattr__(self, name: str) -> Any:
        """Give what psycopg's cursor has. Raises AttributeError before the first statement."""
        if name.startswith("__") or self._real is None:
            if name in self._set:
                return self._set[name]
            raise AttributeError(f"{name!r} is known after the first statement of a guarded cursor")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on psycopg's cursor, now or when there is one."""
        if name in _OWN:
            object.__setattr__(self, name, value)
            return
        self._set[name] = value
        if self._real is not None:
            setattr(self._real, name, value)

    def attach(self, connection: Any) -> Any:
        """Give psycopg's cursor of a connection, which may be another one than before."""
        if self._real is None or self._real.connection is not connection:
            args, kwargs = self._given
            self._real = connection.cursor(*args, **kwargs)
            for name, value in self._set.items():
                setattr(self._real, name, value)
        self._rows = None
        return self._real

    def took(self, result: Any) -> None:
        """Take what a guarded statement gave: itself, or the rows of a fallback."""
        if result is not self:
            self._rows = list(result)

    def some(self, size: int | None) -> list[Any]:
        """Take rows of a fallback, all by default."""
        assert self._rows is not None
        taken = self._rows if size is None else self._rows[:size]
        self._rows = [] if size is None else self._rows[size:]
        return list(taken)

    def _size(self, size: int) -> int:
        return size or int(self._set.get("arraysize", 1))


class Cursor(CursorBase):
    """A guarded cursor of a synchronous connection."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Psycopg's class."""
        return need("psycopg", "pgvector").Cursor  # type: ignore[no-any-return]

    def execute(self, query: Any, params: Any = None, **settings: Any) -> Cursor:
        """Execute a statement under guard; a read may get the rows of its fallback."""
        run = self._session.reading() if reads(query) else self._session.write
        return self._guarded(run, query, params, **settings)

    def executemany(self, query: Any, params_seq: Any, **settings: Any) -> None:
        """Execute a statement for several parameters under guard."""
        self._guarded(self._session.many, query, params_seq, **settings)

    def _guarded(self, run: Any, *args: Any, **kwargs: Any) -> Cursor:
        token = running.set(self)
        try:
            self.took(run(*args, **kwargs))
        finally:
            running.reset(token)
        return self

    def _fetch(self, name: str, *args: Any) -> Any:
        if not self.named:
            return getattr(self._real, name)(*args)
        token = running.set(self)
        try:
            return self._session.fetch[name](name, *args)
        finally:
            running.reset(token)

    def fetchone(self) -> Any:
        """Give the next row; None when there is none."""
        if self._rows is not None:
            return next(iter(self.some(1)), None)
        return self._fetch("fetchone")

    def fetchmany(self, size: int = 0) -> list[Any]:
        """Give the next rows."""
        return self.some(self._size(size)) if self._rows is not None else self._fetch("fetchmany", size)

    def fetchall(self) -> list[Any]:
        """Give all rows that are left."""
        return self.some(None) if self._rows is not None else self._fetch("fetchall")

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""
        while rows := self.fetchmany(100):
            yield from rows

    def close(self) -> None:
        """Close psycopg's cursor, if there is one."""
        self._rows = None
        if self._real is not None:
            self._real.close()

    def __enter__(self) -> Self:
        """Use it for a block of code."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class AsyncCursor(CursorBase):
    """A guarded cursor whose methods are awaited."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Psycopg's class."""
        return need("psycopg", "pgvector").AsyncCursor  # type: ignore[no-any-return]

    async def execute(self, query: Any, params: Any = None, **settings: Any) -> AsyncCursor:
        """Execute a statement under guard; a read may get the rows of its fallback."""
        run = self._session.reading() if reads(query) else self._session.write
        return await self._guarded(run, query, params, **settings)

    async def executemany(self, query: Any, params_seq: Any, **settings: Any) -> None:
        """Execute a statement for several parameters under guard."""
        await self._guarded(self._session.many, query, params_seq, **settings)

    async def _guarded(self, run: Any, *args: Any, **kwargs: Any) -> AsyncCursor:
        token = running.set(self)
        try:
            self.took(await run(*args, **kwargs))
        finally:
            running.reset(token)
        return self

    async def _fetch(self, name: str, *args: Any) -> Any:
        if not self.named:  # the rows are here already
            found = getattr(self._real, name)(*args)
            return found if self._session.twin else await found
        token = running.set(self)
        try:
            return await self._session.fetch[name](name, *args)
        finally:
            running.reset(token)

    async def fetchone(self) -> Any:
        """Give the next row; None when there is none."""
        if self._rows is not None:
            return next(iter(self.some(1)), None)
        return await self._fetch("fetchone")

    async def fetchmany(self, size: int = 0) -> list[Any]:
        """Give the next rows."""
        if self._rows is not None:
            return self.some(self._size(size))
        found: list[Any] = await self._fetch("fetchmany", size)
        return found

    async def fetchall(self) -> list[Any]:
        """Give all rows that are left."""
        if self._rows is not None:
            return self.some(None)
        found: list[Any] = await self._fetch("fetchall")
        return found

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the rows."""
        while rows := await self.fetchmany(100):
            for row in rows:
                yield row

    async def close(self) -> None:
        """Close psycopg's cursor, if there is one."""
        self._rows = None
        if self._real is not None:
            closed = self._real.close()
            if not self._session.twin:
                await closed

    async def __aenter__(self) -> Self:
        """Use it for a block of code."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()
