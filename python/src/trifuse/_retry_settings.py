# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of a retry: their names, kinds and types, and the core's struct of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypedDict

from trifuse._core import lib
from trifuse._durations import NEVER, Duration, seconds
from trifuse._errors import ConfigurationError
from trifuse._objects import kind_of
from trifuse._options import ErrorTest
from trifuse._retry_budget import RetryBudget
from trifuse._retrying import RetryEvent

Strategy = Literal["fixed", "linear", "exponential"]
Jitter = Literal["none", "proportional", "full", "equal", "decorrelated"]
Listener = Callable[[RetryEvent], Any]

_CHOICES = {
    "strategy": ("fixed", "linear", "exponential"),
    "jitter": ("none", "proportional", "full", "equal", "decorrelated"),
}
_DURATIONS = ("delay", "increment", "max_delay", "max_elapsed", "retry_after_max")
NUMBERS = ("max_retries", "strategy", "jitter", "multiplier", *_DURATIONS)
FLAGS = ("raise_exhausted", "nested")
KIND = kind_of(
    "retry", "retry", frozenset(_DURATIONS), frozenset({"multiplier"}), (lib.TRIFUSE_PRESET_DEFAULT,)
)


class RetryFields(TypedDict, total=False):
    """All keyword arguments of a retry. Durations: seconds or timedelta."""

    max_retries: int
    delay: Duration
    max_delay: Duration
    strategy: Strategy
    multiplier: float
    increment: Duration
    jitter: Jitter
    max_elapsed: Duration | None
    retry_after_max: Duration
    on: ErrorTest
    ignore: ErrorTest
    retry_if: Callable[[Any], bool]
    budget: RetryBudget | None
    delay_fn: Callable[[int, Exception | None], Duration | None]
    raise_exhausted: bool
    nested: bool
    on_retry: Listener | list[Listener]
    on_give_up: Listener | list[Listener]
    seed: int
    name: str | None


class RetrySnapshot(NamedTuple):
    """What a retry has seen. Calls that were cancelled are in none of it.

    Attributes:
        calls: calls that have ended.
        successes: of them ended well, with or without retries.
        failures: of them ended badly.
        retried: of them had at least one retry.
        retries: retries made.
        stopped_retries: how often there was no retry because of ``max_retries``,
        stopped_deadline: because it would not have begun in time,
        stopped_retry_after: because the server wants more than ``retry_after_max``,
        refused_budget: because the budget was spent.
    """

    calls: int
    successes: int
    failures: int
    retried: int
    retries: int
    stopped_retries: int
    stopped_deadline: int
    stopped_retry_after: int
    refused_budget: int


def make_config(given: Mapping[str, Any], seed: Any = None) -> Any:
    """Make the core's struct of the fields in NUMBERS. Raises ConfigurationError, TypeError."""
    numbers = dict(given)
    for field, value in given.items():
        if field not in NUMBERS:
            raise TypeError(f"unknown setting of a retry: {field!r}")
        if field in _CHOICES:
            if value not in _CHOICES[field]:
                raise ConfigurationError(field, value, ", ".join(_CHOICES[field]))
            numbers[field] = _CHOICES[field].index(value)
    config = KIND.config(numbers)
    config.seed = int.from_bytes(os.urandom(8), "little") if seed is None else _checked_seed(seed)
    return config


def read(config: Any) -> dict[str, Any]:
    """Give the fields in NUMBERS as people write them."""
    settings: dict[str, Any] = {}
    for field in NUMBERS:
        if field in _CHOICES:
            settings[field] = _CHOICES[field][getattr(config, field)]
        elif field in _DURATIONS:
            settings[field] = seconds(getattr(config, f"{field}_ns"))
        else:
            settings[field] = getattr(config, field)
    return settings


def flag(field: str, value: Any) -> bool:
    """Check a setting that is on or off."""
    if not isinstance(value, bool):
        raise ConfigurationError(field, value, "True or False")
    return value


def function(field: str, value: Any) -> Any:
    """Check a setting that is a function, or None."""
    if value is not None and not callable(value):
        raise ConfigurationError(field, value, "a function")
    return value


def listeners(field: str, value: Any) -> tuple[Listener, ...]:
    """Check a setting that is a function, several, or None."""
    several = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    for one in several:
        function(field, one)
    return tuple(several)


def checked_budget(value: Any) -> RetryBudget | None:
    """Check a budget, or None."""
    if value is not None and not isinstance(value, RetryBudget):
        raise ConfigurationError("budget", value, "a RetryBudget, or None")
    return value


def _checked_seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= NEVER:
        raise ConfigurationError("seed", value, f"a whole number, 0 to {NEVER}")
    return value
