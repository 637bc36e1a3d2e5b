# SPDX-License-Identifier: MIT OR Apache-2.0
"""Configurations of the naive model: defaults, presets, automatic values.

Members carry the names of the C header; durations are integer nanoseconds. Numbers come from the
contract (docs/semantics.md), not from the core.
"""

from fractions import Fraction
from functools import cache

SECOND = 10**9
BILLION = 10**9

DEFAULTS = {
    "window_kind": "time",
    "window_buckets": 10,
    "window_duration_ns": 60 * SECOND,
    "window_count": 100,
    "minimum_calls": 10,
    "failure_rate_threshold": 0.5,
    "slow_call_duration_ns": 0,
    "slow_call_rate_threshold": 1.0,
    "consecutive_failures": 0,
    "failure_count_threshold": 0,
    "detector": "rate",
    "initial_state": "closed",
    "open_duration_ns": 30 * SECOND,
    "open_duration_max_ns": 0,
    "open_backoff_multiplier": 1.0,
    "open_jitter_fraction": 0.1,
    "open_jitter": "none",
    "half_open_max_calls": 5,
    "success_threshold": 1,
    "half_open_failure_threshold": 1,
    "half_open_permit_ttl_ns": 0,
    "request_timeout_ns": 5 * SECOND,
    "cancelled_counts_after_ns": 0,
    "tolerated_failure_rate": 0.3,
    "outage_failure_rate": 0.7,
    "tolerated_slow_rate": 0.0,
    "outage_slow_rate": 0.7,
    "false_open_every": 1e6,
    "cusum_idle_decay_ns": 60 * SECOND,
    "cusum_up": 0,
    "cusum_down": 0,
    "cusum_threshold": 0,
    "slow_cusum_up": 0,
    "slow_cusum_down": 0,
    "slow_cusum_threshold": 0,
    "cusum_calls_to_detect_outage": 0.0,
    "seed": 0,
    "reserve_window_buckets": 0,
    "reserve_window_count": 0,
    "reserve_half_open_calls": 0,
}


def _rated(rate, calls, open_s, probes, timeout_s):
    return {
        "failure_rate_threshold": rate,
        "minimum_calls": calls,
        "open_duration_ns": open_s * SECOND,
        "half_open_max_calls": probes,
        "request_timeout_ns": timeout_s * SECOND,
    }


def _in_a_row(failures, open_s, timeout_s):
    return {
        "failure_rate_threshold": 1.0,
        "consecutive_failures": failures,
        "success_threshold": 2,
        "open_duration_ns": open_s * SECOND,
        "request_timeout_ns": timeout_s * SECOND,
    }


PRESETS = {
    "default": {},
    "adaptive": {
        "detector": "cusum",
        "open_duration_ns": SECOND // 5,
        "open_backoff_multiplier": 2.0,
        "open_duration_max_ns": 5 * SECOND,
        "open_jitter": "full",
        "success_threshold": 3,
    },
    "aggressive": _rated(0.3, 5, 10, 3, 2),
    "conservative": _rated(0.7, 20, 60, 10, 10),
    "llm": {
        **_rated(0.5, 5, 30, 1, 30),
        "window_duration_ns": 60 * SECOND,
        "cancelled_counts_after_ns": 10 * SECOND,
    },
    "critical": _in_a_row(3, 30, 30),
    "normal": _in_a_row(5, 30, 10),
    "batch": _in_a_row(10, 60, 60),
    "payment": _rated(0.3, 5, 10, 3, 3),
    "user": _rated(0.6, 15, 30, 8, 5),
    "recommendation": _rated(0.2, 3, 5, 2, 1),
}


def whole(config):
    """The configuration with every member: the preset's, then the given ones."""
    given = dict(config)
    preset = PRESETS[given.pop("preset", "default")]
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        raise KeyError(f"no such member: {sorted(unknown)}")
    return {**DEFAULTS, **preset, **given}


@cache
def billionths(value):
    """A real to the nearest 1e-9, as an integer number of them."""
    return (Fraction(value) * BILLION + Fraction(1, 2)).__floor__()


def resolved(config):
    """`whole`, with the automatic durations replaced by what they stand for."""
    c = whole(config)
    if c["open_duration_max_ns"] == 0:
        c["open_duration_max_ns"] = max(300 * SECOND, c["open_duration_ns"])
    if c["half_open_permit_ttl_ns"] == 0:
        c["half_open_permit_ttl_ns"] = max(60 * SECOND, 2 * c["request_timeout_ns"])
    return c


def shape(c):
    """What a window must keep to be the same window."""
    slow = c["slow_call_duration_ns"] > 0
    if c["window_kind"] == "count":
        return ("count", c["window_count"], slow)
    return ("time", c["window_buckets"], c["window_duration_ns"] // c["window_buckets"], slow)
