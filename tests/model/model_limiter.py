# SPDX-License-Identifier: MIT OR Apache-2.0
"""Naive rate limiters, written from docs/semantics.md: exact whole numbers, lists, no cleverness.

Every kind answers try_acquire with (result, wait). `free(now)` is what a request could take at now, and
`ready(n, now)` the first time from now on at which n could be taken if nobody else takes any.
"""

from fractions import Fraction

from model_parts import NEVER
from policy_draws import BILLION, billionths

DEFAULTS = {"kind": "token_bucket", "rate": 0.0, "permits": 100, "period_ns": BILLION, "capacity": 0}
PRESETS = {"critical": 1000, "normal": 500, "batch": 100}


class Limiter:
    """What all kinds share: mistakes, totals, waits."""

    def __init__(self, config):
        self.c = DEFAULTS | config
        self.granted = self.refused = self.granted_tokens = self.given_back = 0

    def try_acquire(self, n, now):
        if n == 0:
            return "error_argument", 0
        if n > self.most:
            return "error_over_capacity", 0
        wait = self.ready(n, now) - now
        if wait > 0:
            self.refused += 1
            return "refused_rate_limited", min(wait, NEVER)
        self.grant(n, now)
        return "ok", 0

    def grant(self, n, now):
        self.granted += 1
        self.granted_tokens += n
        self.take(n, now)

    def available(self, now):
        return (self.free(now),)

    def reserve(self, *_):
        return "error_unsupported", {}

    def cancel(self, *_):
        return "error_unsupported", 0

    def refund(self, *_):
        return "error_unsupported"

    debit = set_rate = set_permits = refund

    def snapshot(self, now):
        per_second = self.c["rate"] or self.c["permits"] * 1e9 / self.c["period_ns"]
        return "ok", {
            "kind": self.c["kind"],
            "rate": per_second,
            "permits": 0 if self.c["rate"] else self.c["permits"],
            "period_ns": 0 if self.c["rate"] else self.c["period_ns"],
            "capacity": self.most,
            "available": self.free(now),
            "debt": self.debt(now),
            "granted": self.granted,
            "refused": self.refused,
            "granted_tokens": self.granted_tokens,
            "given_back": self.given_back,
        }

    def debt(self, _now):
        return 0


