# SPDX-License-Identifier: MIT OR Apache-2.0
"""Replays one history of another policy (README.md) through its objects: the library's, or the naive models."""

from collections import Counter

from policies import SPECIAL, check_history, check_operation, check_special, given, sort_of
from replay import Mismatch, Replay, same

NO_ERROR = {"field": "none", "value_kind": "none", "value_integer": 0, "value_real": 0.0, "allowed": ""}


class ObjectReplay(Replay):
    """The state of one replay: objects (with their kinds) and kept structs by name."""

    def __init__(self, system, core, history):
        check_history(history)
        self.system, self.core, self.history = system, core, history
        self.objects, self.kept = {}, {}

    def run(self):
        kind = self.history["object"]
        if "config" in self.history:
            made = self.system.make(kind, self.history["config"], self.history.get("now", 1))
            self.expect({"result": "ok"}, {"result": made[0]}, made[1])
            self.objects["main"] = kind, made[2]
        for number, step in enumerate(self.history["steps"], 1):
            try:
                self.step(step)
            except Mismatch as mismatch:
                raise Mismatch(f"{self.history['name']}, step {number}: {mismatch}\n  {step}") from None

    def step(self, step):
        if step["op"] in SPECIAL:
            check_special(step)
            kind = step.get("object", self.history["object"])
            getattr(self, f"do_{step['op']}")(step, kind, dict(step.get("expect", {})))
            return
        name = step.get("on", "main")
        kind = self.objects[name][0] if name in self.objects else self.history["object"]
        function, arguments, on_object = check_operation(step.get("object", kind), step)
        if on_object and name not in self.objects:
            raise Mismatch(f"no object {name}")
        on, tally = self.objects[name][1] if on_object else None, Counter()
        for time in range(step.get("times", 1)):
            answer = self.system.call(function, arguments, self.values(step, arguments, time), on)
            self.judge(step, arguments, answer, tally)
        self.count(step, tally)

    def values(self, step, arguments, time):
        """What goes in: numbers, kept structs, objects, configurations, by the names of the arguments."""
        values = {"config": step.get("config")}
        for argument in arguments:
            sort = sort_of(argument)
            name = argument[sort]
            if sort == "in":
                values[name] = given(step, argument, time)
            elif sort in ("reads", "changes"):
                values[name] = self.kept[step[name]]
            elif sort == "object" and name in step:
                kind, values[name] = self.objects[step[name]]
                if kind != argument["kind"]:
                    raise Mismatch(f"{step[name]} is a {kind}: {step}")
        return values

    def judge(self, step, arguments, answer, tally):
        expect = dict(step.get("expect", {}))
        if "value" in answer:
            self.expect(expect, answer)
            return
        if "tally" in expect:
            tally[answer["result"]] += 1
            del expect["tally"]
            expect["result"] = answer["result"]
        outs = {} if answer["result"].startswith("error_") else self.silent(arguments)
        want = {**outs, "result": "ok", **expect}
        self.checked({k: want.pop(k) for k in ("result", "error") if k in want}, answer)
        self.expect(want, {**answer.get("members", {}), **{k: answer[k] for k in self.silent(arguments)}})
        if "as" in step:
            self.kept[step["as"]] = answer["struct"]

    def silent(self, arguments):
        """The outs, each 0: what they must be where nothing is expected."""
        return {argument["out"]: 0 for argument in arguments if "out" in argument}

    def count(self, step, tally):
        want = step.get("expect", {}).get("tally")
        if want is None:
            return
        wrong = [name for name in set(want) | set(tally) if not same(want.get(name, 0), tally[name])]
        if wrong:
            raise Mismatch(f"tally: expected {want}, got {dict(tally)}")

    def checked(self, expect, answer):
        super().checked(expect, answer["result"], answer.get("error") or NO_ERROR)

    def do_create(self, step, kind, expect):
        result, error, made = self.system.make(kind, step["config"], step.get("now", 1))
        self.checked(expect, {"result": result, "error": error})
        if made is not None and "as" in step:
            self.objects[step["as"]] = kind, made

    def do_config_check(self, step, kind, expect):
        result, error = self.system.config_check(kind, step["config"])
        self.checked(expect, {"result": result, "error": error})

    def do_preset(self, step, kind, expect):
        chosen = {name: step[name] for name in ("preset", "algorithm") if name in step}
        self.expect(expect, self.system.preset(kind, chosen))

    def do_set(self, step, *_):
        self.system.set(self.kept[step["kept"]], step["members"])
