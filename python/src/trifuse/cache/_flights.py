# SPDX-License-Identifier: MIT OR Apache-2.0
"""Single flight: of those who want the same at the same time one makes the call, the others wait for it.

Threads, asyncio tasks and trio tasks wait together. One who is cancelled, or leaves without an answer,
hands the call over to the one who has waited longest.
"""

from __future__ import annotations

import os
import weakref
from types import TracebackType
from typing import Any, NamedTuple

from trifuse._fallback import Answer, scope
from trifuse._locks import Lock
from trifuse._queues import Queue
from trifuse._remaining import current
from trifuse._waiting import Waiter

LEAD = object()
_all: weakref.WeakSet[Flights] = weakref.WeakSet()


class Outcome(NamedTuple):
    """How a call ended.

    Attributes:
        value: its answer.
        degraded: the fallback that answered within it.
        error: what it raised, the same to all who waited, with the traceback that it had then.
    """

    value: Any
    degraded: Answer | None
    error: Exception | None = None
    trace: TracebackType | None = None

    def give(self) -> tuple[Any, Answer | None]:
        """Give the answer, or raise the error."""
        if self.error is None:
            return self.value, self.degraded
        error, trace = self.error, self.trace
        del self  # or the error would hold itself, through its traceback and this frame
        try:
            raise error.with_traceback(trace)
        finally:
            del error, trace


class Flight(Queue):
    """One call in flight, and those who wait for its answer."""

    timed = False

    def __init__(self, flights: Flights, key: str) -> None:
        """Begin with a leader."""
        super().__init__()
        self._lock = flights._lock  # one for all, so that nobody joins what is just ending
        self._flights, self._key = flights, key
        self._led = True
        self._landed = False
        self._outcome: Outcome | None = None

    def finish(self, value: Any, degraded: Answer | None = None) -> None:
        """Give all who wait the answer."""
        self._end(Outcome(value, degraded))

    def fail(self, error: Exception) -> None:
        """Give all who wait the error."""
        self._end(Outcome(None, None, error, error.__traceback__))

    def abandon(self) -> None:
        """Hand the call over to the next who waits."""
        with self._lock:
            if not self._landed:
                self._led = False
                self.settle()

    def _end(self, outcome: Outcome) -> None:
        with self._lock:
            if self._landed:
                return
            self._landed, self._outcome = True, outcome
            self._flights._forget(self._key, self)
            self.settle()

    def _settle(self, now: int, *, leaving: bool) -> None:  # noqa: ARG002 - nobody's time
        while self.waiters and (self._landed or not self._led):
            if self._landed:
                self._grant(self._first(), self._outcome)
            else:
                self._led = self._grant(self._first(), LEAD)
        self._outcome = None  # an error would hold this flight, through its traceback
        if not self._landed and not self._led:
            self._flights._forget(self._key, self)

    def _leave(self, waiter: Waiter) -> None:
        if waiter.granted:
            waiter.granted = False
            if waiter.got is LEAD and not self._landed:
                self._led = False
        else:
            self.waiters.pop(waiter, None)

    def _over(self, waiter: Waiter) -> Any:  # noqa: ARG002 - as the others
        """Make the error of one whose deadline has come."""
        end = current.get()
        if end is not None:
            return end[1]._expired()
        from trifuse._errors import RequestTimeoutError

        return RequestTimeoutError("cache", "deadline", 0.0)


class Flights:
    """The calls in flight of one cache, by key."""

    __slots__ = ("__weakref__", "_by_key", "_lock")

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._by_key: dict[str, Flight] = {}
        _all.add(self)

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._by_key)

    def board(self, key: str, waiter: Waiter | None) -> tuple[Flight | None, bool]:
        """Give the flight to wait for, and whether the caller leads it; (None, False): call alone.

        One waits by ``waiter``. Without one, or within the very flight (a call that calls itself, a
        task that it has started), nobody waits: the call is made beside it.
        """
        with self._lock:
            flight = self._by_key.get(key)
            if flight is None or not flight._led:
                flight = self._by_key[key] = Flight(self, key)
                return flight, True
            if waiter is None or _within(flight):
                return None, False
            flight._add(waiter)
            return flight, False

    def _forget(self, key: str, flight: Flight) -> None:
        if self._by_key.get(key) is flight:
            del self._by_key[key]

    def _after_fork(self) -> None:
        """In a forked child: who led is not here, but for the thread that forked, which goes on alone."""
        self._by_key = {}


def _within(flight: Flight) -> bool:
    around = scope.get()
    while around is not None:
        if around.work is flight:
            return True
        around = around.outer
    return False


def _after_fork() -> None:
    for flights in list(_all):
        flights._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
