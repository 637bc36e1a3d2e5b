# SPDX-License-Identifier: MIT OR Apache-2.0
"""Entries in memory: bounded by number and by bytes, the least recently used go first."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from trifuse._core import lib
from trifuse._durations import nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse.cache._store import Found, Store

_now_ns = lib.trifuse_py_now
_MOST_ENTRIES = 100_000_000
_MOST_PARTS = 100_000


class MemoryStoreSnapshot(NamedTuple):
    """What a store in memory holds.

    Attributes:
        entries: how many there are, those whose time is over included.
        bytes: how large they are, as they were measured; 0 without ``max_bytes``.
        evicted: how many had to go for others, ever.
    """

    entries: int
    bytes: int
    evicted: int


class _Entry:
    __slots__ = ("size", "stored_ns", "until_ns", "value")

    def __init__(self, value: Any, stored_ns: int, until_ns: int, size: int) -> None:
        self.value, self.stored_ns, self.until_ns, self.size = value, stored_ns, until_ns, size


class MemoryStore(Store):
    """Keeps any objects, for this process. Reading gives the object itself, not a copy.

    Args:
        max_entries: the most entries, 1 to 100,000,000; the least recently used goes first.
        max_bytes: the most bytes in all, keys included; None: not measured. A value larger than that
            is not kept.
        size_of: measures a value in bytes. By default the memory that its parts take as Python
            objects, of which 100,000 at most are looked at.

    Time is the monotonic clock of the core. May be used from any number of threads and tasks. After
    a fork the child has its own copy.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self, max_entries: int = 1000, *, max_bytes: int | None = None, size_of: Callable[[Any], int] | None = None
    ) -> None:  # fmt: skip
        """Begin empty."""
        self._max_entries = _whole("max_entries", max_entries, _MOST_ENTRIES)
        self._max_bytes = None if max_bytes is None else _whole("max_bytes", max_bytes, sys.maxsize)
        if size_of is not None and not callable(size_of):
            raise ConfigurationError("size_of", size_of, "a function of the value")
        self._size_of = size_of or measure
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()
        self._bytes = self._evicted = 0

    def get(self, key: str) -> Found | None:
        """Give the entry of a key, None if there is none or its time is over."""
        now = _now_ns()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if now >= entry.until_ns:
                self._drop(key)
                return None
            self._entries.move_to_end(key)
        return Found(entry.value, seconds(max(0, now - entry.stored_ns)))

    def put(self, key: str, value: Any, keep: float) -> None:
        """Keep a value for so many seconds, in place of what was there."""
        size = 0 if self._max_bytes is None else int(self._size_of(value)) + sys.getsizeof(key)
        now = _now_ns()
        entry = _Entry(value, now, now + (nanoseconds(keep) or 0), size)
        with self._lock:
            if key in self._entries:
                self._drop(key)
            if self._max_bytes is not None and size > self._max_bytes:
                return
            self._entries[key] = entry
            self._bytes += size
            while len(self._entries) > self._max_entries or self._bytes > (self._max_bytes or self._bytes):
                self._drop(next(iter(self._entries)))
                self._evicted += 1

    def remove(self, key: str) -> None:
        """Forget a key, if it is there."""
        with self._lock:
            if key in self._entries:
                self._drop(key)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def __len__(self) -> int:
        """Give the number of entries, those whose time is over included."""
        return len(self._entries)

    def snapshot(self) -> MemoryStoreSnapshot:
        """Take a picture."""
        with self._lock:
            return MemoryStoreSnapshot(len(self._entries), self._bytes, self._evicted)

    def describe(self) -> dict[str, Any]:
        """Tell what it is, as plain data."""
        return {**super().describe(), "max_entries": self._max_entries, "max_bytes": self._max_bytes}

    def _drop(self, key: str) -> None:
        self._bytes -= self._entries.pop(key).size


def measure(value: Any) -> int:
    """Give the bytes that an object and its parts take, each part once."""
    seen: set[int] = set()
    todo, size = [value], 0
    while todo and len(seen) < _MOST_PARTS:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        size += sys.getsizeof(part, 64)
        if isinstance(part, dict):
            todo.extend(part)
            todo.extend(part.values())
        elif isinstance(part, (list, tuple, set, frozenset)):
            todo.extend(part)
        elif not isinstance(part, (str, bytes, bytearray, int, float, complex, type)):
            todo.extend(getattr(part, "__dict__", {}).values())
    return size


def _whole(field: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ConfigurationError(field, value, f"a whole number, 1 to {most}")
    return value
