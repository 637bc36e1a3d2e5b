# SPDX-License-Identifier: MIT OR Apache-2.0
"""A recorder of what listeners are told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trifuse._registry import registry

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker
    from trifuse._events import Call, Refusal, Transition
    from trifuse._registry import CircuitBreakerRegistry


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
