# SPDX-License-Identifier: MIT OR Apache-2.0
"""What comes in is limited: by rate, by how many requests are worked at, by time; by key where wished."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from itertools import islice
from typing import Any

from trifuse._adaptive_limit import AdaptiveLimit
from trifuse._bulkhead import Bulkhead
from trifuse._deadline import Deadline, deadline
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse._places import Places
from trifuse._rate_keys import KeyedRateLimits
from trifuse._rate_limit import RateLimit
from trifuse._renaming import given_as
from trifuse.contrib._web.control import HEALTH, READY

_LIMIT = 1_000_000
_LOOKED_AT = 16
_PLACES = "True, an AdaptiveLimit, a Bulkhead, or a function without arguments that makes one for each key"
SERVER_ERROR = 500
EXEMPT = (HEALTH, READY)
"""Paths without limits, unless others are given."""


class Inbound:
    """The limits of a web application.

    Args:
        rate_limit: a Rate or number (per second), a RateLimit or a KeyedRateLimits. Refused: 429.
        key: a function of the request that gives its key, such as a header; with it each key has
            limits of its own. What the framework calls a request is said there.
        adaptive_limit: bounds the requests worked at: True, an AdaptiveLimit or Bulkhead, or, by key,
            a function that makes one. Refused: 503.
        max_keys: how many keys have limits of their own; the least recently used idle one makes room.
        timeout: seconds (or a timedelta) for a request. Passed: 504. What the application calls
            through trifuse sees it as its deadline.
        exempt: paths, and what is below them, that pass without limits.
    """

    def __init__(
        self,
        *,
        rate_limit: Any = None,
        key: Callable[[Any], Hashable] | None = None,
        adaptive_limit: Any = None,
        max_keys: int = 1024,
        timeout: Duration | None = None,
        exempt: Collection[str] = EXEMPT,
    ) -> None:
        """Check and keep them. Raises ConfigurationError."""
        self._exempt = _paths(exempt)
        if key is not None and not callable(key):
            raise ConfigurationError("key", key, "a function of the request")
        self.key = key
        self.rates = _rates(rate_limit, key, max_keys)
        self.places = _places(adaptive_limit, key, max_keys)
        self.deadline: Deadline | None = None
        if timeout is not None:
            with given_as("timeout", timeout, "seconds"):
                self.deadline = deadline(timeout, name="request")

    def limits_of(self, request: Any) -> tuple[RateLimit | None, Places | None]:
        """Give the limits that this request is under."""
        key = None if self.key is None else self.key(request)
        rate, places = self.rates, self.places
        if isinstance(rate, KeyedRateLimits):
            rate = rate.pick(key)
        if isinstance(places, KeyedPlaces):
            places = places.pick(key)
        return rate, places

    def exempts(self, path: str) -> bool:
        """Tell whether a path passes without limits."""
        return any(path == known or path.startswith(f"{known}/") for known in self._exempt)

    def describe(self) -> dict[str, Any]:
        """Give the limits as plain data."""
        parts = {"rate_limit": self.rates, "adaptive_limit": self.places, "deadline": self.deadline}
        return {name: part.describe() for name, part in parts.items() if part is not None}


class KeyedPlaces:
    """An adaptive limit or bulkhead for each key, bounded; the idle ones make room for new keys.

    Keys that find none share ``overflow``, one limit more.
    """

    def __init__(self, make: Callable[[], Places], max_keys: int) -> None:
        """Begin without keys."""
        self._make = make
        self.max_keys = max_keys
        self.overflow: Places | None = None
        self._places: dict[Hashable, Places] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """Give the number of keys."""
        return len(self._places)

    def pick(self, key: Hashable) -> Places:
        """Give the limit of a key, making it or sharing the overflow."""
        with self._lock:
            places = self._places.pop(key, None)
            if places is None:
                if len(self._places) >= self.max_keys and not self._evict():
                    if self.overflow is None:
                        self.overflow = self._new()
                    return self.overflow
                places = self._new()
            self._places[key] = places
            return places

    def _new(self) -> Places:
        places = self._make()
        if not isinstance(places, Places):
            raise ConfigurationError("adaptive_limit", places, _PLACES)
        places._adopt("inbound")
        return places

    def _evict(self) -> bool:
        for key in list(islice(self._places, _LOOKED_AT)):
            places = self._places[key]
            if places.in_flight == 0 and (places._queue is None or not places._queue.waiters):
                del self._places[key]
                return True
        return False

    def describe(self) -> dict[str, Any]:
        """Give what each key gets."""
        return {**self._new().describe(), "max_keys": self.max_keys}


def _rates(given: Any, key: Any, max_keys: int) -> RateLimit | KeyedRateLimits | None:
    _check_keys(max_keys)
    if given is None or isinstance(given, (RateLimit, KeyedRateLimits)):
        if isinstance(given, RateLimit) and key is not None:
            raise ConfigurationError("rate_limit", given, "with key: a rate, or KeyedRateLimits")
        if isinstance(given, KeyedRateLimits) and key is None:
            raise ConfigurationError("rate_limit", given, "without key: a rate, or a RateLimit")
        return given
    with given_as("rate_limit", given, "rate", "permits", "period"):
        if key is None:
            return RateLimit(given, name="inbound")
        return KeyedRateLimits(given, max_keys=max_keys, name="inbound")


def _places(given: Any, key: Any, max_keys: int) -> Places | KeyedPlaces | None:
    if given is None or given is False:
        return None
    if isinstance(given, (AdaptiveLimit, Bulkhead)) and key is None:
        given._adopt("inbound")
        return given
    make = (lambda: AdaptiveLimit(name="inbound")) if given is True else given
    if not callable(make) or isinstance(make, Places):
        raise ConfigurationError("adaptive_limit", given, _PLACES)
    keyed = KeyedPlaces(make, max_keys)
    return keyed._new() if key is None else keyed


def _paths(given: Any) -> tuple[str, ...]:
    legal = isinstance(given, Collection) and not isinstance(given, (str, bytes, Mapping))
    if not legal or not all(isinstance(path, str) and path.startswith("/") for path in given):
        raise ConfigurationError("exempt", given, "several paths that begin with a slash, in a list")
    return tuple(path.rstrip("/") for path in given)


def _check_keys(max_keys: Any) -> None:
    if isinstance(max_keys, bool) or not isinstance(max_keys, int) or not 0 < max_keys <= _LIMIT:
        raise ConfigurationError("max_keys", max_keys, f"a whole number, 1 to {_LIMIT}")


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Give a header, whatever its case; empty when there is none."""
    return headers.get(name) or headers.get(name.lower()) or ""
