# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes one history of another policy (README.md) as a C function, for to_c.py, by the table policies.json."""

from c_text import STRUCTS, compared, constant, real, result, u64
from library import CHOICES, NAMES
from policies import (
    INTEGERS,
    SPECIAL,
    TABLE,
    check_history,
    check_operation,
    check_special,
    integer,
    sort_of,
)
from replay import Mismatch
from to_c import History


def member(struct, name, value):
    """A value of a member of a configuration."""
    if name not in STRUCTS[struct]:
        raise Mismatch(f"unknown member {name} of {struct}")
    if STRUCTS[struct][name] == "double":
        return real(value)
    return constant(name, value) if isinstance(value, str) else u64(value)


class ObjectHistory(History):
    """The C function of one history; what is checked and written as of a breaker's is inherited."""

    def __init__(self, history, number):
        check_history(history)
        self.history, self.number = history, number
        self.lines, self.objects, self.kept = [], {}, {}

    def source(self):
        if "config" in self.history:
            self.objects["main"] = self.history["object"]
            self.create(
                self.history["object"], self.history["config"], self.history.get("now", 1), "o_main", {}
            )
        for number, step in enumerate(self.history["steps"], 1):
            self.put(f"current_step = {number};")
            self.put("{")
            self.step(step, dict(step.get("expect", {})))
            self.put("}")
        start = [
            f"/* {self.history['name']} */",
            f"static void history_{self.number}(void) {{",
            f'    begin("{self.history["name"]}");',
            *(f"    trifuse_{kind} *o_{name} = NULL;" for name, kind in self.objects.items()),
            *(f"    trifuse_{struct} k_{name};" for name, struct in self.kept.items()),
        ]
        end = [f"    trifuse_{kind}_free(o_{name});" for name, kind in self.objects.items()]
        return "\n".join(start + self.lines + end + ["}", ""])

    def step(self, step, expect):
        if step["op"] in SPECIAL:
            check_special(step)
            getattr(self, f"do_{step['op']}")(step, step.get("object", self.history["object"]), expect)
            return
        name = step.get("on", "main")
        kind = step.get("object", self.objects.get(name, self.history["object"]))
        function, arguments, on_object = check_operation(kind, step)
        if on_object and name not in self.objects:
            raise Mismatch(f"no object {name}")
        if "tally" in expect:
            self.put("uint64_t tally[256] = {0};")
        self.put(f"for (uint64_t time = 0; time < {u64(step.get('times', 1))}; time++) {{")
        passed = [f"o_{name}"] if on_object else []
        for argument in arguments:
            sort = sort_of(argument)
            if sort != "returns":
                passed.append(getattr(self, f"pass_{sort}")(argument, step))
        self.called(f"trifuse_{function}({', '.join(passed)})", arguments, step, expect)
        self.put("}")
        self.tally(expect.get("tally"))

    # -- arguments ---------------------------------------------------------------------------

    def pass_in(self, argument, step):
        name, kind = argument["in"], argument["type"]
        value = step.get(name, argument.get("default"))
        if kind == "f64":
            written = real(value)
        elif kind == "outcome" and isinstance(value, str):
            written = constant("outcome", value)
        elif kind == "int":
            written = str(integer(value, kind))
        else:
            written = u64(integer(value, "u32" if kind == "outcome" else kind))
        rise = step.get("rising", {}).get(name)
        if rise:
            written = f"{written} + time * {real(rise) if kind == 'f64' else u64(rise)}"
        return f"(uint32_t)({written})" if INTEGERS.get(kind) == 2**32 - 1 else written

    def pass_out(self, argument, _):
        self.put(f"uint64_t {argument['out']} = 0xA5A5A5A5A5A5A5A5ULL;")
        return f"&{argument['out']}"

    def pass_fills(self, argument, step):
        struct, name = argument["fills"], step.get("as")
        if name and self.kept.setdefault(name, struct) != struct:
            raise Mismatch(f"{name} is kept already")
        if not name:
            self.put(f"trifuse_{struct} made;")
        self.put(f"make_blank(&{f'k_{name}' if name else 'made'}, sizeof(trifuse_{struct}));")
        return f"&k_{name}" if name else "&made"

    def pass_reads(self, argument, step, sort="reads"):
        name = step[argument[sort]]
        if self.kept.get(name) != argument["struct"]:
            raise Mismatch(f"no {argument['struct']} {name}")
        return f"&k_{name}"

    def pass_changes(self, argument, step):
        return self.pass_reads(argument, step, "changes")

    def pass_object(self, argument, step):
        if argument["object"] not in step:
            return "NULL"
        name = step[argument["object"]]
        if self.objects.get(name) != argument["kind"]:
            raise Mismatch(f"no {argument['kind']} {name}")
        return f"o_{name}"

    def pass_config(self, argument, step):
        self.config(argument["config"], step["config"])
        return "&c"

    def pass_error(self, *_):
        self.put("trifuse_config_error error = blank_error();")
        return "&error"

    # -- what is expected --------------------------------------------------------------------

    def called(self, call, arguments, step, expect):
        expect = dict(expect)
        if arguments and "returns" in arguments[-1]:
            self.put(compared_plain("value", expect["value"], call))
            return
        if expect.pop("tally", None):
            self.put(f"int answer = {call};")
            self.put("tally[(unsigned char)answer]++;")
            fails = "0"
        else:
            want = expect.pop("result", "ok")
            self.checked({"result": want, "error": expect.pop("error", {})}, call)
            fails = "1" if want.startswith("error_") else "0"
        for argument in arguments:
            name = argument.get("out")
            if name and (name in expect or fails == "0"):
                self.put(compared_plain(name, expect.pop(name, 0), name))
        made = self.made(arguments, step)
        for name, want in expect.items():
            self.put(compared(made[0], name, want, f"{made[1]}.{name}"))

    def made(self, arguments, step):
        """(struct, its variable) of what the call fills or changes."""
        for argument in arguments:
            if "fills" in argument:
                return argument["fills"], f"k_{step['as']}" if "as" in step else "made"
            if "changes" in argument:
                return argument["struct"], f"k_{step[argument['changes']]}"
        return None, None

    def tally(self, want):
        if want is None:
            return
        for name, count in want.items():
            got = f"tally[(unsigned char){result(name)}]"
            self.put(compared_plain(name, count, got))
            self.put(f"{got} = 0;")
        self.put('for (int i = 0; i < 256; i++) is_u64("other results", tally[i], 0);')

    # -- steps that call no operation --------------------------------------------------------

    def config(self, kind, given):
        given, init = dict(given), TABLE[kind]["init"]
        self.put(f"trifuse_{kind}_config c;")
        chosen = ""
        if init == "preset":
            chosen = ", " + constant("preset", given.pop("preset", "default"))
        elif init == "algorithm":
            named = given.pop("algorithm") if isinstance(given.get("algorithm"), str) else "fixed"
            chosen = ", " + constant("algorithm", named)
        call = f"trifuse_{kind}_config_init(&c, sizeof c{chosen})"
        self.put(f'is_int("config_init", {call}, TRIFUSE_OK);')
        for name, value in given.items():
            self.put(f"c.{name} = {member(f'{kind}_config', name, value)};")

    def create(self, kind, config, now, into, expect):
        self.put("{")
        self.put("trifuse_config_error error = blank_error();")
        self.config(kind, config)
        self.checked(expect, f"trifuse_{kind}_new(&c, {u64(now)}, &error, &{into})")
        self.put("}")

    def do_create(self, step, kind, expect):
        name = step.get("as")
        if name in self.objects:
            raise Mismatch(f"{name} is made already")
        if name:
            self.objects[name] = kind
        else:
            self.put(f"trifuse_{kind} *made = NULL;")
        self.create(kind, step["config"], step.get("now", 1), f"o_{name}" if name else "made", expect)
        if not name:
            self.put(f"trifuse_{kind}_free(made);")

    def do_config_check(self, step, kind, expect):
        self.put("trifuse_config_error error = blank_error();")
        self.config(kind, step["config"])
        self.checked(expect, f"trifuse_{kind}_config_check(&c, &error)")

    def do_preset(self, step, kind, expect):
        self.config(kind, {name: step[name] for name in ("preset", "algorithm") if name in step})
        for name, want in expect.items():
            self.put(compared(f"{kind}_config", name, want, f"c.{name}"))

    def do_set(self, step, *_):
        if step["kept"] not in self.kept:
            raise Mismatch(f"nothing is kept as {step['kept']}")
        for name, value in step["members"].items():
            if name not in STRUCTS[self.kept[step["kept"]]]:
                raise Mismatch(f"unknown member {name}")
            self.put(f"k_{step['kept']}.{name} = {u64(integer(value, 'u64'))};")


def compared_plain(name, want, got):
    """One check of a number that is no member of a struct."""
    if isinstance(want, dict):
        ends = {"min", "max"}
        low = want["min"] if set(want) == ends else want["near"] - want["within"]
        high = want["max"] if set(want) == ends else want["near"] + want["within"]
        return f'is_between("{name}", {got}, {u64(low)}, {u64(high)});'
    return f'is_u64("{name}", {got}, {u64(integer(want, "u64"))});'


assert CHOICES["kind"] in NAMES
