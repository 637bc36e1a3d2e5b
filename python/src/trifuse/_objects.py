# SPDX-License-Identifier: MIT OR Apache-2.0
"""Objects of the core that live in memory of Python's: a kind of them, and how they are read."""

from __future__ import annotations

from typing import Any

from trifuse._core import ffi, lib
from trifuse._structs import Kind

now_ns = lib.trifuse_py_now


def kind_of(
    name: str, what: str, durations: frozenset[str], reals: frozenset[str], preset: tuple[int, ...] = ()
) -> Kind:
    """Give the kind of the core's objects of this name; ``preset`` for what has presets."""
    start_config = getattr(lib, f"trifuse_{name}_config_init")
    check = getattr(lib, f"trifuse_{name}_config_check")
    measure = getattr(lib, f"trifuse_{name}_size")
    make = getattr(lib, f"trifuse_{name}_init")

    def start(config: Any) -> Any:
        start_config(config, ffi.sizeof(config[0]), *preset)
        return config

    def size(config: Any, error: Any, result: Any) -> int:
        result[0] = check(config, error)
        return int(measure(config))

    def open_(block: Any, size: int, config: Any, error: Any) -> int:
        return int(make(block, size, config, now_ns(), error, ffi.new(f"trifuse_{name} **")))

    return Kind(what, f"trifuse_{name}_config", start, check, size, open_, durations, reals)


def handle(name: str, block: Any) -> Any:
    """Give the object that stands in a block."""
    return ffi.cast(f"trifuse_{name} *", block)


def filled(name: str, block: Any, *now: int) -> Any:
    """Give a snapshot of an object as the core's struct."""
    raw = ffi.new(f"trifuse_{name}_snapshot *")
    raw.struct_size = ffi.sizeof(raw[0])
    getattr(lib, f"trifuse_{name}_get_snapshot")(handle(name, block), *now, raw)
    return raw
