# SPDX-License-Identifier: MIT OR Apache-2.0
"""Naive models of the adaptive throttle, the hedge budget and the latency histogram, from docs/semantics.md."""

from bisect import insort

from model_parts import NEVER, WORD, draw
from policy_draws import BILLION, Buckets, billionths

THROTTLE = {"window_duration_ns": 30 * BILLION, "window_buckets": 10, "k": 2.0, "seed": 0}
HEDGE = {"share": 0.05, "max_saved": 10}
HISTOGRAM = {"sliding_ns": 0}
MOST = 2**48
ADMITTED, REFUSED, ACCEPTED = range(3)


class Throttle:
    """Requests and accepts of a window, and draws by number."""

    def __init__(self, config, now=1):
        c = THROTTLE | config
        self.k, self.seed, self.draws = billionths(c["k"]), c["seed"], 0
        self.ring = Buckets(c["window_duration_ns"] // c["window_buckets"], c["window_buckets"], 3, now)

    def chance(self, now=0):
        """(numerator, denominator) of the probability of a refusal."""
        requests = self.ring.sum(ADMITTED, now) + self.ring.sum(REFUSED, now)
        over = requests * BILLION - self.k * self.ring.sum(ACCEPTED, now)
        return max(0, over), (requests + 1) * BILLION

    def try_acquire(self, now):
        self.ring.see(now)
        over, whole = self.chance()
        refused = False
        if over:
            refused = draw(self.seed, self.draws, now) * whole < over * WORD
            self.draws += 1
        self.ring.add(REFUSED if refused else ADMITTED, now)
        return "refused_throttled" if refused else "ok"

    def accept(self, now):
        self.ring.add(ACCEPTED, now)
        return "ok"

    def snapshot(self, now):
        over, whole = self.chance(now)
        return "ok", {
            "requests": self.ring.sum(ADMITTED, now) + self.ring.sum(REFUSED, now),
            "accepts": self.ring.sum(ACCEPTED, now),
            "probability": over / whole,
            "admitted": self.ring.totals[ADMITTED],
            "refused": self.ring.totals[REFUSED],
            "accepted": self.ring.totals[ACCEPTED],
        }


class Hedge:
    """What is saved, in billionths."""

    def __init__(self, config, _now=1):
        c = HEDGE | config
        self.share, self.most = billionths(c["share"]), c["max_saved"] * BILLION
        self.saved = self.calls = self.hedges = self.refused = 0

    def deposit(self):
        self.calls += 1
        self.saved = min(self.saved + self.share, self.most)
        return "ok"

    def try_withdraw(self):
        if self.saved < BILLION:
            self.refused += 1
            return "refused_hedge_budget"
        self.saved -= BILLION
        self.hedges += 1
        return "ok"

    def snapshot(self):
        saved = self.saved / BILLION
        return "ok", {"saved": saved, "calls": self.calls, "hedges": self.hedges, "refused": self.refused}


class Histogram:
    """All values, sorted, by the half of the sliding time that they were recorded in."""

    def __init__(self, config, now=1):
        self.width = (HISTOGRAM | config)["sliding_ns"] // 2
        self.newest = now // self.width if self.width else 0
        self.halves, self.total = {}, 0

    def lap(self, now):
        return now // self.width if self.width else 0

    def record(self, value, now):
        self.put([min(max(value, 1), MOST)], now)
        return "ok"

    def put(self, values, now):
        self.newest = max(self.newest, self.lap(now))
        self.total += len(values)
        self.halves = {lap: half for lap, half in self.halves.items() if lap >= self.newest - 1}
        if self.lap(now) >= self.newest - 1:
            for value in values:
                insort(self.halves.setdefault(self.lap(now), []), value)

    def values(self, now):
        """What counts at now, sorted."""
        lap = max(self.newest, self.lap(now))
        halves = [half for key, half in self.halves.items() if key >= lap - 1]
        return halves[0] if len(halves) == 1 else sorted(value for half in halves for value in half)

    def quantile(self, quantile, now):
        """(result, exact value)"""
        if not 0 <= quantile <= 1:
            return "error_argument", 0
        values = self.values(now)
        if not values:
            return "empty", 0
        return "ok", self.rank(values, billionths(quantile))

    def rank(self, values, share):
        return values[max(1, -(-len(values) * share // BILLION)) - 1]

    def merge(self, other, now):
        if other is None:
            return "error_argument"
        values = other.values(now)
        if self.width:
            self.newest = max(self.newest, self.lap(now))
        if values:
            self.put(list(values), now)
        return "ok"

    def snapshot(self, now):
        values = self.values(now)
        found = {"count": len(values), "total": self.total, "sum_ns": min(sum(values), NEVER)}
        shares = {"min_ns": 0, "p50_ns": 0.5, "p95_ns": 0.95, "p99_ns": 0.99, "max_ns": 1}
        for name, share in shares.items():
            found[name] = self.rank(values, billionths(share)) if values else 0
        return "ok", found


def within_five_percent(got, exact):
    """Whether a value of the histogram stands for the exact one."""
    return abs(got - exact) * 20 <= exact
