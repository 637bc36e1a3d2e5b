# SPDX-License-Identifier: MIT OR Apache-2.0
"""The level of a fallback chain that a cache is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trifuse.cache._result_cache import ResultCache


class Lookup:
    """Gives the entry for the arguments of a call, fresh or stale.

    A chain that answers awaited calls uses :meth:`in_task`.
    """

    __slots__ = ("__weakref__", "_cache")
    __qualname__ = "ResultCache.lookup"

    def __init__(self, cache: ResultCache) -> None:
        """Belong to a cache."""
        self._cache = cache

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give the entry. Raises CacheMissError."""
        cache = self._cache
        return cache._usable(cache._get(cache._keyer.key(args, kwargs)))

    async def in_task(self, *args: Any, **kwargs: Any) -> Any:
        """As calling it, without blocking the event loop."""
        cache = self._cache
        return cache._usable(await cache._get_async(cache._keyer.key(args, kwargs)))

    @property
    def _asynchronous_twin(self) -> Any:
        return self.in_task

    def __eq__(self, other: object) -> bool:
        """Equal when it is of the same cache."""
        return isinstance(other, Lookup) and other._cache is self._cache

    def __hash__(self) -> int:
        """As equality has it."""
        return hash(id(self._cache))

    def __repr__(self) -> str:
        """Show the cache's name."""
        return f"<lookup of cache {self._cache.name!r}>"
