# SPDX-License-Identifier: MIT OR Apache-2.0
"""What one request holds while it is on its way: a breaker's permit and a place, each given back once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trifuse._options import FAILURE, IGNORED, SUCCESS, TIMEOUT, Options
from trifuse._permits import obey_retry_after

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker
    from trifuse._permits import OwnCall
    from trifuse._places import Place

__all__ = ["FAILURE", "IGNORED", "SUCCESS", "TIMEOUT", "Permit"]


class Permit:
    """The permission of one request. What is forgotten counts as ignored."""

    __slots__ = ("_call", "_outcome", "breaker", "options", "place")

    def __init__(self, breaker: CircuitBreaker, call: OwnCall | None, options: Options) -> None:
        """Take over an admitted call; None while everything is switched off."""
        self.breaker = breaker
        self.options = options
        self.place: Place | None = None
        self._call = call
        self._outcome = -1

    @property
    def judged(self) -> bool:
        """Whether an outcome was reported."""
        return self._outcome >= 0

    @property
    def limit_ns(self) -> int:
        """The request timeout of the breaker in force; 0 for none, and while everything is switched off."""
        limit: int = self.breaker._written.config.request_timeout_ns
        return 0 if self._call is None else limit

    def judge(self, outcome: int, subject: object = None, error: BaseException | None = None) -> None:
        """Report an outcome, the first one only; a failure's ``subject`` may tell when to come back."""
        if self._outcome >= 0:
            return
        self._outcome = outcome
        call = self._call
        if call is None:
            return
        in_time = call.finish(outcome, error)
        if in_time and outcome in {FAILURE, TIMEOUT} and subject is not None:
            obey_retry_after(self.breaker, self.options, subject)
        call.notify()

    def raised(self, error: BaseException, *, timed_out: bool = False) -> None:
        """Report what the request raised, and give everything back."""
        self.judge(TIMEOUT if timed_out else self.options.outcome_of(error), error, error)
        self.release()

    def release(self) -> None:
        """Give everything back; without an outcome it counts as ignored."""
        self.judge(IGNORED)
        place, self.place = self.place, None
        if place is not None and place._state:
            # An outcome of the event loop's own kind (a cancellation) moves no limit.
            known = self._outcome in {SUCCESS, FAILURE, TIMEOUT}
            place._end(self._outcome if known else IGNORED)

    def renew(self) -> None:
        """Extend the lease, if the request is a probe."""
        if self._call is not None and self._outcome < 0:
            self._call.renew()

    def __repr__(self) -> str:
        """Show whose it is and how it ended."""
        state: Any = self._outcome if self._outcome >= 0 else "held"
        return f"<Permit of {self.breaker.name!r}: {state}>"
