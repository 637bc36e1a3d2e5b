# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guarded connection of PostgreSQL does: statements, transactions, and what is left when one fails."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from trifuse._errors import RequestTimeoutError, TrifuseError
from trifuse.contrib._vector.fallbacks import levels_of
from trifuse.contrib._vector.pg_cursors import AsyncCursor, Cursor, running
from trifuse.contrib._vector.pg_deadlines import firmly, within
from trifuse.contrib._vector.pg_transactions import begin, begin_async
from trifuse.contrib._vector.tables import WRITE, Method

if TYPE_CHECKING:
    from trifuse.contrib._vector.objects import Behind

# libpq's states of a transaction.
_IDLE, _ACTIVE, _OPEN, _FAILED = range(4)
_ROWS = Method(empty=lambda _: [])
_FETCHES = {"fetchone": Method(empty=lambda _: None), "fetchmany": _ROWS, "fetchall": _ROWS}
ALSO = frozenset({"write", "executemany", *_FETCHES})
"""Names that a mapping of fallbacks may have: ``"execute"`` is of reads, ``"write"`` of all else."""


class TransactionLostError(TrifuseError):
    """The connection was lost inside a transaction: what it had changed is undone, and must be done again.

    Raised once, at the next statement or ``commit()``, in place of going on with a fresh connection.
    """


class Session:
    """The guards of one connection, which its cursors share."""

    __slots__ = (
        "_answers", "_open", "begin", "behind", "fetch", "guarded", "many", "read", "read_inside", "twin", "write",
    )  # fmt: skip

    def __init__(self, behind: Behind, guarded: Any) -> None:
        """Make the guards."""
        self.behind, self.guarded, self.twin = behind, guarded, behind.twin
        self._answers = behind.guards.answers
        self._open = False
        self.read = self._guard("execute", _ROWS, "execute")
        # Inside a transaction an attempt that has failed cannot be made again: nothing works until its end.
        self.read_inside = self._guard("execute", _ROWS, "execute", repeat=False)
        self.write = self._guard("write", WRITE, "execute")
        self.many = self._guard("executemany", WRITE, "executemany")
        self.fetch = {name: self._guard(name, method, None) for name, method in _FETCHES.items()}
        start = begin_async if behind.asynchronous else begin
        self.begin = behind.guards.core.guard(start, behind.guards.way)

    def reading(self) -> Callable[..., Any]:
        """Give the guard of a read, by whether a transaction is open."""
        last = self.behind.source.last()
        inside = self._open or (last is not None and _status(last) in {_OPEN, _FAILED})
        return self.read_inside if inside else self.read

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call where it does not stop the event loop."""
        pool = self.behind.guards.settings.pool
        assert pool is not None
        return await pool.call_async(function, *args)

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Make a guarded cursor, which asks no server."""
        kind = AsyncCursor if self.behind.guards.way.awaited else Cursor
        return kind(self, args, kwargs)

    def _guard(
        self, name: str, method: Method, does: str | None, *, repeat: bool = True
    ) -> Callable[..., Any]:
        guards = self.behind.guards
        names = self.behind.table.names()
        levels = levels_of(guards.settings.fallback, self.behind.kind, name, method, names)
        call = self._call_async(does) if self.behind.asynchronous else self._call(does)
        return guards.guard(call, method if repeat else WRITE, levels, None, self.answers)

    def answers(self, error: BaseException) -> bool:
        """Tell whether rows of a fallback may stand for those of a read.

        Not inside a transaction that has failed: ``commit()`` would undo it without a word.
        """
        lost = isinstance(error, TransactionLostError) or running.get().before == _OPEN
        return not lost and self._answers(error)

    def _call(self, does: str | None) -> Callable[..., Any]:
        core = self.behind.guards.core

        def call(*args: Any, **kwargs: Any) -> Any:
            cursor = running.get()
            connection = self.connection()
            cursor.before = int(connection.info.transaction_status)
            name, args = (does, args) if does else (args[0], args[1:])
            real = cursor.attach(connection) if does else cursor._real
            seconds = core.seconds()
            with within(connection, seconds) as watches:
                try:
                    result = getattr(real, name)(*args, **kwargs)
                except BaseException as error:
                    self._failed(connection, cursor.before)
                    if watches and watches[0].fired and isinstance(error, Exception):
                        raise RequestTimeoutError(
                            core.breaker.name, "request_timeout", seconds or 0.0
                        ) from error
                    raise
            self.note(connection)
            return cursor if does else result

        return call

    def _call_async(self, does: str | None) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            cursor = running.get()
            connection = await self.connection_async()
            cursor.before = int(connection.info.transaction_status)
            name, args = (does, args) if does else (args[0], args[1:])
            real = cursor.attach(connection) if does else cursor._real
            try:
                result = await firmly(getattr(real, name)(*args, **kwargs))
            except BaseException:
                if cursor.before == _IDLE and _status(connection) == _FAILED:
                    with contextlib.suppress(Exception):
                        await connection.rollback()
                raise
            self.note(connection)
            return cursor if does else result

        return call

    def _failed(self, connection: Any, before: int) -> None:
        """Leave the transaction that a failed statement has begun itself."""
        if before == _IDLE and _status(connection) == _FAILED:
            with contextlib.suppress(Exception):
                connection.rollback()

    def note(self, connection: Any) -> None:
        """Note whether a transaction is open."""
        self._open = _status(connection) in {_OPEN, _FAILED}

    def connection(self) -> Any:
        """Give the connection, made anew if it is lost. Raises TransactionLostError."""
        self._check()
        return self.behind.source.get()

    async def connection_async(self) -> Any:
        """As :meth:`connection`."""
        self._check()
        return await self.behind.source.get_async()

    def _check(self) -> None:
        if self._open and not self.behind.source.ready():
            self._open = False
            raise TransactionLostError("the connection was lost inside a transaction, which is undone")

    def left(self, connection: Any) -> None:
        """Note that a block of a transaction was left: whatever became of it was told there."""
        self._open = not connection.closed and _status(connection) in {_OPEN, _FAILED}

    def ended(self, name: str) -> bool:
        """Tell whether there is nothing to commit or to roll back. Raises TransactionLostError."""
        if self.behind.source.ready():
            self._open = False
            return False
        if name == "commit":
            self._check()
        self._open = False
        return True


