# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rate limiters of the four kinds beside their models, and an exact log of their own beside both."""

from typing import ClassVar

from limiter_log import FAR, Grain, Log
from model_limiter import TokenBucket, limiter
from policy_draws import BILLION
from policy_twins import PolicyTwins, table

MS = 10**6
YEAR = 365 * 86400 * BILLION
KEPT = 12
MOST_OF_A_LOG = 100
MOST_BACK = 300 * BILLION
THIRTY_YEARS = 30 * YEAR
CONFIG = {
    "kind": ("token_bucket", "sliding_log", "sliding_counter", "fixed_window", "token_bucket"),
    "rate": (0.0, 0.0, 10.0, 700_000.0, 1e9, 1e-6, 3.3, 0.333333333, 1e6),
    "permits": (10, 1, 2, 3, 7, 100, 1_000_000_000),
    "period_ns": (BILLION, 1000, 10 * MS, 999_999_937, 60 * BILLION, YEAR),
    "capacity": (0, 1, 5, 100, 1_000_000_000),
}
WEIGHTS = (1, 1, 1, 2, 3, 1, 5, 1, 10, 50, 1, 7)


class LimiterTwins(PolicyTwins):
    """Every answer is the model's; a refusal's wait is tried out to the nanosecond."""

    KIND, MODEL, CONFIG = "limiter", staticmethod(limiter), CONFIG
    CHOICES: ClassVar = {"kind": "limiter_kind"}
    OPERATIONS = table(
        ("acquire", 40),
        ("patience", 12),
        ("reserve", 10),
        ("cancel", 6),
        ("overtaken", 4),
        ("refund", 4),
        ("debit", 4),
        ("reshape", 3),
        ("mistake", 1),
        ("look", 2),
    )

    def prepare(self):
        self.reservations, self.log = [], Log(self)
        self.bucket = isinstance(self.model, TokenBucket)
        self.anew = self.born
        self.steady = self.born // 10**6 % 2
        self.grain = Grain(self.model) if self.bucket else None

    def legal(self, config):
        if config["kind"] == "token_bucket":
            return config
        most = MOST_OF_A_LOG if config["kind"] == "sliding_log" else BILLION
        return {**config, "rate": 0.0, "capacity": 0, "permits": min(config["permits"], most)}

    def step(self, op_byte, byte, time_byte):
        """A bucket takes up a new beginning, unseen, when its rate has been in force for long, or in a long debt; an
        older now may see the newer level then. The histories do not step back from there on."""
        super().step(op_byte, byte, time_byte)
        far = self.grain.far() if self.bucket else FAR
        if self.bucket and (
            self.now - self.model.base > far or self.model.level(self.now) < -far * self.model.speed
        ):
            self.anew = self.now

    def later(self, time_byte):
        least = self.now if self.steady else max(self.now - MOST_BACK, self.anew if self.bucket else 0)
        return max(super().later(time_byte), least)

    def weight(self, byte):
        """Mostly small; now and then a share of the capacity, or too much."""
        n = WEIGHTS[byte % len(WEIGHTS)]
        return n if byte < 220 else max(1, self.model.most * (byte - 219) // 32)

    def acquire(self, n, now):
        self.word[0] = 0
        got = self.told(self.call("try_acquire")(self.real, n, now, self.word)), self.word[0]
        want = self.answer("try_acquire", n, now, got)
        if want[0] == "ok":
            self.log.granted(n, now)
        elif want[0] == "refused_rate_limited":
            self.marks = [min(now + want[1], 2**64 - 1)]
        return want

    def answer(self, what, n, now, got):
        """What the model says, which is what the library said; where a grain decides, the library."""
        wait = self.model.ready(n, now) - now if self.bucket and 1 <= n <= self.model.most else 0
        if self.bucket and got[0] == "refused_rate_limited" and self.near(wait, got[1], now):
            self.model.refused += 1
            self.seen["a grain apart"] += wait != got[1]
            return got
        if self.bucket and got[0] == "ok" and wait and self.near(wait, 0, now):
            self.model.grant(n, now)
            return got
        want = self.model.try_acquire(n, now)
        self.same(what, (want[0], min(want[1], 2**64 - 1)), got)
        return got

    def near(self, wait, got, now):
        """Whether two waits are as near as the grain lets them be; past the end of time they are all the same, and
        one from before the rate came into force begins there as soon as a grain is missing."""
        early = max(0, self.model.base - now)
        pairs = (wait, got), (max(0, wait - early), max(0, got - early))
        return any(self.grain.near(*pair) for pair in pairs) or min(wait, got) + now >= 2**64

    def do_acquire(self, byte, now):
        self.acquire(self.weight(byte), now)
        self.look(now)

    def do_patience(self, byte, now):
        """Refused at wait - 1 ns, granted at wait."""
        n = self.weight(byte)
        result, wait = self.acquire(n, now)
        far = self.bucket and not self.grain.exact() and now + wait - self.model.base > self.grain.far()
        if result == "refused_rate_limited" and now + wait < 2**64 and not far:
            if wait > 1:
                self.same("a moment too early", ("refused_rate_limited", 1), self.acquire(n, now + wait - 1))
            self.same("in time", ("ok", 0), self.acquire(n, now + wait))
            self.seen["patience"] += 1
            self.now = now + wait
        self.look(self.now)

    def do_reserve(self, byte, now):
        n, most = self.weight(byte // 2), (2**64 - 1, 2**64 - 1, 100 * MS, 0)[byte % 4]
        if self.bucket and not self.model.ready(n, now) < min(now + THIRTY_YEARS, 2**64 - 1):
            return
        made = self.core.struct("reservation")
        got = self.told(self.call("reserve")(self.real, n, now, most, made))
        before = self.model.ready(n, now) - now if self.bucket else 0
        if self.bucket and got in ("ok", "refused_rate_limited"):
            most -= made.wait_ns - before if self.near(before, made.wait_ns, now) else 0
        result, told = self.model.reserve(n, now, most)
        self.same("reserve", result, got)
        if "wait_ns" in told:
            self.same("wait is near", True, not self.bucket or self.near(before, made.wait_ns, now))
        if result == "ok":
            self.seen["reserved"] += 1
            self.same("ready", (n, min(now + made.wait_ns, 2**64 - 1)), (made.n, made.ready_ns))
            self.reservations = [*self.reservations, (told, made)][-KEPT:]
            told["line"] = self.log.granted(n, made.ready_ns)
        self.look(now)

    def do_cancel(self, byte, now):
        if not self.reservations:
            return
        told, made = self.reservations.pop(byte % len(self.reservations))
        result, back = self.model.cancel(told, now)
        self.same("cancel", result, self.told(self.call("cancel")(self.real, made, now, self.word)))
        self.same("given back", back, self.word[0])
        self.seen["given back in part"] += 0 < back < told["n"]
        self.log.taken_back(told["line"], back, now)
        self.look(now)

    def do_overtaken(self, byte, now):
        """A reservation is given up with others behind it."""
        before = len(self.reservations)
        self.do_reserve(4 * (byte // 4), now)
        self.do_reserve(0, now)
        if len(self.reservations) == before + 2:
            self.do_cancel(before, now)

    def do_refund(self, byte, now):
        n = self.weight(byte)
        self.same("refund", self.model.refund(n, now), self.told(self.call("refund")(self.real, n, now)))
        self.log = Log(self)
        self.look(now)

    def do_debit(self, byte, now):
        n = self.weight(byte)
        if self.bucket and self.model.ready(n, now) - now > THIRTY_YEARS:
            return
        self.same("debit", self.model.debit(n, now), self.told(self.call("debit")(self.real, n, now)))
        self.look(now)

    def do_reshape(self, byte, now):
        error = self.core.struct("config_error")
        if self.bucket and self.model.level(now) < 0:
            return
        if not self.bucket:
            permits = (1, 2, 5, 10, 100, 0, BILLION + 1)[byte % 7]
            want = self.model.set_permits(permits, now)
            got = self.call("set_permits")(self.real, permits, now, error)
        else:
            names = ("rate", "permits", "period_ns", "capacity")
            name = names[byte % len(names)]
            changed = {**self.config, name: CONFIG[name][byte // 5 % len(CONFIG[name])]}
            self.config, want = changed, self.model.set_rate(changed, now)
            got = self.call("set_rate")(self.real, self.objects.config("limiter", changed), now, error)
            self.log = Log(self)
            self.grain = Grain(self.model, self.grain)
        self.same("reshape", want, self.told(got))
        self.seen["reshaped"] += want == "ok"
        self.look(now)

    def do_mistake(self, byte, now):
        n = (0, self.model.most + 1, 2**64 - 1)[byte % 3]
        want = "error_over_capacity" if n else "error_argument"
        self.same("mistake", (want, 0), self.acquire(n, now))
        self.look(now)

    def look(self, now):
        if self.bucket:
            self.grain.deepen(now)
        super().look(now)
        real = self.call("available")(self.real, now)
        if real != self.model.free(now) and not self.close("available", self.model.free(now), real):
            self.fail("available", self.model.free(now), real)

    def close(self, name, model, real):
        if name == "rate":
            return abs(model - real) <= 1e-9 * model
        if not self.bucket or name not in ("available", "debt"):
            return False
        return abs(model - real) <= self.grain.tokens()
