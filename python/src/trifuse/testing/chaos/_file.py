# SPDX-License-Identifier: MIT OR Apache-2.0
"""Scripts that stand in a file, TOML or JSON."""

from __future__ import annotations

import contextlib
import inspect
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError
from trifuse.testing.chaos import _making
from trifuse.testing.chaos._headers import rate_limits
from trifuse.testing.chaos._steps import Step
from trifuse.testing.chaos._values import Piece, is_whole, pause, reasoning, refusal, tool_call

_NAMES = (
    "answer", "broken_json", "content_filter", "context_length", "disconnect", "drip", "empty", "end",
    "error_event", "hang", "html", "overloaded", "quota", "reset", "status", "stream", "truncate", "unauthorized",
)  # fmt: skip
MAKERS: dict[str, Callable[..., Step]] = {name: getattr(_making, name) for name in _NAMES}
_MOST = 1_000_000
_PIECES = (
    "a text, {tool_call = name, arguments = {...}}, {reasoning = text}, {refusal = text} or {pause = seconds}"
)


class Lane(NamedTuple):
    """The script for a path or a model, or for all."""

    path: str | None
    model: str | None
    steps: tuple[Step, ...]
    default: Step | None


def read(path: str | Path) -> list[Lane]:
    """Read a file; ConfigurationError names the place of what is wrong, OSError tells it is not there."""
    file = Path(path)
    text = file.read_bytes()
    try:
        content = json.loads(text) if file.suffix == ".json" else tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            "script", str(file), f"TOML, or JSON in a file named *.json ({error})"
        ) from None
    return lanes_of(content)


def lanes_of(content: Any) -> list[Lane]:
    """Make the scripts of what a file says."""
    table = _table(content, "script", ("default", "steps", "scripts"))
    lanes = [_lane({k: v for k, v in table.items() if k != "scripts"}, "")]
    for number, inner in enumerate(_listed(table.get("scripts", []), "scripts")):
        at = f"scripts[{number}]"
        lanes.append(_lane(_table(inner, at, ("path", "model", "steps", "default")), f"{at}."))
    return lanes


def step_of_text(text: str) -> Step:
    """Make the step of ``overloaded``, ``status=500`` or ``hang``: its name, and its first value if it has one."""
    name, _, value = text.partition("=")
    if not value:
        return _step(name, "default")
    known = list(inspect.signature(MAKERS[name]).parameters) if name in MAKERS else []
    field = known[0] if known else "value"
    if field == "texts":
        return _step({"do": name, "texts": [value]}, "default")
    try:
        number = json.loads(value)
    except ValueError:
        number = value
    return _step({"do": name, field: number}, "default")


def _lane(table: Mapping[str, Any], at: str) -> Lane:
    found: list[Step] = []
    for number, written in enumerate(_listed(table.get("steps", []), f"{at}steps")):
        found.extend(_repeated(written, f"{at}steps[{number}]", _MOST - len(found)))
    default = _step(table["default"], f"{at}default") if "default" in table else None
    return Lane(_text(table, "path", at), _text(table, "model", at), tuple(found), default)


def _repeated(written: Any, at: str, most: int) -> list[Step]:
    times = 1
    if isinstance(written, Mapping) and "times" in written:
        times = written["times"]
        if not is_whole(times, 1) or times > most:
            raise ConfigurationError(f"{at}.times", times, f"1 or more, up to {_MOST} steps in all")
        written = {name: value for name, value in written.items() if name != "times"}
    return [_step(written, at)] * times


def _step(written: Any, at: str) -> Step:
    """Make the step of ``"quota"`` or ``{do = "status", status = 429, retry_after = 2}``."""
    table = {"do": written} if isinstance(written, str) else written
    if not isinstance(table, Mapping) or not isinstance(table.get("do"), str) or table["do"] not in MAKERS:
        given = table.get("do", table) if isinstance(table, Mapping) else table
        raise ConfigurationError(f"{at}.do", given, ", ".join(MAKERS))
    maker = MAKERS[table["do"]]
    known = inspect.signature(maker).parameters
    given = _table({k: v for k, v in table.items() if k != "do"}, at, tuple(known))
    if needed := [n for n, p in known.items() if p.default is p.empty and n != "texts" and n not in given]:
        raise ConfigurationError(f"{at}.{needed[0]}", None, f"it must be given for {table['do']}")
    return _made(maker, known, {name: _value(name, value, at) for name, value in given.items()}, at)


def _made(maker: Callable[..., Step], known: Mapping[str, Any], given: dict[str, Any], at: str) -> Step:
    first = [given.pop(n) for n, p in known.items() if p.kind is p.POSITIONAL_ONLY and n in given]
    first += [given.pop("seconds")] if "texts" in given and "seconds" in given else []
    texts = given.pop("texts", ())
    with _placed(at):
        return maker(*first, *texts, **given)


@contextlib.contextmanager
def _placed(at: str) -> Iterator[None]:
    """Let errors name the place in the file."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{at}.{error.field}", error.value, error.allowed) from None


def _value(name: str, value: Any, at: str) -> Any:
    if name == "texts":
        return [_piece(p, f"{at}.texts[{n}]") for n, p in enumerate(_listed(value, f"{at}.texts"))]
    if name == "then":
        return _step(value, f"{at}.then")
    if name == "limits":
        known = _table(value, f"{at}.limits", ("requests", "tokens"))
        with _placed(f"{at}.limits"):
            return rate_limits(**known)
    return value


def _piece(written: Any, at: str) -> Piece:
    if isinstance(written, str):
        return written
    known: Any = written if isinstance(written, dict) else {}
    with _placed(at):
        match known:
            case {"tool_call": name, **rest} if rest.keys() <= {"arguments"}:
                given: Any = rest.get("arguments")
                return tool_call(name, given)
            case {"reasoning": text, **rest} if not rest:
                return reasoning(text)
            case {"refusal": text, **rest} if not rest:
                return refusal(text)
            case {"pause": seconds, **rest} if rest.keys() <= {"keep_alive"}:
                given = rest.get("keep_alive")
                return pause(seconds, given)
    raise ConfigurationError(at, written, _PIECES)


def _table(value: Any, at: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(at, value, "a table")
    for name in value:
        if name not in known:
            raise ConfigurationError(f"{at}.{name}", value[name], f"only {', '.join(known) or 'nothing'}")
    return value


def _listed(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise ConfigurationError(at, value, "a list")
    return value


def _text(table: Mapping[str, Any], name: str, at: str) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(f"{at}{name}", value, "a text")
    return value
