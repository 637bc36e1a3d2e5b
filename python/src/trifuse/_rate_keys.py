# SPDX-License-Identifier: MIT OR Apache-2.0
"""A rate limit for each key of a call, such as its user or host: bounded, the idle ones evicted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Any

from trifuse import _rate_guards as guards
from trifuse._core import lib
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse._policy import Policy, checked_name
from trifuse._rate_limit import RateLimit
from trifuse._rate_values import make_setup
from trifuse._rates import Rate

_LIMIT = 1_000_000
_LOOKED_AT = 16


class KeyedRateLimits(Policy, Mapping[Hashable, RateLimit]):
    """A rate limit for each key, least recently used first.

    A new key beyond ``max_keys`` takes the place of one of the least recently used limits that is
    full again, so that forgetting it changes nothing. With none such, it shares ``overflow``, one
    limit more.

    Args:
        rate: of each key; this and what is not listed here: as :class:`RateLimit`.
        key: a function of the call's arguments that gives its key, for use as a decorator.
        max_keys: how many limits there are at most, 1 to 1,000,000, the overflow apart.

    Attributes:
        overflow: the limit that keys share which found no place; None until one did.
        evictions: how many have been evicted.
        overflowed: how many calls went through the overflow limit.
    """

    __slots__ = ("_key", "_limits", "_lock", "_setup", "evictions", "max_keys", "overflow", "overflowed")
    kind = "rate_limit"
    settings = frozenset({"rate", "capacity", "algorithm", "wait", "max_keys"})

    def __init__(
        self,
        rate: Rate | float,
        *,
        key: Callable[..., Hashable] | None = None,
        max_keys: int = 1024,
        capacity: int | None = None,
        algorithm: str = "token_bucket",
        wait: Duration | None = None,
        name: str | None = None,
    ) -> None:
        """Begin without keys. Raises ConfigurationError for a bad setting."""
        if isinstance(max_keys, bool) or not isinstance(max_keys, int) or not 0 < max_keys <= _LIMIT:
            raise ConfigurationError("max_keys", max_keys, f"a whole number, 1 to {_LIMIT}")
        if key is not None and not callable(key):
            raise ConfigurationError("key", key, "a function of the call's arguments")
        self.name = checked_name(name)
        self._key = key
        self.max_keys = max_keys
        self.evictions = self.overflowed = 0
        self.overflow: RateLimit | None = None
        self._setup = make_setup(rate, capacity, algorithm, wait)
        self._limits: dict[Hashable, RateLimit] = {}
        self._lock = Lock()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal to itself only."""
        return self is other

    def __getitem__(self, key: Hashable) -> RateLimit:
        """Give the limit of a key that has one. Raises KeyError."""
        return self._limits[key]

    def __iter__(self) -> Iterator[Hashable]:
        """Iterate over the keys of this moment."""
        return iter(list(self._limits))

    def __len__(self) -> int:
        """Give the number of keys that have a limit."""
        return len(self._limits)

    def pick(self, key: Hashable) -> RateLimit:
        """Give the limit for a call of this key, making it or sharing the overflow."""
        with self._lock:
            limit = self._touch(key)
        return self._place(key, str(key)) if limit is None else limit

    def _touch(self, key: Hashable) -> RateLimit | None:
        limit = self._limits.pop(key, None)
        if limit is not None:
            self._limits[key] = limit
        return limit

    def _place(self, key: Hashable, text: str) -> RateLimit:
        """Find room for a new key. Its text was made without the lock: that may be foreign code."""
        with self._lock:
            limit = self._touch(key)
            if limit is not None:
                return limit
            if len(self._limits) < self.max_keys or self._evict():
                limit = self._limits[key] = self._new(text)
                return limit
            self.overflowed += 1
            if self.overflow is None:
                self.overflow = self._new("*")
            return self.overflow

    def _evict(self) -> bool:
        for key, limit in list(islice(self._limits.items(), _LOOKED_AT)):
            queue = limit._queue
            if lib.trifuse_py_limiter_is_full(limit._memory) and (queue is None or not queue.waiters):
                del self._limits[key]
                self.evictions += 1
                return True
        return False

    def _new(self, key: str) -> RateLimit:
        limit = object.__new__(RateLimit)
        limit._set_up(self._setup, f"{self.name}[{key}]")
        return limit

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change ``rate``, ``capacity``, ``wait`` of every key, or ``max_keys``; what was taken stays.

        Fewer ``max_keys`` take nobody's limit away. Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        others = {field: value for field, value in changes.items() if field != "max_keys"}
        self._checked(changes)
        with self._lock:
            self.max_keys = changes.get("max_keys", self.max_keys)
            model = self._new("")
            model.reconfigure(**others)
            for limit in (*self._limits.values(), *([self.overflow] if self.overflow else ())):
                limit.reconfigure(**others)
            self._setup = model._setup

    def _checked(self, changes: Mapping[str, Any]) -> None:
        others = {field: value for field, value in changes.items() if field != "max_keys"}
        self._new("")._checked(others)
        KeyedRateLimits(1, max_keys=changes.get("max_keys", self.max_keys))

    def _settings(self) -> dict[str, Any]:
        setup = self._setup
        settings = {"rate": setup.rate.plain(), "algorithm": setup.algorithm, "wait": seconds(setup.wait_ns)}
        if setup.capacity is not None:
            settings["capacity"] = setup.capacity
        return {**settings, "max_keys": self.max_keys}

    def _pick(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RateLimit:
        return self.pick(self._need_key()(*args, **kwargs))

    def _need_key(self) -> Callable[..., Hashable]:
        if self._key is None:
            raise ConfigurationError("key", None, "a function of the call's arguments, to guard functions")
        return self._key

    def _guard(self, fn: Any) -> Any:
        self._need_key()
        return super()._guard(fn)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_function_by_key(self._pick, fn)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_coroutine_function_by_key(self._pick, fn)

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_generator_function(self._pick, fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_async_generator_function(self._pick, fn)
