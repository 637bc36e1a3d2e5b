# SPDX-License-Identifier: MIT OR Apache-2.0
"""The time limits of streams: on content, which no keep-alive stands in for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from trifuse import _limits
from trifuse._core import lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError, RequestTimeoutError

NONE = math.inf
_FIELDS = ("total", "first_content", "idle")


class StreamLimits:
    """How long a stream may take, in seconds (numbers or timedelta); None: as long as it likes.

    Args:
        total: from the call to the end of the stream, retries and the consumer's own time included.
        first_content: from the begin of an attempt until its first content.
        idle: between one content and the next; the time in which the consumer holds an event does
            not count.

    Raises:
        ConfigurationError: for what is no duration from 1 ns to 365 days.
    """

    __slots__ = _FIELDS
    total: float | None
    first_content: float | None
    idle: float | None

    def __init__(
        self,
        total: Duration | None = None,
        first_content: Duration | None = None,
        idle: Duration | None = None,
    ) -> None:
        """Take the limits."""
        for field, value in zip(_FIELDS, (total, first_content, idle), strict=True):
            object.__setattr__(self, field, None if value is None else _checked(field, value))

    def __setattr__(self, field: str, value: object) -> None:
        """Refuse: limits are shared."""
        raise AttributeError(f"limits cannot be changed: make others instead of setting {field}")

    def __eq__(self, other: object) -> bool:
        """Equal when all limits are."""
        return isinstance(other, StreamLimits) and _values(self) == _values(other)

    def __hash__(self) -> int:
        """Hash the limits."""
        return hash(_values(self))

    def __repr__(self) -> str:
        """Show the limits."""
        told = ", ".join(f"{f}={v:g}" for f, v in zip(_FIELDS, _values(self), strict=True) if v is not None)
        return f"StreamLimits({told})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values."""
        return type(self), _values(self)


def _values(limits: StreamLimits) -> tuple[float | None, float | None, float | None]:
    return limits.total, limits.first_content, limits.idle


def _checked(field: str, value: Any) -> float:
    ns = nanoseconds(value)
    if not ns or ns > lib.TRIFUSE_DURATION_MAX_NS:
        raise ConfigurationError(field, value, "None, or 1 ns to 365 days (in seconds, or a timedelta)")
    return seconds(ns)


NO_LIMITS = StreamLimits()


class Expired:
    """Who says that the time of a stream is over: what a deadline raises inside it."""

    __slots__ = ("limit", "name", "setting")

    def __init__(self, name: str, setting: str, limit: float) -> None:
        """Take the stream's name, the setting and its seconds."""
        self.name, self.setting, self.limit = name, setting, limit

    def _expired(self) -> RequestTimeoutError:
        return RequestTimeoutError(self.name, self.setting, self.limit)


class Budget:
    """What is left of the limits of one stream, by the clock that its timers go by."""

    __slots__ = ("_left", "_limits", "_name", "_setting", "_total_at", "_usual", "now")

    def __init__(self, limits: StreamLimits, name: str, now: Callable[[], float]) -> None:
        """Begin now: the total runs from here on."""
        self._limits, self._name, self.now = limits, name, now
        self._total_at = NONE if limits.total is None else now() + limits.total
        self._left, self._setting = NONE, "first_content"
        self._usual = (NONE if limits.idle is None else limits.idle, "idle")

    def attempt(self) -> None:
        """Begin an attempt, which has yet to give its first content."""
        first = self._limits.first_content
        self._left, self._setting = NONE if first is None else first, "first_content"

    def content(self) -> None:
        """Note content: the idle limit begins anew."""
        self._left, self._setting = self._usual

    def spent(self, seconds: float) -> None:
        """Note the time in which something was asked for that was no content."""
        self._left -= seconds

    def left(self) -> tuple[float, str]:
        """Give the seconds that are left, and by which setting."""
        if self._total_at != NONE:
            total = self._total_at - self.now()
            if total < self._left:
                return total, "total"
        return self._left, self._setting

    def is_usual(self, left: float) -> bool:
        """Tell whether so many seconds are what every content has."""
        return left == self._usual[0]

    def total_left(self) -> float:
        """Give what is left of the total."""
        return NONE if self._total_at == NONE else self._total_at - self.now()

    def expired(self, setting: str) -> Expired:
        """Say that a setting has ended the stream."""
        limit: float = getattr(self._limits, setting) or 0.0
        return Expired(self._name, setting, limit)


def thread_clock() -> float:
    """Give the time that synchronous streams go by: the core's, in seconds."""
    return seconds(lib.trifuse_py_now())


def task_clock() -> Callable[[], float]:
    """Give the clock that the running event loop sets its timers by."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None:
        clock: Callable[[], float] = loop.time
        return clock
    if _limits.trio_task() is not None:
        trio_clock: Callable[[], float] = sys.modules["trio"].current_time
        return trio_clock
    return thread_clock


_LONG = 300 * 86_400.0


def start(left: float, *, usual: bool = False) -> Any:
    """Start a limit for the running task, which :func:`interrupt` can end early; None without a task.

    ``usual``: many steps have this very limit, and share a timer.
    """
    seconds = min(left, _LONG)
    return _limits.start_limit(seconds) if usual and seconds > 0 else _limits.start_once(seconds)


def interrupt(limit: Any) -> None:
    """End what a limit is on now, from another task."""
    if isinstance(limit, _limits.TrioLimit):
        limit._scope.cancel()
    elif isinstance(limit, _limits.AsyncioLimit):
        entry = limit._table.calls.pop(limit, None)
        if entry is not None:
            entry[1].cancel()
    elif limit._timer is not None:
        limit._timer.cancel()
        limit._fire()
