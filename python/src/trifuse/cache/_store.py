# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a store of cache entries is. Give :class:`ResultCache` your own by deriving from it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Found(NamedTuple):
    """An entry.

    Attributes:
        value: what was kept.
        age: seconds since then.
    """

    value: Any
    age: float


class Store:
    """Keeps entries by key for a time. Whatever it raises is a miss to the cache, and counted.

    Attributes:
        blocking: its operations wait for a disk or a network; ``*_async`` are then used in tasks.
        threads: it can be used outside of event loops.
    """

    blocking: bool = False
    threads: bool = True

    def get(self, key: str) -> Found | None:
        """Give the entry of a key, None if there is none or its time is over."""
        raise NotImplementedError

    def put(self, key: str, value: Any, keep: float) -> None:
        """Keep a value for so many seconds, in place of what was there. Raises CodecError."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Forget a key, if it is there."""
        raise NotImplementedError

    async def get_async(self, key: str) -> Found | None:
        """As get(), in a task."""
        return self.get(key)

    async def put_async(self, key: str, value: Any, keep: float) -> None:
        """As put(), in a task."""
        self.put(key, value, keep)

    async def remove_async(self, key: str) -> None:
        """As remove(), in a task."""
        self.remove(key)

    def lease(self, key: str) -> str | None:  # noqa: ARG002 - where processes do not share the call
        """Take the right to make the call of a key, for one process of many; None: another has it.

        The text is what :meth:`release` wants; empty where processes do not share calls.
        """
        return ""

    def release(self, key: str, token: str) -> None:
        """Give the right to make the call back, without waiting."""

    async def lease_async(self, key: str) -> str | None:
        """As lease(), in a task."""
        return self.lease(key)

    @property
    def lease_seconds(self) -> float:
        """How long others wait for the call of another process; 0: processes do not share calls."""
        return 0.0

    def describe(self) -> dict[str, Any]:
        """Tell what it is, as plain data."""
        return {"store": type(self).__name__}
