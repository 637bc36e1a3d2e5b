# SPDX-License-Identifier: MIT OR Apache-2.0
"""A breaker for each key of a call, such as its host or region: bounded, the idle ones evicted."""

from __future__ import annotations

import os
import weakref
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._breaker import CircuitBreaker, make
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse._permits import handle_of
from trifuse._values import State

if TYPE_CHECKING:
    from trifuse._declared import Declared
    from trifuse._options import Options
    from trifuse._registry import CircuitBreakerRegistry

_all: weakref.WeakSet[KeyedBreakers] = weakref.WeakSet()


class KeyedBreakers(Mapping[Hashable, CircuitBreaker]):
    """The breakers of guarded functions by key, least recently used first.

    A new key beyond ``max_keys`` takes the place of the least recently used breaker that is CLOSED
    and has no call in flight. With none such, it shares ``overflow``, one breaker more.

    Attributes:
        overflow: the breaker that keys share which found no place; None until one did.
        max_keys: how many breakers there are at most, the overflow apart.
        evictions: how many have been evicted.
        overflowed: how many calls went through the overflow breaker.
    """

    def __init__(
        self,
        name: str,
        declared: Declared,
        options: Options,
        registry: CircuitBreakerRegistry | None,
        listeners: dict[str, Any],
        max_keys: int,
    ) -> None:
        """Begin empty. Raises ConfigurationError for a max_keys that is not 1 to 1,000,000."""
        limit = 1_000_000
        if isinstance(max_keys, bool) or not isinstance(max_keys, int) or not 0 < max_keys <= limit:
            raise ConfigurationError("max_keys", max_keys, "a whole number, 1 to 1000000")
        self.name = name
        self.max_keys = max_keys
        self.evictions = self.overflowed = 0
        self._declared = declared
        self._rest = (options, listeners)
        self._registry = registry
        self._breakers: dict[Hashable, CircuitBreaker] = {}
        self.overflow: CircuitBreaker | None = None
        self._lock = Lock()
        _all.add(self)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal to itself only."""
        return self is other

    def __getitem__(self, key: Hashable) -> CircuitBreaker:
        """Give the breaker of a key that has one. Raises KeyError."""
        return self._breakers[key]

    def __iter__(self) -> Iterator[Hashable]:
        """Iterate over the keys of this moment."""
        return iter(list(self._breakers))

    def __len__(self) -> int:
        """Give the number of keys that have a breaker."""
        return len(self._breakers)

    def pick(self, key: Hashable) -> CircuitBreaker:
        """Give the breaker for a call of this key, making it or sharing the overflow."""
        with self._lock:
            breaker = self._touch(key)
        return self._place(key, str(key)) if breaker is None else breaker

    def _touch(self, key: Hashable) -> CircuitBreaker | None:
        breaker = self._breakers.pop(key, None)
        if breaker is not None:
            self._breakers[key] = breaker
        return breaker

    def _place(self, key: Hashable, text: str) -> CircuitBreaker:
        """Find room for a new key. Its text was made without the lock: that may be foreign code."""
        with self._lock:
            breaker = self._touch(key)
            if breaker is not None:
                return breaker
            if len(self._breakers) < self.max_keys or self._evict():
                breaker = self._breakers[key] = self._new(text)
                return breaker
            self.overflowed += 1
            if self.overflow is None:
                self.overflow = self._new("*")
            return self.overflow

    def _evict(self) -> bool:
        for key, breaker in self._breakers.items():
            if breaker.state is State.CLOSED and handle_of(breaker._memory).in_flight == 0:
                del self._breakers[key]
                self.evictions += 1
                if self._registry is not None:
                    self._registry._discard(breaker)
                return True
        return False

    def _new(self, key: str) -> CircuitBreaker:
        options, listeners = self._rest
        name = f"{self.name}[{key}]"
        breaker = make(CircuitBreaker, name, self._declared, options, self._registry, listeners)
        if self._registry is not None:
            self._registry._add(breaker)
        return breaker


def _after_fork() -> None:
    """In a forked child the other threads and their calls are gone."""
    for breakers in _all:
        for breaker in breakers._breakers.values():
            handle_of(breaker._memory).in_flight = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
