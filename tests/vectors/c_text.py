# SPDX-License-Identifier: MIT OR Apache-2.0
"""Values, constants and checks as C text, for to_c.py; whatever the header does not know is an error."""

import math
import re

from library import CHOICES, HEADER, NAMES
from replay import Mismatch

PREFIX = {
    "window_kind": "WINDOW",
    "open_jitter": "JITTER",
    "initial_state": "STATE",
    "from": "STATE",
    "to": "STATE",
    "value_kind": "VALUE",
    "kind": "LIMITER",
}


def members(struct):
    """{name: C type} of a struct of the header."""
    body = re.search(
        rf"typedef struct trifuse_{struct} \{{(.*?)\}} trifuse_{struct};", HEADER.read_text(), re.DOTALL
    )[1]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return {name: kind for kind, name in re.findall(r"(\w+) (\w+)(?:\[\w+\])*;", body)}


STRUCTS = {name: members(name) for name in re.findall(r"^} trifuse_(\w+);", HEADER.read_text(), re.MULTILINE)}


def u64(value):
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise Mismatch(f"not a 64-bit number: {value!r}")
    return f"{value}ULL"


def real(value):
    value = float(value)
    if math.isnan(value):
        return "(double)NAN"
    return ("-" if value < 0 else "") + ("(double)INFINITY" if math.isinf(value) else repr(abs(value)))


def constant(name, text):
    """The constant that a choice's text stands for."""
    kind = CHOICES[name]
    if text not in NAMES[kind]:
        raise Mismatch(f"unknown {kind} {text!r}")
    return f"TRIFUSE_{PREFIX.get(name, kind.upper())}_{text.upper()}"


def result(text):
    if text not in NAMES["result"]:
        raise Mismatch(f"unknown result {text!r}")
    return f"TRIFUSE_{text.upper()}"


def compared(struct, name, want, got):
    """One check of a member of a struct."""
    if name not in STRUCTS[struct]:
        raise Mismatch(f"unknown member {name} of {struct}")
    is_real = STRUCTS[struct][name] == "double"
    if isinstance(want, dict):
        low, high = (
            (want["min"], want["max"])
            if set(want) == {"min", "max"}
            else (want["near"] - want["within"], want["near"] + want["within"])
        )
        if is_real:
            return f'is_real_between("{name}", {got}, {real(low)}, {real(high)});'
        return f'is_between("{name}", {got}, {u64(low)}, {u64(high)});'
    if want == "never":
        return f'is_u64("{name}", {got}, TRIFUSE_NEVER);'
    if is_real:
        return f'is_real("{name}", {got}, {real(want)});'
    if isinstance(want, str):
        return f'is_u64("{name}", {got}, {constant(name, want)});'
    return f'is_u64("{name}", {got}, {u64(want)});'
