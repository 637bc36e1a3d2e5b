# SPDX-License-Identifier: MIT OR Apache-2.0
"""Configurations of the core's limits: keyword arguments made into a struct, blocks made of those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trifuse._core import ffi, lib
from trifuse._durations import NEVER, nanoseconds, seconds
from trifuse._errors import ConfigurationError, TrifuseError

_IN_SECONDS = " (in seconds, or a timedelta)"
_ILLEGAL = 0xFFFF_FFFF
YEAR: int = lib.TRIFUSE_DURATION_MAX_NS
"""The longest duration that a setting may have, in ns."""


class Kind(NamedTuple):
    """A kind of object of the core, with the fields of its configuration that people may set."""

    what: str
    struct: str
    start: Callable[[Any], Any]
    check: Callable[[Any, Any], int]
    size: Callable[[Any, Any, Any], int]
    open: Callable[[Any, int, Any, Any], int]
    durations: frozenset[str]
    reals: frozenset[str]

    def config(self, given: Mapping[str, Any]) -> Any:
        """Make a configuration of fields. Raises ConfigurationError for the first that is refused."""
        config = self.start(ffi.new(f"{self.struct} *"))
        for field, value in given.items():
            setattr(config, self._member(field), self._encoded(field, value))
        error = _new_error()
        if self.check(config, error) != lib.TRIFUSE_OK:
            raise self.refused(error, given)
        return config

    def block(self, config: Any, given: Mapping[str, Any]) -> Any:
        """Make an object, in memory that the garbage collector takes no part in."""
        error, result = _new_error(), ffi.new("int *")
        size = self.size(config, error, result)
        if result[0] == lib.TRIFUSE_OK:
            block = ffi.new("uint64_t[]", size // 8)
            result[0] = self.open(block, size, config, error)
        if result[0] == lib.TRIFUSE_ERROR_CONFIG:
            raise self.refused(error, given)
        if result[0] != lib.TRIFUSE_OK:
            raise TrifuseError(f"a {self.what} cannot be made: error {result[0]}")
        return block

    def take(self, function: Callable[[Any], int], given: Mapping[str, Any]) -> None:
        """Let the core take something new; ``function`` is given the error to fill."""
        error = _new_error()
        result = function(error)
        if result == lib.TRIFUSE_ERROR_CONFIG:
            raise self.refused(error, given)
        if result != lib.TRIFUSE_OK:
            raise TrifuseError(f"a {self.what} refused a change: error {result}")

    def refused(self, error: Any, given: Mapping[str, Any]) -> ConfigurationError:
        """Make the exception of what the core refused, durations in seconds."""
        field = ffi.string(lib.trifuse_field_text(error.field)).decode()
        value: object = error.value_integer
        if field in given:
            value = given[field]
        elif error.value_kind == lib.TRIFUSE_VALUE_REAL:
            value = error.value_real
        elif error.value_kind == lib.TRIFUSE_VALUE_DURATION:
            value = seconds(error.value_integer)
        allowed = ffi.string(error.allowed).decode()
        return ConfigurationError(field, value, allowed + (_IN_SECONDS if field in self.durations else ""))

    def _member(self, field: str) -> str:
        return field + "_ns" if field in self.durations else field

    def _encoded(self, field: str, value: Any) -> Any:
        if field in self.durations:
            ns = 0 if value is None else nanoseconds(value)
            if ns is None:
                raise ConfigurationError(field, value, self._allowed(field, NEVER) + _IN_SECONDS)
            return ns
        if field in self.reals:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigurationError(field, value, "a number, " + self._allowed(field, float("nan")))
            return max(min(value, 1e300), -1e300)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
            allowed = self._allowed(field, _ILLEGAL) or f"0 to {_ILLEGAL}"
            raise ConfigurationError(field, value, "a whole number, " + allowed)
        return value

    def _allowed(self, field: str, illegal: float) -> str:
        """Ask the core what it allows, by showing it a value that it never does."""
        config = self.start(ffi.new(f"{self.struct} *"))
        setattr(config, self._member(field), illegal)
        error = _new_error()
        self.check(config, error)
        return str(ffi.string(error.allowed).decode())


def wait_ns(field: str, value: Any) -> int:
    """Give a time to wait in nanoseconds; None is no waiting. Raises ConfigurationError."""
    ns = 0 if value is None else nanoseconds(value)
    if ns is None or ns > YEAR:
        raise ConfigurationError(field, value, "0 (no waiting) to 365 days" + _IN_SECONDS)
    return ns


def _new_error() -> Any:
    return ffi.new("trifuse_config_error *", {"struct_size": ffi.sizeof("trifuse_config_error")})