class TokenBucket(Limiter):
    """A token is worth `unit` and a nanosecond brings `speed`, both whole; the bucket was empty, as it were, at
    `empty` (in units of `speed` a ns): at t it holds t * speed - empty, at most `full`. Time before `base`,
    when the rate came into force, counts as `base`."""

    def __init__(self, config, now=1):
        super().__init__(config)
        self.scale(now)
        self.empty = now * self.speed - self.full

    def scale(self, now):
        c, rate = self.c, self.c["rate"]
        if rate:
            self.speed, self.unit = int(rate) * BILLION + billionths(rate % 1), BILLION * BILLION
        else:
            self.speed, self.unit = c["permits"], c["period_ns"]
        self.most = c["capacity"] or (max(1, self.speed // BILLION) if rate else c["permits"])
        self.full = self.most * self.unit
        self.base = now

    def came_in(self, now):
        return max(now, self.base) * self.speed

    def level(self, now):
        return min(self.full, self.came_in(now) - self.empty)

    def free(self, now):
        return max(0, self.level(now) // self.unit)

    def debt(self, now):
        return max(0, -(self.level(now) // self.unit))

    def ready(self, n, now):
        lacking = n * self.unit - self.level(now)
        return now if lacking <= 0 else max(now, self.base) - (-lacking // self.speed)

    def take(self, n, now):
        self.empty = max(self.empty, self.came_in(now) - self.full) + n * self.unit

    def reserve(self, n, now, max_wait):
        if n == 0:
            return "error_argument", {}
        if n > self.most:
            return "error_over_capacity", {}
        wait = self.ready(n, now) - now
        told = {"n": n, "wait_ns": wait, "ready_ns": min(now + wait, NEVER)}
        if wait > max_wait:
            self.refused += 1
            return "refused_rate_limited", told
        self.grant(n, now)
        return "ok", told | {"after": self.granted_tokens}

    def cancel(self, reservation, now):
        """Late, it fills no more than what was granted after it leaves of a full bucket."""
        after = self.granted_tokens - reservation["after"]
        back = max(0, reservation["n"] - after)
        self.given_back += back
        self.put(back, now, after)
        return "ok", back

    def put(self, n, now, after=0):
        least = self.came_in(now) - self.full + after * self.unit
        if least < self.empty:
            self.empty = max(self.empty - n * self.unit, least)

    def refund(self, n, now):
        self.given_back += n
        self.put(n, now)
        return "ok"

    def debit(self, n, now):
        self.take(n, now)
        return "ok"

    def set_rate(self, config, now):
        config = DEFAULTS | config
        if config["kind"] != "token_bucket":
            return "error_unsupported"
        now = max(now, self.base)
        tokens = Fraction(self.level(now), self.unit)
        self.c = config
        self.scale(now)
        self.empty = now * self.speed - min(self.full, int(tokens * self.unit // 1))
        return "ok"


class Windowed(Limiter):
    """What the kinds with a window share."""

    def __init__(self, config, _now=1):
        super().__init__(config)
        self.most = self.room = self.c["permits"]
        self.window = self.c["period_ns"]

    def set_permits(self, permits, _now):
        if not 1 <= permits <= (self.room if self.c["kind"] == "sliding_log" else BILLION):
            return "error_config"
        self.most = self.c["permits"] = permits
        return "ok"


class SlidingLog(Windowed):
    """The time of every token."""

    def __init__(self, config, now=1):
        super().__init__(config, now)
        self.times = []

    def counted(self, now):
        """The tokens that count at now, the oldest first; of the future too."""
        return [time for time in self.times if time + self.window > now]

    def free(self, now):
        return max(0, self.most - len(self.counted(now)))

    def ready(self, n, now):
        counted = self.counted(now)
        surplus = len(counted) + n - self.most
        return now if surplus <= 0 else counted[surplus - 1] + self.window

    def take(self, n, now):
        stamp = max(now, self.times[-1] if self.times else 0)
        self.times = [*self.times, *[stamp] * n][-self.room :]


class Aligned(Windowed):
    """Tokens by the number of their window; an older now is taken for the beginning of the newest one."""

    def __init__(self, config, now=1):
        super().__init__(config, now)
        self.tokens, self.newest = {}, now // self.window

    def at(self, now):
        return max(now, self.newest * self.window)

    def take(self, n, now):
        self.newest = max(self.newest, now // self.window)
        self.tokens = {key: count for key, count in self.tokens.items() if key >= self.newest - 1}
        self.tokens[self.newest] = self.tokens.get(self.newest, 0) + n


class SlidingCounter(Aligned):
    """The window before weighs by how much of it is still in reach."""

    def load(self, at):
        """What is granted, in units of 1/W token, as it weighs at a time."""
        number, elapsed = divmod(at, self.window)
        before = self.tokens.get(number - 1, 0)
        return self.tokens.get(number, 0) * self.window + before * (self.window - elapsed)

    def free(self, now):
        return max(0, (self.most * self.window - self.load(self.at(now))) // self.window)

    def ready(self, n, now):
        at, room = self.at(now), (self.most - n) * self.window
        if self.load(at) <= room:
            return now
        while self.load(at) > room:
            number, elapsed = divmod(at, self.window)
            before, here = self.tokens.get(number - 1, 0), self.tokens.get(number, 0) * self.window
            lasting = (room - here) // before if before else -1
            least = self.window - lasting
            at = number * self.window + least if elapsed < least < self.window else (number + 1) * self.window
        return at


class FixedWindow(Aligned):
    """The newest window alone."""

    def used(self, now):
        return self.tokens.get(self.at(now) // self.window, 0)

    def free(self, now):
        return max(0, self.most - self.used(now))

    def ready(self, n, now):
        return now if n <= self.free(now) else (self.at(now) // self.window + 1) * self.window


KINDS = {
    "token_bucket": TokenBucket,
    "sliding_log": SlidingLog,
    "sliding_counter": SlidingCounter,
    "fixed_window": FixedWindow,
}


def limiter(config, now=1):
    """A limiter of the kind that the configuration names."""
    return KINDS[(DEFAULTS | config)["kind"]](config, now)
