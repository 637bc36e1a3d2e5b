# SPDX-License-Identifier: MIT OR Apache-2.0
"""Entries in one SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import weakref
from typing import Any

from trifuse._breaker import CircuitBreaker
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse.cache._codecs import Codec
from trifuse.cache._envelope import milliseconds, wall_ms
from trifuse.cache._remote import RemoteStore

_MOST_ENTRIES = 10_000_000
_VERSION = 1
_all: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
_TABLE = """
CREATE TABLE IF NOT EXISTS trifuse_cache (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    until_ms INTEGER NOT NULL,
    entry BLOB NOT NULL
)
"""


class SqliteStore(RemoteStore):
    """Keeps entries in a file that processes share (write-ahead logging; not on a network drive).

    Args:
        path: the file; made when it is first used. Its folder must be there.
        max_entries: the most entries, 1 to 10,000,000, and for a moment 1 % more; the oldest go
            first.
        timeout: how long one operation may keep its caller, waiting for other processes included,
            1 ms to 60 s; 0.1 s.
        codec: how values are written; JsonCodec by default.
        breaker: refuses for a while when operations fail; by default one of its own, which opens
            after 3 failures in a row for 5 s.

    A full disk, a locked or damaged file, or one that is no database, is a failure of the store: a
    miss. Such a file is not touched. Times are those of the wall clock. May be used from any number
    of threads and tasks; tasks never block. A forked child opens the file anew.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_entries: int = 10_000,
        timeout: Duration = 0.1,
        codec: Codec | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        """Take the settings; the file is opened later."""
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or os.fspath(path) == ":memory:":
            raise ConfigurationError("path", path, "the path of a file; in memory use MemoryStore")
        if (
            isinstance(max_entries, bool)
            or not isinstance(max_entries, int)
            or not 1 <= max_entries <= _MOST_ENTRIES
        ):
            raise ConfigurationError("max_entries", max_entries, f"a whole number, 1 to {_MOST_ENTRIES}")
        super().__init__("cache sqlite", timeout, codec, breaker)
        self._path = os.path.abspath(os.fspath(path))  # noqa: PTH100 - the folder may change later
        self._max_entries = max_entries
        self._spare = max(1, max_entries // 100)
        self._using = Lock()
        self._connection: sqlite3.Connection | None = None
        self._since_count = self._spare
        _all.add(self)

    def describe(self) -> dict[str, Any]:
        """Tell what it is, as plain data."""
        return {**super().describe(), "path": self._path, "max_entries": self._max_entries}

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._using:
            self._forget()

    def _read(self, key: str) -> bytes | None:
        with self._using:
            row = self._used("SELECT entry FROM trifuse_cache WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _write(self, key: str, data: bytes, keep: float) -> None:
        with self._using:
            self._used("INSERT OR REPLACE INTO trifuse_cache (key, until_ms, entry) VALUES (?, ?, ?)",
                       (key, wall_ms() + milliseconds(keep), data))  # fmt: skip
            self._since_count += 1
            if self._since_count >= self._spare:
                self._since_count = 0
                self._tidy()

    def _delete(self, key: str) -> None:
        with self._using:
            self._used("DELETE FROM trifuse_cache WHERE key = ?", (key,))

    def _tidy(self) -> None:
        """Let go of what is over, and of the oldest beyond the most entries."""
        self._used("DELETE FROM trifuse_cache WHERE until_ms <= ?", (wall_ms(),))
        over = self._used("SELECT COUNT(*) FROM trifuse_cache", ()).fetchone()[0] - self._max_entries
        if over > 0:
            self._used("DELETE FROM trifuse_cache WHERE id IN (SELECT id FROM trifuse_cache ORDER BY id LIMIT ?)",
                       (over,))  # fmt: skip

    def _used(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        """Run a statement by itself; a connection that fails is not used again."""
        try:
            return self._opened().execute(statement, values)
        except sqlite3.Error as error:
            if not isinstance(error, sqlite3.OperationalError) or "locked" not in str(error):
                self._forget()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # prompts are not for everybody
        connection = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table. A file of another program, or of another version, is left as it is."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if version not in {0, _VERSION} or (tables and "trifuse_cache" not in tables):
        raise sqlite3.DatabaseError("the file is of another program, or of another version of trifuse")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(_TABLE)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _after_fork() -> None:
    """In a forked child: connections of the parent are neither used nor ever closed.

    Closing one here would tidy up files that the parent is using.
    """
    for store in list(_all):
        connection, store._connection = store._connection, None
        if connection is not None:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
