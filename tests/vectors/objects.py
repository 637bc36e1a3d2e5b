# SPDX-License-Identifier: MIT OR Apache-2.0
"""Objects of the other policies in the library, called by the table policies.json."""

from library import CHOICES, CONSTANTS, NAMES
from policies import TABLE, integer, sort_of
from replay import Mismatch

FILTH = 0xA5A5A5A5A5A5A5A5


class CoreObjects:
    """What a replay wants of the library; the naive models have a twin of it."""

    def __init__(self, core):
        self.core, self.ffi, self.lib = core, core.ffi, core.lib

    def function(self, name):
        return getattr(self.lib, f"trifuse_{name}")

    def config(self, kind, given):
        """A configuration: the init of its kind, then members."""
        given, init = dict(given), TABLE[kind]["init"]
        made = self.core.struct(f"{kind}_config")
        arguments = [made, made.struct_size]
        if init == "preset":
            arguments.append(NAMES["preset"][given.pop("preset", "default")])
        elif init == "algorithm":
            named = given.pop("algorithm") if isinstance(given.get("algorithm"), str) else "fixed"
            arguments.append(NAMES["algorithm"][named])
        if self.function(f"{kind}_config_init")(*arguments) != 0:
            raise Mismatch("config_init")
        members = {name for name, _ in self.ffi.typeof(made[0]).fields}
        for name, value in given.items():
            if name not in members:
                raise Mismatch(f"unknown member {name}")
            setattr(made, name, self.member(name, value) if isinstance(value, str) else value)
        return made

    def member(self, name, text):
        return NAMES[CHOICES[name]][text] if name in CHOICES else float(text)

    def plain(self, made):
        return self.core.plain(made)

    def preset(self, kind, given):
        return self.plain(self.config(kind, given))

    def config_check(self, kind, config):
        error = self.core.struct("config_error")
        result = self.function(f"{kind}_config_check")(self.config(kind, config), error)
        return self.core.result(result), self.plain(error)

    def make(self, kind, config, now):
        """(result, error, object or None)"""
        error, out = self.core.struct("config_error"), self.ffi.new(f"trifuse_{kind} **")
        result = self.function(f"{kind}_new")(self.config(kind, config), now, error, out)
        made = self.ffi.gc(out[0], self.function(f"{kind}_free")) if result == 0 else None
        return self.core.result(result), self.plain(error), made

    def call(self, function, arguments, values, on):
        """One call. `values` has the values of `in` arguments, kept structs, objects and configurations by
        name; the answer has result or value, outs, "error", "struct" (made or changed) and its "members"."""
        passed, reads, answer = ([] if on is None else [on]), {}, {}
        for argument in arguments:
            sort = sort_of(argument)
            if sort != "returns":
                passed.append(getattr(self, f"pass_{sort}")(argument, values, reads, answer))
        result = self.function(function)(*passed)
        if arguments and "returns" in arguments[-1]:
            answer["value"] = result
        else:
            answer["result"] = self.core.result(result)
        answer |= {name: read() for name, read in reads.items()}
        if "struct" in answer:
            answer["members"] = self.plain(answer["struct"])
        return answer

    def pass_in(self, argument, values, *_):
        value, kind = values[argument["in"]], argument["type"]
        if kind == "f64":
            return float(value)
        if kind == "outcome":
            return NAMES["outcome"][value] if isinstance(value, str) else value
        return integer(value, kind)

    def pass_out(self, argument, _, reads, __):
        out = self.ffi.new("uint64_t *", FILTH)
        reads[argument["out"]] = lambda: out[0]
        return out

    def pass_fills(self, argument, _, __, answer):
        made = self.core.struct(argument["fills"])
        size = made.struct_size
        self.ffi.memmove(made, b"\xa5" * size, size)
        made.struct_size = size
        answer["struct"] = made
        return made

    def pass_reads(self, argument, values, *_):
        return values[argument["reads"]]

    def pass_changes(self, argument, values, _, answer):
        answer["struct"] = values[argument["changes"]]
        return answer["struct"]

    def pass_object(self, argument, values, *_):
        return values.get(argument["object"], self.ffi.NULL)

    def pass_config(self, argument, values, *_):
        return self.config(argument["config"], values["config"])

    def pass_error(self, _, __, reads, ___):
        error = self.core.struct("config_error")
        reads["error"] = lambda: self.plain(error)
        return error

    def set(self, kept, members):
        for name, value in members.items():
            setattr(kept, name, integer(value, "u64"))


assert CONSTANTS["NEVER"] == 2**64 - 1
