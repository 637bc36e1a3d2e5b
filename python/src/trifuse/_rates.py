# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rates, as people write them: ``per(500, minutes=1)``, ``per_second(20)``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError

_PERIOD = "one duration, such as seconds=60, minutes=1, or a timedelta"
_RATE = "per(n, seconds=...), per_second(r), or a number of tokens per second"
_LONGEST = 0xFFFF_FFFF_FFFF_FFFE


class Rate(NamedTuple):
    """A rate: exactly ``permits`` per period, or so many tokens ``per_second``."""

    permits: int
    period_ns: int
    per_second: float

    def __repr__(self) -> str:
        """Show how to write it."""
        if self.per_second:
            return f"per_second({self.per_second!r})"
        return f"per({self.permits}, seconds={seconds(self.period_ns):.15g})"

    def plain(self) -> Any:
        """Give it as plain data, as configurations write it."""
        if self.per_second:
            return self.per_second
        return {"permits": self.permits, "seconds": seconds(self.period_ns)}


def per(n: int, period: timedelta | None = None, /, **units: Duration) -> Rate:
    """Give the rate of exactly ``n`` in each period: ``per(500, minutes=1)``.

    Args:
        n: how many.
        period: a timedelta; or by keyword ``milliseconds``, ``seconds``, ``minutes``, ``hours``
            or ``days``, one of them or several, which are added up.
        units: see ``period``.

    Raises:
        ConfigurationError: for what is no whole number or no duration.
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise ConfigurationError("permits", n, "a whole number, 1 or more")
    if (period is None) != bool(units) or not isinstance(period, (timedelta, type(None))):
        raise ConfigurationError("period", period, _PERIOD)
    total = 0 if period is None else nanoseconds(period) or 0
    for unit, value in units.items():
        if unit not in _UNITS:
            raise TypeError(f"unknown unit of time: {unit!r}; there are {', '.join(_UNITS)}")
        up, down = _UNITS[unit]
        ns = nanoseconds(value)
        if ns is None:
            raise ConfigurationError(unit, value, "a number, 0 or more")
        total += ns * up // down
    return Rate(min(max(n, 0), _LONGEST), min(total, _LONGEST), 0.0)


_UNITS = {
    "milliseconds": (1, 1000),
    "seconds": (1, 1),
    "minutes": (60, 1),
    "hours": (3600, 1),
    "days": (86400, 1),
}


def per_second(rate: float) -> Rate:
    """Give the rate of so many tokens per second, whole or not: ``per_second(0.5)`` is one in two seconds.

    Raises ConfigurationError for what is no number.
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise ConfigurationError("rate", rate, "a number of tokens per second")
    if not rate > 0:
        raise ConfigurationError("rate", rate, "more than 0 tokens per second")
    return Rate(0, 0, float(min(rate, 1e300)))


def rate_of(value: Any) -> Rate:
    """Give the rate that a setting says. Raises ConfigurationError."""
    if isinstance(value, Rate):
        return value
    if isinstance(value, (str, Mapping)):
        from trifuse._pipeline_config import read_rate

        return rate_of(read_rate(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError("rate", value, _RATE)
    return per_second(value)
