# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads the public header: its constants, structs with their fields, and functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "core/include/trifuse/trifuse.h"

# The families of constants that have a conversion to and from text: prefix of the names, function.
TEXT_FAMILIES = {
    "TRIFUSE_STATE_": "state",
    "TRIFUSE_OUTCOME_": "outcome",
    "TRIFUSE_CAUSE_": "cause",
    "TRIFUSE_PRESET_": "preset",
    "TRIFUSE_WINDOW_": "window",
    "TRIFUSE_DETECTOR_": "detector",
    "TRIFUSE_JITTER_": "jitter",
    "TRIFUSE_LIMITER_": "limiter_kind",
    "TRIFUSE_ALGORITHM_": "algorithm",
    "TRIFUSE_STRATEGY_": "strategy",
    "TRIFUSE_FIELD_": "field",
    "TRIFUSE_ADVICE_": "advice",
    "TRIFUSE_OK": "result",
    "TRIFUSE_REFUSED_": "result",
    "TRIFUSE_LATE": "result",
    "TRIFUSE_STALE": "result",
    "TRIFUSE_EMPTY": "result",
    "TRIFUSE_STOP_": "result",
    "TRIFUSE_ERROR_": "result",
}
# Constants that are numbers or bits of a struct, and name no choice.
WITHOUT_TEXT = (
    "TRIFUSE_VERSION_",
    "TRIFUSE_NEVER",
    "TRIFUSE_DURATION_MAX_NS",
    "TRIFUSE_STATES",
    "TRIFUSE_VALUE_",
    "TRIFUSE_EVENT_",
)


@dataclass(frozen=True)
class Field:
    """One field of a public struct; `dims` is "" or "[n]..."."""

    type: str
    name: str
    dims: str


@dataclass(frozen=True)
class Function:
    """One public function, its types as the header writes them."""

    result: str
    name: str
    parameters: tuple[str, ...]


def text() -> str:
    """The declarations of the header without comments."""
    whole = HEADER.read_text()
    part = re.search(r"trifuse:begin.*?\*/(.*)/\* trifuse:end", whole, re.DOTALL)
    assert part, "the header has lost its markers trifuse:begin and trifuse:end"
    return re.sub(r"/\*.*?\*/", " ", part.group(1), flags=re.DOTALL)


def constants() -> dict[str, str]:
    """Name and replacement text of every public constant."""
    return dict(re.findall(r"^#define (TRIFUSE_\w+) +(\S+) *$", text(), re.MULTILINE))


def structs() -> dict[str, list[Field]]:
    """Every public struct whose fields are public."""
    found = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text(), re.DOTALL):
        found[name] = [Field(*f) for f in re.findall(r"(\w+) (\w+)((?:\[\d+\])*);", body)]
    return found


def functions() -> list[Function]:
    """Every public function, in the order of the header."""
    pattern = r"^TRIFUSE_API ([^;(]+?)(\btrifuse_\w+)\(([^)]*)\);"
    return [
        Function(" ".join(result.split()), name, tuple(" ".join(p.split()) for p in parameters.split(",")))
        for result, name, parameters in re.findall(pattern, text(), re.MULTILINE)
    ]


def family(constant: str) -> str | None:
    """The text function a constant belongs to, or None if it is no choice; unknown names raise."""
    if constant.startswith(WITHOUT_TEXT):
        return None
    for prefix, name in TEXT_FAMILIES.items():
        if constant == prefix or (prefix.endswith("_") and constant.startswith(prefix)):
            return name
    msg = f"{constant}: a new kind of constant; put it into TEXT_FAMILIES or WITHOUT_TEXT"
    raise AssertionError(msg)
