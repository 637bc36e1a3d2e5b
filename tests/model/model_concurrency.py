# SPDX-License-Identifier: MIT OR Apache-2.0
"""A naive bulkhead and the naive adaptive limits, written from docs/semantics.md. N is a float.

The library keeps N in steps of 1/65536, so the model tells what N should become from the N before
(`expected`) and then takes up the N that was told (`settle`), if that is as near as it must be.
"""

from math import log10

from model_parts import draw
from policy_draws import uniform

DEFAULTS = {
    "algorithm": "fixed",
    "limit": 20,
    "min_limit": 1,
    "max_limit": 1000,
    "probe_every": 30,
    "long_window": 600,
    "timeout_ns": 0,
    "backoff_ratio": 0.9,
    "alpha": 3.0,
    "beta": 6.0,
    "tolerance": 1.5,
    "smoothing": 0.2,
    "queue_size": 4.0,
    "long_decay": 0.95,
    "seed": 0,
}
STEP = 1 / 65536
LONGEST = 365 * 86400 * 10**9
LONGEST_VEGAS = 2**48 - 1


class Concurrency:
    """One limit. Times of successes only; a duration of 0 is no time."""

    def __init__(self, config, _now=1):
        self.c = DEFAULTS | config
        self.n = float(self.c["limit"])
        self.in_flight = self.admitted = self.refused = self.released = self.failures = 0
        self.no_load, self.epoch, self.samples = 0, 0, 0
        self.short, self.long, self.taken = 0, 0.0, 0
        self.edge = False
        self.either = ()  # what the long average may be, where rounding decides between the two

    def try_acquire(self):
        if self.in_flight >= int(self.n):
            self.refused += 1
            return "refused_bulkhead_full"
        self.in_flight += 1
        self.admitted += 1
        return "ok"

    def release(self, outcome, duration):
        if outcome not in ("success", "failure", "timeout", "ignored"):
            return "error_argument"
        if self.in_flight == 0:
            return "error_not_held"
        failed = outcome in ("failure", "timeout")
        if self.c["algorithm"] == "aimd" and outcome == "success":
            failed = 0 < self.c["timeout_ns"] < duration
        if self.c["algorithm"] != "fixed" and outcome != "ignored":
            self.move(failed, min(duration, LONGEST))
        self.in_flight -= 1
        self.released += 1
        self.failures += failed
        return "ok"

    def move(self, failed, time):
        """N after this sample; a growth needs half of N in use."""
        found = getattr(self, self.c["algorithm"])(failed, time)
        if found > self.n and 2 * self.in_flight < self.n:
            return
        self.n = float(min(max(found, self.c["min_limit"]), self.c["max_limit"]))

    def aimd(self, failed, _):
        return self.n * self.c["backoff_ratio"] if failed else self.n + 1

    def vegas(self, failed, time):
        step = max(1, log10(self.n))
        if failed:
            return self.n - step
        if not time:
            return self.n
        time = min(time, LONGEST_VEGAS)
        self.count_sample()
        anew = not self.no_load or self.taken_in != self.epoch
        self.no_load, self.taken_in = time if anew else min(self.no_load, time), self.epoch
        queue = self.n * (1 - self.no_load / time)
        marks = step, self.c["alpha"] * step, self.c["beta"] * step
        self.edge = min(abs(queue - mark) for mark in marks) < 1e-9 * self.n
        if queue <= marks[0]:
            return self.n + 6 * step
        if queue < marks[1]:
            return self.n + step
        return self.n - step if queue > marks[2] else self.n

    def count_sample(self):
        """The no-load time is taken anew after 1/2..1 of `probe_every` N samples."""
        most = int(self.c["probe_every"] * self.n)
        due = most // 2 + uniform(draw(self.c["seed"], self.epoch, 0), most - most // 2)
        self.samples += 1
        if self.samples >= due:
            self.epoch, self.samples = self.epoch + 1, 0

    def gradient2(self, failed, time):
        c = self.c
        if failed:
            return self.n * c["backoff_ratio"]
        if not time:
            return self.n
        self.short = time
        usual = 2 / (c["long_window"] + 1)
        self.taken += 1
        weight = 1 / self.taken
        if weight < usual:
            weight, self.taken = usual, self.taken - 1
        self.long = self.long * (1 - weight) + time * weight
        longer = self.long / time
        self.either = (self.long, self.long * c["long_decay"]) if abs(longer - 2) < 1e-8 else ()
        if longer > 2:
            self.long *= c["long_decay"]
        gradient = min(max(c["tolerance"] * longer, 0.5), 1)
        weight = c["smoothing"]
        return (1 - weight) * self.n + weight * (gradient * self.n + c["queue_size"])

    def set_limit(self, limit):
        low, high = self.c["min_limit"], self.c["max_limit"]
        if self.c["algorithm"] == "fixed":
            low, high = 1, 1_000_000
        if not low <= limit <= high:
            return "error_config"
        self.n = float(limit)
        return "ok"

    def limit(self):
        return (int(self.n),)

    def snapshot(self):
        return "ok", {
            "algorithm": self.c["algorithm"],
            "limit": int(self.n),
            "limit_exact": self.n,
            "in_flight": self.in_flight,
            "admitted": self.admitted,
            "refused": self.refused,
            "released": self.released,
            "failures": self.failures,
            "no_load_ns": self.no_load,
            "short_ns": self.short,
            "long_ns": int(self.long + 0.5),
        }
