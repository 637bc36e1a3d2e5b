# SPDX-License-Identifier: MIT OR Apache-2.0
"""Replays one history of the vectors (README.md) through the library. What it does not know, it refuses."""

import math

from library import NEVER

HISTORY = {"name", "ids", "why", "config", "now", "steps"}
CONTROLS = ("reset", "close", "force_open", "disable", "metrics_only")
TOLD = {"result", "event"}
CHECKED = {"result", "error"}
ANY = None
STEPS = {
    "acquire": ({"now"}, {"as"}, TOLD | {"retry_after_ns"}),
    "report": ({"permit", "outcome", "now"}, {"duration"}, TOLD),
    "call": ({"outcome", "now"}, {"duration", "times", "every"}, TOLD),
    "renew": ({"permit", "now"}, set(), {"result"}),
    "reenter": ({"permit"}, set(), {"result"}),
    "trip": ({"now"}, {"wait"}, TOLD),
    **{op: ({"now"}, set(), TOLD) for op in CONTROLS},
    "reconfigure": ({"config", "now"}, set(), CHECKED),
    "create": ({"config"}, {"now", "as"}, CHECKED),
    "snapshot": ({"now"}, set(), ANY),
    "state": (set(), set(), {"state", "generation"}),
    "get_config": (set(), set(), ANY),
    "preset": ({"preset"}, set(), ANY),
    "config_check": ({"config"}, set(), CHECKED),
    "advise": ({"config"}, set(), CHECKED | {"advice"}),
    "cusum_solve": ({"tolerated_rate", "outage_rate", "false_open_every"}, set(), ANY),
    "text": ({"kind", "name", "value"}, set(), set()),
}
GLOBAL = {"preset", "config_check", "advise", "cusum_solve", "text", "create"}


class Mismatch(AssertionError):
    """An expectation that does not hold, or a step that is no step."""


def check_step(step):
    """Fails unless the step is written as README.md says."""
    if step.get("op") not in STEPS:
        raise Mismatch(f"unknown op: {step}")
    needed, may, expects = STEPS[step["op"]]
    allowed = needed | may | {"op", "why", "expect"} | (set() if step["op"] in GLOBAL else {"on"})
    if set(step) - allowed or needed - set(step):
        raise Mismatch(
            f"unknown or missing keys {sorted((set(step) - allowed) | (needed - set(step)))}: {step}"
        )
    if expects is not ANY and set(step.get("expect", {})) - expects:
        raise Mismatch(f"unknown expectation: {step}")
    if step.get("now", 1) < 1 or step.get("times", 1) < 1:
        raise Mismatch(f"now and times start at 1: {step}")


def same(want, got):
    """Whether a value is as written (README.md, "Expected values")."""
    if isinstance(want, dict):
        if set(want) == {"min", "max"}:
            return want["min"] <= got <= want["max"]
        if set(want) == {"near", "within"}:
            return abs(got - want["near"]) <= want["within"]
        raise Mismatch(f"unknown form of a value: {want}")
    if want == "never":
        return got == NEVER
    if isinstance(got, float):
        return math.isnan(got) if want == "nan" else got == float(want)
    return type(got) is type(want) and got == want


