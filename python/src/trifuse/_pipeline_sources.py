# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the data of a pipeline comes from: TOML and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse._pipeline_config import (
    CLASSES,
    MAIN,
    OWN,
    arranged,
    insert_by_rank,
    ordered,
    unknown,
)

_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False, "none": None}


def read_toml(source: str | os.PathLike[str], table: str) -> tuple[dict[str, Any], str | None]:
    """Give a table of a TOML file or text, and the last part of its path."""
    import tomllib

    if not isinstance(source, (str, os.PathLike)):
        raise ConfigurationError("source", source, "a TOML text, or the path of a file")
    if not isinstance(table, str):
        raise ConfigurationError("table", table, "a dotted path, such as 'trifuse.search'")
    if isinstance(source, os.PathLike) or (source.endswith(".toml") and "\n" not in source):
        with open(source, "rb") as file:  # noqa: PTH123 - pathlib costs an import
            data: Any = _parsed(str(os.fspath(source)), lambda: tomllib.load(file))
    else:
        data = _parsed("toml", lambda: tomllib.loads(source))
    name = None
    for name in table.split(".") if table else ():
        here = data if isinstance(data, dict) else {}
        if not isinstance(here.get(name), dict):
            tables = [key for key, value in here.items() if isinstance(value, dict)]
            raise ConfigurationError("table", table, f"a table that is there: {', '.join(tables) or 'none'}")
        data = here[name]
    return data, name


def _parsed(field: str, parse: Any) -> Any:
    import tomllib

    try:
        return parse()
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(field, str(error), "TOML") from None


def prefix_of(name: str) -> str:
    """Give what the names of a pipeline's variables begin with."""
    return f"TRIFUSE_{re.sub(r'[^A-Z0-9]+', '_', name.upper())}_"


def read_environment(
    name: str, data: Mapping[str, Any], environ: Mapping[str, str] | None, told: dict[str, str]
) -> dict[str, Any]:
    """Lay the variables of a pipeline over ``data``; ``told`` gets the variable of each path."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError("name", name, "a text that is not empty")
    if not isinstance(data, Mapping):
        raise ConfigurationError("data", data, "a table: settings by kind of policy")
    prefix = prefix_of(name)
    merged: dict[str, Any] = {**data, "name": name}
    variables = os.environ if environ is None else environ
    found = {v[len(prefix) :]: (v, text) for v, text in variables.items() if v.startswith(prefix)}
    for rest in sorted(found, key=lambda rest: (rest.count("_"), rest)):
        variable, text = found[rest]
        _lay(merged, name, rest.lower(), variable, text, told)
    _place(merged, data, name, told)
    return merged


def _lay(
    merged: dict[str, Any], name: str, rest: str, variable: str, text: str, told: dict[str, str]
) -> None:
    if rest in {"order", "profile"}:
        merged[rest] = text.strip()
        told[f"{name}.{rest}"] = variable
        return
    match = _KEY.fullmatch(rest)
    if match is None and _OTHERS.fullmatch(rest):
        return
    if match is None:
        raise unknown(variable, text, "TRIFUSE_<NAME>_<POLICY>_<FIELD>", rest, {*CLASSES, *OWN} - {"name"})
    key, field = match["key"], match["field"]
    if field is None:
        told[f"{name}.{key}"] = variable
        merged[key] = _merged_main(merged.get(key), match["kind"], _value(text))
        return
    told[f"{name}.{key}.{field}"] = variable
    merged[key] = {**_as_table(merged.get(key), match["kind"]), field: _value(text)}


_KINDS = "|".join(sorted((kind for kind in CLASSES if kind != "pipeline"), key=len, reverse=True))
_KEY = re.compile(rf"(?P<key>(?P<kind>{_KINDS})(?:_[2-9]\d*)?)(?:_(?P<field>[a-z]\w*))?")
# A variable of a pipeline whose name begins as this one's: TRIFUSE_SEARCH_API_TIMEOUT is none of "search".
_OTHERS = re.compile(rf"\w+?_(?:(?:{_KINDS})(?:_[2-9]\d*)?(?:_[a-z]\w*)?|order|profile)")


def _merged_main(before: Any, kind: str, value: Any) -> Any:
    """Take the variable of a whole policy: on, off, or the one value that says it all."""
    if value is True:
        return True if before is None or before is False else before
    if value is False or value is None:
        return False
    if kind not in MAIN:
        return value
    return {**_as_table(before, kind), MAIN[kind]: value}


def _as_table(value: Any, kind: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is None or isinstance(value, bool) else {MAIN.get(kind, "value"): value}


def _value(text: str) -> Any:
    """Read a variable: a number, true or false, none, or the text itself."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _place(merged: dict[str, Any], data: Mapping[str, Any], name: str, told: Mapping[str, str]) -> None:
    """Say where the parts stand that only the environment names: as the recommended order has it."""
    if f"{name}.order" in told:
        return
    order = merged.pop("order", None)
    _, keys = arranged(merged, name, told)
    if order is not None:
        written = ordered(order, [key for key in keys if key in data], f"{name}.order", told)
    else:
        written = [key for key in keys if key in data or key not in merged]
    insert_by_rank(written, [key for key in keys if key not in written])
    merged["order"] = written
