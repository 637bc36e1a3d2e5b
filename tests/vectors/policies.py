# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of the other policies' operations (policies.json), and whether a step is one of them."""

import json
from pathlib import Path

from library import NEVER
from replay import Mismatch

TABLE = json.loads((Path(__file__).parent / "policies.json").read_text())
HISTORY = {"name", "ids", "why", "object", "config", "now", "steps"}
EVERYWHERE = {"op", "why", "expect"}
CHECKED = {"result", "error"}
SPECIAL = {
    "create": ({"config"}, {"object", "now", "as"}, CHECKED),
    "config_check": ({"config"}, {"object"}, CHECKED),
    "preset": (set(), {"object", "preset", "algorithm"}, None),
    "set": ({"kept", "members"}, set(), set()),
    "text": ({"kind", "name", "value"}, set(), set()),
}
SORTS = ("in", "out", "fills", "reads", "changes", "object", "config", "error", "returns")
INTEGERS = {"u64": 2**64 - 1, "u32": 2**32 - 1, "int": 2**31 - 1}


def sort_of(argument):
    """Which of SORTS an argument of the table is."""
    return next(sort for sort in SORTS if sort in argument)


def operation(kind, step):
    """(C function without its prefix, arguments, whether it goes to an object)."""
    known, op = TABLE[kind], step["op"]
    name = {"snapshot": "get_snapshot"}.get(op, op)
    if op in known["operations"]:
        return f"{kind}_{name}", known["operations"][op], True
    if op in known.get("functions", {}):
        return f"{kind}_{name}", known["functions"][op], False
    raise Mismatch(f"unknown op of a {kind}: {step}")


def check_history(history):
    if set(history) - HISTORY or not history["steps"] or not history["ids"]:
        raise Mismatch(f"a history is not as it should be: {history['name']}")
    if history["object"] not in TABLE:
        raise Mismatch(f"unknown object {history['object']}")


def refuse_keys(step, needed, may):
    wrong = (set(step) - needed - may - EVERYWHERE) | (needed - set(step))
    if wrong:
        raise Mismatch(f"unknown or missing keys {sorted(wrong)}: {step}")
    if step.get("now", 1) < 1 or step.get("times", 1) < 1:
        raise Mismatch(f"now and times start at 1: {step}")


def check_special(step):
    needed, may, expects = SPECIAL[step["op"]]
    refuse_keys(step, needed, may)
    if expects is not None and set(step.get("expect", {})) - expects:
        raise Mismatch(f"unknown expectation: {step}")


def check_operation(kind, step):
    """Fails unless the step is written as README.md says; (function, arguments, whether on an object)."""
    function, arguments, on_object = operation(kind, step)
    needed, may = set(), {"times", "rising"} | ({"on"} if on_object else {"object"})
    expects, struct = {"result", "tally"}, False
    for argument in arguments:
        sort = sort_of(argument)
        name = argument[sort]
        if sort in ("in", "reads", "changes"):
            (may if "default" in argument else needed).add(name)
        elif sort in ("config", "object"):
            (needed if sort == "config" else may).add("config" if sort == "config" else name)
        if sort in ("fills", "changes"):
            struct = True
        if sort == "fills":
            may.add("as")
        expects |= {"out": {name}, "error": {"error"}, "returns": {"value"}}.get(sort, set())
    refuse_keys(step, needed, may)
    expect = set(step.get("expect", {}))
    if not struct and expect - expects:
        raise Mismatch(f"unknown expectation: {step}")
    if arguments and "returns" in arguments[-1] and "value" not in expect:
        raise Mismatch(f"a number without an expectation: {step}")
    if {"result", "tally"} <= expect:
        raise Mismatch(f"a tally and a result: {step}")
    if set(step.get("rising", {})) - {a["in"] for a in arguments if "in" in a}:
        raise Mismatch(f"only arguments rise: {step}")
    return function, arguments, on_object


def integer(value, kind):
    """An integer argument of the C type; "never" is one."""
    if value == "never" and kind == "u64":
        return NEVER
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= INTEGERS[kind]:
        raise Mismatch(f"not a {kind}: {value!r}")
    return value


def given(step, argument, time):
    """The value of an `in` argument at the time-th repetition (0 is the first)."""
    name = argument["in"]
    value = step.get(name, argument.get("default"))
    rise = step.get("rising", {}).get(name, 0) * time
    return value + rise if rise else value
