# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bulkheads and adaptive limits beside their models."""

from typing import ClassVar

from library import NAMES
from model_concurrency import STEP, Concurrency
from policy_twins import PolicyTwins, table

MS = 10**6
OUTCOMES = ("success", "success", "success", "success", "success", "failure", "ignored", "timeout")


class ConcurrencyTwins(PolicyTwins):
    """Never more than N are in flight; N goes where the model says, to a step of it."""

    KIND, MODEL = "concurrency", Concurrency
    CONFIG: ClassVar = {
        "algorithm": ("fixed", "aimd", "vegas", "gradient2", "vegas", "gradient2"),
        "limit": (20, 1, 2, 10, 100, 999),
        "min_limit": (1, 5, 10),
        "max_limit": (1000, 1, 20, 1_000_000),
        "probe_every": (30, 1, 2, 1000),
        "long_window": (600, 1, 2, 20, 1_000_000),
        "timeout_ns": (0, 100 * MS, 1),
        "backoff_ratio": (0.9, 0.1, 0.5, 0.999),
        "alpha": (3.0, 0.1, 1.0, 6.0),
        "beta": (6.0, 100.0),
        "tolerance": (1.5, 1.0, 100.0),
        "smoothing": (0.2, 0.001, 1.0),
        "queue_size": (4.0, 0.0, 1000.0),
        "long_decay": (0.95, 0.5, 1.0),
        "seed": (0, 1, 2**64 - 1),
    }
    OPERATIONS = table(
        ("acquire", 30), ("fill", 6), ("release", 30), ("drain", 4), ("set_limit", 2), ("mistake", 1)
    )

    def legal(self, config):
        most = max(config["max_limit"], config["min_limit"])
        limit = max(min(config["limit"], most), config["min_limit"])
        return {**config, "max_limit": most, "limit": limit}

    def do_acquire(self, _, now):
        want, got = self.model.try_acquire(), self.told(self.call("try_acquire")(self.real))
        self.same("try_acquire", want, got)
        if want == "ok" and self.model.in_flight > self.model.n:
            self.fail("more than N", self.model.n, self.model.in_flight)
        self.look(now)

    def do_fill(self, byte, now):
        for _ in range(byte % 60):
            want, got = self.model.try_acquire(), self.told(self.call("try_acquire")(self.real))
            self.same("try_acquire", want, got)
            if want != "ok":
                break
        self.look(now)

    def duration(self, byte):
        """0, or a time that rises with what is in flight, now and then a far one."""
        if byte % 23 == 0:
            return (0, 1, 365 * 86400 * 10**9, 2**64 - 1, 2**47)[byte // 23 % 5]
        return (50 + byte % 11) * MS + self.model.in_flight * MS * (byte % 3)

    def do_release(self, byte, now):
        outcome = OUTCOMES[byte % len(OUTCOMES)]
        duration, before = self.duration(byte), self.model.n
        self.steps[-1] = (*self.steps[-1], outcome, duration)
        self.model.edge, self.model.either = False, ()
        want = self.model.release(outcome, duration)
        code = NAMES["outcome"][outcome]
        self.same("release", want, self.told(self.call("release")(self.real, code, duration)))
        self.meet(before, now)
        kind = self.config["algorithm"]
        self.seen[kind + " up"] += self.model.n > before
        self.seen[kind + " down"] += self.model.n < before

    def meet(self, before, now):
        """The library's N is where the model's is, and is the model's from now on."""
        self.same("get_snapshot", 0, self.read(now))
        real = self.picture.members()["limit_exact"]
        if self.model.either:
            long = self.picture.members()["long_ns"]
            self.model.long = min(self.model.either, key=lambda either: abs(either - long))
        if not self.model.edge and abs(real - self.model.n) > STEP + 1e-9 * real:
            self.fail(f"N after {before}", self.model.n, real)
        self.model.n = real
        self.look(now)

    def do_drain(self, byte, now):
        for k in range(min(byte % 40, self.model.in_flight)):
            self.do_release(byte + 5 * k, now)

    def do_set_limit(self, byte, now):
        limit = (10, 0, 1, 2, 30, 1000, 1_000_000, 1_000_001)[byte % 8]
        error = self.core.struct("config_error")
        self.same(
            "set_limit",
            self.model.set_limit(limit),
            self.told(self.call("set_limit")(self.real, limit, error)),
        )
        self.look(now)

    def do_mistake(self, _, now):
        self.same("release", -1, self.call("release")(self.real, 4, 1))
        self.look(now)

    def read(self, _):
        return self.call("get_snapshot")(self.real, self.picture.made)

    def said(self, _):
        return self.model.snapshot()

    CHOICES: ClassVar = {"algorithm": "algorithm"}

    def close(self, name, model, real):
        return name == "long_ns" and abs(model - real) <= 1 + 1e-6 * real
