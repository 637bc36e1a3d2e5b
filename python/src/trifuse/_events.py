# SPDX-License-Identifier: MIT OR Apache-2.0
"""What listeners are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from trifuse._durations import NEVER, seconds
from trifuse._values import CAUSES, STATES, Cause, Outcome, RefusalReason, State

if TYPE_CHECKING:
    from trifuse.classify import Kind


class Transition(NamedTuple):
    """A breaker changed its state, was reset, or (METRICS_ONLY twice) would have opened.

    ``at_ns`` is monotonic time; ``open_for`` the seconds until calls are tried again, when it
    opened. The window counts are those of the state that was left.
    """

    name: str
    from_state: State
    to_state: State
    cause: Cause
    generation: int
    at_ns: int
    open_for: float | None
    window_total: int
    window_failed: int
    window_slow: int
    probe_successes: int
    probe_failures: int

    @property
    def failure_rate(self) -> float:
        """The failure rate of the window that was left; 0.0 when it was empty."""
        return self.window_failed / self.window_total if self.window_total else 0.0


class Refusal(NamedTuple):
    """A call was refused. ``retry_after`` in seconds, None if not known."""

    name: str
    reason: RefusalReason
    retry_after: float | None


class Call(NamedTuple):
    """A call ended, or was refused.

    ``duration`` is in seconds from admission to outcome. ``error`` is what the call raised or the
    refusal. ``late`` calls ended after the breaker had moved on and were counted as late only.
    ``fallback_level`` is None when no fallback answered, else its place in the chain, from 1.
    """

    name: str
    outcome: Outcome
    duration: float
    late: bool
    error: BaseException | None
    fallback_level: int | None
    fallback: str | None

    @property
    def kind(self) -> Kind | None:
        """What the error is (see :mod:`trifuse.classify`); None without one. Looked up when asked."""
        if self.error is None:
            return None
        from trifuse.classify import kind_of

        return kind_of(self.error)


def transition(name: str, event: Any) -> Transition:
    """Make a Transition of the core's struct."""
    until = event.open_until_ns
    return Transition(
        name,
        STATES[getattr(event, "from")],
        STATES[event.to],
        CAUSES[event.cause],
        event.generation,
        event.at_ns,
        seconds(max(until - event.at_ns, 0)) if until not in {0, NEVER} else None,
        event.window_total,
        event.window_failed,
        event.window_slow,
        event.probe_successes,
        event.probe_failures,
    )
