# SPDX-License-Identifier: MIT OR Apache-2.0
"""A bulkhead or adaptive limit for each key, such as a host: bounded, the idle ones evicted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice

from trifuse._locks import Lock
from trifuse._places import Places

_LOOKED_AT = 16


class KeyedPlaces(Mapping[Hashable, Places]):
    """A limit of calls in flight for each key, least recently used first.

    A new key beyond ``max_keys`` takes the place of one of the least recently used limits that holds
    no call. With none such it shares ``overflow``, one limit more.

    Attributes:
        overflow: the limit that keys share which found no place; None until one did.
        evictions: how many have been evicted.
        overflowed: how many calls went through the overflow limit.
    """

    def __init__(self, name: str, make: Callable[[str], Places], max_keys: int) -> None:
        """Begin without keys; ``make`` makes the limit of a name."""
        self.name = name
        self.max_keys = max_keys
        self.evictions = self.overflowed = 0
        self.overflow: Places | None = None
        self._make = make
        self._limits: dict[Hashable, Places] = {}
        self._lock = Lock()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal to itself only."""
        return self is other

    def __getitem__(self, key: Hashable) -> Places:
        """Give the limit of a key that has one. Raises KeyError."""
        return self._limits[key]

    def __iter__(self) -> Iterator[Hashable]:
        """Iterate over the keys of this moment."""
        return iter(list(self._limits))

    def __len__(self) -> int:
        """Give the number of keys that have a limit."""
        return len(self._limits)

    def pick(self, key: Hashable) -> Places:
        """Give the limit for a call of this key, making it or sharing the overflow."""
        text = str(key)  # without the lock: it may be foreign code
        with self._lock:
            limit = self._limits.pop(key, None)
            if limit is None:
                if len(self._limits) >= self.max_keys and not self._evict():
                    return self._overflowing()
                limit = self._make(f"{self.name}[{text}]")
            self._limits[key] = limit
            return limit

    def _overflowing(self) -> Places:
        self.overflowed += 1
        if self.overflow is None:
            self.overflow = self._make(f"{self.name}[*]")
        return self.overflow

    def _evict(self) -> bool:
        for key, limit in list(islice(self._limits.items(), _LOOKED_AT)):
            queue = limit._queue
            if limit.in_flight == 0 and (queue is None or not queue.waiters):
                del self._limits[key]
                self.evictions += 1
                return True
        return False
