# SPDX-License-Identifier: MIT OR Apache-2.0
"""The decorator ``circuit_breaker``."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, Unpack, overload

from trifuse._breaker import BreakerFields, CircuitBreaker, make, split
from trifuse._declared import declare
from trifuse._errors import ConfigurationError
from trifuse._options import make_options

if TYPE_CHECKING:
    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._typing import Guarded, KeyedGuarded

P = ParamSpec("P")
R = TypeVar("R")
MAX_KEYS = 1024


class Decorator(Protocol):
    """Guards a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Guarded[P, R]:
        """Guard a function."""


class KeyedDecorator(Protocol):
    """Guards a function by key and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> KeyedGuarded[P, R]:
        """Guard a function."""


@overload
def circuit_breaker(name: Callable[P, R], /) -> Guarded[P, R]: ...
@overload
def circuit_breaker(
    name: str | None = None,
    /,
    *,
    key: Callable[..., Hashable],
    max_keys: int = MAX_KEYS,
    preset: str | None = None,
    registry: CircuitBreakerRegistry | None = ...,
    **fields: Unpack[BreakerFields],
) -> KeyedDecorator: ...
@overload
def circuit_breaker(
    name: str | None = None,
    /,
    *,
    preset: str | None = None,
    registry: CircuitBreakerRegistry | None = ...,
    **fields: Unpack[BreakerFields],
) -> Decorator: ...
def circuit_breaker(
    name: Any = None,
    /,
    *,
    key: Callable[..., Hashable] | None = None,
    max_keys: int = MAX_KEYS,
    preset: str | None = None,
    registry: Any = ...,
    **fields: Any,
) -> Any:
    """Guard a function of any kind by a circuit breaker.

    ``@circuit_breaker`` names the breaker ``module.qualname``; ``@circuit_breaker("payments",
    preset="aggressive", fallback=cached)`` names and configures it, with the arguments of
    :class:`CircuitBreaker`. Functions with the same name and settings share one breaker; the
    breaker of a method is the class's. ``failure_on``, ``ignore``, ``failure_if``, ``fallback`` and
    the like belong to the function, and may differ between functions that share a breaker.

    With ``key=`` a function of the call's arguments says which breaker is meant, such as
    ``key=lambda order: order.region``; there are at most ``max_keys`` of them.

    A function that returns an awaitable is admitted when called and guarded until the awaitable has
    been awaited to its end; what the caller gets is a coroutine.

    Raises ConfigurationError for bad settings, for a name taken with others, and for what cannot be
    guarded.
    """
    if callable(name) or not isinstance(name, (str, type(None))):
        return _decorate(name, None, key, max_keys, preset, registry, fields)

    def decorate(fn: Any, /) -> Any:
        return _decorate(fn, name, key, max_keys, preset, registry, fields)

    return decorate


def _decorate(fn: Any, name: Any, key: Any, max_keys: int, preset: Any, registry: Any, fields: Any) -> Any:
    from trifuse._kinds import check_guardable, default_name, guard
    from trifuse._registry import registry as default_registry

    function = fn.__func__ if isinstance(fn, (classmethod, staticmethod)) else fn
    check_guardable(function)
    name = default_name(function) if name is None else name
    home = default_registry if registry is ... else registry
    settings, guard_fields, listeners = split(fields)
    declared, options = declare(preset, settings), make_options(guard_fields)
    if key is not None:
        from trifuse._keyed import guard_by_key
        from trifuse._keys import KeyedBreakers

        if not callable(key):
            raise ConfigurationError("key", key, "a function of the call's arguments")
        if home is None:
            breakers = KeyedBreakers(name, declared, options, None, listeners, max_keys)
        else:
            breakers = home._obtain_keyed(name, declared, options, listeners, max_keys)
        return guard_by_key(breakers, options, key, fn)
    if home is None:
        breaker = make(CircuitBreaker, name, declared, options, None, listeners)
    else:
        breaker = home._obtain(CircuitBreaker, name, declared, options, listeners)
    return guard(breaker, options, fn)
