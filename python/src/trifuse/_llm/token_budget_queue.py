# SPDX-License-Identifier: MIT OR Apache-2.0
"""Those who wait for a token budget, first come first served.

The first asks the buckets and sleeps for as long as it is told; the others stand behind it, whatever they
want, so that small requests cannot starve a large one. What comes back wakes the first, who asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trifuse._durations import seconds
from trifuse._errors import OverCapacityError, RefusedError
from trifuse._llm.token_budget_errors import TokenBudgetError
from trifuse._queues import Queue
from trifuse._waiting import now_ns

if TYPE_CHECKING:
    from trifuse._llm.token_budget_buckets import Buckets, Refusal
    from trifuse._llm.token_budget_values import Counts
    from trifuse._waiting import Waiter


class BudgetQueue(Queue):
    """Waiters with a number of tokens each.

    Attributes:
        ahead: tokens that all who wait want together.
    """

    def __init__(self, buckets: Buckets, counts: Counts) -> None:
        """Begin empty."""
        super().__init__()
        self._buckets, self._counts = buckets, counts
        self._ready_ns = 0
        self.ahead = 0

    def join(self, waiter: Waiter, ready_ns: int) -> None:
        """Wait. ``ready_ns``: when the buckets have enough, as far as is known."""
        if not self.waiters:
            self._ready_ns = waiter.until_ns = ready_ns
        self._add(waiter)
        self.ahead += waiter.n

    def ask(self, tokens: int, *, take: bool = False) -> Refusal | None:
        """Ask for one who would stand behind all who wait; ``take``: takes it, if nobody waits and it is there.

        Raises OverCapacityError.
        """
        with self._lock:
            if self.waiters:
                self.settle()
            self._busy = True  # a finalizer that settles now would find the buckets in disorder
            try:
                now = now_ns()
                if take and not self.waiters:
                    return self._buckets.take(tokens, now)
                return self._buckets.look_behind(len(self.waiters), self.ahead, tokens, now)
            finally:
                self._busy = False
                if self._again or self._left:
                    self.settle()

    def stir(self) -> None:
        """Let the first ask again: something came back, was taken, or the limits changed."""
        if self.waiters:
            self._ready_ns = 0
            self.settle()

    def next_ns(self) -> int:
        """Give the time at which the first may be granted."""
        return self._ready_ns

    def forget(self) -> None:
        """In a forked child: those who wait or run are the parent's; what they have taken stays taken."""
        super().forget()
        self._counts.in_flight = self._counts.reserved = 0
        self._ready_ns = self.ahead = 0

    def _settle(self, now: int, *, leaving: bool) -> None:  # noqa: ARG002 - nothing is put off
        while self.waiters and self._ready_ns <= now:
            first = self._first()
            try:
                refusal = self._buckets.take(first.n, now)
            except OverCapacityError as error:  # the limit was lowered meanwhile
                self.ahead -= first.n
                self._refuse(first, error.with_traceback(None))
                continue
            if refusal is None:
                self.ahead -= first.n
                if not self._grant(first, None):
                    self._buckets.put_back(first.n, 1, now)
                continue
            self._wait_for(first, refusal, now)
        if not self.waiters:
            self._ready_ns = 0

    def _wait_for(self, first: Waiter, refusal: Refusal, now: int) -> None:
        ready = now + refusal.wait_ns
        if ready > first.deadline_ns:
            self.ahead -= first.n
            self._counts.refused += 1
            self._refuse(first, error_of(self._buckets.name, refusal))
            self._ready_ns = 0  # the next may need less
            return
        self._ready_ns = first.until_ns = ready
        if not first.wake():  # its event loop is closed
            del self.waiters[first]
            self.ahead -= first.n
            self._ready_ns = 0

    def _leave(self, waiter: Waiter) -> None:
        if waiter.granted:
            waiter.granted = False
            self._buckets.put_back(waiter.n, 1, now_ns())
            self._ready_ns = 0
        elif waiter in self.waiters:
            if waiter is self._first():
                self._ready_ns = 0
            del self.waiters[waiter]
            self.ahead -= waiter.n

    def _taken(self, waiter: Waiter) -> None:
        waiter.granted = False

    def _over(self, waiter: Waiter) -> RefusedError:
        self._counts.refused += 1
        try:
            refusal = self.ask(waiter.n)
        except OverCapacityError:
            refusal = None
        if refusal is None:
            return TokenBudgetError(self._buckets.name, None, waiter.n, 0)
        return error_of(self._buckets.name, refusal)


def error_of(name: str, refusal: Refusal) -> TokenBudgetError:
    """Make the error of a refusal."""
    return TokenBudgetError(
        name, seconds(refusal.wait_ns), refusal.requested, refusal.available, refusal.field
    )
