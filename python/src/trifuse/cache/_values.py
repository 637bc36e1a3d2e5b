# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a cache tells."""

from __future__ import annotations

from typing import NamedTuple

from trifuse._errors import TrifuseError


class CacheMissError(TrifuseError, LookupError):
    """There is no entry that may be given; a chain of fallbacks asks its next level.

    Attributes:
        name: of the cache.
    """

    def __init__(self, name: str) -> None:
        """Take the name of the cache."""
        self.name = name
        super().__init__(name)

    def __str__(self) -> str:
        """Tell which cache it was."""
        return f"cache {self.name!r} has no answer to this"


class CacheSnapshot(NamedTuple):
    """What a result cache has counted since it was made.

    Attributes:
        name: its name.
        fresh: entries given that were fresh, by the guard or as a fallback.
        stale: entries given as a fallback that were stale.
        missed: times there was none.
        shared: calls that got the answer of another one that was in flight.
        stored: answers kept.
        degraded: answers not kept because they were those of a fallback.
        not_stored: answers not kept for another reason: not wanted, no key, cannot be written.
        store_errors: operations of the store that failed, were refused or took too long.
    """

    name: str
    fresh: int
    stale: int
    missed: int
    shared: int
    stored: int
    degraded: int
    not_stored: int
    store_errors: int
