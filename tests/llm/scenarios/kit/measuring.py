# SPDX-License-Identifier: MIT OR Apache-2.0
"""How late an event loop is, and how much memory a process has."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Self

_EVERY = 0.001
_PAGE = os.sysconf("SC_PAGESIZE")


class Lag:
    """Measures, while entered, by how much the running loop is late to a timer of a millisecond.

    The time in which the thread could run but had no processor, because others had them all, does
    not count where the kernel tells it.
    """

    def __init__(self) -> None:
        self._late: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._kernel = _opened("/proc/thread-self/schedstat")

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._next()
        return self

    def __exit__(self, *_: object) -> None:
        self._late.append(self._lateness())  # what stood still until now
        if self._kernel is not None:
            os.close(self._kernel)
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        self._due, self._waited = time.perf_counter() + _EVERY, self._without_processor()
        self._timer = self._loop.call_later(_EVERY, self._fired)

    def _fired(self) -> None:
        self._late.append(self._lateness())
        self._next()

    def _lateness(self) -> float:
        late = time.perf_counter() - self._due
        return max(late - (self._without_processor() - self._waited), 0.0)

    def _without_processor(self) -> float:
        if self._kernel is None:
            return 0.0
        return int(os.pread(self._kernel, 100, 0).split()[1]) / 1e9

    @property
    def most(self) -> float:
        """The longest, in seconds."""
        return max(self._late, default=0.0)

    def percentile(self, share: float) -> float:
        """So much of the lags were at most this, in seconds."""
        ordered = sorted(self._late)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def resident() -> int:
    """The resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
