# SPDX-License-Identifier: MIT OR Apache-2.0
"""A naive retry and a naive retry budget, written from docs/semantics.md. Whole numbers only."""

from model_parts import NEVER
from policy_draws import BILLION, Buckets, Stream, billionths, uniform

DEFAULTS = {
    "strategy": "exponential",
    "jitter": "proportional",
    "max_retries": 3,
    "delay_ns": 100 * 10**6,
    "increment_ns": 100 * 10**6,
    "multiplier": 2.0,
    "max_delay_ns": 10 * BILLION,
    "max_elapsed_ns": 0,
    "retry_after_max_ns": 60 * BILLION,
    "seed": 0,
}
PRESETS = {"normal": 2, "batch": 5}
BUDGET = {"ttl_ns": 10 * BILLION, "ratio": 0.2, "floor": 10.0}


def plain_delay(c, k):
    """The delay of retry k before its jitter."""
    most, delay = c["max_delay_ns"], c["delay_ns"]
    if c["strategy"] == "linear":
        delay += k * c["increment_ns"]
    if c["strategy"] == "exponential" and delay:
        fine, multiplier = delay * BILLION, billionths(c["multiplier"])
        for _ in range(k if multiplier > BILLION else 0):
            if fine >= most * BILLION:
                break
            fine = fine * multiplier // BILLION
        delay = fine // BILLION
    return min(delay, most)


def jittered(c, delay, previous):
    """(least, most) of the delay after its jitter."""
    jitter, most = c["jitter"], c["max_delay_ns"]
    if jitter == "proportional":
        base = min(delay, most * 10 // 11)
        return base, base + base // 10
    if jitter == "full":
        return 0, delay
    if jitter == "equal":
        return delay // 2, delay
    if jitter == "decorrelated":
        return c["delay_ns"], min(max(3 * previous, c["delay_ns"]), most)
    return delay, delay


def max_total(config, timeout):
    """The longest that a call can take."""
    c = DEFAULTS | config
    begins, longest, previous = (0, 0), timeout, c["delay_ns"]  # of an attempt: at the soonest, the latest
    for k in range(c["max_retries"]):
        least, previous = jittered(c, plain_delay(c, k), previous)
        begins = next_attempt(begins, timeout, (least, previous), c["max_elapsed_ns"])
        if begins is None:
            break
        longest = max(longest, begins[1] + timeout)
        if longest >= NEVER:
            return NEVER
    return min(longest, NEVER)


def next_attempt(begins, timeout, delay, deadline):
    """From when to when an attempt may begin after one that began then and took 0..timeout."""
    soonest, latest = begins[0] + delay[0], begins[1] + timeout + delay[1]
    if not deadline:
        return soonest, latest
    if soonest >= deadline:
        return None
    ends_at_most = min(begins[1] + timeout, deadline - delay[0] - 1)  # so that the least wait ends in time
    return soonest, min(ends_at_most + delay[1], deadline)


class Retry:
    """One retry; its calls are dicts of the members of trifuse_retry_call."""

    def __init__(self, config, _now=1):
        self.c = DEFAULTS | config
        self.streams = 0
        names = "calls successes failures retried retries stopped_retries stopped_deadline"
        self.totals = dict.fromkeys(f"{names} stopped_retry_after refused_budget".split(), 0)

    def begin(self, now):
        limit = self.c["max_elapsed_ns"]
        deadline = min(now + limit, NEVER) if limit else NEVER
        call = {"retries": 0, "started_ns": now, "deadline_ns": deadline, "previous_ns": self.c["delay_ns"]}
        return "ok", call

    def range(self, call, retry_after, own_delay):
        """(least, most) of the next wait, the deadline left out."""
        if retry_after != NEVER:
            return retry_after, retry_after + retry_after // 10
        if own_delay != NEVER:
            return (min(own_delay, self.c["max_delay_ns"]),) * 2
        return jittered(self.c, plain_delay(self.c, call["retries"]), call["previous_ns"])

    def next(self, budget, call, retry_after, own_delay, now):
        """(result, call, delay); the call is changed in place."""
        if call["retries"] >= self.c["max_retries"]:
            return self.stop("stopped_retries", "stop_retries", call)
        if retry_after != NEVER and retry_after > self.c["retry_after_max_ns"]:
            return self.stop("stopped_retry_after", "stop_retry_after", call)
        least, most = self.range(call, retry_after, own_delay)
        if call["deadline_ns"] != NEVER:
            if now + least >= call["deadline_ns"]:
                return self.stop("stopped_deadline", "stop_deadline", call)
            most = min(most, call["deadline_ns"] - now)
        if budget and budget.try_withdraw(now) != "ok":
            return self.stop("refused_budget", "refused_retry_budget", call)
        delay = least + (uniform(self.bits(call, now), most - least) if most > least else 0)
        call["retries"] += 1
        call["previous_ns"] = delay
        self.totals["retries"] += 1
        return "ok", call, delay

    def bits(self, call, now):
        if "stream" not in call:
            call["stream"] = Stream(self.c["seed"], self.streams, now)
            self.streams += 1
        return call["stream"].next()

    def stop(self, total, result, call):
        self.totals[total] += 1
        return result, call, 0

    def settle(self, retries, ok):
        self.totals["calls"] += 1
        self.totals["successes" if ok else "failures"] += 1
        self.totals["retried"] += retries > 0
        return "ok"

    def reconfigure(self, config):
        self.c = DEFAULTS | config
        return "ok"

    def snapshot(self):
        return "ok", self.totals


class RetryBudget:
    """First attempts and retries in ten buckets."""

    def __init__(self, config, now=1):
        c = BUDGET | config
        self.ratio, self.floor = billionths(c["ratio"]), billionths(c["floor"]) * c["ttl_ns"] // BILLION
        self.ring = Buckets(c["ttl_ns"] // 10, 10, 2, now)
        self.refused = 0

    def deposit(self, now):
        self.ring.add(0, now)
        return "ok"

    def available(self, now=0):
        """Whole retries."""
        paid = (self.ratio * self.ring.sum(0, now) + self.floor) // BILLION
        return min(max(0, paid - self.ring.sum(1, now)), NEVER)

    def try_withdraw(self, now):
        """An older now counts where the newest does: a retry is never hidden in a bucket that leaves sooner."""
        self.ring.see(now)
        if not self.available():
            self.refused += 1
            return "refused_retry_budget"
        self.ring.add(1, max(now, self.ring.newest * self.ring.width))
        return "ok"

    def snapshot(self, now):
        return "ok", {
            "available": self.available(now),
            "deposits": self.ring.sum(0, now),
            "withdrawals": self.ring.sum(1, now),
            "total_deposits": self.ring.totals[0],
            "total_withdrawals": self.ring.totals[1],
            "refused": self.refused,
        }
