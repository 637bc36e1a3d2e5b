# SPDX-License-Identifier: MIT OR Apache-2.0
"""The two windows of the naive model: what was recorded, and what of it counts as of a time."""

from collections import Counter


class TimeWindow:
    """B buckets of floor(W/B), by the epoch (bucket number since time 0) of each outcome."""

    def __init__(self, config):
        self.buckets = config["window_buckets"]
        self.width = config["window_duration_ns"] // self.buckets
        self.recorded = Counter()
        self.newest = None

    def record(self, failed, slow, now):
        """False when the outcome is older than the window reaches."""
        epoch = now // self.width
        if self.newest is not None and epoch <= self.newest - self.buckets:
            return False
        self.newest = epoch if self.newest is None else max(self.newest, epoch)
        self.recorded[epoch, failed, slow] += 1
        for key in [key for key in self.recorded if key[0] <= self.newest - self.buckets]:
            del self.recorded[key]
        return True

    def counts(self, now):
        """(total, failed, slow) of the newest buckets as of now, or of the newest outcome if that is later."""
        if self.newest is None:
            return 0, 0, 0
        oldest = max(self.newest, now // self.width) - self.buckets + 1
        seen = [(key, n) for key, n in self.recorded.items() if key[0] >= oldest]
        return (
            sum(n for _, n in seen),
            sum(n for key, n in seen if key[1]),
            sum(n for key, n in seen if key[2]),
        )


class CountWindow:
    """The last N recorded outcomes."""

    def __init__(self, config):
        self.size = config["window_count"]
        self.recorded = []

    def record(self, failed, slow, _now):
        self.recorded = [*self.recorded, (failed, slow)][-self.size :]
        return True

    def counts(self, _now):
        return len(self.recorded), sum(o[0] for o in self.recorded), sum(o[1] for o in self.recorded)


def window(config):
    """An empty window of the shape that the configuration asks for."""
    return CountWindow(config) if config["window_kind"] == "count" else TimeWindow(config)
