# SPDX-License-Identifier: MIT OR Apache-2.0
"""Retries and retry budgets beside their models."""

from collections import Counter
from typing import ClassVar

from model_parts import NEVER
from model_retry import Retry, RetryBudget, jittered, max_total, plain_delay
from policy_draws import BILLION
from policy_twins import PolicyTwins, table

MS = 10**6
YEAR = 365 * 86400 * BILLION
WORDS = (NEVER, NEVER, NEVER, 0, 1, 5 * MS, 3000 * MS, 60_000 * MS, 60_000 * MS + 1, 100, YEAR)
OWN = (NEVER, NEVER, NEVER, 0, 7, 50 * MS, 20_000 * MS, NEVER - 1)
BUDGETS = {
    "ttl_ns": (10 * BILLION, 10 * MS, 99_999_999, 3600 * BILLION, YEAR),
    "ratio": (0.2, 0.0, 0.1, 1.0, 2.5, 0.333333333, 1000.0),
    "floor": (0.0, 10.0, 0.3, 0.05, 1.0, 1e6),
}


class BudgetTwins(PolicyTwins):
    """A budget never grants more than the promise: the model's sum says so at every retry."""

    KIND, MODEL, CONFIG = "retry_budget", RetryBudget, BUDGETS
    OPERATIONS = table(("deposit", 10), ("deposits", 4), ("withdraw", 10), ("withdraws", 6), ("look", 2))

    def do_deposit(self, _, now):
        self.model.deposit(now)
        self.same("deposit", 0, self.call("deposit")(self.real, now))
        self.look(now)

    def do_deposits(self, byte, now):
        for _ in range(byte % 13):
            self.do_deposit(byte, now)

    def do_withdraw(self, _, now):
        if self.config["floor"] > 1000:
            self.seen["large floor"] += 1
        self.same(
            "withdraw", self.model.try_withdraw(now), self.told(self.call("try_withdraw")(self.real, now))
        )
        self.look(now)
        self.marks = [(self.model.ring.newest + k) * self.model.ring.width for k in (1, 9, 10)]

    def do_withdraws(self, byte, now):
        for _ in range(byte % 7):
            self.do_withdraw(byte, now)


