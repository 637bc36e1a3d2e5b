# SPDX-License-Identifier: MIT OR Apache-2.0
"""Breakers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from trifuse._breaker import BreakerFields, CircuitBreaker, make
from trifuse._declared import Declared
from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._listeners import CallListener, Listeners, RefusalListener, TransitionListener
from trifuse._locks import Lock
from trifuse._options import Options, same_options

if TYPE_CHECKING:
    from trifuse._keys import KeyedBreakers


class CircuitBreakerRegistry(Mapping[str, CircuitBreaker]):
    """The breakers of an application by name, for sharing and for monitoring.

    A mapping: ``registry["payments"]``, ``for name, breaker in registry.items()``. There is one
    for all, ``trifuse.registry``; an application may have its own and give it to its breakers.
    May be used from any number of threads; iterating sees the breakers of that moment.
    """

    def __init__(
        self,
        *,
        on_transition: TransitionListener | None = None,
        on_refused: RefusalListener | None = None,
        on_call: CallListener | None = None,
    ) -> None:
        """Begin empty. The listeners are told of all breakers in it."""
        self._breakers: dict[str, CircuitBreaker] = {}
        self._keyed: dict[str, KeyedBreakers] = {}
        self._lock = Lock()
        self._listeners = Listeners()
        given = {"on_transition": on_transition, "on_refused": on_refused, "on_call": on_call}
        for kind, listener in given.items():
            if listener is not None:
                self._listeners.add(kind, listener)

    def __getitem__(self, name: str) -> CircuitBreaker:
        """Give the breaker of that name. Raises KeyError."""
        return self._breakers[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of this moment."""
        return iter(list(self._breakers))

    def __len__(self) -> int:
        """Give the number of breakers."""
        return len(self._breakers)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal to itself only."""
        return self is other

    def __repr__(self) -> str:
        """Show the number of breakers."""
        return f"<CircuitBreakerRegistry of {len(self)} breakers>"

    def breaker(
        self, name: str, preset: str | None = None, **fields: Unpack[BreakerFields]
    ) -> CircuitBreaker:
        """Give the breaker of this name, making it if needed; see :class:`CircuitBreaker`."""
        return CircuitBreaker(name, preset, registry=self, **fields)

    def remove(self, name: str) -> CircuitBreaker:
        """Forget a breaker; who holds it may go on using it. Raises KeyError."""
        with self._lock:
            return self._breakers.pop(name)

    def clear(self) -> None:
        """Forget all breakers; who holds one may go on using it."""
        with self._lock:
            self._breakers.clear()
            self._keyed.clear()

    def on_transition(self, listener: TransitionListener) -> TransitionListener:
        """Add a listener, sync or async, for the transitions of all breakers."""
        self._listeners.add("on_transition", listener)
        return listener

    def on_refused(self, listener: RefusalListener) -> RefusalListener:
        """Add a listener, sync or async, for the refusals of all breakers."""
        self._listeners.add("on_refused", listener)
        return listener

    def on_call(self, listener: CallListener) -> CallListener:
        """Add a listener, sync or async, for the calls of all breakers; costs every call."""
        self._listeners.add("on_call", listener)
        self._refresh()
        return listener

    def off(self, *listeners: Callable[..., Any]) -> None:
        """Remove listeners of this registry; those it does not have are passed over."""
        self._listeners.remove(listeners)
        self._refresh()

    def _refresh(self) -> None:
        for breaker in list(self._breakers.values()):
            breaker._refresh()

    def _obtain_keyed(
        self,
        name: str,
        declared: Declared,
        options: Options,
        listeners: dict[str, Any],
        max_keys: int,
    ) -> KeyedBreakers:
        """Give the known breakers by key if they were declared the same, else make some."""
        from trifuse._keys import KeyedBreakers

        made = KeyedBreakers(name, declared, options, self, listeners, max_keys)
        with self._lock:
            known = self._keyed.setdefault(name, made)
        if known._declared is not declared:
            raise _taken(name, known._declared, declared)
        if known.max_keys != max_keys:
            raise ConfigurationError("max_keys", max_keys, f"{known.max_keys}, as {name!r} has already")
        return known

    def _add(self, breaker: CircuitBreaker) -> None:
        """Make one key's breaker known; a name that is taken keeps its breaker."""
        with self._lock:
            self._breakers.setdefault(breaker.name, breaker)

    def _discard(self, breaker: CircuitBreaker) -> None:
        with self._lock:
            if self._breakers.get(breaker.name) is breaker:
                del self._breakers[breaker.name]

    def _obtain(
        self,
        cls: type[CircuitBreaker],
        name: str,
        declared: Declared,
        options: Options,
        listeners: dict[str, Any],
        *,
        compare_options: bool = False,
    ) -> CircuitBreaker:
        """Give the known breaker if it was declared the same, else make one."""
        with self._lock:
            known = self._breakers.get(name)
            if known is None:
                known = make(cls, name, declared, options, self, listeners)
                self._breakers[name] = known
                return known
        if known._declared is not declared:
            raise _taken(name, known._declared, declared)
        if compare_options and not same_options(known._options, options):
            raise ConfigurationError(
                "name", name, "another name: this one is taken with other fallbacks or error rules"
            )
        for kind, listener in listeners.items():
            known._own_listeners().add(kind, listener)
            known._refresh()
        return known


def restore(name: str) -> CircuitBreaker:
    """Unpickle a breaker: find it by its name."""
    try:
        return registry[name]
    except KeyError:
        raise TrifuseError(
            f"circuit breaker {name!r} was pickled by its name, and this process has none of that "
            "name in trifuse.registry: make it where it is imported, in both processes"
        ) from None


def _taken(name: str, known: Declared, wanted: Declared) -> ConfigurationError:
    names = known.fields.keys() | wanted.fields.keys()
    other = sorted(n for n in names if known.fields.get(n) != wanted.fields.get(n))
    if known.preset != wanted.preset:
        other.insert(0, "preset")
    return ConfigurationError(
        "name", name, f"another name: this one is taken with another {', '.join(other) or 'seed'}"
    )


registry = CircuitBreakerRegistry()
"""The registry that breakers are in unless told otherwise."""
