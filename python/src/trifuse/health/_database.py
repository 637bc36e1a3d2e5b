# SPDX-License-Identifier: MIT OR Apache-2.0
"""The check of a database: it runs ``SELECT 1``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack, closing
from importlib import import_module
from typing import Any

from trifuse._errors import ConfigurationError

_SOURCES = (
    "a connection, a pool or an engine (something with execute, cursor, connection, connect or acquire), "
    "or a function that gives a connection"
)


def database_check(source: Any, query: str = "SELECT 1") -> Callable[[], Any]:
    """Give a check that runs a query on a database.

    Args:
        source: a DB-API connection (psycopg, sqlite3, ...), an asynchronous one (psycopg's
            AsyncConnection, asyncpg, aiosqlite), a pool (``.connection()`` or ``.acquire()``), an
            SQLAlchemy engine, or a function (asynchronous ones too) that gives a connection, which
            is closed afterwards. A connection that one thread alone may use needs the function.
        query: what is run; its result is read and thrown away.

    Raises:
        ConfigurationError: for what cannot be asked.
    """
    if not isinstance(query, str) or not query.strip():
        raise ConfigurationError("query", query, "a query, such as 'SELECT 1'")
    if _is_asynchronous(source):

        async def check_async() -> None:
            await _ask_async(source, query)

        return check_async
    if not (callable(source) or _way(source)):
        raise ConfigurationError("source", source, _SOURCES)

    def check() -> None:
        _ask(source, query)

    return check


def _way(source: Any) -> str | None:
    return next(
        (w for w in ("acquire", "connection", "cursor", "execute", "connect") if _has(source, w)), None
    )


def _has(source: Any, method: str) -> bool:
    """Tell whether there is such a method; connections have ``connection`` as a property."""
    return not isinstance(getattr(type(source), method, None), property) and callable(
        getattr(source, method, None)
    )


def _is_asynchronous(source: Any) -> bool:
    """Tell by its methods, whether they are declared so or their class says so by its name."""
    way = _way(source)
    method = source if way is None else getattr(source, way)
    if inspect.iscoroutinefunction(method) or way == "acquire":
        return True
    name = type(source).__name__
    return way is not None and (
        name.startswith("Async") or inspect.iscoroutinefunction(getattr(source, "close", None))
    )


def _ask(source: Any, query: str) -> None:
    with ExitStack() as opened:
        way = _way(source)
        if way is None:
            source = opened.enter_context(closing(source()))
        elif way in {"connection", "connect"}:
            source = opened.enter_context(getattr(source, way)())
        if _is_sqlalchemy(source):
            source.execute(_text(query)).fetchone()
            return
        if way == "cursor" and _is_idle(source):
            opened.callback(source.rollback)
        cursor = opened.enter_context(closing(source.cursor()))
        cursor.execute(query)
        cursor.fetchone()


async def _ask_async(source: Any, query: str) -> None:
    way = _way(source)
    if way is None:
        connection = await source()
        try:
            await _run_async(connection, query)
        finally:
            await connection.close()
    elif way in {"acquire", "connection", "connect"}:
        async with getattr(source, way)() as connection:
            await _run_async(connection, query)
    else:
        idle = _is_idle(source)
        try:
            await _run_async(source, query)
        finally:
            if idle:
                await source.rollback()


async def _run_async(connection: Any, query: str) -> None:
    if _is_sqlalchemy(connection):
        await connection.execute(_text(query))
        return
    if hasattr(connection, "fetchval"):  # asyncpg
        await connection.fetchval(query)
        return
    result = await connection.execute(query)
    await result.fetchone()


def _is_idle(connection: Any) -> bool:
    """Tell a connection of psycopg outside of a transaction: the query begins one, which would stay open."""
    status = getattr(getattr(connection, "info", None), "transaction_status", None)
    return status == 0 and not getattr(connection, "autocommit", False)


def _is_sqlalchemy(connection: Any) -> bool:
    return type(connection).__module__.partition(".")[0] == "sqlalchemy"


def _text(query: str) -> Any:
    return import_module("sqlalchemy").text(query)
