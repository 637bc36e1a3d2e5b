# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names of states, causes, outcomes and reasons. Each is a ``str``, equal to the core's text."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The state of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"
    METRICS_ONLY = "metrics_only"


class Outcome(StrEnum):
    """How a call ended, as the breaker counts it; REFUSED calls were not made."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMEOUT = "timeout"
    IGNORED = "ignored"
    REFUSED = "refused"


class Cause(StrEnum):
    """Why a breaker changed its state."""

    NONE = "none"
    FAILURE_RATE = "failure_rate"
    FAILURE_COUNT = "failure_count"
    SLOW_RATE = "slow_rate"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    CUSUM = "cusum"
    PROBE_FAILED = "probe_failed"
    PROBES_SUCCEEDED = "probes_succeeded"
    WAIT_OVER = "wait_over"
    TRIPPED = "tripped"
    FORCED = "forced"
    RESET = "reset"


class RefusalReason(StrEnum):
    """Why a call was refused."""

    OPEN = "open"
    HALF_OPEN_LIMIT = "half_open_limit"
    FORCED_OPEN = "forced_open"
    RATE_LIMITED = "rate_limited"
    BULKHEAD_FULL = "bulkhead_full"
    THROTTLED = "throttled"
    RETRY_BUDGET = "retry_budget"


class Preset(StrEnum):
    """Ready-made configurations."""

    DEFAULT = "default"
    ADAPTIVE = "adaptive"
    AGGRESSIVE = "aggressive"
    CONSERVATIVE = "conservative"
    LLM = "llm"
    CRITICAL = "critical"
    NORMAL = "normal"
    BATCH = "batch"
    PAYMENT = "payment"
    USER = "user"
    RECOMMENDATION = "recommendation"


# In the order of the core's numbers.
STATES = tuple(State)
OUTCOMES = tuple(Outcome)
CAUSES = tuple(Cause)
