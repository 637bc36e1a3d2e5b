# SPDX-License-Identifier: MIT OR Apache-2.0
"""One random history through the model and the library at once; the first difference is an error."""

import struct
from collections import Counter

import chooser
from library import CONSTANTS, NAMES, TEXTS
from model import Breaker
from model_config import DEFAULTS

SNAPSHOT = (
    "state cause generation since_ns last_failure_ns open_until_ns window_total window_failed window_slow "
    "failure_rate slow_rate consecutive_failures probes_in_flight probe_successes probe_failures reopenings "
    "cusum_s cusum_up cusum_down cusum_threshold slow_cusum_s slow_cusum_up slow_cusum_down "
    "slow_cusum_threshold calls_to_outage calls_to_total calls successes failures timeouts slow ignored "
    "late_results lost_permits would_have_opened refused_open refused_half_open_limit refused_forced_open"
).split()
LAYOUT = struct.Struct("<8xII7QddQ4I4I4Idd12Q36Q")
STATES = [TEXTS["state"][value] for value in range(6)]
CAUSES = TEXTS["cause"]
MOST_PERMITS = 80


class Difference(AssertionError):
    """Model and library do not agree."""


class Twins:
    """A breaker of the library and its model, driven by the same steps."""

    def __init__(self, core, data, seen):
        self.core, self.seen = core, seen
        self.now = 1000 + 1000 * data[0]
        self.born = self.now
        self.config = self.config_at_birth = chooser.config(data[: chooser.HEAD])
        self.steps = [{"op": "birth", "now": self.now}]
        self.permits, self.spent = [], []
        _, _, self.real = core.make(self.config, self.now)
        self.model = Breaker(self.config, self.now)
        self.other, self.other_model = None, None

    def fail(self, what, model, real):
        start = {name: value for name, value in self.config_at_birth.items() if value != DEFAULTS[name]}
        steps = "\n  ".join(map(str, self.steps[-40:]))
        raise Difference(f"{what}: model {model}, library {real}\nborn at {self.born} as {start}\n  {steps}")

    def same(self, what, model, real):
        if model != real:
            self.fail(what, model, real)

    def step(self, op_byte, byte, time_byte):
        marks = [self.model.open_until] if self.model.state == "open" else list(self.model.leases.values())
        now = chooser.later(time_byte, self.now, marks)
        self.seen["clock step back"] += now < self.now
        self.seen["end of time"] += now > chooser.END - 10**10
        self.now = now
        op = chooser.operation(self.model.state, op_byte, byte)
        if op != "nothing" or now != self.steps[-1]["now"]:
            self.steps.append({"op": op, "now": now, "byte": byte, "state": self.model.state})
        getattr(self, "do_" + op)(byte, now)
        self.look(now)

    def look(self, now):
        """The whole snapshot, and state and generation, are the same."""
        real = self.real
        if real.lib.trifuse_breaker_get_snapshot(real.pointer, now, real.picture) != 0:
            raise Difference("get_snapshot failed")
        values = LAYOUT.unpack(real.ffi.buffer(real.picture))
        picture = self.model.snapshot(now)
        picture["state"], picture["cause"] = (
            NAMES["state"][picture["state"]],
            NAMES["cause"][picture["cause"]],
        )
        for name, value in zip(SNAPSHOT, values, strict=False):
            if not name.startswith("calls_to") and picture[name] != value:
                self.fail(f"snapshot.{name}", picture[name], value)
        told = values[len(SNAPSHOT) :]
        if sum(told) != sum(self.model.transitions.values()):
            self.fail("transitions", self.model.transitions, told)
        for (origin, to), count in self.model.transitions.items():
            if told[6 * STATES.index(origin) + STATES.index(to)] != count:
                self.fail("transitions", self.model.transitions, told)

    def told(self, model, real):
        self.same("event", model, real)
        if model:
            self.seen[model["from"] + ">" + model["to"]] += 1
            self.seen["cause " + model["cause"]] += 1

    def acquire(self, now):
        """The pair of permits of an admission, or None."""
        result, permit, wait, event = self.model.acquire(now)
        real_result, real_permit, real_wait, real_event = self.real.acquire(now)
        self.same("acquire", (result, wait, permit is not None), (real_result, real_wait, real_permit != 0))
        self.told(event, real_event)
        if permit is None:
            self.seen[result] += 1
            return None
        return permit, real_permit

    def report(self, pair, byte, now):
        outcome, duration = chooser.outcome(byte)
        self.steps[-1]["report"] = (outcome, duration)
        lost = self.model.totals["lost_permits"]
        result, event = self.model.report(pair[0], outcome, duration, now)
        real_result, real_event = self.real.report(pair[1], outcome, duration, now)
        self.same(f"report {outcome}", result, real_result)
        self.told(event, real_event)
        self.seen["late"] += result == "late"
        self.seen["lost"] += self.model.totals["lost_permits"] - lost

    def keep(self, permits, pair):
        permits.append(pair)
        if len(permits) > MOST_PERMITS:
            del permits[0]

    def do_nothing(self, byte, now):
        pass

    do_look = do_nothing

    def do_acquire(self, _, now):
        lost = self.model.totals["lost_permits"]
        pair = self.acquire(now)
        self.seen["lost"] += self.model.totals["lost_permits"] - lost
        if pair:
            self.keep(self.permits, pair)

    def do_call(self, byte, now):
        pair = self.acquire(now)
        if pair:
            self.report(pair, byte, now)
            self.keep(self.spent, pair)

    def do_burst(self, byte, now):
        for _ in range(1 + byte % 7):
            self.do_call(1 + 8 * (byte // 8), now)

    def do_report(self, byte, now):
        if self.permits:
            pair = self.permits.pop(-1 - byte // 3 % min(len(self.permits), 12))
            self.report(pair, byte, now)
            self.keep(self.spent, pair)

    def do_again(self, byte, now):
        """A probe reports twice (a permit of a closed state is plain data: wrappers prevent it)."""
        probes = [pair for pair in self.spent[-12:] if pair[0].lease is not None]
        if probes:
            self.report(probes[byte % len(probes)], byte, now)

    def do_old(self, byte, now):
        old = [pair for pair in self.spent if pair[0].generation != self.model.generation]
        if old:
            self.report(old[byte % len(old)], byte, now)

    def do_renew(self, byte, now):
        if self.permits:
            pair = self.permits[byte % len(self.permits)]
            self.same("renew", self.model.renew(pair[0], now), self.real.renew(pair[1], now))

    def do_reenter(self, byte, now):
        permits = self.permits or self.spent
        if permits:
            pair = permits[-1 - byte % len(permits)]
            self.same("reenter", self.model.reenter(pair[0]), self.real.reenter(pair[1]))

    def do_foreign(self, byte, now):
        """A permit of another breaker, of another generation (of the same: test_permits.py)."""
        if self.other is None:
            _, _, self.other = self.core.make({"seed": 5}, 1)
            self.other_model = Breaker({"seed": 5}, 1)
        while self.other_model.generation <= self.model.generation + byte % 3:
            self.other_model.reset(1)
            self.other.control("reset", 1)
        pair = self.other_model.acquire(now)[1], self.other.acquire(now)[1]
        self.report(pair, byte, now)

    def do_trip(self, _, now):
        event, (result, real_event) = self.model.trip(now), self.real.trip(now)
        self.same("trip", "ok", result)
        self.told(event, real_event)

    def do_trip_for(self, byte, now):
        wait = chooser.GAPS[1:][byte % (len(chooser.GAPS) - 1)] + byte
        event, (result, real_event) = self.model.trip(now, wait), self.real.trip(now, wait)
        self.same("trip", "ok", result)
        self.told(event, real_event)

    def control(self, op, now):
        event, (result, real_event) = getattr(self.model, op)(now), self.real.control(op, now)
        self.same(op, "ok", result)
        self.told(event, real_event)

    def do_reset(self, _, now):
        self.control("reset", now)

    def do_close(self, _, now):
        self.control("close", now)

    def do_force_open(self, _, now):
        self.control("force_open", now)

    def do_disable(self, _, now):
        self.control("disable", now)

    def do_metrics_only(self, _, now):
        self.control("metrics_only", now)

    def do_reconfigure(self, byte, now):
        """One field after another changes; sometimes the shape of the window."""
        names = list(chooser.CONFIG)
        changed = dict(self.config)
        for name in (names[byte % len(names)], names[(byte * 7 + 3) % len(names)]):
            values = chooser.CONFIG[name]
            changed[name] = values[(byte // 5) % len(values)]
        if changed["open_duration_max_ns"]:
            changed["open_duration_max_ns"] = max(
                changed["open_duration_max_ns"], changed["open_duration_ns"]
            )
        self.steps[-1]["config"] = {k: v for k, v in changed.items() if v != self.config[k]}
        self.config = changed
        self.model.reconfigure(changed, now)
        self.same("reconfigure", "ok", self.real.reconfigure(changed, now)[0])
        self.seen["reconfigured"] += 1

    def do_misconfigure(self, byte, now):
        bad = {**self.config, "open_duration_ns": 77, **chooser.BAD[byte % len(chooser.BAD)]}
        self.same("reconfigure", "error_config", self.real.reconfigure(bad, now)[0])
        self.seen["misconfigured"] += 1


def run(core, data, seen=None):
    """Runs a history of bytes; returns how many steps it had."""
    seen = Counter() if seen is None else seen
    twins = Twins(core, data, seen)
    body = data[chooser.HEAD :]
    count = len(body) // 3
    for k in range(count):
        twins.step(body[3 * k], body[3 * k + 1], body[3 * k + 2])
    return count


assert CONSTANTS["STATES"] == len(STATES)
