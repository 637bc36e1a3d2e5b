# SPDX-License-Identifier: MIT OR Apache-2.0
"""trifuse: circuit breakers that are fast, exact and fork-safe.

Begin with the decorator::

    from trifuse import circuit_breaker, CircuitBreakerOpenError

    @circuit_breaker("payments", preset="payment", fallback_value=None)
    def charge(order): ...

    charge.circuit_breaker.state
"""

from trifuse._breaker import CircuitBreaker
from trifuse._decorator import circuit_breaker
from trifuse._errors import (
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    HalfOpenLimitError,
    RefusedError,
    RequestTimeoutError,
    TrifuseError,
)
from trifuse._events import Call, Refusal, Transition
from trifuse._fallback import Answered, last_fallback
from trifuse._fields import Config
from trifuse._keys import KeyedBreakers
from trifuse._registry import CircuitBreakerRegistry, registry
from trifuse._snapshot import Snapshot
from trifuse._typing import Guarded, KeyedGuarded
from trifuse._values import Cause, Outcome, Preset, RefusalReason, State
from trifuse._version import __version__

__all__ = [
    "Answered",
    "Call",
    "Cause",
    "CircuitBreaker",
    "CircuitBreakerOpenError",
    "CircuitBreakerRegistry",
    "Config",
    "ConfigurationError",
    "ForcedOpenError",
    "Guarded",
    "HalfOpenLimitError",
    "KeyedBreakers",
    "KeyedGuarded",
    "Outcome",
    "Preset",
    "Refusal",
    "RefusalReason",
    "RefusedError",
    "RequestTimeoutError",
    "Snapshot",
    "State",
    "Transition",
    "TrifuseError",
    "__version__",
    "circuit_breaker",
    "last_fallback",
    "registry",
]
