# SPDX-License-Identifier: MIT OR Apache-2.0
"""When the naive model opens, and for how long: pure readings of its configuration and counts."""

from fractions import Fraction

from model_config import BILLION, billionths
from model_cusum import design
from model_parts import WORD, draw


class Rules:
    """The rules of a breaker that has c, window, run, the two cusums, generation and reopenings."""

    def _slow_detection(self):
        rate = billionths(self.c["slow_call_rate_threshold"]) < BILLION
        return self.c["slow_call_duration_ns"] > 0 and (rate or self.slow_cusum.design is not None)

    def _rule_that_holds(self, now):
        c = self.c
        total, failed, slow = self.window.counts(now)
        minimum = c["minimum_calls"]
        if c["window_kind"] == "count":
            minimum = min(minimum, c["window_count"])
        enough = total >= minimum
        rate = c["detector"] == "rate"
        if rate and enough and self._exceeds(failed, total, "failure_rate_threshold"):
            return "failure_rate"
        if 0 < c["failure_count_threshold"] <= failed:
            return "failure_count"
        if enough and self._exceeds(slow, total, "slow_call_rate_threshold"):
            return "slow_rate"
        if self.slow_cusum.holds():
            return "slow_rate"
        if 0 < c["consecutive_failures"] <= self.run:
            return "consecutive"
        return "cusum" if self.failure_cusum.holds() else None

    def _exceeds(self, part, total, threshold):
        return part * BILLION > billionths(self.c[threshold]) * total

    def _design(self, which):
        c = self.c
        slow = which == "slow_"
        off = slow and not (c["tolerated_slow_rate"] > 0 and c["slow_call_duration_ns"] > 0)
        if c["detector"] != "cusum" or off:
            return None
        if c[which + "cusum_up"]:
            return tuple(c[f"{which}cusum_{part}"] for part in ("up", "down", "threshold"))
        kind = "slow" if slow else "failure"
        rates = (billionths(c[f"{end}_{kind}_rate"]) for end in ("tolerated", "outage"))
        return design(*rates, Fraction(c["false_open_every"]))

    def _stamp(self, now):
        decay = self.c["cusum_idle_decay_ns"]
        return now // max(1, decay // 1024) if decay else 0

    def _ordinary_wait(self, now):
        c = self.c
        wait, cap = c["open_duration_ns"], c["open_duration_max_ns"]
        for _ in range(self.reopenings):
            longer = min(cap, wait * billionths(c["open_backoff_multiplier"]) // BILLION)
            if longer == wait:
                break
            wait = longer
        x = draw(c["seed"], self.generation, now)
        if c["open_jitter"] == "full":
            return x * (wait + 1) // WORD
        if c["open_jitter"] == "proportional":
            span = wait * billionths(c["open_jitter_fraction"]) // BILLION
            return min(cap, wait - span + x * (2 * span + 1) // WORD)
        return wait
