# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of a guarded client, and the policies that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from trifuse import _fields
from trifuse._breaker import split
from trifuse._declared import declare
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._keys import KeyedBreakers
from trifuse._options import ErrorTest, Options, make_options
from trifuse._rates import Rate
from trifuse._renaming import given_as
from trifuse.contrib._http.hosts import Hosts
from trifuse.contrib._http.places import KeyedPlaces

if TYPE_CHECKING:
    from trifuse._listeners import CallListener, RefusalListener, TransitionListener
    from trifuse._places import Places
    from trifuse._rate_keys import KeyedRateLimits
    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._retry import Retry

MAX_HOSTS = 1024
_MOST_HOSTS = 1_000_000
_RETRIES = 2
_NOT_HERE = frozenset({"fallback", "fallback_value", "fallback_on", "idle_timeout", "thread"})
_FOUNDING_TIMEOUT = "total_timeout (a whole request), request_timeout (to the answer's head) or open_duration"


class HttpFields(_fields.ConfigFields, total=False):
    """The keyword arguments of a guarded client: the settings of its breakers, and these."""

    name: str
    preset: str | None
    registry: CircuitBreakerRegistry | None
    retry: Retry | Mapping[str, Any] | int | bool | None
    rate_limit: Rate | float | Mapping[str, Any] | None
    bulkhead: int | Mapping[str, Any] | None
    adaptive_limit: str | Mapping[str, Any] | None
    total_timeout: Duration | None
    max_hosts: int
    key: Callable[[Any], Hashable] | None
    refusals: Literal["raise", "respond"]
    failure_on: ErrorTest
    ignore: ErrorTest
    failure_if: Callable[[Any], bool]
    respect_retry_after: bool
    on_transition: TransitionListener
    on_refused: RefusalListener
    on_call: CallListener


def take_breaker(fields: dict[str, Any]) -> tuple[Any, Options, dict[str, Any]]:
    """Give the declaration, the options and the listeners of the breakers."""
    for field, value in fields.items():
        if field == "timeout":
            raise ConfigurationError(field, value, _FOUNDING_TIMEOUT)
        if field in _NOT_HERE:
            raise ConfigurationError(field, value, "nothing: a client's guard has no such setting")
    preset = fields.pop("preset", None)
    settings, guard, listeners = split(fields)
    for field in settings:
        if field not in _fields.NAMES:
            raise TypeError(f"unknown setting of a guarded client: {field!r}")
    return declare(preset, settings), make_options(guard), listeners


def make_hosts(name: str, given: dict[str, Any]) -> Hosts:
    """Take out of ``given`` what the policies of each host are made of, and make them."""
    registry = given.pop("registry", ...)
    max_hosts = given.pop("max_hosts", MAX_HOSTS)
    if isinstance(max_hosts, bool) or not isinstance(max_hosts, int) or not 0 < max_hosts <= _MOST_HOSTS:
        raise ConfigurationError("max_hosts", max_hosts, f"a whole number, 1 to {_MOST_HOSTS}")
    rate, bulkhead = given.pop("rate_limit", None), given.pop("bulkhead", None)
    adaptive = given.pop("adaptive_limit", None)
    if bulkhead is not None and adaptive is not None:
        raise ConfigurationError("adaptive_limit", adaptive, "nothing beside bulkhead: each limits the calls")
    declared, options, listeners = take_breaker(given)
    limits = None if rate is None else _rate_limits(name, rate, max_hosts)
    places = _places(name, bulkhead, adaptive, max_hosts)
    breakers = _breakers(name, declared, options, registry, listeners, max_hosts)
    return Hosts(breakers, options, limits, places)


def _breakers(
    name: str, declared: Any, options: Options, registry: Any, listeners: dict[str, Any], max_hosts: int
) -> KeyedBreakers:
    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._registry import registry as default_registry

    home = default_registry if registry is ... else registry
    if home is None:
        return KeyedBreakers(name, declared, options, None, listeners, max_hosts)
    if not isinstance(home, CircuitBreakerRegistry):
        raise ConfigurationError("registry", home, "a CircuitBreakerRegistry, or None")
    return home._obtain_keyed(name, declared, options, listeners, max_hosts)


def _rate_limits(name: str, value: Any, max_hosts: int) -> KeyedRateLimits:
    from trifuse._rate_keys import KeyedRateLimits

    settings = dict(value) if isinstance(value, Mapping) else {"rate": value}
    if "rate" not in settings:
        raise ConfigurationError(
            "rate_limit", value, "a rate such as per(500, minutes=1), or settings with one"
        )
    with given_as("rate_limit", value, *_names(value, "rate", "permits", "period")):
        return KeyedRateLimits(**{"max_keys": max_hosts, **settings, "name": name})


def _places(name: str, bulkhead: Any, adaptive: Any, max_hosts: int) -> KeyedPlaces | None:
    make: Callable[[str], Places]
    if bulkhead is not None:
        from trifuse._bulkhead import Bulkhead

        settings = _settings("bulkhead", bulkhead, "limit")
        field, value = "bulkhead", bulkhead
        make = lambda key: Bulkhead(**settings, name=key)  # noqa: E731
    elif adaptive is not None:
        from trifuse._adaptive_limit import AdaptiveLimit

        settings = _settings("adaptive_limit", adaptive, "algorithm")
        field, value = "adaptive_limit", adaptive
        make = partial(_adaptive, AdaptiveLimit, settings)
    else:
        return None
    with given_as(field, value, *_names(value, "limit", "algorithm")):
        make(name)  # bad settings are refused now, not at the first request
    return KeyedPlaces(name, make, max_hosts)


def _adaptive(kind: Any, settings: dict[str, Any], key: str) -> Places:
    made: Places = kind(**settings, name=key)
    return made


def _names(value: Any, *names: str) -> tuple[str, ...]:
    """Give the names under which a policy knows a value; a setting of a mapping keeps its own."""
    return () if isinstance(value, Mapping) else names


def _settings(field: str, value: Any, first: str) -> dict[str, Any]:
    if isinstance(value, bool):
        raise ConfigurationError(field, value, f"a value for {first}, or a mapping of settings")
    return dict(value) if isinstance(value, Mapping) else {first: value}


def make_retry(name: str, value: Any) -> Retry | None:
    """Make the retry of a client: 2 retries unless told otherwise; none for False, None and 0."""
    from trifuse._retry import Retry

    if isinstance(value, Retry):
        value._adopt(name)
        return value
    if value is None or value is False or (isinstance(value, int) and value == 0):
        return None
    given = value
    if value is True:
        value = _RETRIES
    if isinstance(value, int):
        value = {"max_retries": value}
    if not isinstance(value, Mapping):
        raise ConfigurationError("retry", value, "a Retry, its settings, a number of retries, True or False")
    with given_as("retry", given, *_names(given, "max_retries")):
        return Retry(**{"max_retries": _RETRIES, **value, "name": name})


def one_of(field: str, value: Any, allowed: Collection[str]) -> str:
    """Check a setting that is one of a few words."""
    if value not in allowed:
        raise ConfigurationError(field, value, ", ".join(allowed))
    text: str = value
    return text
