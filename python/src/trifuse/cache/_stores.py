# SPDX-License-Identifier: MIT OR Apache-2.0
"""Stores that are written as texts, so that configurations can name them."""

from __future__ import annotations

from typing import Any

from trifuse._errors import ConfigurationError
from trifuse.cache._memory import MemoryStore
from trifuse.cache._store import Store

_ALLOWED = "a Store, 'memory', 'sqlite:<path>', or a URL that begins with redis, rediss, valkey or unix"
_REDIS = ("redis://", "rediss://", "valkey://", "valkeys://", "unix://")


def shown(address: str) -> str:
    """Give what an error may show of an address: how it begins, since the rest may hold a password."""
    scheme, colon, _ = address.partition(":")
    return f"{scheme}:..." if colon else address


def checked_store(store: Any) -> Store:
    """Give the store. Raises ConfigurationError."""
    if isinstance(store, Store):
        return store
    if isinstance(store, str):
        if store == "memory":
            return MemoryStore()
        if store.startswith("sqlite:") and len(store) > len("sqlite:"):
            from trifuse.cache._sqlite import SqliteStore

            return SqliteStore(store.removeprefix("sqlite:").removeprefix("//"))
        if store.startswith(_REDIS):
            from trifuse.cache._redis import RedisStore

            return RedisStore(store)
    raise ConfigurationError("store", shown(store) if isinstance(store, str) else store, _ALLOWED)
