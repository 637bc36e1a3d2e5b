# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which methods a client has: its resources, walked through."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

_DEEPEST = 5
_VIEWS = ("with_raw_response", "with_streaming_response")


def methods_of(client: Any) -> list[str]:
    """Give the public methods of the resources of a client, such as ``"chat.completions.create"``."""
    found: list[str] = []
    _walk(client, "", found, 0)
    return sorted(set(found))


def _walk(owner: Any, path: str, found: list[str], depth: int) -> None:
    if path:
        found += [f"{path}{name}" for name in _methods(type(owner))]
    if depth >= _DEEPEST:
        return
    for name in _resources(owner):
        with contextlib.suppress(Exception):  # a resource that needs what is not installed
            resource = getattr(owner, name)
            if hasattr(resource, "_client") and hasattr(resource, "_post"):
                _walk(resource, f"{path}{name}.", found, depth + 1)


def _methods(kind: type) -> list[str]:
    return [
        name
        for name, value in inspect.getmembers_static(kind)
        if inspect.isfunction(value) and not name.startswith("_")
    ]


def _resources(owner: Any) -> list[str]:
    lazy = [name for name, value in inspect.getmembers_static(type(owner)) if _is_lazy(value)]
    names = {*lazy, *vars(owner)}  # older SDKs make all of them with the client
    return sorted(name for name in names if not name.startswith("_") and name not in _VIEWS)


def _is_lazy(value: object) -> bool:
    return isinstance(value, property) or type(value).__name__ == "cached_property"
