# SPDX-License-Identifier: MIT OR Apache-2.0
"""For tests of code that uses trifuse: virtual time, forced states, a recorder, switching off.

pytest users get the fixture ``trifuse_testing`` from the installed package.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from trifuse._core import lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._registry import registry
from trifuse._values import State

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker
    from trifuse._events import Call, Refusal, Transition
    from trifuse._registry import CircuitBreakerRegistry

__all__ = ["Recorder", "VirtualClock", "disabled", "forced", "no_waiting", "record", "virtual_clock"]


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


@contextlib.contextmanager
def disabled() -> Iterator[None]:
    """Switch every guard of this process off: calls pass, nothing is counted or limited."""
    before = lib.trifuse_py_bypass()
    lib.trifuse_py_set_bypass(1)
    try:
        yield
    finally:
        lib.trifuse_py_set_bypass(before)


@contextlib.contextmanager
def forced(breaker: CircuitBreaker, state: State | str) -> Iterator[CircuitBreaker]:
    """Put a breaker into a state for a while, then reset it.

    OPEN is for a year, HALF_OPEN as after a wait that is over: the first call is a probe.
    Raises ValueError for what is no state.
    """
    _force(breaker, State(state))
    try:
        yield breaker
    finally:
        breaker.reset()


def _force(breaker: CircuitBreaker, state: State) -> None:
    breaker.reset()
    if state is State.OPEN:
        breaker.trip(retry_after=timedelta(days=365))
    elif state is State.HALF_OPEN:
        _half_open(breaker)
    elif state is not State.CLOSED:
        steer = {
            State.FORCED_OPEN: breaker.force_open,
            State.DISABLED: breaker.disable,
            State.METRICS_ONLY: breaker.metrics_only,
        }
        steer[state]()


def _half_open(breaker: CircuitBreaker) -> None:
    """Open for 1 us of the past, and let a call that is ignored find the wait over."""
    from trifuse._options import DEFAULT, IGNORED
    from trifuse._permits import OWNED, OwnCall, ask

    breaker.trip(retry_after=1e-6)
    now = lib.trifuse_py_now()
    nested = lib.trifuse_py_virtual()
    lib.trifuse_py_set_now(now + 2_000)
    try:
        OwnCall(breaker, DEFAULT, ask(breaker, OWNED)).finish(IGNORED)
    finally:
        lib.trifuse_py_set_now(now if nested else 0)


class Recorder:
    """Keeps what listeners are told, in order.

    Attributes:
        transitions: the transitions.
        refusals: the refusals.
        calls: the calls, refused ones too.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.transitions: list[Transition] = []
        self.refusals: list[Refusal] = []
        self.calls: list[Call] = []

    def attach(self, source: CircuitBreaker | CircuitBreakerRegistry) -> Recorder:
        """Listen to a breaker, or to all of a registry."""
        source.on_transition(self.transitions.append)
        source.on_refused(self.refusals.append)
        source.on_call(self.calls.append)
        return self

    def detach(self, source: CircuitBreaker | CircuitBreakerRegistry) -> None:
        """Stop listening."""
        source.off(self.transitions.append, self.refusals.append, self.calls.append)


@contextlib.contextmanager
def record(source: CircuitBreaker | CircuitBreakerRegistry | None = None) -> Iterator[Recorder]:
    """Record what a breaker, a registry, or by default ``trifuse.registry`` tells."""
    source = registry if source is None else source
    recorder = Recorder().attach(source)
    try:
        yield recorder
    finally:
        recorder.detach(source)