class RetryTwins(PolicyTwins):
    """Delays are within the bounds of strategy and jitter, and the draw is the one that the seed gives."""

    KIND, MODEL = "retry", Retry
    CONFIG: ClassVar = {
        "strategy": ("exponential", "fixed", "linear"),
        "jitter": ("proportional", "none", "full", "equal", "decorrelated"),
        "max_retries": (3, 0, 1, 10, 1_000_000),
        "delay_ns": (100 * MS, 0, 1, 3, 999, 10 * BILLION, YEAR),
        "increment_ns": (100 * MS, 0, 1, YEAR),
        "multiplier": (2.0, 1.0, 1.5, 1.1, 1000.0, 1.000000001, 3.14159),
        "max_delay_ns": (10 * BILLION, 0, 1, 11, 150 * MS, YEAR),
        "max_elapsed_ns": (0, 1, 250 * MS, 30 * BILLION, YEAR),
        "retry_after_max_ns": (60 * BILLION, 0, 5 * MS, YEAR),
        "seed": (0, 1, 2**64 - 1),
    }
    OPERATIONS = table(
        ("begin", 20),
        ("next", 50),
        ("told", 10),
        ("own", 6),
        ("paid", 8),
        ("settle", 4),
        ("lower", 3),
        ("reconfigure", 2),
        ("total", 2),
        ("look", 2),
    )
    LAST = 6

    def prepare(self):
        self.calls, self.sums = [], Counter()
        given = {"ratio": 0.2, "floor": 1.0}
        _, _, self.budget = self.objects.make("retry_budget", given, self.now)
        self.budget_model = RetryBudget(given, self.now)
        self.do_begin(0, self.now)

    def legal(self, config):
        return {**config, "max_delay_ns": max(config["delay_ns"], config["max_delay_ns"])}

    def do_begin(self, _, now):
        call = self.core.struct("retry_call")
        self.same("begin", 0, self.call("begin")(self.real, now, call))
        self.calls = [*self.calls, (self.model.begin(now)[1], call)][-self.LAST :]

    def next(self, byte, now, retry_after, own_delay, *, paid=False):
        model, call = self.calls[byte % len(self.calls)]
        before = model["retries"], model["previous_ns"]
        result, _, delay = self.model.next(
            self.budget_model if paid else None, model, retry_after, own_delay, now
        )
        budget = self.budget if paid else self.ffi.NULL
        real = self.told(self.call("next")(self.real, budget, call, retry_after, own_delay, now, self.word))
        self.same("next", (result, delay), (real, self.word[0]))
        names = ("retries", "deadline_ns", "previous_ns")
        kept = tuple(getattr(call, name) for name in names)
        self.same("call", tuple(model[name] for name in names), kept)
        if result == "ok":
            self.within(before, model, delay, retry_after, own_delay, now)
        if model["deadline_ns"] != NEVER and now < 2**60:
            self.marks = [max(1, model["deadline_ns"] - self.model.range(model, NEVER, NEVER)[0])]

    def within(self, before, model, delay, retry_after, own_delay, now):
        """The bounds, said once more without the model's help."""
        config, (retries, previous) = self.model.c, before
        if model["deadline_ns"] != NEVER:
            self.same("deadline holds", True, now + delay <= model["deadline_ns"])
        if retry_after != NEVER:
            self.same("server's word", True, retry_after <= delay <= retry_after * 11 // 10)
            return
        if own_delay == NEVER:
            plain = plain_delay(config, retries)
            least, most = jittered(config, plain, previous)
            self.seen[config["strategy"] + " " + config["jitter"]] += 1
            self.same("bounds", True, least <= delay <= most)
            wide = most > least + 1000 and model["deadline_ns"] == NEVER
            self.seen["in the upper half"] += wide and 2 * (delay - least) > most - least
            self.seen["draws"] += wide
        self.same("cap holds", True, delay <= config["max_delay_ns"])

    def do_next(self, byte, now):
        self.next(byte, now, NEVER, NEVER)

    def do_told(self, byte, now):
        self.next(byte, now, WORDS[byte // 2 % len(WORDS)], NEVER)

    def do_own(self, byte, now):
        self.next(byte, now, WORDS[byte % 4], OWN[byte // 3 % len(OWN)])

    def do_paid(self, byte, now):
        if byte % 3 == 0:
            self.budget_model.deposit(now)
            self.lib.trifuse_retry_budget_deposit(self.budget, now)
        self.next(byte, now, NEVER, NEVER, paid=True)

    def do_settle(self, byte, now):
        self.model.settle(byte // 2, byte % 2)
        self.same("settle", 0, self.call("settle")(self.real, byte // 2, byte % 2))
        self.look(now)

    def do_lower(self, byte, now):
        model, call = self.calls[byte % len(self.calls)]
        deadline = min(model["deadline_ns"], now + (byte + 1) * 10 * MS, NEVER)
        model["deadline_ns"] = call.deadline_ns = deadline

    def do_reconfigure(self, byte, now):
        names = list(self.CONFIG)
        name = names[byte % len(names)]
        values = self.CONFIG[name]
        self.config = self.legal({**self.config, name: values[byte // 7 % len(values)]})
        self.model.reconfigure(self.config)
        error = self.core.struct("config_error")
        given = self.objects.config("retry", self.config)
        self.same("reconfigure", 0, self.call("reconfigure")(self.real, given, error))
        self.look(now)

    def do_total(self, byte, _):
        config = {**self.config, "max_retries": min(self.config["max_retries"], 100)}
        timeout = (0, BILLION, NEVER, YEAR)[byte % 4]
        error, given = self.core.struct("config_error"), self.objects.config("retry", config)
        self.same("max_total", 0, self.call("max_total")(given, timeout, self.word, error))
        self.same("max_total", max_total(config, timeout), self.word[0])

    def read(self, _):
        return self.call("get_snapshot")(self.real, self.picture.made)

    def said(self, _):
        return self.model.snapshot()
