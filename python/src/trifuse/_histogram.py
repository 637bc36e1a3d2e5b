# SPDX-License-Identifier: MIT OR Apache-2.0
"""The latency histogram: quantiles of durations within 5 %, in a fixed amount of memory."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from trifuse._core import ffi, lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._objects import filled, handle, kind_of, now_ns

_KIND = kind_of("histogram", "latency histogram", frozenset({"sliding"}), frozenset())


class LatencySnapshot(NamedTuple):
    """What a histogram holds; seconds, each within 5 %, None when it is empty.

    Attributes:
        count: durations in its span.
        sum: of them.
        min: the smallest.
        max: the largest.
        p50: the median.
        p95: what 95 % do not exceed.
        p99: what 99 % do not exceed.
        total: durations ever recorded.
    """

    count: int  # type: ignore[assignment]
    sum: float
    min: float | None
    max: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    total: int


class LatencyHistogram:
    """Keeps durations and gives any quantile of them within 5 %.

    Args:
        sliding: None: of all that was ever recorded. Seconds or a timedelta: two halves take turns,
            and what is read spans from half of that time to all of it.

    It may be used from any number of threads.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("__weakref__", "_block", "_handle", "_sliding_ns")

    def __init__(self, sliding: Duration | None = None) -> None:
        """Begin empty."""
        given = {"sliding": sliding}
        config = _KIND.config(given)
        self._sliding_ns: int = config.sliding_ns
        self._block: Any = _KIND.block(config, given)
        self._handle = handle("histogram", self._block)

    def __repr__(self) -> str:
        """Show span and count."""
        span = f"sliding={seconds(self._sliding_ns)!r}" if self._sliding_ns else ""
        return f"<LatencyHistogram({span}) of {self.snapshot().count}>"

    def __copy__(self) -> Self:
        """Give itself: a histogram is shared, never copied."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Give itself: a histogram is shared, never copied."""
        return self

    def record(self, duration: Duration) -> None:
        """Take a duration in, in seconds or as timedelta. Raises ConfigurationError for what is none."""
        ns = nanoseconds(duration)
        if ns is None:
            raise ConfigurationError("duration", duration, "seconds or a timedelta, at least 0")
        lib.trifuse_histogram_record(self._handle, ns, now_ns())

    def quantile(self, q: float) -> float | None:
        """Give the seconds that the share ``q`` of the durations does not exceed; None when empty.

        Raises ConfigurationError for a share outside 0..1.
        """
        ns = self.quantile_ns(q)
        return None if ns is None else seconds(ns)

    def quantile_ns(self, q: float) -> int | None:
        """Give a quantile in nanoseconds."""
        value = ffi.new("uint64_t *")
        legal = isinstance(q, (int, float)) and not isinstance(q, bool) and 0 <= q <= 1
        result = lib.trifuse_histogram_quantile(self._handle, q, now_ns(), value) if legal else -1
        if result < 0:
            raise ConfigurationError("q", q, "a number, 0 to 1")
        return None if result == lib.TRIFUSE_EMPTY else int(value[0])

    def merge(self, other: LatencyHistogram) -> None:
        """Add what another histogram holds; the other is not changed."""
        if not isinstance(other, LatencyHistogram) or other is self:
            raise ConfigurationError("other", other, "another LatencyHistogram")
        lib.trifuse_histogram_merge(self._handle, other._handle, now_ns())

    def snapshot(self) -> LatencySnapshot:
        """Give what it holds now."""
        raw = filled("histogram", self._block, now_ns())
        names = ("min_ns", "max_ns", "p50_ns", "p95_ns", "p99_ns")
        least, most, p50, p95, p99 = (seconds(getattr(raw, n)) if raw.count else None for n in names)
        return LatencySnapshot(raw.count, seconds(raw.sum_ns), least, most, p50, p95, p99, raw.total)
