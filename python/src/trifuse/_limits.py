# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time limits of asynchronous calls.

asyncio: all calls with the same limit on one loop share one timer, because their order of arrival is
the order of their deadlines. An entry that is missing when a call leaves was expired by the timer.
trio: a cancel scope a call. Another event loop has no limits that could be enforced.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

_asyncio: Any = None


def running_loop() -> Any:
    """Give the running asyncio loop or None; replaced by asyncio's own once that is loaded."""
    return None


def current_task(loop: Any) -> Any:  # noqa: ARG001 - as asyncio's
    """Give the running task of a loop; replaced by asyncio's own once that is loaded."""
    return None


class Table:
    """The calls in flight of one loop and one limit, and their timer."""

    __slots__ = ("armed", "calls", "loop", "now", "seconds")

    def __init__(self, loop: Any, seconds: float) -> None:
        """Begin without calls; ``loop`` is None for the table that fits no loop."""
        self.loop = loop
        self.seconds = seconds
        self.now = _clock_of(loop)
        self.calls: dict[Any, tuple[float, Any]] = {}
        self.armed = False

    def arm(self) -> None:
        """Set the timer to the first deadline."""
        self.armed = True
        first = next(iter(self.calls.values()))
        self.loop.call_at(first[0], self._fire)

    def _fire(self) -> None:
        now = self.now()
        due = []
        for call, entry in self.calls.items():
            if entry[0] > now:
                self.loop.call_at(entry[0], self._fire)
                break
            due.append(call)
        else:
            self.armed = False
        for call in due:
            self.calls.pop(call)[1].cancel()


def _clock_of(loop: Any) -> Any:
    """Give the clock of a loop; asyncio's own is a Python method around time.monotonic."""
    if loop is None or type(loop).time is not _asyncio.BaseEventLoop.time:
        return getattr(loop, "time", None)
    return time.monotonic


_NO_LOOP = object()
NO_TABLE = Table(None, 0.0)
NO_TABLE.loop = _NO_LOOP
_tables: dict[Any, dict[float, Table]] = {}


def find_table(seconds: float) -> Table | None:
    """Give the table of the running asyncio loop; None when no asyncio task runs."""
    if not load():
        return None
    loop = running_loop()
    if loop is None or current_task(loop) is None:
        return None
    by_limit = _tables.get(loop)
    if by_limit is None:
        _drop_closed_loops()
        by_limit = _tables.setdefault(loop, {})
    table = by_limit.get(seconds)
    if table is None:
        table = by_limit.setdefault(seconds, Table(loop, seconds))
    return table


def load() -> bool:
    global _asyncio, running_loop, current_task  # noqa: PLW0603 - asyncio's own, when there is one
    if _asyncio is None:
        if "asyncio" not in sys.modules:
            return False
        import asyncio

        running_loop = asyncio._get_running_loop
        # Before 3.12 current_task is a function in Python around this dictionary.
        fast = sys.version_info >= (3, 12)
        current_task = asyncio.current_task if fast else vars(asyncio.tasks)["_current_tasks"].get
        _asyncio = asyncio
    return True


def _drop_closed_loops() -> None:
    for loop in [loop for loop in list(_tables) if loop.is_closed()]:
        for table in _tables.pop(loop, {}).values():
            table.calls.clear()
            table.loop, table.now = _NO_LOOP, None


class AsyncioLimit:
    """One call's limit under asyncio."""

    __slots__ = ("_before", "_table", "_task")

    def __init__(self, table: Table) -> None:
        """Start it now."""
        self._table = table
        self._task = current_task(table.loop)
        self._before = self._task.cancelling()
        table.calls[self] = (table.now() + table.seconds, self._task)
        if not table.armed:
            table.arm()

    def stop(self, error: BaseException | None) -> bool:
        """End it; True when it expired, and no cancellation from outside came as well."""
        if self._table.calls.pop(self, None) is not None:
            return False
        left = self._task.uncancel()
        return not isinstance(error, _asyncio.CancelledError) or left <= self._before


class AsyncioOnce:
    """One call's limit under asyncio, by a timer of its own: for limits that are seldom the same."""

    __slots__ = ("_before", "_task", "_timer")

    def __init__(self, loop: Any, seconds: float) -> None:
        """Start it now."""
        self._task = current_task(loop)
        self._before = self._task.cancelling()
        self._timer = loop.call_at(loop.time() + seconds, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._task.cancel()

    def stop(self, error: BaseException | None) -> bool:
        """End it; True when it expired, and no cancellation from outside came as well."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            return False
        left = self._task.uncancel()
        return not isinstance(error, _asyncio.CancelledError) or left <= self._before


class TrioLimit:
    """One call's limit under trio."""

    __slots__ = ("_scope",)

    def __init__(self, trio: Any, seconds: float) -> None:
        """Start it now."""
        self._scope = trio.CancelScope(deadline=trio.current_time() + seconds)
        self._scope.__enter__()

    def stop(self, error: BaseException | None) -> bool:
        """End it; True when it expired, and no cancellation from outside came as well."""
        trace: TracebackType | None = None if error is None else error.__traceback__
        kind = None if error is None else type(error)
        try:
            swallowed = bool(self._scope.__exit__(kind, error, trace))
        except BaseException:  # noqa: BLE001 - a group with the cancellation taken out
            return False
        if error is None:
            return False
        return swallowed or (not _trio_cancelled(error) and self._scope.cancel_called)


def _trio_cancelled(error: BaseException | None) -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and isinstance(error, trio.Cancelled)


def trio_task() -> Any:
    """Give the running task of trio, None outside of one."""
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_task():
        return None
    return trio.lowlevel.current_task()


def start_once(seconds: float) -> AsyncioOnce | TrioLimit | None:
    """Start a limit of any length for the running task; None where none can be enforced."""
    if load():
        loop = running_loop()
        if loop is not None and current_task(loop) is not None:
            return AsyncioOnce(loop, seconds)
    return None if trio_task() is None else TrioLimit(sys.modules["trio"], seconds)


def start_limit(seconds: float) -> AsyncioLimit | TrioLimit | None:
    """Start a limit for the running task; None without one, or where none can be enforced."""
    if not seconds:
        return None
    table = find_table(seconds)
    if table is not None:
        return AsyncioLimit(table)
    return None if trio_task() is None else TrioLimit(sys.modules["trio"], seconds)
