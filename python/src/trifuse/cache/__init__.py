# SPDX-License-Identifier: MIT OR Apache-2.0
"""Caches of results for fallbacks: real answers are kept, and given when there is no other.

A :class:`ResultCache` guards a function and keeps what it really answered; its ``lookup`` is a level
of a fallback chain. Entries are in a :class:`MemoryStore`, a :class:`SqliteStore` (one machine) or a
:class:`RedisStore` (``trifuse[redis]``).
"""

from typing import TYPE_CHECKING, Any

from trifuse.cache._codecs import Codec, CodecError, JsonCodec, PickleCodec, PydanticCodec
from trifuse.cache._memory import MemoryStore, MemoryStoreSnapshot
from trifuse.cache._result_cache import ResultCache
from trifuse.cache._store import Found, Store
from trifuse.cache._values import CacheMissError, CacheSnapshot

if TYPE_CHECKING:
    from trifuse.cache._redis import RedisStore
    from trifuse.cache._sqlite import SqliteStore

_LATER = {"RedisStore": "_redis", "SqliteStore": "_sqlite"}

__all__ = [
    "CacheMissError",
    "CacheSnapshot",
    "Codec",
    "CodecError",
    "Found",
    "JsonCodec",
    "MemoryStore",
    "MemoryStoreSnapshot",
    "PickleCodec",
    "PydanticCodec",
    "RedisStore",
    "ResultCache",
    "SqliteStore",
    "Store",
]


def __getattr__(name: str) -> Any:
    """Import the stores that few programs need when they are asked for."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'trifuse.cache' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"trifuse.cache.{module}"), name)
    globals()[name] = value
    return value
