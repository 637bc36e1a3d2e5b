# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards switched off, and breakers put into a state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from trifuse._core import lib
from trifuse._values import State

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker


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
