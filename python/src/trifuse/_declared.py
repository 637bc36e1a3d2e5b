# SPDX-License-Identifier: MIT OR Apache-2.0
"""Declared configurations: keyword arguments made into the core's struct, once per content."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from typing import Any

from trifuse import _fields
from trifuse._core import ffi, lib
from trifuse._durations import NEVER, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._values import Preset

_ILLEGAL_INTEGER = 0xFFFF_FFFF
_known: weakref.WeakValueDictionary[bytes, Declared] = weakref.WeakValueDictionary()
_designs: dict[tuple[float, float, float], tuple[int, int, int, float]] = {}


class Declared:
    """A configuration as it was written, shared by all breakers that have it."""

    __slots__ = ("__weakref__", "config", "fields", "preset", "timeout")

    def __init__(self, preset: str, fields: Mapping[str, Any], config: Any) -> None:
        """Keep what was written and the struct made of it."""
        self.preset = preset
        self.fields = fields
        self.config = config
        self.timeout = seconds(config.request_timeout_ns)

    def changed(self, changes: Mapping[str, Any]) -> Declared:
        """Give this configuration with some fields written anew."""
        return declare(self.preset, {**self.fields, **_renamed(changes)})

    def seeded(self, seed: int | None = None) -> Any:
        """Copy the struct, with the given seed or one of the operating system."""
        config = ffi.new("trifuse_breaker_config *", self.config[0])
        if "seed" not in self.fields:
            config.seed = int.from_bytes(os.urandom(8), "little") if seed is None else seed
        return config


def declare(preset: str | None, fields: Mapping[str, Any]) -> Declared:
    """Make a configuration of a preset and fields; equal ones are the same object.

    Raises ConfigurationError for the first field that is refused.
    """
    given = _renamed(fields)
    if given.keys() != fields.keys() and preset is None:
        given = {**_fields.FOUNDING, **given}
    preset = Preset.DEFAULT if preset is None else preset
    config = ffi.new("trifuse_breaker_config *")
    lib.trifuse_breaker_config_init(config, ffi.sizeof(config[0]), _preset_number(preset))
    _imply_window(given)
    for name, value in given.items():
        setattr(config, _fields.member(name), _encoded(name, value))
    error = new_error()
    if lib.trifuse_breaker_config_check(config, error) != lib.TRIFUSE_OK:
        raise refused(error, given)
    _design(config, given)
    key = bytes(ffi.buffer(config))
    if "seed" in given:
        key += b"seeded"
    return _known.setdefault(key, Declared(preset, given, config))


def new_error() -> Any:
    """Give an empty config_error to be filled."""
    return ffi.new("trifuse_config_error *", {"struct_size": ffi.sizeof("trifuse_config_error")})


def refused(error: Any, given: Mapping[str, Any]) -> ConfigurationError:
    """Make the exception of what the core refused, durations in seconds."""
    name = ffi.string(lib.trifuse_field_text(error.field)).decode()
    name = "window" if name == "window_kind" else name
    value: object = error.value_integer
    if name in given:
        value = given[name]
    elif error.value_kind == lib.TRIFUSE_VALUE_REAL:
        value = error.value_real
    elif error.value_kind == lib.TRIFUSE_VALUE_DURATION:
        value = seconds(error.value_integer)
    allowed = ffi.string(error.allowed).decode()
    if name in _fields.DURATIONS:
        allowed += " (in seconds, or a timedelta)"
    return ConfigurationError(name, value, allowed)


def _preset_number(preset: str) -> int:
    number = ffi.new("uint32_t *")
    text = preset.encode() if isinstance(preset, str) else b""
    if lib.trifuse_preset_from_text(text, number) != lib.TRIFUSE_OK:
        raise ConfigurationError("preset", preset, ", ".join(Preset))
    return int(number[0])


def _renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in _fields.NAMES:
            raise TypeError(f"unknown setting of a circuit breaker: {name!r}")
        full = _fields.ALIASES.get(name, name)
        if full in given:
            raise ConfigurationError(name, value, f"either {name} or {full}: they are the same")
        given[full] = value
    return given


def _imply_window(given: dict[str, Any]) -> None:
    if "window" in given or "window_count" not in given:
        return
    if "window_duration" in given or "window_buckets" in given:
        raise ConfigurationError("window", None, "'time' or 'count', when settings of both windows are given")
    given["window"] = "count"


def _encoded(name: str, value: Any) -> Any:
    if name in _fields.DURATIONS:
        ns = 0 if value is None else nanoseconds(value)
        if ns is None:
            raise ConfigurationError(name, value, _allowed(name, NEVER) + " (in seconds, or a timedelta)")
        return ns
    if name in _fields.CHOICES:
        choices = _fields.CHOICES[name]
        if value not in choices:
            raise ConfigurationError(name, value, ", ".join(choices))
        return choices.index(value)
    if name in _fields.REALS:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigurationError(name, value, "a number, " + _allowed(name, float("nan")))
        return min(value, 1e300)
    limit = NEVER if name == "seed" else _ILLEGAL_INTEGER
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        allowed = f"0 to {limit}" if name == "seed" else _allowed(name, limit)
        raise ConfigurationError(name, value, "a whole number, " + allowed)
    return value


def _allowed(name: str, illegal: float) -> str:
    """Ask the core what it allows, by showing it a value that it never does."""
    config = ffi.new("trifuse_breaker_config *")
    lib.trifuse_breaker_config_init(config, ffi.sizeof(config[0]), lib.TRIFUSE_PRESET_DEFAULT)
    setattr(config, _fields.member(name), illegal)
    error = new_error()
    lib.trifuse_breaker_config_check(config, error)
    return str(ffi.string(error.allowed).decode())


def _design(config: Any, given: Mapping[str, Any]) -> None:
    """Solve a cusum once for each triple; the breakers made later take the result."""
    if config.detector != lib.TRIFUSE_DETECTOR_CUSUM:
        return
    up, down, threshold, calls = _solved(
        config.tolerated_failure_rate, config.outage_failure_rate, config.false_open_every, given, ""
    )
    config.cusum_up, config.cusum_down, config.cusum_threshold = up, down, threshold
    config.cusum_calls_to_detect_outage = calls
    if config.slow_call_duration_ns and config.tolerated_slow_rate > 0:
        slow = _solved(
            config.tolerated_slow_rate, config.outage_slow_rate, config.false_open_every, given, "slow"
        )
        config.slow_cusum_up, config.slow_cusum_down, config.slow_cusum_threshold = slow[:3]


def _solved(
    tolerated: float, outage: float, every: float, given: Mapping[str, Any], kind: str
) -> tuple[int, int, int, float]:
    triple = (tolerated, outage, every)
    if triple not in _designs:
        design = ffi.new("trifuse_cusum_design *")
        design.struct_size = ffi.sizeof(design[0])
        design.tolerated_rate, design.outage_rate, design.false_open_every = triple
        error = new_error()
        if lib.trifuse_cusum_solve(design, error) != lib.TRIFUSE_OK:
            reason = refused(error, given)
            if kind:
                reason.field = reason.field.replace("failure", kind)
            raise reason
        _designs[triple] = (
            design.up, design.down, design.threshold, design.calls_to_detect_outage
        )  # fmt: skip
    return _designs[triple]
