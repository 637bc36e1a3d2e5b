# SPDX-License-Identifier: MIT OR Apache-2.0
"""Durations: people give seconds or timedelta, the core takes whole nanoseconds."""

from __future__ import annotations

from datetime import timedelta

NEVER = 0xFFFF_FFFF_FFFF_FFFF
_SECOND = 1_000_000_000

Duration = int | float | timedelta


def nanoseconds(value: Duration) -> int | None:
    """Give the nearest nanosecond, at most NEVER - 1; None for what is no duration.

    No duration are: negative values, NaN and infinities, booleans, and other types.
    """
    if isinstance(value, timedelta):
        ns = ((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds) * 1_000
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    else:
        try:
            top, bottom = value.as_integer_ratio()
        except (OverflowError, ValueError):
            return None
        ns = (2 * top * _SECOND + bottom) // (2 * bottom)
        if value < 0:
            return None
    return min(ns, NEVER - 1) if ns >= 0 else None


def seconds(ns: int) -> float:
    """Give nanoseconds as seconds."""
    return ns / _SECOND


def seconds_or_none(ns: int) -> float | None:
    """Give a wait in seconds, None when it is not known."""
    return None if ns == NEVER else ns / _SECOND
