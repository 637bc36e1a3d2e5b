# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns bytes into configurations and steps. A zero byte is the plainest choice, so histories shrink well."""

MS = 10**6
CONFIG = {
    "window_kind": ("time", "count"),
    "window_buckets": (10, 1, 2, 3, 64),
    "window_duration_ns": (10 * MS, 1 * MS, 64_000, 3_333_333, 60_000 * MS),
    "window_count": (10, 1, 2, 5, 16, 17, 33, 64),
    "minimum_calls": (3, 1, 2, 6, 20),
    "failure_rate_threshold": (0.5, 1.0, 0.3, 0.0, 0.7, 1.0, 0.333333333, 1.0),
    "slow_call_duration_ns": (0, 100, 1),
    "slow_call_rate_threshold": (1.0, 0.5, 0.0, 0.3),
    "consecutive_failures": (0, 3, 0, 1, 5),
    "failure_count_threshold": (0, 4, 0, 2, 0, 7),
    "detector": ("rate", "cusum"),
    "initial_state": ("closed", "open", "half_open", "forced_open", "disabled", "metrics_only"),
    "open_duration_ns": (1 * MS, 10_000, 1, 123_456, 40 * MS),
    "open_duration_max_ns": (0, 40 * MS, 55 * MS, 1000 * MS),
    "open_backoff_multiplier": (1.0, 2.0, 1.5, 1000.0, 1.1),
    "open_jitter": ("none", "full", "proportional"),
    "open_jitter_fraction": (0.1, 0.0, 1.0, 0.37),
    "half_open_max_calls": (2, 1, 3, 8, 64),
    "success_threshold": (1, 2, 3, 5),
    "half_open_failure_threshold": (1, 2, 3),
    "half_open_permit_ttl_ns": (5 * MS, 1000, 1, 60 * MS),
    "cusum_idle_decay_ns": (60_000 * MS, 0, 100 * MS),
    "tolerated_slow_rate": (0.0, 0.3),
    "seed": (0, 1, 2**64 - 1, 77),
}
DESIGNS = ((1, 1, 3), (0, 0, 0), (7, 2, 20), (2, 3, 9), (1, 1, 15), (5, 16, 4))
BAD = (
    {"minimum_calls": 0},
    {"failure_rate_threshold": "nan"},
    {"open_duration_ns": 0},
    {"half_open_max_calls": 65},
    {"window_duration_ns": 1},
    {"open_backoff_multiplier": 0.5},
)
HEAD = len(CONFIG) + 2
GAPS = (0, 1, 7, 100, 999, 1000, 10_000, 100_000, 1 * MS, 1 * MS, 2 * MS, 10 * MS, 50 * MS, 120_000 * MS)
END = 2**64 - 1
JUMPS = (2**33, 2**40, 2**48, 2**55, 2**33, 2**40, 2**60)


def config(data):
    """A legal configuration from HEAD bytes."""
    chosen = {
        name: values[byte % len(values)] for (name, values), byte in zip(CONFIG.items(), data, strict=False)
    }
    for which, byte in zip(("", "slow_"), data[len(CONFIG) :], strict=True):
        up, down, threshold = DESIGNS[byte % len(DESIGNS)]
        chosen |= {f"{which}cusum_up": up, f"{which}cusum_down": down, f"{which}cusum_threshold": threshold}
    chosen["open_duration_max_ns"] = chosen["open_duration_max_ns"] and max(
        chosen["open_duration_max_ns"], chosen["open_duration_ns"]
    )
    chosen |= {
        "request_timeout_ns": 0,
        "reserve_window_buckets": 64,
        "reserve_window_count": 64,
        "reserve_half_open_calls": 64,
    }
    return chosen


def _table(weights):
    return [name for name, weight in weights for _ in range(weight)]


# 100 of 256 bytes each pick by state; the rest fall on calls and outcomes in every state.
COMMON = _table(
    (
        ("nothing", 1),
        ("call", 60),
        ("burst", 20),
        ("acquire", 30),
        ("report", 44),
        ("again", 12),
        ("old", 8),
        ("foreign", 4),
        ("renew", 6),
        ("reenter", 4),
        ("reconfigure", 5),
        ("misconfigure", 1),
        ("look", 3),
        ("trip", 6),
        ("trip_for", 4),
        ("reset", 5),
        ("close", 5),
        ("force_open", 4),
        ("disable", 4),
        ("metrics_only", 6),
    )
)
TABLES = {
    "closed": COMMON + _table((("burst", 20), ("metrics_only", 4))),
    "open": COMMON + _table((("acquire", 40), ("trip", 10), ("trip_for", 10))),
    "half_open": COMMON
    + _table(
        (
            ("acquire", 60),
            ("report", 50),
            ("again", 14),
            ("renew", 10),
            ("force_open", 4),
            ("disable", 4),
            ("metrics_only", 4),
            ("reset", 4),
        )
    ),
    "forced_open": COMMON + _table((("close", 20), ("reset", 10), ("metrics_only", 12), ("disable", 10))),
    "disabled": COMMON + _table((("close", 20), ("reset", 10), ("metrics_only", 12), ("force_open", 10))),
    "metrics_only": COMMON + _table((("burst", 40), ("close", 6), ("disable", 6), ("force_open", 6))),
}


def operation(state, byte, other):
    """The operation that two bytes pick in a state; byte 0 is "nothing"."""
    table = TABLES[state]
    return table[(byte * 251 + other * 7) % len(table)] if byte else "nothing"


def outcome(byte):
    """(outcome, duration)"""
    return ("success", "failure", "failure", "timeout", "success", "failure", "ignored", "success")[
        byte % 8
    ], ((0, 1, 100, 101, 200)[byte // 8 % 5])


def later(byte, now, marks):
    """The caller's next time: it stands, goes on, jumps to (or just before) a mark, or steps back."""
    if byte == 0:
        return now
    if byte < 120:
        return min(END, now + GAPS[byte % len(GAPS)])
    if byte < 200 and marks:
        return max(1, marks[byte % len(marks)] - (byte % 3 == 0))
    if byte < 240:
        return max(1, now - GAPS[byte % len(GAPS)])
    if byte == 255:
        return now + JUMPS[now % len(JUMPS)] if now < 2**60 else END - now % 10**9
    return min(END, now + byte * 97)
