# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the twins of all policies share: an object of the library and its naive model, driven by the same bytes."""

import struct
from collections import Counter
from typing import ClassVar

import chooser
from library import NAMES, TEXTS
from objects import CoreObjects
from twins import Difference

TOLD = 40
RESULTS = TEXTS["result"]
SKIPPED = ("struct_size", "flags", "reserved", "position")


class Picture:
    """A struct that the library fills, read as one tuple."""

    def __init__(self, core, name):
        self.made = core.struct(name)
        fields = core.ffi.typeof(self.made[0]).fields
        codes = {"uint32_t": "I", "uint64_t": "Q", "double": "d", "uint64_t[2]": "2Q"}
        self.layout = struct.Struct("<" + "".join(codes[field.type.cname] for _, field in fields))
        names = [n for name, field in fields for n in [name] * (2 if field.type.kind == "array" else 1)]
        self.names = [(at, name) for at, name in enumerate(names) if name not in SKIPPED]
        self.buffer = core.ffi.buffer(self.made)

    def members(self):
        values = self.layout.unpack(self.buffer)
        return {name: values[at] for at, name in self.names}


class PolicyTwins:
    """One object and its model. A subclass names KIND, MODEL, CONFIG (choices by member, the plainest first)
    and OPERATIONS (a table that two bytes pick from), and has a do_<operation>(byte, now) for each. CHOICES are
    the members of the snapshot that are texts in the model."""

    KIND = ""
    MODEL = None
    CONFIG: ClassVar = {}
    OPERATIONS = ()
    CHOICES: ClassVar = {}

    def __init__(self, core, data, seen):
        self.core, self.ffi, self.lib, self.seen = core, core.ffi, core.lib, seen
        self.objects = CoreObjects(core)
        self.now = self.born = 1000 + 10**6 * data[0]
        self.config = self.configure(data[1 : self.head()])
        self.steps, self.marks = [], []
        self.real, self.model = self.make(self.config)
        self.word = self.ffi.new("uint64_t *")
        self.picture = Picture(core, f"{self.KIND}_snapshot")
        self.prepare()

    @classmethod
    def head(cls):
        return 1 + len(cls.CONFIG)

    def configure(self, data):
        """A legal configuration."""
        pairs = zip(self.CONFIG.items(), data, strict=True)
        return self.legal({name: values[byte % len(values)] for (name, values), byte in pairs})

    def legal(self, config):
        return config

    def make(self, config):
        result, error, real = self.objects.make(self.KIND, config, self.now)
        if result != "ok":
            raise Difference(f"{config}: {result} {error}")
        return real, self.MODEL(config, self.now)

    def prepare(self):
        """More state of a subclass."""

    def call(self, name):
        """A function of this kind of object."""
        return getattr(self.lib, f"trifuse_{self.KIND}_{name}")

    def fail(self, what, model, real):
        steps = "\n  ".join(map(str, self.steps[-TOLD:]))
        raise Difference(
            f"{what}: model {model}, library {real}\n{self.config} born at {self.born}\n  {steps}"
        )

    def same(self, what, model, real):
        if model != real:
            self.fail(what, model, real)

    def step(self, op_byte, byte, time_byte):
        now = self.later(time_byte)
        self.seen["clock step back"] += now < self.now
        self.seen["clock stands"] += now == self.now
        self.seen["end of time"] += now > chooser.END - 10**10
        self.now = now
        op = self.OPERATIONS[(op_byte * 251 + byte * 7) % len(self.OPERATIONS)] if op_byte else "look"
        self.steps.append((op, byte, now))
        getattr(self, "do_" + op)(byte, now)

    def later(self, time_byte):
        """The time of the next step; it may step back. A third of the histories jump as far as the end of time."""
        time_byte -= time_byte == 255 and self.born // 10**6 % 3 > 0
        return min(chooser.later(time_byte, self.now, self.marks), chooser.END)

    def told(self, result):
        """A result of the library as text; counted."""
        text = RESULTS[result]
        self.seen[text] += 1
        return text

    def do_look(self, _, now):
        self.look(now)

    def look(self, now):
        """The whole snapshot is the same."""
        self.same("get_snapshot", 0, self.read(now))
        real, (_, model) = self.picture.members(), self.said(now)
        for name, value in model.items():
            wanted = NAMES[self.CHOICES[name]][value] if isinstance(value, str) else value
            if real[name] != wanted and not self.close(name, wanted, real[name]):
                self.fail(f"snapshot.{name}", value, real[name])

    def read(self, now):
        return self.call("get_snapshot")(self.real, now, self.picture.made)

    def said(self, now):
        return self.model.snapshot(now)

    def close(self, name, model, real):
        """Whether two values that differ mean the same."""
        return False


def run(twins, core, data, seen=None):
    """Runs a history of bytes; returns how many steps it had."""
    seen = Counter() if seen is None else seen
    made = twins(core, data, seen)
    body = data[twins.head() :]
    count = len(body) // 3
    for k in range(count):
        made.step(body[3 * k], body[3 * k + 1], body[3 * k + 2])
    made.look(made.now)
    return count


def table(*weights):
    """Names, each as often as its weight."""
    return tuple(name for name, weight in weights for _ in range(weight))
