# SPDX-License-Identifier: MIT OR Apache-2.0
"""``ResultCache``: keeps what was really answered, for calls that get no answer."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Literal

from trifuse._core import lib
from trifuse._durations import NEVER, Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError, RefusedError
from trifuse._listeners import log
from trifuse._locks import Lock
from trifuse._options import _function
from trifuse._policy import Policy, checked_name
from trifuse.cache._flights import Flights
from trifuse.cache._guards import Guards
from trifuse.cache._keys import Key, Keyer, UnkeyableError, checked_key, digest
from trifuse.cache._lookup import Lookup
from trifuse.cache._memory import MemoryStore
from trifuse.cache._store import Found, Store
from trifuse.cache._stores import checked_store
from trifuse.cache._values import CacheMissError, CacheSnapshot

_HOUR = 3600
_DAY = 86_400
_MOST_TOLD = 32
_LONGEST_NS: int = lib.TRIFUSE_DURATION_MAX_NS
Serve = Literal["fresh", "never"]


class ResultCache(Guards, Policy):
    """Keeps the real answers of a function, and gives them when there is no other answer.

    As a decorator or part of a pipeline it keeps what the function really answers: never what a
    fallback within the call answered. As a level of a chain, ``fallback=[cache.lookup, ...]``, it
    gives the entry for the call's arguments, fresh or stale, or lets the next level be asked.

    Args:
        store: where entries are: a MemoryStore, SqliteStore or RedisStore, or one written as a
            text: ``"memory"``, ``"sqlite:answers.db"``, ``"redis://localhost"``. By default a
            MemoryStore of 1000 entries.
        ttl: how long an entry is fresh, in seconds or as timedelta; an hour.
        stale_if_error: how much longer ``lookup`` gives it; a day. 0: never.
        key: a format of the function's arguments, such as ``"llm:{prompt}"``, or a function of them
            that gives a text. By default ``"llm:"`` and the prompt: the only argument, or the one
            named ``prompt``. Arguments that a format does not show, and that have not their default,
            are told by a digest behind it, so they never share an entry. A cache without ``key``
            serves one function.
        hashed: put the SHA-256 of the prompt in the key in place of the prompt.
        serve: ``"fresh"``: a fresh entry is given without a call, and of several calls at once for
            one key only one is made. ``"never"``: every call is made.
        store_if: a function of the answer: only those for which it says True are kept.
        name: what logs call it.

    Keys are made of the arguments without the object of a method. A call whose arguments cannot be
    made into a key is made without the cache. A store that fails is a miss. Of a generator the
    items are kept once it has ended by itself; calls of generators are not shared. May be used from
    any number of threads, asyncio and trio tasks.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_counts", "_flights", "_hashed", "_key", "_keyer", "_lock", "_lookup", "_serves", "_stale_ns",
                 "_store_if", "_told", "_ttl_ns", "_who", "store")  # fmt: skip
    kind = "cache"
    settings = frozenset({"store", "ttl", "stale_if_error", "key", "hashed", "serve"})
    store: Store

    def __init__(
        self,
        store: Store | str | None = None,
        *,
        ttl: Duration = _HOUR,
        stale_if_error: Duration = _DAY,
        key: Key = None,
        hashed: bool = False,
        serve: Serve = "fresh",
        store_if: Callable[[Any], bool] | None = None,
        name: str | None = None,
    ) -> None:
        """Take the settings."""
        self.name = checked_name(name)
        self._take(ttl, stale_if_error, serve)
        self._key, self._hashed = checked_key(key), bool(hashed)
        self._store_if = _function("store_if", store_if)
        self.store = MemoryStore() if store is None else checked_store(store)
        self._flights, self._lock = Flights(), Lock()
        self._counts = dict.fromkeys(CacheSnapshot._fields[1:], 0)
        self._told: set[str] = set()
        self._who: object = None
        self._keyer = Keyer(self._key, hashed=self._hashed)
        self._lookup = Lookup(self)

    def _take(self, ttl: Any, stale_if_error: Any, serve: Any) -> None:
        ttl_ns, stale_ns = _wait_ns("ttl", ttl, 1), _wait_ns("stale_if_error", stale_if_error, 0)
        if serve not in ("fresh", "never"):
            raise ConfigurationError("serve", serve, "fresh, never")
        self._ttl_ns, self._stale_ns, self._serves = ttl_ns, stale_ns, serve == "fresh"

    def _settings(self) -> dict[str, Any]:
        shown = {"key": self._key} if isinstance(self._key, str) else {}
        serve = "fresh" if self._serves else "never"
        times = {"ttl": seconds(self._ttl_ns), "stale_if_error": seconds(self._stale_ns)}
        return {**times, **shown, "hashed": self._hashed, "serve": serve}

    def describe(self) -> dict[str, Any]:
        """Give kind, name, the numbers in force and what the store is."""
        return {**super().describe(), **self.store.describe()}

    def reconfigure(self, **changes: Any) -> None:
        """Change ``ttl``, ``stale_if_error`` or ``serve``, for entries that are there already as well.

        (How long the store keeps those at most stays.) Raises ConfigurationError, and then nothing
        is taken.
        """
        self._checked(changes)
        settings = {**self._settings(), **changes}
        self._take(settings["ttl"], settings["stale_if_error"], settings["serve"])

    def _checked(self, changes: Any) -> None:
        for field, value in changes.items():
            if field not in {"ttl", "stale_if_error", "serve"}:
                raise ConfigurationError(
                    field, value, "a setting that can be changed: ttl, stale_if_error, serve"
                )
        type(self)(**{**self._settings(), **changes})

    def snapshot(self) -> CacheSnapshot:
        """Tell what it has counted."""
        with self._lock:
            return CacheSnapshot(self.name, **self._counts)

    @property
    def lookup(self) -> Lookup:
        """The level of a fallback chain: ``fallback=[cache.lookup, spare_model, "Sorry."]``.

        Called with the call's arguments it gives the entry, fresh or stale, or raises
        CacheMissError. In a chain of asynchronous calls it never blocks; in your own tasks use
        ``await cache.lookup.in_task(...)``.
        """
        return self._lookup

    def remember(self, value: Any, /, *args: Any, **kwargs: Any) -> bool:
        """Keep a value as the answer to a call with these arguments; tells whether it is kept."""
        return self._put(self._keyer.key(args, kwargs), value)

    async def remember_async(self, value: Any, /, *args: Any, **kwargs: Any) -> bool:
        """As remember(), in a task."""
        return await self._put_async(self._keyer.key(args, kwargs), value)

    def forget(self, *args: Any, **kwargs: Any) -> None:
        """Forget the answer to a call with these arguments. Raises what the store raises."""
        self.store.remove(self._keyer.key(args, kwargs))

    async def forget_async(self, *args: Any, **kwargs: Any) -> None:
        """As forget(), in a task."""
        await self.store.remove_async(self._keyer.key(args, kwargs))

    def _keyer_of(self, original: Any) -> Keyer:
        """Give what makes the keys of a function; ``lookup`` goes by the first one's arguments."""
        keyer = Keyer(self._key, hashed=self._hashed, fn=original)
        with self._lock:
            known = self._who
            if known is None:
                self._who, self._keyer = original, keyer
            elif self._key is None and not _same(known, original):
                allowed = "a format or function that tells functions apart, or a cache for each function"
                raise ConfigurationError("key", None, allowed)
        return keyer

    def _key_of(self, keyer: Keyer, args: Any, kwargs: Any) -> str | None:
        """Make the key of a call; None, told once, when there is none."""
        try:
            return keyer.key(args, kwargs)
        except UnkeyableError as error:
            self._tell_once("no key", str(error))
        except Exception as error:  # noqa: BLE001 - the call is made, whatever key= does
            self._tell_once("key= failed", type(error).__qualname__)
        return None

    def _tell_once(self, what: str, why: str) -> None:
        self._count("not_stored")
        with self._lock:
            if why in self._told or len(self._told) >= _MOST_TOLD:
                return
            self._told.add(why)
        log().warning("cache %r: %s: %s; such calls are not kept", self.name, what, why)

    def _count(self, field: str) -> None:
        with self._lock:
            self._counts[field] += 1

    def _is_fresh(self, found: Found | None) -> bool:
        return found is not None and found.age * 1e9 < self._ttl_ns

    def _usable(self, found: Found | None) -> Any:
        """Give the value of an entry for a fallback. Raises CacheMissError."""
        age = None if found is None else found.age * 1e9
        if found is None or age is None or age >= self._ttl_ns + self._stale_ns:
            self._count("missed")
            raise CacheMissError(self.name)
        self._count("fresh" if age < self._ttl_ns else "stale")
        return found.value

    @property
    def _keep(self) -> float:
        return seconds(self._ttl_ns + self._stale_ns)

    def _failed(self, what: str, key: str, error: Exception) -> None:
        """Tell of a store that failed; the key only as a digest."""
        self._count("store_errors")
        told = log().debug if isinstance(error, RefusedError) else log().warning
        told("cache %r: %s of %s failed (%s)", self.name, what, digest(key, 12), type(error).__qualname__)


def _wait_ns(field: str, value: Any, least: int) -> int:
    ns = nanoseconds(value)
    if ns is None or not least <= ns <= min(_LONGEST_NS, NEVER):
        raise ConfigurationError(
            field, value, f"{'1 ns' if least else '0'} to 365 days (in seconds, or a timedelta)"
        )
    return ns


def _same(one: Any, other: Any) -> bool:
    """Tell whether two are one function, or one method of one object."""
    return one is other or (type(one) is type(other) is MethodType and one == other)
