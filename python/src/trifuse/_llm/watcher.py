# SPDX-License-Identifier: MIT OR Apache-2.0
"""Deadlines of synchronous calls: one thread of the process closes what takes too long.

A thread that is blocked in a read cannot be cancelled; but when somebody else shuts its connection
down, the read ends. The thread is started when the first deadline is set and ends when there has been
none for a while. A forked child begins without deadlines and starts a thread of its own.
"""

from __future__ import annotations

import heapq
import math
import os
import threading
import time
from collections.abc import Callable

from trifuse._listeners import log

__all__ = ["Watch", "watch"]

_LINGER = 5.0
_FEW = 64
_NEVER = math.inf
_now = time.monotonic


class Watch:
    """A deadline, after which something is closed. All of it may be used from any thread.

    Attributes:
        fired: whether the deadline has passed and the closing has begun.
    """

    __slots__ = ("_at", "_close", "_queued", "_watcher", "fired")

    def __init__(self, close: Callable[[], object]) -> None:
        """Take what closes; there is no deadline yet."""
        self._close: Callable[[], object] | None = close
        self._at = self._queued = _NEVER
        self._watcher: _Watcher | None = None
        self.fired = False

    def arm(self, seconds: float) -> None:
        """Set the deadline, in place of the one before. Nothing, once it has fired or was cancelled."""
        _watcher.arm(self, _now() + seconds)

    def pause(self) -> bool:
        """Have no deadline for now; tells whether it has fired. Takes constant time."""
        with _watcher.lock:
            self._at = _NEVER
            return self.fired

    def cancel(self) -> bool:
        """Give the deadline up for good; tells whether it has fired. Takes constant time."""
        watcher = self._watcher
        with _watcher.lock:
            self._at = _NEVER
            self._close = None
            if watcher is _watcher:
                watcher.cancelled(self)
            return self.fired


class _Watcher:
    """The deadlines of one process and the thread that sees to them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # the garbage collector can cancel a watch within
        self._wake = threading.Condition(self.lock)
        self._heap: list[tuple[float, int, Watch]] = []
        self._number = self._idle = 0
        self._sleeps_until = -_NEVER
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Give the number of entries, those of cancelled watches included."""
        return len(self._heap)

    def arm(self, watch: Watch, at: float) -> None:
        with self.lock:
            if watch._close is None or watch.fired:
                return
            watch._at = at
            if watch._watcher is self and watch._queued <= at:
                return  # the entry that it has comes up before, and is put off then
            if watch._watcher is not self:
                watch._watcher, watch._queued = self, _NEVER  # what was queued was its parent process's
            self._push(watch, at)
            if self._thread is None:
                self._start()
            elif at < self._sleeps_until:
                self._wake.notify()

    def cancelled(self, watch: Watch) -> None:
        """Take note that an entry is useless; when most are, sweep them out."""
        if watch._queued == _NEVER:
            return
        watch._queued = _NEVER
        self._idle += 1
        if self._idle > _FEW and self._idle * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2]._queued == entry[0]]
            heapq.heapify(self._heap)
            self._idle = 0

    def _push(self, watch: Watch, at: float) -> None:
        if watch._queued != _NEVER:
            self._idle += 1
        watch._queued = at
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, watch))

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="trifuse-watcher", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down
            self._thread = None
            log().error("the watcher thread cannot be started; time limits of synchronous calls do not hold")

    def _run(self) -> None:
        while True:
            with self.lock:
                due = self._due()
                if not due and not self._wait():
                    self._thread = None
                    return
            while due:
                _close(due.pop())

    def _due(self) -> list[Callable[[], object]]:
        """Take out what closes now; it counts as fired from here on."""
        now, due = _now(), []
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, watch = heapq.heappop(heap)
            if watch._queued != at:
                self._idle = max(0, self._idle - 1)
                continue
            watch._queued = _NEVER
            if watch._at <= now and watch._close is not None:
                watch.fired = True
                due.append(watch._close)
                watch._close = None
            elif watch._at != _NEVER:
                self._push(watch, watch._at)
        due.reverse()
        return due

    def _wait(self) -> bool:
        """Wait for the next deadline or an earlier one; False when there has been none for a while."""
        heap = self._heap
        if heap:
            self._sleeps_until = heap[0][0]
            self._wake.wait(max(0.0, heap[0][0] - _now()))
            return True
        self._sleeps_until = _NEVER
        self._wake.wait(_LINGER)
        return bool(heap)


def _close(close: Callable[[], object]) -> None:
    try:
        close()
    except BaseException:  # noqa: BLE001 - the thread serves everybody else, too
        log().exception("closing a call that took too long raised")


def watch(close: Callable[[], object], seconds: float) -> Watch:
    """Have something closed after so many seconds, unless the watch is cancelled before.

    ``close`` is called in the watcher's thread, once, and should not block; what it raises is logged.
    """
    made = Watch(close)
    made.arm(seconds)
    return made


_watcher = _Watcher()


def _begin_anew() -> None:
    global _watcher  # noqa: PLW0603 - the child's own
    _watcher = _Watcher()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
