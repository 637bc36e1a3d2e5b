# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call for many processes: where a store can lend the right to make it, the others wait for the entry.

Whoever waits looks again and again, for as long as the right lasts, and then makes the call all the
same. A store that fails lends nothing: every process makes its call.
"""

from __future__ import annotations

from typing import Any

from trifuse._core import lib
from trifuse._remaining import remaining_ns
from trifuse._sleep import sleep, sleep_async
from trifuse.cache._store import Found

_now_ns = lib.trifuse_py_now
_LOOK_NS = 20_000_000
_LONGEST_NS = 250_000_000


class Lease:
    """The right to make a call, or the entry that another process has made meanwhile."""

    __slots__ = ("_cache", "_key", "_token", "found")

    def __init__(self, cache: Any, key: str) -> None:
        """Begin without either."""
        self._cache, self._key = cache, key
        self._token = ""
        self.found: Found | None = None

    def take(self, token: str) -> None:
        """Have the right."""
        self._token = token

    def release(self) -> None:
        """Give the right back."""
        token, self._token = self._token, ""
        if token:
            try:
                self._cache.store.release(self._key, token)
            except Exception as error:  # noqa: BLE001 - it ends by itself
                self._cache._failed("giving back", self._key, error)


class _Pauses:
    """The times at which one who waits looks again."""

    __slots__ = ("_pause_ns", "_until_ns")

    def __init__(self, limit: float) -> None:
        self._pause_ns = _LOOK_NS
        self._until_ns = _now_ns() + round(limit * 1e9)

    def next_ns(self) -> int:
        """Give the next pause; 0 when there is no time left."""
        left: int = self._until_ns - _now_ns()
        own = remaining_ns()
        pause = min(self._pause_ns, left if own is None else min(left, own))
        self._pause_ns = min(self._pause_ns * 3 // 2, _LONGEST_NS)
        return max(0, pause)


def lease(cache: Any, key: str) -> Lease:
    """Take the right to make a call, or wait for the entry."""
    lent, limit = Lease(cache, key), cache.store.lease_seconds
    if not limit:
        return lent
    pauses = _Pauses(limit)
    while True:
        try:
            token = cache.store.lease(key)
        except Exception as error:  # noqa: BLE001 - the call is made then
            cache._failed("lending", key, error)
            return lent
        if token is not None:
            lent.take(token)
            lent.found = cache._get(key)  # it may have come with the end of the other's right
            return lent
        pause = pauses.next_ns()
        if not pause:
            return lent
        sleep(pause)
        lent.found = cache._get(key)
        if lent.found is not None and cache._is_fresh(lent.found):
            return lent


async def lease_async(cache: Any, key: str) -> Lease:
    """As lease(), in a task."""
    lent, limit = Lease(cache, key), cache.store.lease_seconds
    if not limit:
        return lent
    pauses = _Pauses(limit)
    while True:
        try:
            token = await cache.store.lease_async(key)
        except Exception as error:  # noqa: BLE001 - the call is made then
            cache._failed("lending", key, error)
            return lent
        if token is not None:
            lent.take(token)
            lent.found = await cache._get_async(key)  # it may have come with the end of the other's right
            return lent
        pause = pauses.next_ns()
        if not pause:
            return lent
        await sleep_async(pause)
        lent.found = await cache._get_async(key)
        if lent.found is not None and cache._is_fresh(lent.found):
            return lent
