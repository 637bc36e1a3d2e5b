# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real library for the tests: the installed wheel's, or a shared library named by an environment variable.

With TRIFUSE_LIBRARY=/path/to/libtrifuse.so the functions come from that file, declared by the C
header; without it from the installed package.
"""

import os
import re
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "core/include/trifuse/trifuse.h"
KINDS = {
    "state": "STATE",
    "outcome": "OUTCOME",
    "cause": "CAUSE",
    "preset": "PRESET",
    "window": "WINDOW",
    "detector": "DETECTOR",
    "jitter": "JITTER",
    "limiter_kind": "LIMITER",
    "algorithm": "ALGORITHM",
    "strategy": "STRATEGY",
    "field": "FIELD",
    "advice": "ADVICE",
    "value": "VALUE",
}
CHOICES = {
    "window_kind": "window",
    "detector": "detector",
    "initial_state": "state",
    "open_jitter": "jitter",
    "jitter": "jitter",
    "kind": "limiter_kind",
    "algorithm": "algorithm",
    "strategy": "strategy",
    "preset": "preset",
    "outcome": "outcome",
    "state": "state",
    "cause": "cause",
    "from": "state",
    "to": "state",
    "field": "field",
    "value_kind": "value",
}


def declarations():
    """What the header declares, as cffi reads it."""
    text = HEADER.read_text().split("/* trifuse:begin")[1].split("*/", 1)[1]
    return text.split("/* trifuse:end */")[0].replace("TRIFUSE_API ", "")


def load():
    """(ffi, lib)"""
    path = os.environ.get("TRIFUSE_LIBRARY")
    if path:
        from cffi import FFI

        ffi = FFI()
        ffi.cdef(declarations())
        return ffi, ffi.dlopen(path)
    from trifuse._core import ffi, lib

    return ffi, lib


def _constants():
    found = re.findall(r"^#define TRIFUSE_(\w+) (-?\w+)", declarations(), re.MULTILINE)
    return {name: int(value.rstrip("UL"), 0) for name, value in found}


CONSTANTS = _constants()
NEVER = CONSTANTS["NEVER"]


def names(kind):
    """{text: value} of one kind of constant, by the constants' names; "result" too."""
    if kind == "result":
        tops = ("OK", "REFUSED", "LATE", "STALE", "EMPTY", "STOP", "ERROR")
        return {n.lower(): v for n, v in CONSTANTS.items() if n.split("_")[0] in tops}
    prefix = KINDS[kind] + "_"
    found = {n.removeprefix(prefix).lower(): v for n, v in CONSTANTS.items() if n.startswith(prefix)}
    if kind == "window":
        found = {"time": found["time"], "count": found["count"]}
    return found


NAMES = {kind: names(kind) for kind in (*KINDS, "result")}
TEXTS = {kind: {v: n for n, v in found.items()} for kind, found in NAMES.items()}


class Core:
    """The library as plain data: results and choices are texts, structs are dicts, events may be None."""

    def __init__(self, ffi, lib):
        self.ffi, self.lib = ffi, lib

    def struct(self, name):
        made = self.ffi.new(f"trifuse_{name} *")
        made.struct_size = self.ffi.sizeof(made[0])
        return made

    def plain(self, made):
        """The members of a struct but for its size and flags."""
        found = {}
        for name, field in self.ffi.typeof(made[0]).fields:
            if name in ("struct_size", "flags", "reserved", "position"):
                continue
            value = getattr(made, name)
            if name == "transitions":
                states = TEXTS["state"]
                value = {
                    (states[a], states[b]): value[a][b] for a in range(6) for b in range(6) if value[a][b]
                }
            elif field.type.kind == "array":
                value = self.ffi.string(value).decode()
            elif name in CHOICES:
                value = TEXTS[CHOICES[name]][value]
            found[name] = value
        return found

    def config(self, given):
        given = dict(given)
        made = self.struct("breaker_config")
        preset = NAMES["preset"][given.pop("preset", "default")]
        if self.lib.trifuse_breaker_config_init(made, made.struct_size, preset) != 0:
            raise AssertionError("config_init")
        for name, value in given.items():
            if isinstance(value, str):
                setattr(made, name, NAMES[CHOICES[name]][value] if name in CHOICES else float(value))
            else:
                setattr(made, name, value)
        return made

    def preset(self, name):
        return self.plain(self.config({"preset": name}))

    def make(self, config, now):
        """(result, error, breaker or None)"""
        error, out = self.struct("config_error"), self.ffi.new("trifuse_breaker **")
        result = self.lib.trifuse_breaker_new(self.config(config), now, error, out)
        return self.result(result), self.plain(error), CoreBreaker(self, out[0]) if result == 0 else None

    def result(self, value):
        return TEXTS["result"][value]

    def config_check(self, config):
        error = self.struct("config_error")
        result = self.lib.trifuse_breaker_config_check(self.config(config), error)
        return self.result(result), self.plain(error)

    def advise(self, config):
        error, bits = self.struct("config_error"), self.ffi.new("uint32_t *")
        result = self.lib.trifuse_breaker_config_advise(self.config(config), bits, error)
        advice = [name for name, bit in NAMES["advice"].items() if bits[0] & bit]
        if bits[0] >> len(NAMES["advice"]):
            raise AssertionError(f"an advice that has no name: {bits[0]:#x}")
        for name in advice:
            if not self.text_of(self.lib.trifuse_advice_reason(NAMES["advice"][name])):
                raise AssertionError(f"no reason for {name}")
        return self.result(result), self.plain(error), advice

    def cusum_solve(self, wishes):
        design, error = self.struct("cusum_design"), self.struct("config_error")
        for name, value in wishes.items():
            setattr(design, name, float(value))
        result = self.lib.trifuse_cusum_solve(design, error)
        return self.result(result), self.plain(error), self.plain(design)

    def text_of(self, chars):
        return self.ffi.string(chars).decode()

    def text(self, kind, name, value):
        """(text of the value, result of reading the name, value that it gave)"""
        got = self.text_of(getattr(self.lib, f"trifuse_{kind}_text")(value))
        out = self.ffi.new("int *" if kind == "result" else "uint32_t *")
        result = getattr(self.lib, f"trifuse_{kind}_from_text")(name.encode(), out)
        return got, self.result(result), out[0]


