# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of ``protect`` and the policies that they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from trifuse import _fields, _options
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._options import NOT_GIVEN, ErrorTest

if TYPE_CHECKING:
    from trifuse._bulkhead import Bulkhead
    from trifuse._listeners import CallListener, RefusalListener, TransitionListener
    from trifuse._llm.token_budget import TokenBudget
    from trifuse._pipeline import Pipeline
    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._retry import Retry
    from trifuse.cache import ResultCache

_GUARD = _options.NAMES - {"fallback", "fallback_value", "fallback_on", "idle_timeout", "thread"}
_LISTENERS = {"on_transition", "on_refused", "on_call"}
_BREAKER = _fields.NAMES | _GUARD | _LISTENERS
_OWN = {
    "name", "preset", "per", "retry", "rpm", "tpm", "tokens", "max_wait", "bulkhead", "fallback", "fallback_on",
    "total", "first_content", "idle", "resume", "thread", "embeddings", "api", "pipeline", "registry",
    "cache",
}  # fmt: skip
_OF_A_GROUP = _BREAKER | {
    "preset", "retry", "rpm", "tpm", "tokens", "max_wait", "bulkhead", "fallback", "fallback_on", "total",
    "cache",
}  # fmt: skip
_DEFAULTS = {"max_wait": 30.0, "retry": 2, "preset": "llm", "per": "client"}
RETRY = {"delay": 0.5, "max_delay": 8.0}
"""What the default retry has beside ``max_retries``."""


class ProtectSettings(_fields.ConfigFields, total=False):
    """The keyword arguments of ``protect``."""

    name: str | None
    preset: str
    per: Literal["client", "model"]
    retry: Retry | int | bool | Mapping[str, Any] | None
    rpm: int | None
    tpm: int | None
    tokens: TokenBudget | None
    max_wait: Duration
    bulkhead: Bulkhead | int | Mapping[str, Any] | None
    fallback: Any
    cache: ResultCache | None
    fallback_on: ErrorTest | None
    total: Duration | None
    first_content: Duration | None
    idle: Duration | None
    resume: Any
    thread: bool
    embeddings: Mapping[str, Any] | bool
    api: Mapping[str, Any] | bool
    pipeline: Pipeline | None
    registry: CircuitBreakerRegistry | None
    failure_on: ErrorTest
    ignore: ErrorTest
    failure_if: Callable[[Any], bool]
    respect_retry_after: bool
    quota_open_duration: Duration
    on_transition: TransitionListener
    on_refused: RefusalListener
    on_call: CallListener


class Limits(NamedTuple):
    """Time limits in seconds; None: none."""

    attempt: float | None
    total: float | None
    first_content: float | None
    idle: float | None
    stream_total: float | None


class Settings:
    """Checked settings of one group of operations."""

    __slots__ = ("breaker", "fallback", "given", "limits")

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Check. Raises ConfigurationError."""
        self.given = {**_DEFAULTS, **given}
        if self.given["max_wait"] is None:
            self.given["max_wait"] = 0
        self.breaker = {name: value for name, value in given.items() if name in _BREAKER}
        self.fallback = given.get("fallback", NOT_GIVEN)
        without = self.fallback is NOT_GIVEN or self.fallback is None
        if given.get("fallback_on") is not None and without:
            raise ConfigurationError("fallback_on", given["fallback_on"], "only with fallback")
        if self.given["per"] not in ("client", "model"):
            raise ConfigurationError("per", self.given["per"], "'client' or 'model'")
        self.limits = self._limits()

    def _limits(self) -> Limits:
        attempt = self._attempt()
        first = self._seconds("first_content", attempt)
        if attempt is not None and first is not None and first > attempt:
            raise ConfigurationError("first_content", first, f"at most request_timeout, which is {attempt:g}")
        total = self._seconds("total", None)
        return Limits(attempt, total, first, self._seconds("idle", attempt), total)

    def _attempt(self) -> float | None:
        if "request_timeout" in self.breaker:
            return self._seconds("request_timeout", None)
        from trifuse._declared import declare

        return declare(self.given["preset"], {}).timeout or None

    def _seconds(self, field: str, default: float | None) -> float | None:
        value = self.given.get(field, default)
        ns = 0 if value is None else nanoseconds(value)
        if ns is None or ns > 365 * 86_400 * 10**9:
            raise ConfigurationError(field, value, "None, or up to 365 days (in seconds, or a timedelta)")
        return seconds(ns) or None


def read(given: Mapping[str, Any]) -> dict[str, Settings | None]:
    """Read the settings of ``protect``, by group; None for a group that is not guarded.

    Raises ConfigurationError for what is not allowed, TypeError for what is not known.
    """
    for name in given:
        if name not in _OWN and name not in _BREAKER:
            raise TypeError(f"protect() has no setting {name!r}")
    if given.get("pipeline") is not None:
        _check_pipeline(given)
    if type(given.get("thread", False)) is not bool:
        raise ConfigurationError("thread", given["thread"], "True or False")
    groups: dict[str, Settings | None] = {"llm": Settings(given)}
    shared = {
        name: value
        for name, value in given.items()
        if name not in {"rpm", "tpm", "tokens", "fallback", "fallback_on", "cache", "pipeline", "failure_if"}
    }
    for group in ("embeddings", "api"):
        groups[group] = _of_group(group, given.get(group, True), shared)
    return groups


def _of_group(group: str, changes: Any, shared: Mapping[str, Any]) -> Settings | None:
    if changes is False or changes is None:
        return None
    if changes is True:
        return Settings(shared)
    if not isinstance(changes, Mapping):
        raise ConfigurationError(group, changes, "settings of this group, True or False")
    for name, value in changes.items():
        if name not in _OF_A_GROUP:
            raise ConfigurationError(f"{group}.{name}", value, f"one of {', '.join(sorted(_OF_A_GROUP))}")
    return Settings({**shared, **changes})


def _check_pipeline(given: Mapping[str, Any]) -> None:
    from trifuse._policy import Policy

    pipeline = given["pipeline"]
    if not isinstance(pipeline, Policy):
        raise ConfigurationError("pipeline", pipeline, "a Pipeline, or another policy")
    without = {"cache", "retry", "rpm", "tpm", "tokens", "bulkhead", "preset", "per"} | _BREAKER - {
        "request_timeout"
    }
    for name in given:
        if name in without and given[name] is not None:
            raise ConfigurationError(name, given[name], "not beside pipeline, which says it all")