def _status(connection: Any) -> int:
    try:
        return int(connection.info.transaction_status)
    except Exception:  # noqa: BLE001 - a connection that is no more
        return _ACTIVE


def session_of(behind: Behind, guarded: Any) -> Session:
    """Give the session of a guarded connection."""
    made: Session | None = behind.notes.get("session")
    return behind.notes.setdefault("session", Session(behind, guarded)) if made is None else made


def make_cursor(behind: Behind, guarded: Any, name: str) -> Any:  # noqa: ARG001 - as all makers
    """Make ``cursor()``."""
    return session_of(behind, guarded).cursor


def make_execute(behind: Behind, guarded: Any, name: str) -> Any:  # noqa: ARG001 - as all makers
    """Make ``execute()``, which gives a guarded cursor."""
    session = session_of(behind, guarded)

    def execute(query: Any, params: Any = None, *, binary: bool = False, **settings: Any) -> Any:
        cursor = session.cursor(binary=True) if binary else session.cursor()
        return cursor.execute(query, params, **settings)

    async def execute_async(query: Any, params: Any = None, *, binary: bool = False, **settings: Any) -> Any:
        return await execute(query, params, binary=binary, **settings)

    return execute_async if behind.guards.way.awaited else execute


def make_end(behind: Behind, guarded: Any, name: str) -> Any:
    """Make ``commit()`` and ``rollback()``: a connection that is lost has nothing to end."""
    from trifuse.contrib._vector.methods import make_method

    session = session_of(behind, guarded)
    end = make_method(behind, name, WRITE) if name == "commit" else _rollback(behind)

    @functools.wraps(end)
    def ended(*args: Any, **kwargs: Any) -> Any:
        return None if session.ended(name) else end(*args, **kwargs)

    @functools.wraps(end)
    async def ended_async(*args: Any, **kwargs: Any) -> Any:
        return None if session.ended(name) else await end(*args, **kwargs)

    return ended_async if behind.guards.way.awaited else ended


def _rollback(behind: Behind) -> Callable[..., Any]:
    """Give what rolls back: it is never refused, as it cleans up."""

    def rollback() -> Any:
        connection = behind.source.last()
        if behind.twin:
            return behind.guards.settings.pool.call_async(connection.rollback)  # type: ignore[union-attr]
        return connection.rollback()

    return rollback
