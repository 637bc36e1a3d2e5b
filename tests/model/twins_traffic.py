# SPDX-License-Identifier: MIT OR Apache-2.0
"""Throttles, hedge budgets and histograms beside their models."""

from typing import ClassVar

from model_traffic import Hedge, Histogram, Throttle, within_five_percent
from policy_draws import BILLION
from policy_twins import PolicyTwins, table

MS = 10**6
YEAR = 365 * 86400 * BILLION
MOST_VALUES = 3000


class ThrottleTwins(PolicyTwins):
    """Every draw is the model's, every probability too."""

    KIND, MODEL = "throttle", Throttle
    CONFIG: ClassVar = {
        "window_duration_ns": (30 * BILLION, 64_000, 10 * MS, 3_333_333, YEAR),
        "window_buckets": (10, 1, 2, 3, 64),
        "k": (2.0, 1.0, 1.1, 1.333333333, 1000.0),
        "seed": (0, 1, 2**64 - 1),
    }
    OPERATIONS = table(("acquire", 20), ("acquires", 6), ("accept", 8), ("accepts", 3), ("look", 1))

    def do_acquire(self, _, now):
        over, whole = self.model.chance(now)
        self.seen["certain"] += not over
        self.seen["likely"] += 2 * over > whole
        want, got = self.model.try_acquire(now), self.told(self.call("try_acquire")(self.real, now))
        self.same("try_acquire", want, got)
        self.look(now)
        self.marks = [
            (self.model.ring.newest + k) * self.model.ring.width for k in (1, self.model.ring.buckets)
        ]

    def do_acquires(self, byte, now):
        for _ in range(byte % 9):
            self.do_acquire(byte, now)

    def do_accept(self, _, now):
        self.model.accept(now)
        self.same("accept", 0, self.call("accept")(self.real, now))
        self.look(now)

    def do_accepts(self, byte, now):
        for _ in range(byte % 5):
            self.do_accept(byte, now)

    def close(self, name, model, real):
        return name == "probability" and abs(model - real) < 1e-12


class HedgeTwins(PolicyTwins):
    """What is saved is the same to the billionth."""

    KIND, MODEL = "hedge", Hedge
    CONFIG: ClassVar = {
        "share": (0.05, 0.0, 1.0, 0.333333333, 1e-9, 0.999999999),
        "max_saved": (10, 1, 2, 1_000_000),
    }
    OPERATIONS = table(("deposit", 10), ("deposits", 6), ("withdraw", 6), ("look", 1))

    def do_deposit(self, _, now):
        full = self.model.saved == self.model.most
        self.seen["nothing more to save"] += full
        self.model.deposit()
        self.same("deposit", 0, self.call("deposit")(self.real))
        self.look(now)

    def do_deposits(self, byte, now):
        for _ in range(byte % 41):
            self.model.deposit()
            self.same("deposit", 0, self.call("deposit")(self.real))
        self.look(now)

    def do_withdraw(self, _, now):
        self.same("withdraw", self.model.try_withdraw(), self.told(self.call("try_withdraw")(self.real)))
        self.look(now)

    def read(self, _):
        return self.call("get_snapshot")(self.real, self.picture.made)

    def said(self, _):
        return self.model.snapshot()

    def close(self, name, model, real):
        return name == "saved" and abs(model - real) < 1e-12 * max(1, model)


class HistogramTwins(PolicyTwins):
    """Every quantile is within 5 % of the exact one."""

    KIND, MODEL = "histogram", Histogram
    CONFIG: ClassVar = {"sliding_ns": (60 * BILLION, 0, MS, 3 * MS + 1, 10 * MS, YEAR)}
    OPERATIONS = table(("record", 30), ("records", 6), ("quantile", 12), ("merge", 1), ("look", 3))
    QUANTILES = (0.5, 0.0, 1.0, 0.95, 0.99, 0.999, 0.25, 0.1, 1e-9, 0.333333333)

    def prepare(self):
        config = {"sliding_ns": 10 * MS}
        _, _, self.other = self.objects.make("histogram", config, self.now)
        self.other_model = Histogram(config, self.now)

    def value(self, byte, now):
        """From one of four shapes: small numbers, one hump, a second one, any octave."""
        mixed = (now * 2654435761 + byte * 40503 + self.model.total * 69069) % 2**32
        if byte % 4 == 0:
            return mixed % 100
        if byte % 4 == 1:
            return 100 * MS + mixed % (40 * MS)
        if byte % 4 == 2:
            return 3 * BILLION + mixed * 3 % BILLION
        return (mixed | 1 << 31) << mixed % 50 >> 31

    def do_record(self, byte, now):
        value = self.value(byte, now)
        self.seen[f"octave {value.bit_length()}"] += 1
        self.model.record(value, now)
        self.same("record", 0, self.call("record")(self.real, value, now))
        if self.model.width:
            self.marks = [(self.model.newest + k) * self.model.width for k in (1, 2)]

    def do_records(self, byte, now):
        for _ in range(byte % 20):
            self.do_record(byte, now)
        if byte % 3 == 0:
            self.other_model.record(byte, now)
            self.lib.trifuse_histogram_record(self.other, byte, now)

    def do_quantile(self, byte, now):
        share = self.QUANTILES[byte % len(self.QUANTILES)]
        result, exact = self.model.quantile(share, now)
        self.same("quantile", result, self.told(self.call("quantile")(self.real, share, now, self.word)))
        if result == "ok" and not within_five_percent(self.word[0], exact):
            self.fail(f"quantile {share}", exact, self.word[0])

    def do_merge(self, byte, now):
        if self.model.total + self.other_model.total > MOST_VALUES:
            return
        self.seen["merged"] += 1
        if byte % 2:
            self.same("merge", 0, self.call("merge")(self.real, self.other, now))
            self.model.merge(self.other_model, now)
        else:
            self.same("merge", 0, self.call("merge")(self.other, self.real, now))
            self.other_model.merge(self.model, now)
        self.look(now)

    def close(self, name, model, real):
        return name not in ("count", "total") and within_five_percent(real, model)
