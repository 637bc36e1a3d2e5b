# SPDX-License-Identifier: MIT OR Apache-2.0
"""``transaction()`` of a guarded connection: begun under guard, on a connection that is made anew if it is lost."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from trifuse.contrib._vector.pg_deadlines import firmly, within

if TYPE_CHECKING:
    from trifuse.contrib._vector.pg_calls import Session


class Begun:
    """What a transaction is once it has begun: its connection and psycopg's own object."""

    __slots__ = ("connection", "entered", "real")

    def __init__(self, connection: Any, real: Any, entered: Any) -> None:
        """Keep them."""
        self.connection, self.real, self.entered = connection, real, entered


def begin(session: Session, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Begun:
    """Begin one on a synchronous connection."""
    connection = session.connection()
    real = connection.transaction(*args, **kwargs)
    with within(connection, session.behind.guards.core.seconds()):
        entered = real.__enter__()
    session.note(connection)
    return Begun(connection, real, entered)


async def begin_async(session: Session, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Begun:
    """Begin one on an asynchronous connection."""
    connection = await session.connection_async()
    real = connection.transaction(*args, **kwargs)
    entered = await firmly(real.__aenter__())
    session.note(connection)
    return Begun(connection, real, entered)


class Transaction:
    """A block of code that is one transaction; nested in another, a savepoint."""

    def __init__(self, session: Session, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin nothing yet."""
        self._session, self._given = session, (args, kwargs)
        self._begun: Begun | None = None

    def __enter__(self) -> Any:
        """Begin. Raises RefusedError, and what psycopg raises."""
        self._begun = self._session.begin(self._session, *self._given)
        return self._begun.entered

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        """Commit, or roll back when something was raised; never refused."""
        begun = self._begun
        assert begun is not None
        try:
            return begun.real.__exit__(kind, error, trace)
        finally:
            self._session.left(begun.connection)


class AsyncTransaction(Transaction):
    """As :class:`Transaction`, awaited."""

    async def __aenter__(self) -> Any:
        """Begin. Raises RefusedError, and what psycopg raises."""
        self._begun = await self._session.begin(self._session, *self._given)
        return self._begun.entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        """Commit, or roll back when something was raised; never refused."""
        begun = self._begun
        assert begun is not None
        try:
            if self._session.twin:
                return await self._session.in_thread(begun.real.__exit__, kind, error, trace)
            return await begun.real.__aexit__(kind, error, trace)
        finally:
            self._session.left(begun.connection)


def make_transaction(behind: Any, guarded: Any, name: str) -> Any:  # noqa: ARG001 - as all makers
    """Make ``transaction()``."""
    from trifuse.contrib._vector.pg_calls import session_of

    session = session_of(behind, guarded)
    kind = AsyncTransaction if behind.guards.way.awaited else Transaction
    return lambda *args, **kwargs: kind(session, args, kwargs)
