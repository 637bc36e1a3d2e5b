# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fields of a configuration: their names, kinds and types."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypedDict

from trifuse._durations import Duration

INTEGERS = frozenset({
    "window_buckets", "window_count", "minimum_calls", "consecutive_failures",
    "failure_count_threshold", "half_open_max_calls", "success_threshold",
    "half_open_failure_threshold", "reserve_window_buckets", "reserve_window_count",
    "reserve_half_open_calls",
})  # fmt: skip
REALS = frozenset({
    "failure_rate_threshold", "slow_call_rate_threshold", "open_backoff_multiplier",
    "open_jitter_fraction", "tolerated_failure_rate", "outage_failure_rate",
    "tolerated_slow_rate", "outage_slow_rate", "false_open_every",
})  # fmt: skip
DURATIONS = frozenset({
    "window_duration", "slow_call_duration", "open_duration", "open_duration_max",
    "half_open_permit_ttl", "request_timeout", "cancelled_counts_after", "cusum_idle_decay",
})  # fmt: skip
CHOICES = {
    "window": ("time", "count"),
    "detector": ("rate", "cusum"),
    "open_jitter": ("none", "proportional", "full"),
    "initial_state": (
        "closed", "open", "half_open", "forced_open", "disabled", "metrics_only",
    ),
}  # fmt: skip
# The founding names, and what the rest becomes when one of them is used.
ALIASES = {
    "failure_threshold": "failure_rate_threshold",
    "timeout": "open_duration",
    "min_calls": "minimum_calls",
}
FOUNDING = {
    "failure_rate_threshold": 0.5,
    "open_duration": 30,
    "minimum_calls": 5,
    "half_open_max_calls": 1,
}
NAMES = INTEGERS | REALS | DURATIONS | CHOICES.keys() | ALIASES.keys() | {"seed"}

Window = Literal["time", "count"]
Detector = Literal["rate", "cusum"]
Jitter = Literal["none", "proportional", "full"]


class ConfigFields(TypedDict, total=False):
    """The keyword arguments that configure a breaker. Durations: seconds or timedelta."""

    window: Window
    window_duration: Duration
    window_buckets: int
    window_count: int
    minimum_calls: int
    failure_rate_threshold: float
    slow_call_duration: Duration | None
    slow_call_rate_threshold: float
    consecutive_failures: int
    failure_count_threshold: int
    detector: Detector
    tolerated_failure_rate: float
    outage_failure_rate: float
    tolerated_slow_rate: float
    outage_slow_rate: float
    false_open_every: float
    cusum_idle_decay: Duration | None
    open_duration: Duration
    open_duration_max: Duration | None
    open_backoff_multiplier: float
    open_jitter: Jitter
    open_jitter_fraction: float
    half_open_max_calls: int
    success_threshold: int
    half_open_failure_threshold: int
    half_open_permit_ttl: Duration | None
    request_timeout: Duration | None
    cancelled_counts_after: Duration | None
    initial_state: str
    seed: int
    reserve_window_buckets: int
    reserve_window_count: int
    reserve_half_open_calls: int
    failure_threshold: float
    timeout: Duration
    min_calls: int


class Config(NamedTuple):
    """A configuration in force; durations in seconds; 0 is off or automatic, as the field has it."""

    window: Window
    window_duration: float
    window_buckets: int
    window_count: int
    minimum_calls: int
    failure_rate_threshold: float
    slow_call_duration: float
    slow_call_rate_threshold: float
    consecutive_failures: int
    failure_count_threshold: int
    detector: Detector
    tolerated_failure_rate: float
    outage_failure_rate: float
    tolerated_slow_rate: float
    outage_slow_rate: float
    false_open_every: float
    cusum_idle_decay: float
    open_duration: float
    open_duration_max: float
    open_backoff_multiplier: float
    open_jitter: Jitter
    open_jitter_fraction: float
    half_open_max_calls: int
    success_threshold: int
    half_open_failure_threshold: int
    half_open_permit_ttl: float
    request_timeout: float
    cancelled_counts_after: float


def member(name: str) -> str:
    """Give the name of a field's member in the struct of the core."""
    if name in DURATIONS:
        return name + "_ns"
    return "window_kind" if name == "window" else name


def read(config: Any, name: str) -> Any:
    """Read a field of the core's struct as people write it."""
    value = getattr(config, member(name))
    if name in DURATIONS:
        return value / 1_000_000_000
    return CHOICES[name][value] if name in CHOICES else value
