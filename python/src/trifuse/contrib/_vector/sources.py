# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the object behind a guard comes from: it is there, or it is made when it is first needed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from trifuse._bulkhead import Bulkhead
from trifuse._remaining import remaining

_MOST = 1_000_000


class Fixed:
    """An object that was given."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        """Keep it."""
        self._target = target

    def ready(self) -> bool:
        """Tell whether get() gives it without asking a server."""
        return True

    def last(self) -> Any:
        """Give it."""
        return self._target

    def get(self) -> Any:
        """Give it."""
        return self._target

    async def get_async(self) -> Any:
        """Give it."""
        return self._target


class Lazy:
    """An object that a function makes when it is needed, and again when it is of no use any more.

    One thread or task makes it, the others wait for that. A forked child makes its own.
    """

    __slots__ = ("_dead", "_make", "_prepare", "_process", "_target", "_turn")

    def __init__(
        self, make: Callable[[], Any], dead: Callable[[Any], bool], prepare: Callable[[Any], None]
    ) -> None:
        """Take what makes it, what tells that it is of no use, and what is done to a fresh one."""
        self._make, self._dead, self._prepare = make, dead, prepare
        self._turn = Bulkhead(1, max_queue=_MOST, name="connecting")
        self._target: Any = None
        self._process = os.getpid()

    def ready(self) -> bool:
        """Tell whether get() gives it without making it."""
        return self.last() is not None and not self._dead(self._target)

    def last(self) -> Any:
        """Give what was made last, of use or not; None if nothing was yet, in this process."""
        return self._target if self._process == os.getpid() else None

    def get(self) -> Any:
        """Give it, made now if need be. Raises what the function raises."""
        if not self.ready():
            with self._turn.acquire(max_wait=remaining()):
                if not self.ready():
                    self._take(connected(self._make))
        return self._target

    async def get_async(self) -> Any:
        """As :meth:`get`; what the function gives may be awaitable."""
        if not self.ready():
            with await self._turn.acquire_async(max_wait=remaining()):
                if not self.ready():
                    self._take(await _connected_async(self._make))
        return self._target

    def _take(self, made: Any) -> None:
        self._prepare(made)
        self._target, self._process = made, os.getpid()


Source = Fixed | Lazy


def connected(make: Callable[[], Any]) -> Any:
    """Call what connects; mark what it raises."""
    try:
        return make()
    except Exception as error:
        _mark(error)
        raise


async def _connected_async(make: Callable[[], Any]) -> Any:
    try:
        made = make()
        return await made if inspect.isawaitable(made) else made
    except Exception as error:
        _mark(error)
        raise


def _mark(error: Exception) -> None:
    try:
        error.trifuse_connecting = True  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - an error that cannot be written to is classified as it is
        return


def was_connecting(error: BaseException) -> bool:
    """Tell whether an error came from connecting."""
    return bool(getattr(error, "trifuse_connecting", False))
