# SPDX-License-Identifier: MIT OR Apache-2.0
"""A picture of a breaker."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from trifuse._durations import NEVER, seconds
from trifuse._values import CAUSES, STATES, Cause, State


class Snapshot(NamedTuple):
    """A picture of a breaker, consistent enough to print.

    Times that end in ``_ns`` are monotonic nanoseconds as the core counts them; ``at_ns`` is when
    the picture was taken. Counts without ``window_`` are lifetime totals; ``calls`` are the
    outcomes that came in time, without the ignored; ``failures`` include ``timeouts``. An OPEN
    breaker stays OPEN past its deadline until a call comes.
    """

    name: str
    at_ns: int
    state: State
    cause: Cause
    generation: int
    since_ns: int
    last_failure_ns: int
    open_until_ns: int
    window_total: int
    window_failed: int
    window_slow: int
    failure_rate: float
    slow_rate: float
    consecutive_failures: int
    probes_in_flight: int
    probe_successes: int
    probe_failures: int
    reopenings: int
    cusum_s: int
    cusum_up: int
    cusum_down: int
    cusum_threshold: int
    slow_cusum_s: int
    slow_cusum_up: int
    slow_cusum_down: int
    slow_cusum_threshold: int
    cusum_calls_to_detect_outage: float
    cusum_calls_to_detect_total: float
    calls: int
    successes: int
    failures: int
    timeouts: int
    slow: int
    ignored: int
    late_results: int
    lost_permits: int
    would_have_opened: int
    refused_open: int
    refused_half_open_limit: int
    refused_forced_open: int
    transitions: dict[tuple[State, State], int]

    @property
    def refused(self) -> int:
        """All refused calls."""
        return self.refused_open + self.refused_half_open_limit + self.refused_forced_open

    @property
    def retry_after(self) -> float | None:
        """Seconds until calls are tried again; 0.0 when they are now, None when not known."""
        if self.state is State.OPEN and self.open_until_ns != NEVER:
            return seconds(max(self.open_until_ns - self.at_ns, 0))
        return None if self.state in {State.OPEN, State.FORCED_OPEN} else 0.0

    @property
    def state_for(self) -> float:
        """Seconds since the state was entered."""
        return seconds(max(self.at_ns - self.since_ns, 0))

    @property
    def last_failure_time(self) -> float | None:
        """Epoch seconds of the last recorded failure, for people to read; None without one."""
        if not self.last_failure_ns:
            return None
        return time.time() - seconds(max(self.at_ns - self.last_failure_ns, 0))


_COPIED = Snapshot._fields[4:-1]


def snapshot(name: str, at_ns: int, raw: Any) -> Snapshot:
    """Make a Snapshot of the core's struct."""
    table = raw.transitions
    transitions = {
        (before, after): int(table[i][j])
        for i, before in enumerate(STATES)
        for j, after in enumerate(STATES)
        if table[i][j]
    }
    copied = {field: getattr(raw, field) for field in _COPIED}
    return Snapshot(name, at_ns, STATES[raw.state], CAUSES[raw.cause], **copied, transitions=transitions)
