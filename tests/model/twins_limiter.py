# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rate limiters of the four kinds beside their models, and an exact log of their own beside both."""

from bisect import insort
from math import ceil, gcd

from model_limiter import TokenBucket, limiter
from policy_draws import BILLION
from policy_twins import PolicyTwins, table

MS = 10**6
YEAR = 365 * 86400 * BILLION
KEPT = 12
LINES = 30
MOST_OF_A_LOG = 100
FAR = 2**45
FINEST = 4096
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
    CLOSE = {"kind": "limiter_kind"}
    OPERATIONS = table(
        ("acquire", 40),
        ("patience", 12),
        ("reserve", 10),
        ("cancel", 6),
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
        if self.bucket and (self.now - self.model.base > far or self.model.level(self.now) < -far * self.model.speed):
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
            self.seen["a grain too late"] += wait != got[1]
            return got
        if self.bucket and got[0] == "ok" and wait and self.grain.near(wait, 0):
            self.model.grant(n, now)
            return got
        want = self.model.try_acquire(n, now)
        self.same(what, (want[0], min(want[1], 2**64 - 1)), got)
        return got

    def near(self, wait, got, now):
        """Whether two waits are as near as the grain lets them be; past the end of time they are all the same."""
        return self.grain.near(wait, got) or min(wait, got) + now >= 2**64

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
            most -= made.wait_ns - before if self.grain.near(before, made.wait_ns) else 0
        result, told = self.model.reserve(n, now, most)
        self.same("reserve", (result, before, self.grain.loose() if self.bucket else 0), (got, made.wait_ns, 0)) if result!=got else None
        if "wait_ns" in told:
            self.same("wait is near", True, self.grain.near(told["wait_ns"], made.wait_ns))
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


class Grain:
    """How fine a bucket counts: in `units` a token. They are exact where a nanosecond brings a whole number of
    them. Another rate takes over what the one before had rounded."""

    def __init__(self, model, before=None):
        self.model, self.deepest = model, 0
        common = gcd(model.speed, model.unit)
        self.period, self.speed = model.unit // common, model.speed // common
        self.inherited = before.loose() + 1 / before.units() + 1 / self.units() if before else 0

    def deepen(self, now):
        self.deepest = max(self.deepest, self.model.debt(now))

    def units(self):
        """At most 4,096 a ns, 2^59 a full bucket, 2^60 the deepest debt."""
        finest = self.period if self.speed <= FINEST else max(1, FINEST * self.period // self.speed)
        return min(finest, 2**59 // self.model.most, 2**60 // max(1, self.deepest))

    def exact(self):
        return self.units() == self.period and not self.inherited

    def far(self):
        """ns in which a bucket, or a debt, may take up a new beginning."""
        return min(FAR, 2**56 * self.model.unit // self.model.speed)

    def loose(self):
        """Tokens that the library may have less than the model; after another rate, or more."""
        return self.inherited + (0 if self.units() == self.period else 3 / self.units())

    def near(self, model, real):
        """Whether two waits are as near as that; a wait is never told too early."""
        late, early = (ceil(tokens * self.model.unit / self.model.speed) for tokens in (self.loose(), self.inherited))
        return model - (early and 1 + early) <= real <= model + (late and 1 + late)

    def tokens(self):
        """Whole tokens that this may hide."""
        return ceil(self.loose())


class Log:
    """What was granted, as a reader of the promise would write it down, [time, tokens] a line. A line that comes
    late stands at the time of the one before it: what the clock of a caller says does not change the order.
    (Of a bucket only while the clock does not step back: what an older now puts in has no place in it.)"""

    def __init__(self, twins):
        self.twins, self.model, self.lines = twins, twins.model, []
        if isinstance(self.model, TokenBucket):
            self.note(twins.now, (self.model.full - self.model.level(twins.now)) / self.model.unit)

    def note(self, now, n):
        """Writes a line; what is old is torn off."""
        self.lines.append([max(now, self.lines[-1][0] if self.lines else 0), n])
        del self.lines[:-LINES]
        return self.lines[-1]

    def granted(self, n, now):
        """Writes a grant down and reads the promise; the line."""
        kind = self.model.c["kind"]
        line = self.note(max(now, self.model.base) if kind == "token_bucket" else now, n)
        if kind == "token_bucket" and self.twins.steady:
            self.check_bucket()
        if kind in ("sliding_log", "fixed_window"):
            self.check_window(line[0])
        return line

    def taken_back(self, line, n, now):
        """Less was granted than the line says."""
        if not any(line is other for other in self.lines):
            self.note(now, -n)
            return
        line[1] -= n
        self.lines = [other for other in self.lines if other[1]]

    def check_bucket(self):
        """Never more than c + r t in any t that ends here; a reservation is ready on the whole ns."""
        end, per_ns, total = self.lines[-1][0], self.model.speed / self.model.unit, 0
        for time, n in reversed(self.lines):
            total += n
            if total > (self.model.most + (end - time + 1) * per_ns) * (1 + 1e-9):
                self.twins.fail("more than c + r t", self.lines, total)

    def check_window(self, end):
        """Never more than N in the window that ends here."""
        window, most = self.model.window, self.model.most
        if self.model.c["kind"] == "fixed_window":
            total = sum(n for time, n in self.lines if time // window == end // window)
        else:
            total = sum(n for time, n in self.lines if time > end - window)
        if total > most:
            self.twins.fail("more than N in a window", most, total)
