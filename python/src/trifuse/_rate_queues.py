# SPDX-License-Identifier: MIT OR Apache-2.0
"""The queues of rate limits: reservations that fall due in order, or one who asks for all."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from trifuse._core import ffi, lib
from trifuse._durations import NEVER, seconds_or_none
from trifuse._errors import OverCapacityError, RateLimitedError, RefusedError
from trifuse._queues import Queue
from trifuse._waiting import Waiter, now_ns

if TYPE_CHECKING:
    from trifuse._rate_limit import RateLimit

_OK: int = lib.TRIFUSE_OK
_OVER: int = lib.TRIFUSE_ERROR_OVER_CAPACITY


class TokenQueue(Queue):
    """Those who wait for a token bucket: each has reserved its tokens, and they fall due in order.

    Reservations belong to the queue, not to those in it: the one that falls due first is the first
    waiter's. So when somebody leaves whose weight all others have, it is the last reservation that
    is cancelled, and all behind move up. With mixed weights they reserve anew, once for all who
    leave together.
    """

    def __init__(self, limit: RateLimit) -> None:
        """Begin empty."""
        super().__init__()
        self._name, self._memory = limit.name, limit._memory
        self._due: deque[Any] = deque()
        self._out: deque[Any] = deque()  # of turns that were granted and are not yet taken
        self._mixed = self._moved = False

    def join(self, waiter: Waiter, reserved: Any) -> None:
        """Wait with a reservation that was made."""
        with self._lock:
            self._mixed = bool(self.waiters) and (self._mixed or self._first().n != waiter.n)
            self._add(waiter)
            waiter.until_ns = _ready(reserved)
            self._due.append(reserved)
            if len(self._due) > 1 and waiter.until_ns < _ready(self._due[-2]):  # overtaken by a thread
                self._due = deque(sorted(self._due, key=_ready))
                self._moved = self._mixed

    def next_ns(self) -> int:
        """Give the time at which the first reservation falls due."""
        return _ready(self._due[0]) if self._due else NEVER

    def forget(self) -> None:
        """In a forked child: what the others have reserved comes back."""
        super().forget()
        while self._due:
            self._cancel_last()
        self._out.clear()

    def _settle(self, now: int, *, leaving: bool) -> None:
        if self._moved:
            if leaving:  # more may leave before the first looks
                return
            self._reserve_anew()
        while self._due and _ready(self._due[0]) <= now:
            self._out.append(self._due.popleft())
            waiter = self._first()
            if not self._grant(waiter, None):
                self._give_turn_up(waiter)
                self._again = True
                return
        if self._due:
            first, due = self._first(), _ready(self._due[0])
            if not now < first.until_ns <= due:
                first.until_ns = due
                first.wake()

    def _taken(self, waiter: Waiter) -> None:
        with self._lock:
            waiter.granted = False
            if self._out:
                self._out.popleft()

    def _leave(self, waiter: Waiter) -> None:
        if waiter.granted:
            waiter.granted = False
            self._give_turn_up(waiter)
        elif waiter in self.waiters:
            del self.waiters[waiter]
            self._give_up()

    def _give_turn_up(self, waiter: Waiter) -> None:
        """Hand a turn that had come to the next, or give its tokens back."""
        reserved = self._last_out(waiter.n)
        if reserved is not None:
            self._due.appendleft(reserved)
            self._give_up()

    def _last_out(self, n: int) -> Any:
        """Give the last of the turns that came and were not taken which has this weight."""
        for place in range(len(self._out) - 1, -1, -1):
            if self._out[place].reservation.n == n:
                reserved = self._out[place]
                del self._out[place]
                return reserved
        return None

    def _give_up(self) -> None:
        """Take out one reservation for one who left."""
        if not self.waiters:
            while self._due:
                self._cancel_last()
            self._moved = False
        elif self._mixed:
            self._moved = True
            self._first().wake()
        else:
            self._cancel_last()

    def _reserve_anew(self) -> None:
        self._moved = False
        while self._due:
            self._cancel_last()
        for waiter in list(self.waiters):
            reserved = ffi.new("trifuse_py_told *")
            result = lib.trifuse_py_limiter_ask(self._memory, waiter.n, NEVER, reserved)
            if result != _OK:
                capacity = lib.trifuse_py_limiter_capacity(self._memory)
                self._refuse(waiter, OverCapacityError(self._name, waiter.n, capacity))
                continue
            self._due.append(reserved)
        self._mixed = len({waiter.n for waiter in self.waiters}) > 1

    def _cancel_last(self) -> None:
        last = self._due.pop()
        before = self._due[-1] if self._due else self._out[-1] if self._out else ffi.NULL
        lib.trifuse_py_limiter_cancel_last(self._memory, last, before)

    def _over(self, waiter: Waiter) -> RefusedError:
        return RateLimitedError(self._name, None, waiter.n, 0)


def _ready(reserved: Any) -> int:
    return int(reserved.reservation.ready_ns)


class WindowQueue(Queue):
    """Those who wait for a kind with a window: the first asks, and sleeps for as long as it is told."""

    def __init__(self, limit: RateLimit) -> None:
        """Begin empty."""
        super().__init__()
        self._name, self._memory = limit.name, limit._memory
        self._told = ffi.new("trifuse_py_told *")
        self._ready_ns = 0

    def join(self, waiter: Waiter, ready_ns: int) -> None:
        """Wait. ``ready_ns``: what it was told when nobody else waited; 0 when others did."""
        with self._lock:
            if self.waiters and self._ready_ns > waiter.deadline_ns:
                waiter.error = self._over(waiter)
                return
            if not self.waiters:
                self._ready_ns = waiter.until_ns = ready_ns
            self._add(waiter)
            lib.trifuse_py_limiter_set_waiting(self._memory, 1)

    def next_ns(self) -> int:
        """Give the time at which the first may be granted."""
        return self._ready_ns

    def forget(self) -> None:
        """In a forked child: the others are gone."""
        super().forget()
        self._ready_ns = 0
        lib.trifuse_py_limiter_set_waiting(self._memory, 0)

    def _settle(self, now: int, *, leaving: bool) -> None:  # noqa: ARG002 - nothing is put off
        while self.waiters and self._ready_ns <= now:
            first = self._first()
            result = lib.trifuse_py_limiter_ask_first(self._memory, first.n, self._told)
            if result == _OK:
                self._grant(first, None)
            elif result == _OVER:
                capacity = lib.trifuse_py_limiter_capacity(self._memory)
                self._refuse(first, OverCapacityError(self._name, first.n, capacity))
            else:
                self._wait_for(first, self._told.now_ns + self._told.wait_ns)
        if not self.waiters:
            self._ready_ns = 0
            lib.trifuse_py_limiter_set_waiting(self._memory, 0)

    def _wait_for(self, first: Waiter, ready_ns: int) -> None:
        if ready_ns > first.deadline_ns:
            self._ready_ns = ready_ns
            self._refuse(first, self._over(first))
            self._ready_ns = 0  # the next may need less
            return
        self._ready_ns = first.until_ns = ready_ns
        first.wake()

    def _leave(self, waiter: Waiter) -> None:
        if waiter.granted:
            waiter.granted = False
            if self.waiters and self._first().n <= waiter.n:
                self._ready_ns = 0
                self._grant(self._first(), None)
        elif waiter in self.waiters:
            if waiter is self._first():
                self._ready_ns = 0
            del self.waiters[waiter]

    def _over(self, waiter: Waiter) -> RefusedError:
        return RateLimitedError(self._name, self.retry_after(), waiter.n, 0)

    def retry_after(self) -> float | None:
        """Give the seconds until the first may be granted: at least so long anybody else waits."""
        now, ready = now_ns(), self._ready_ns
        return seconds_or_none(ready - now) if ready > now else None
