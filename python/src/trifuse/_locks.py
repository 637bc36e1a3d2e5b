# SPDX-License-Identifier: MIT OR Apache-2.0
"""Locks that survive a fork. They are for making and changing things, never held while calls run."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType


class Lock:
    """A lock that is free in a forked child, where the thread that held it does not exist.

    Its thread may take it again: the garbage collector can run somebody's finalizer inside.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        """Begin free."""
        self._lock = threading.RLock()
        _all.add(self)

    def __enter__(self) -> None:
        """Wait for it."""
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        self._lock.release()

    def renew(self) -> None:
        """Be free, whoever held it."""
        self._lock = threading.RLock()


def _renew_all() -> None:
    for lock in _all:
        lock.renew()


_all: weakref.WeakSet[Lock] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
