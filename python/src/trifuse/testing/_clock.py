# SPDX-License-Identifier: MIT OR Apache-2.0
"""Virtual time: the clock of all breakers moved by hand, and sleeps that take no time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import timedelta

from trifuse._core import lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError


class VirtualClock:
    """The time that all breakers of this process see, moved by hand.

    Threads that sleep or wait move it on and go on at once; tasks sleep and wait by the clock of their
    event loop, and move this one as well. Time limits of asynchronous calls are the event loop's.
    """

    def __init__(self, now_ns: int) -> None:
        """Begin at a time above 0, in ns."""
        self._now_ns = now_ns

    @property
    def now(self) -> float:
        """The virtual time in seconds."""
        return seconds(self.now_ns)

    @property
    def now_ns(self) -> int:
        """The virtual time in nanoseconds; what slept or waited has moved it as well."""
        return lib.trifuse_py_now() if lib.trifuse_py_virtual() else self._now_ns

    def advance(self, duration: Duration) -> None:
        """Move on by seconds or a timedelta; negative values step back, as clocks may.

        Raises ConfigurationError for what is no duration, or would reach 0.
        """
        forward, back = nanoseconds(duration), nanoseconds(_negated(duration))
        step = forward if forward is not None else -back if back is not None else 0
        moved = self.now_ns + step
        if (forward is None and back is None) or not 0 < moved < 1 << 64:
            raise ConfigurationError("duration", duration, "seconds or timedelta that stay above 0")
        self._now_ns = moved
        lib.trifuse_py_set_now(moved)
        waiting = sys.modules.get("trifuse._waiting")
        if waiting is not None:
            waiting.clock_moved()


def _negated(duration: Duration) -> Duration:
    return -duration if isinstance(duration, (int, float, timedelta)) else duration


@contextlib.contextmanager
def virtual_clock() -> Iterator[VirtualClock]:
    """Let all breakers see a clock that stands still until it is advanced.

    It begins at the real time, so breakers made before go on from where they are; at a whole
    microsecond, to which the core rounds deadlines, so that waits are told exactly.
    """
    before = lib.trifuse_py_now()
    nested = lib.trifuse_py_virtual()
    clock = VirtualClock(-(-before // 1_000) * 1_000)
    lib.trifuse_py_set_now(clock.now_ns)
    try:
        yield clock
    finally:
        lib.trifuse_py_set_now(before if nested else 0)


@contextlib.contextmanager
def no_waiting() -> Iterator[list[float]]:
    """Let retries go on at once instead of sleeping; the list gets the seconds of each sleep."""
    from trifuse import _sleep

    slept: list[float] = []
    before = _sleep.instead
    _sleep.instead = lambda duration_ns: slept.append(seconds(duration_ns))
    try:
        yield slept
    finally:
        _sleep.instead = before