class CoreBreaker:
    """One breaker of the library; the same calls and answers as the naive model's."""

    def __init__(self, core, pointer, *, owned=True):
        self.core, self.ffi, self.lib = core, core.ffi, core.lib
        self.pointer = self.ffi.gc(pointer, self.lib.trifuse_breaker_free) if owned else pointer
        self.told = core.struct("breaker_event")
        self.permit = self.ffi.new("uint64_t *")
        self.picture = core.struct("breaker_snapshot")
        self.members = [
            n
            for n, _ in self.ffi.typeof("trifuse_breaker_event").fields
            if n not in ("struct_size", "flags", "reserved", "retry_after_ns")
        ]

    def event(self):
        told = self.told
        if told.flags == 0:
            return None
        if told.flags != CONSTANTS["EVENT_TRANSITION"]:
            raise AssertionError(f"event flags {told.flags}")
        found = {name: getattr(told, name) for name in self.members}
        states, causes = TEXTS["state"], TEXTS["cause"]
        found |= {"from": states[found["from"]], "to": states[found["to"]], "cause": causes[found["cause"]]}
        return found

    def acquire(self, now):
        """(result, permit, retry_after_ns, event); the permit is 0 when refused."""
        result = self.lib.trifuse_breaker_try_acquire(self.pointer, now, self.permit, self.told)
        return self.core.result(result), self.permit[0], self.told.retry_after_ns, self.event()

    def report(self, permit, outcome, duration, now):
        code = NAMES["outcome"][outcome]
        result = self.lib.trifuse_breaker_report(self.pointer, permit, code, duration, now, self.told)
        return self.core.result(result), self.event() if result >= 0 else None

    def renew(self, permit, now):
        return self.core.result(self.lib.trifuse_breaker_renew(self.pointer, permit, now))

    def reenter(self, permit):
        return self.core.result(self.lib.trifuse_breaker_reenter(self.pointer, permit))

    def trip(self, now, wait=0):
        result = self.lib.trifuse_breaker_trip(self.pointer, now, wait, self.told)
        return self.core.result(result), self.event()

    def control(self, op, now):
        result = getattr(self.lib, f"trifuse_breaker_{op}")(self.pointer, now, self.told)
        return self.core.result(result), self.event()

    def reconfigure(self, config, now):
        error = self.core.struct("config_error")
        config = self.core.config(config)
        result = self.lib.trifuse_breaker_reconfigure(self.pointer, config, now, error)
        return self.core.result(result), self.core.plain(error)

    def snapshot(self, now):
        if self.lib.trifuse_breaker_get_snapshot(self.pointer, now, self.picture) != 0:
            raise AssertionError("get_snapshot")
        return self.core.plain(self.picture)

    def state(self):
        state = TEXTS["state"][self.lib.trifuse_breaker_state(self.pointer)]
        return {"state": state, "generation": self.lib.trifuse_breaker_generation(self.pointer)}

    def get_config(self):
        made = self.core.struct("breaker_config")
        if self.lib.trifuse_breaker_get_config(self.pointer, made) != 0:
            raise AssertionError("get_config")
        return self.core.plain(made)
