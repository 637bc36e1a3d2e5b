# SPDX-License-Identifier: MIT OR Apache-2.0
"""First come, first served: the queues of rate limits, bulkheads and adaptive limits.

A queue is settled by whoever comes by: one who joins, leaves, gives something back, or wakes at its
time. Settling grants from the front for as long as there is something to grant. Who leaves, for
whatever reason, leaves what it had or was about to get to the next.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._durations import NEVER
from trifuse._errors import BulkheadFullError, RefusedError, TrifuseError
from trifuse._locks import Lock
from trifuse._waiting import Waiter, now_ns

if TYPE_CHECKING:
    from trifuse._places import Places

_IGNORED: int = lib.TRIFUSE_OUTCOME_IGNORED
_all: weakref.WeakSet[Queue] = weakref.WeakSet()


class Queue:
    """Waiters in the order of their coming.

    Attributes:
        timed: what is waited for is a time, and nobody's doing.
        waiters: those who wait, the first first.
    """

    timed = True

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = Lock()
        self.waiters: dict[Waiter, None] = {}
        # Settling may be broken into by the garbage collector, which runs finalizers that settle
        # and leave; those are put off until the step is done.
        self._busy = self._again = False
        self._soonest_ns = NEVER  # nobody gives up before
        self._left: list[Waiter] = []
        _all.add(self)

    def look(self, waiter: Waiter) -> int | None:
        """Give the time to look again; None when it is the waiter's turn. Raises RefusedError."""
        self.settle()
        if waiter.granted:
            self._taken(waiter)
            return None
        now = now_ns()
        if waiter.error is None and now >= waiter.deadline_ns:
            self.leave(waiter)
            waiter.error = self._over(waiter)
        if waiter.until_ns <= now:  # it was not its turn after all
            waiter.until_ns = NEVER
        if waiter.error is not None:
            error, waiter.error = waiter.error, None
            try:
                raise error
            finally:
                del error  # or it would hold itself, through its traceback and this frame
        return min(waiter.until_ns, waiter.deadline_ns)

    def settle(self, *, leaving: bool = False) -> None:
        """Grant what there is to those who are first. ``leaving``: somebody just left."""
        with self._lock:
            if self._busy:
                self._again = True
                return
            self._busy = True
            try:
                self._settle_all(leaving=leaving)
            finally:
                self._busy = False

    def _settle_all(self, *, leaving: bool) -> None:
        while True:
            self._again = False
            while self._left:
                self._leave(self._left.pop())
            self._settle(now_ns(), leaving=leaving)
            if not self._again:
                return

    def leave(self, waiter: Waiter) -> None:
        """Leave, cancelled or not: a turn that was granted passes to the next."""
        with self._lock:
            self._left.append(waiter)
            self.settle(leaving=True)

    def expire(self) -> None:
        """Wake those whose time is over."""
        with self._lock:
            now = now_ns()
            if now >= self._soonest_ns:
                self._soonest_ns = NEVER
                for waiter in list(self.waiters):
                    if waiter.deadline_ns <= now:
                        waiter.wake()
                    else:
                        self._soonest_ns = min(self._soonest_ns, waiter.deadline_ns)

    def next_ns(self) -> int:
        """Give the time at which the first may have its turn; NEVER when it is not known."""
        return NEVER

    def forget(self) -> None:
        """In a forked child: the others are gone."""
        for waiter in self.waiters:
            waiter.error = self._over(waiter)
        self.waiters.clear()
        self._left.clear()
        self._busy = False

    def _taken(self, waiter: Waiter) -> None:
        """Note that a waiter has seen its turn."""

    def _add(self, waiter: Waiter) -> None:
        self.waiters[waiter] = None
        self._soonest_ns = min(self._soonest_ns, waiter.deadline_ns)

    def _first(self) -> Waiter:
        return next(iter(self.waiters))

    def _grant(self, waiter: Waiter, got: Any) -> bool:
        """Give the first its turn; False when its event loop is closed."""
        del self.waiters[waiter]
        waiter.got, waiter.granted = got, True
        waiter.granted = waiter.wake()
        return waiter.granted

    def _refuse(self, waiter: Waiter, error: TrifuseError) -> None:
        del self.waiters[waiter]
        waiter.error = error
        waiter.wake()

    def _settle(self, now: int, *, leaving: bool) -> None:
        raise NotImplementedError

    def _leave(self, waiter: Waiter) -> None:
        raise NotImplementedError

    def _over(self, waiter: Waiter) -> RefusedError:
        raise NotImplementedError


class PlaceQueue(Queue):
    """Those who wait for a place in a bulkhead or adaptive limit."""

    timed = False

    def __init__(self, limit: Places) -> None:
        """Begin empty."""
        super().__init__()
        self._name, self._kind, self._memory = limit.name, limit.kind, limit._memory

    def join(self, waiter: Waiter, place: Any, most: int) -> bool:
        """Wait for a place; False when so many wait already."""
        with self._lock:
            if len(self.waiters) >= most:
                return False
            waiter.got = place
            self._add(waiter)
            lib.trifuse_py_places_set_waiting(self._memory, 1)
            return True

    def forget(self, memory: Any = None) -> None:
        """In a forked child: the others are gone, and the limit has perhaps a memory of its own."""
        super().forget()
        self._memory = memory or self._memory
        lib.trifuse_py_places_set_waiting(self._memory, 0)

    def _settle(self, now: int, *, leaving: bool) -> None:  # noqa: ARG002 - a place has no time
        while self.waiters:
            first = self._first()
            if not lib.trifuse_py_places_take(first.got):
                return
            if not self._grant(first, first.got):
                lib.trifuse_py_places_finish(first.got, _IGNORED)
        lib.trifuse_py_places_set_waiting(self._memory, 0)

    def _leave(self, waiter: Waiter) -> None:
        if waiter.granted:
            waiter.granted = False
            lib.trifuse_py_places_finish(waiter.got, _IGNORED)
        else:
            self.waiters.pop(waiter, None)

    def _over(self, waiter: Waiter) -> RefusedError:  # noqa: ARG002 - as the others
        lib.trifuse_py_places_refuse(self._memory)
        return BulkheadFullError(self._name, None, self._kind)


def wake_all() -> None:
    """Let all who wait look: the virtual clock was moved."""
    for queue in list(_all):
        queue.settle()
        queue.expire()


def _after_fork() -> None:
    for queue in list(_all):
        queue.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
