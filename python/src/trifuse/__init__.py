# SPDX-License-Identifier: MIT OR Apache-2.0
"""trifuse: circuit breakers, retries, limits and timeouts that are fast, exact and fork-safe.

Begin with the decorator::

    from trifuse import circuit_breaker, CircuitBreakerOpenError

    @circuit_breaker("payments", preset="payment", fallback_value=None)
    def charge(order): ...

    charge.circuit_breaker.state

Every policy is a decorator of its own, and several are a :class:`Pipeline`.
"""

from typing import TYPE_CHECKING, Any

from trifuse._breaker import CircuitBreaker
from trifuse._decorator import circuit_breaker
from trifuse._errors import (
    BulkheadFullError,
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    HalfOpenLimitError,
    OverCapacityError,
    RateLimitedError,
    RefusedError,
    RequestTimeoutError,
    RetriesExhausted,
    RetryBudgetError,
    ThrottledError,
    TrifuseError,
    UnsupportedError,
)
from trifuse._events import Call, Refusal, Transition
from trifuse._fallback import Answered, last_fallback
from trifuse._fields import Config
from trifuse._keys import KeyedBreakers
from trifuse._policy import Policy
from trifuse._registry import CircuitBreakerRegistry, registry
from trifuse._snapshot import Snapshot
from trifuse._typing import Decorated, Guarded, KeyedGuarded
from trifuse._values import Cause, Outcome, Preset, RefusalReason, State
from trifuse._version import __version__

if TYPE_CHECKING:
    from trifuse._adaptive_limit import AdaptiveLimit, adaptive_limit
    from trifuse._bulkhead import Bulkhead, bulkhead
    from trifuse._deadline import deadline, remaining
    from trifuse._fallbacks import Fallback, fallback
    from trifuse._hedge import Hedge, hedge
    from trifuse._histogram import LatencyHistogram
    from trifuse._pipeline import Pipeline
    from trifuse._places import ConcurrencySnapshot, Place
    from trifuse._rate_keys import KeyedRateLimits
    from trifuse._rate_limit import RateLimit, per, per_second, rate_limit
    from trifuse._rate_values import RateLimitSnapshot, Reservation
    from trifuse._rates import Rate
    from trifuse._retry import Retry, retry
    from trifuse._retry_budget import RetryBudget
    from trifuse._retrying import RetryEvent, is_retryable
    from trifuse._service import ResilientService
    from trifuse._throttle import Throttle, ThrottleSnapshot, throttle
    from trifuse._timeout import Timeout, timeout

# Loaded when first asked for: a program that has one policy does not pay for the import of all.
_LATER = {
    "AdaptiveLimit": "_adaptive_limit", "adaptive_limit": "_adaptive_limit",
    "Bulkhead": "_bulkhead", "bulkhead": "_bulkhead",
    "deadline": "_deadline", "remaining": "_deadline",
    "Fallback": "_fallbacks", "fallback": "_fallbacks",
    "Hedge": "_hedge", "hedge": "_hedge",
    "LatencyHistogram": "_histogram",
    "Pipeline": "_pipeline",
    "ConcurrencySnapshot": "_places", "Place": "_places",
    "KeyedRateLimits": "_rate_keys",
    "Rate": "_rates", "RateLimitSnapshot": "_rate_values", "Reservation": "_rate_values",
    "RateLimit": "_rate_limit", "per": "_rate_limit", "per_second": "_rate_limit", "rate_limit": "_rate_limit",
    "Retry": "_retry", "retry": "_retry",
    "RetryBudget": "_retry_budget",
    "RetryEvent": "_retrying", "is_retryable": "_retrying",
    "ResilientService": "_service",
    "Throttle": "_throttle", "ThrottleSnapshot": "_throttle", "throttle": "_throttle",
    "Timeout": "_timeout", "timeout": "_timeout",
    "LastCall": "_last_call", "last_call": "_last_call",
    "FallbackLevel": "_fallback_level",
    "ResultCache": "cache",
    "Deployment": "_llm.pool", "ModelPool": "_llm.pool", "PoolEvent": "_llm.pool", "PoolSnapshot": "_llm.pool",
    "TokenBudget": "_llm.token_budget", "TokenBudgetError": "_llm.token_budget",
    "TokenBudgetSnapshot": "_llm.token_budget", "TokenGrant": "_llm.token_budget",
    "Usage": "_llm.usage", "estimate_tokens": "_llm.tokens",
    "RetryingClientWarning": "_retrying_clients",
    "WorkerPool": "_worker_threads", "WorkerPoolSnapshot": "_worker_threads",
    "FallbackSnapshot": "_fallback_snapshot",
    "guard_stream": "streams", "Resume": "streams", "StreamLimits": "streams",
    "StreamInterruptedError": "_llm.errors", "StreamEmptyError": "_llm.errors",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the other policies when they are asked for."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'trifuse' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"trifuse.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what there is, imported or not yet."""
    return sorted({*globals(), *_LATER})


__all__ = [
    "AdaptiveLimit",
    "Answered",
    "Bulkhead",
    "BulkheadFullError",
    "Call",
    "Cause",
    "CircuitBreaker",
    "CircuitBreakerOpenError",
    "CircuitBreakerRegistry",
    "ConcurrencySnapshot",
    "Config",
    "ConfigurationError",
    "Decorated",
    "Fallback",
    "ForcedOpenError",
    "Guarded",
    "HalfOpenLimitError",
    "Hedge",
    "KeyedBreakers",
    "KeyedGuarded",
    "KeyedRateLimits",
    "LatencyHistogram",
    "Outcome",
    "OverCapacityError",
    "Pipeline",
    "Place",
    "Policy",
    "Preset",
    "Rate",
    "RateLimit",
    "RateLimitSnapshot",
    "RateLimitedError",
    "Refusal",
    "RefusalReason",
    "RefusedError",
    "RequestTimeoutError",
    "Reservation",
    "ResilientService",
    "RetriesExhausted",
    "Retry",
    "RetryBudget",
    "RetryBudgetError",
    "RetryEvent",
    "Snapshot",
    "State",
    "Throttle",
    "ThrottleSnapshot",
    "ThrottledError",
    "Timeout",
    "Transition",
    "TrifuseError",
    "UnsupportedError",
    "__version__",
    "adaptive_limit",
    "bulkhead",
    "circuit_breaker",
    "deadline",
    "fallback",
    "hedge",
    "is_retryable",
    "last_fallback",
    "per",
    "per_second",
    "rate_limit",
    "registry",
    "remaining",
    "retry",
    "throttle",
    "timeout",
]