class Replay:
    """The state of one replay: breakers and permits by name."""

    def __init__(self, core, history):
        if set(history) - HISTORY or not history["steps"] or not history["ids"]:
            raise Mismatch(f"a history is not as it should be: {history['name']}")
        self.core, self.history = core, history
        self.breakers, self.permits = {}, {}

    def run(self):
        if "config" in self.history:
            result, error, breaker = self.core.make(self.history["config"], self.history.get("now", 1))
            self.expect({"result": "ok"}, {"result": result}, error)
            self.breakers["main"] = breaker
        for number, step in enumerate(self.history["steps"], 1):
            check_step(step)
            try:
                self.step(step)
            except Mismatch as mismatch:
                raise Mismatch(f"{self.history['name']}, step {number}: {mismatch}\n  {step}") from None

    def step(self, step):
        op = step["op"]
        breaker = None if op in GLOBAL else self.breakers[step.get("on", "main")]
        expect = dict(step.get("expect", {}))
        if op in CONTROLS:
            self.told(expect, *breaker.control(op, step["now"]))
        else:
            getattr(self, f"do_{op}")(step, breaker, expect)

    def expect(self, want, got, note=""):
        for name, value in want.items():
            if name not in got:
                raise Mismatch(f"unknown member {name}")
            if not same(value, got[name]):
                raise Mismatch(f"{name}: expected {value}, got {got[name]} {note}")

    def told(self, expect, result, event):
        self.expect({"result": expect.get("result", "ok")}, {"result": result})
        if "event" not in expect:
            if event is not None:
                raise Mismatch(f"told of something unexpected: {event}")
        elif event is None:
            raise Mismatch("told nothing")
        else:
            self.expect(expect["event"], event)

    def checked(self, expect, result, error):
        self.expect({"result": expect.get("result", "ok")}, {"result": result}, error)
        want = dict(expect.get("error", {}))
        for text in want.pop("allowed", []):
            if text not in error["allowed"]:
                raise Mismatch(f"allowed: expected {text!r} in {error['allowed']!r}")
        got = {"field": error["field"], "value_kind": error["value_kind"]}
        got["value"] = error["value_real" if error["value_kind"] == "real" else "value_integer"]
        self.expect(want, got, error)

    def permit(self, step):
        permit = step["permit"]
        return permit if isinstance(permit, int) else self.permits[permit]

    def do_acquire(self, step, breaker, expect):
        result, permit, wait, event = breaker.acquire(step["now"])
        self.told(expect, result, event)
        if (permit != 0) != (result == "ok"):
            raise Mismatch(f"permit {permit}")
        default = {"retry_after_ns": 0} if result == "ok" else {}
        want = {**default, **{k: expect[k] for k in ("retry_after_ns",) if k in expect}}
        if not want:
            raise Mismatch("a refusal without an expected retry_after_ns")
        self.expect(want, {"retry_after_ns": wait})
        if "as" in step:
            self.permits[step["as"]] = permit

    def do_report(self, step, breaker, expect):
        args = step["outcome"], step.get("duration", 0), step["now"]
        self.told(expect, *breaker.report(self.permit(step), *args))

    def do_call(self, step, breaker, expect):
        now = step["now"]
        for left in reversed(range(step.get("times", 1))):
            result, permit, _, event = breaker.acquire(now)
            self.told({}, result, event)
            reported = breaker.report(permit, step["outcome"], step.get("duration", 0), now)
            self.told({} if left else expect, *reported)
            now += step.get("every", 0)

    def do_renew(self, step, breaker, expect):
        self.told(expect, breaker.renew(self.permit(step), step["now"]), None)

    def do_reenter(self, step, breaker, expect):
        self.told(expect, breaker.reenter(self.permit(step)), None)

    def do_trip(self, step, breaker, expect):
        self.told(expect, *breaker.trip(step["now"], step.get("wait", 0)))

    def do_reconfigure(self, step, breaker, expect):
        self.checked(expect, *breaker.reconfigure(step["config"], step["now"]))

    def do_create(self, step, _, expect):
        result, error, made = self.core.make(step["config"], step.get("now", 1))
        self.checked(expect, result, error)
        if made and "as" in step:
            self.breakers[step["as"]] = made

    def do_snapshot(self, step, breaker, expect):
        got = breaker.snapshot(step["now"])
        if "transitions" in expect:
            want = {tuple(pair.split(">")): n for pair, n in expect.pop("transitions").items()}
            if want != got["transitions"]:
                raise Mismatch(f"transitions: expected {want}, got {got['transitions']}")
        self.expect(expect, got)

    def do_state(self, _, breaker, expect):
        self.expect(expect, breaker.state())

    def do_get_config(self, _, breaker, expect):
        self.expect(expect, breaker.get_config())

    def do_preset(self, step, _, expect):
        self.expect(expect, self.core.preset(step["preset"]))

    def do_config_check(self, step, _, expect):
        self.checked(expect, *self.core.config_check(step["config"]))

    def do_advise(self, step, _, expect):
        result, error, advice = self.core.advise(step["config"])
        want = sorted(expect.pop("advice", []))
        self.checked(expect, result, error)
        if want != sorted(advice):
            raise Mismatch(f"advice: expected {want}, got {sorted(advice)}")

    def do_cusum_solve(self, step, _, expect):
        wishes = {k: step[k] for k in ("tolerated_rate", "outage_rate", "false_open_every")}
        result, error, design = self.core.cusum_solve(wishes)
        checks = {k: expect.pop(k) for k in ("result", "error") if k in expect}
        self.checked(checks, result, error)
        self.expect(expect, design)

    def do_text(self, step, *_):
        got = self.core.text(step["kind"], step["name"], step["value"])
        if got != (step["name"], "ok", step["value"]):
            raise Mismatch(f"got {got}")
