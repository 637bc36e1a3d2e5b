# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the conformance vectors as one C program: python to_c.py OUTPUT.c

Straight-line C through the public interface, one function a history. What README.md does not know
is an error here (replay.check_step), so nothing is skipped.
"""

import json
import sys
from pathlib import Path

from c_text import STRUCTS, compared, constant, real, result, u64
from library import NAMES
from replay import CONTROLS, GLOBAL, HISTORY, Mismatch, check_step


class History:
    """The C function of one history."""

    def __init__(self, history, number):
        if set(history) - HISTORY or not history["steps"] or not history["ids"]:
            raise Mismatch(f"a history is not as it should be: {history['name']}")
        self.history, self.number = history, number
        self.lines, self.breakers, self.permits = [], [], []

    def source(self):
        if "config" in self.history:
            self.breakers.append("main")
            self.make(self.history["config"], self.history.get("now", 1), "b_main", "ok", {})
        for number, step in enumerate(self.history["steps"], 1):
            check_step(step)
            self.put(f"current_step = {number};")
            self.put("{")
            op = "control" if step["op"] in CONTROLS else step["op"]
            breaker = None if step["op"] in GLOBAL else f"b_{self.known(step.get('on', 'main'))}"
            getattr(self, f"do_{op}")(step, breaker, dict(step.get("expect", {})))
            self.put("}")
        start = [
            f"/* {self.history['name']} */",
            f"static void history_{self.number}(void) {{",
            f'    begin("{self.history["name"]}");',
        ]
        start += [f"    trifuse_breaker *b_{name} = NULL;" for name in self.breakers]
        start += [f"    uint64_t p_{name} = 0;" for name in self.permits]
        end = [f"    trifuse_breaker_free(b_{name});" for name in self.breakers]
        return "\n".join(start + self.lines + end + ["}", ""])

    def put(self, line):
        self.lines.append("    " + line)

    def known(self, name):
        if name not in self.breakers:
            raise Mismatch(f"no breaker {name}")
        return name

    def permit(self, step):
        permit = step["permit"]
        if isinstance(permit, int):
            return u64(permit)
        if permit not in self.permits:
            raise Mismatch(f"no permit {permit}")
        return f"p_{permit}"

    def config(self, given):
        given = dict(given)
        preset = given.pop("preset", "default")
        if preset not in NAMES["preset"]:
            raise Mismatch(f"unknown preset {preset}")
        self.put(f"trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_{preset.upper()});")
        for name, value in given.items():
            kind = STRUCTS["breaker_config"].get(name)
            if kind is None:
                raise Mismatch(f"unknown member {name}")
            if kind == "double":
                written = real(value)
            else:
                written = constant(name, value) if isinstance(value, str) else u64(value)
            self.put(f"c.{name} = {written};")

    def checked(self, expect, call):
        self.put(f'is_int("result", {call}, {result(expect.get("result", "ok"))});')
        want = dict(expect.get("error", {}))
        for part in want.pop("allowed", []):
            self.put(f'contains("allowed", error.allowed, "{part}");')
        is_real = want.get("value_kind") == "real"
        for name, value in want.items():
            member = {"value": "value_real" if is_real else "value_integer"}.get(name, name)
            if isinstance(value, str) and member == "field":
                self.put(f'is_u64("field", error.field, {constant("field", value)});')
            else:
                self.put(compared("config_error", member, value, f"error.{member}"))

    def make(self, config, now, into, want, error):
        self.put("{")
        self.put("trifuse_config_error error = blank_error();")
        self.config(config)
        call = f"trifuse_breaker_new(&c, {u64(now)}, &error, &{into})"
        self.checked({"result": want, "error": error}, call)
        self.put("}")

    def told(self, expect, call):
        self.put("trifuse_breaker_event event = blank_event();")
        self.put(f'is_int("result", {call}, {result(expect.get("result", "ok"))});')
        self.judged(expect)

    def judged(self, expect):
        if expect.get("result", "ok").startswith("error_"):
            return
        if "event" not in expect:
            self.put("told_nothing(&event);")
            return
        self.put("told(&event);")
        for name, want in expect["event"].items():
            self.put(compared("breaker_event", name, want, f"event.{name}"))

    def do_acquire(self, step, breaker, expect):
        name = step.get("as")
        if name and name not in self.permits:
            self.permits.append(name)
        if not name:
            self.put("uint64_t permit = 0;")
        permit = f"p_{name}" if name else "permit"
        self.told(expect, f"trifuse_breaker_try_acquire({breaker}, {u64(step['now'])}, &{permit}, &event)")
        admitted = expect.get("result", "ok") == "ok"
        self.put(f'is_true("permit", {permit} {"!=" if admitted else "=="} 0);')
        if not admitted and "retry_after_ns" not in expect:
            raise Mismatch(f"a refusal without an expected retry_after_ns: {step}")
        wait = expect.get("retry_after_ns", 0)
        self.put(compared("breaker_event", "retry_after_ns", wait, "event.retry_after_ns"))

    def report(self, step, breaker, permit, now):
        outcome = step["outcome"]
        if outcome not in NAMES["outcome"]:
            raise Mismatch(f"unknown outcome {outcome}")
        return (
            f"trifuse_breaker_report({breaker}, {permit}, TRIFUSE_OUTCOME_{outcome.upper()}, "
            f"{u64(step.get('duration', 0))}, {now}, &event)"
        )

    def do_report(self, step, breaker, expect):
        self.told(expect, self.report(step, breaker, self.permit(step), u64(step["now"])))

    def do_call(self, step, breaker, expect):
        times, every = step.get("times", 1), step.get("every", 0)
        self.put(f"uint64_t permit = 0, now = {u64(step['now'])};")
        self.put("trifuse_breaker_event event = blank_event();")
        self.put(f"for (int left = {times - 1}; left >= 0; left--) {{")
        self.put(
            f'is_int("result", trifuse_breaker_try_acquire({breaker}, now, &permit, &event), TRIFUSE_OK);'
        )
        self.put("told_nothing(&event);")
        self.put(f"int answer = {self.report(step, breaker, 'permit', 'now')};")
        self.put('if (left) { is_int("result", answer, TRIFUSE_OK); told_nothing(&event); }')
        self.put(f'else is_int("result", answer, {result(expect.get("result", "ok"))});')
        self.put(f"now += {u64(every)};")
        self.put("}")
        self.judged(expect)

    def plain(self, expect, call):
        self.put(f'is_int("result", {call}, {result(expect.get("result", "ok"))});')

    def do_renew(self, step, breaker, expect):
        self.plain(expect, f"trifuse_breaker_renew({breaker}, {self.permit(step)}, {u64(step['now'])})")

    def do_reenter(self, step, breaker, expect):
        self.plain(expect, f"trifuse_breaker_reenter({breaker}, {self.permit(step)})")

    def do_trip(self, step, breaker, expect):
        self.told(
            expect, f"trifuse_breaker_trip({breaker}, {u64(step['now'])}, {u64(step.get('wait', 0))}, &event)"
        )

    def do_control(self, step, breaker, expect):
        self.told(expect, f"trifuse_breaker_{step['op']}({breaker}, {u64(step['now'])}, &event)")

    def do_reconfigure(self, step, breaker, expect):
        self.put("trifuse_config_error error = blank_error();")
        self.config(step["config"])
        self.checked(expect, f"trifuse_breaker_reconfigure({breaker}, &c, {u64(step['now'])}, &error)")

    def do_create(self, step, _, expect):
        name, error = step.get("as"), expect.get("error", {})
        if name:
            self.breakers.append(name)
        else:
            self.put("trifuse_breaker *made = NULL;")
        into = f"b_{name}" if name else "made"
        self.make(step["config"], step.get("now", 1), into, expect.get("result", "ok"), error)
        if not name:
            self.put("trifuse_breaker_free(made);")

    def do_snapshot(self, step, breaker, expect):
        self.put(f"trifuse_breaker_snapshot got = picture({breaker}, {u64(step['now'])});")
        if "transitions" in expect:
            self.transitions(expect.pop("transitions"))
        for name, want in expect.items():
            self.put(compared("breaker_snapshot", name, want, f"got.{name}"))

    def transitions(self, want):
        self.put("uint64_t want[6][6] = {{0}};")
        for pair, count in want.items():
            origin, to = (constant("state", state) for state in pair.split(">"))
            self.put(f"want[{origin}][{to}] = {u64(count)};")
        self.put('is_true("transitions", memcmp(want, got.transitions, sizeof want) == 0);')

    def do_state(self, _, breaker, expect):
        if "state" in expect:
            state = constant("state", expect["state"])
            self.put(f'is_int("state", trifuse_breaker_state({breaker}), {state});')
        if "generation" in expect:
            self.put(
                f'is_u64("generation", trifuse_breaker_generation({breaker}), {u64(expect["generation"])});'
            )

    def configured(self, expect):
        for name, want in expect.items():
            self.put(compared("breaker_config", name, want, f"c.{name}"))

    def do_get_config(self, _, breaker, expect):
        self.config({})
        self.put(f'is_int("get_config", trifuse_breaker_get_config({breaker}, &c), TRIFUSE_OK);')
        self.configured(expect)

    def do_preset(self, step, _, expect):
        self.config({"preset": step["preset"]})
        self.configured(expect)

    def do_config_check(self, step, _, expect):
        self.put("trifuse_config_error error = blank_error();")
        self.config(step["config"])
        self.checked(expect, "trifuse_breaker_config_check(&c, &error)")

    def do_advise(self, step, _, expect):
        advice = expect.pop("advice", [])
        if set(advice) - set(NAMES["advice"]):
            raise Mismatch(f"unknown advice {advice}")
        self.put("trifuse_config_error error = blank_error();")
        self.put("uint32_t advice = 0;")
        self.config(step["config"])
        self.checked(expect, "trifuse_breaker_config_advise(&c, &advice, &error)")
        bits = " | ".join(f"TRIFUSE_ADVICE_{name.upper()}" for name in advice) or "0"
        self.put(f'is_u64("advice", advice, {bits});')
        for name in advice:
            self.put(f'is_true("reason", trifuse_advice_reason(TRIFUSE_ADVICE_{name.upper()})[0] != 0);')

    def do_cusum_solve(self, step, _, expect):
        self.put("trifuse_config_error error = blank_error();")
        self.put("trifuse_cusum_design design;")
        self.put("memset(&design, 0, sizeof design);")
        self.put("design.struct_size = sizeof design;")
        for name in ("tolerated_rate", "outage_rate", "false_open_every"):
            self.put(f"design.{name} = {real(step[name])};")
        checks = {k: expect.pop(k) for k in ("result", "error") if k in expect}
        self.checked(checks, "trifuse_cusum_solve(&design, &error)")
        for name, want in expect.items():
            self.put(compared("cusum_design", name, want, f"design.{name}"))

    def do_text(self, step, *_):
        kind, name, value = step["kind"], step["name"], step["value"]
        if kind not in NAMES or kind == "value":
            raise Mismatch(f"unknown kind {kind}")
        self.put(f"{'int' if kind == 'result' else 'uint32_t'} value = 0;")
        self.put(f'is_text("text", trifuse_{kind}_text({value}), "{name}");')
        self.put(f'is_int("from_text", trifuse_{kind}_from_text("{name}", &value), TRIFUSE_OK);')
        self.put(f'is_true("value", value == {value});')


def writer(history):
    """The class that writes a history."""
    from to_c_objects import ObjectHistory

    return ObjectHistory if "object" in history else History


def program(files):
    """The whole C program."""
    found = [history for file in files for history in json.loads(file.read_text())["histories"]]
    if not found:
        raise Mismatch("there are no vectors")
    parts = ["/* Generated by to_c.py from the conformance vectors. */", '#include "check.h"', ""]
    parts += [writer(history)(history, number).source() for number, history in enumerate(found)]
    parts += ["int main(void) {"] + [f"    history_{number}();" for number in range(len(found))]
    return "\n".join([*parts, f"    return finish({len(found)});", "}", ""])


if __name__ == "__main__":
    sources = sorted(Path(__file__).parent.glob("*/*.json"))
    Path(sys.argv[1]).write_text(program(sources))
