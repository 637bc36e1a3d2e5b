# SPDX-License-Identifier: MIT OR Apache-2.0
"""What all policies have in common: how they decorate, call and describe themselves.

A policy guards a function by kind: it makes a closure of the same kind around it (``_guard_...``),
so that guards nest without a layer between them, and a pipeline is nothing but guards within guards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, ParamSpec, Self, TypeVar

from trifuse._errors import ConfigurationError

if TYPE_CHECKING:
    from trifuse._typing import Decorated

P = ParamSpec("P")
R = TypeVar("R")
# Flags of the code of generators, coroutines, iterable coroutines, asynchronous generators.
_SPECIAL = 0x20 | 0x80 | 0x100 | 0x200


class Policy:
    """What a policy is: a decorator, ``call()``, ``describe()`` and ``reconfigure()``.

    Attributes:
        kind: ``"retry"``, ``"timeout"``, ``"rate_limit"``, ``"bulkhead"``, ``"adaptive_limit"``,
            ``"throttle"``, ``"fallback"``, ``"hedge"``, ``"circuit_breaker"``, ``"token_budget"``, ``"cache"``
            or ``"pipeline"``.
        settings: the names of the settings that are plain data: keyword arguments of the class
            and of :meth:`reconfigure`, which dictionaries, TOML and the environment may give.
        name: what it is called in refusals; empty until it is given, or taken from the first
            function it decorates or the pipeline it is put into.
    """

    __slots__ = ("__weakref__", "name")
    kind: ClassVar[str]
    settings: ClassVar[frozenset[str]] = frozenset()
    name: str

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Self]:
        """Decorate a function of any kind; it keeps its signature and gets ``.policy``."""
        guarded: Decorated[P, R, Self] = self._decorate(fn)
        return guarded

    def call(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function of any kind through the policy: ``await`` it if you would without."""
        code = getattr(fn, "__code__", None)
        plain = isinstance(fn, type) if code is None else not code.co_flags & _SPECIAL
        guard = self._guard_function if plain else self._guard
        result: R = guard(fn)(*args, **kwargs)
        return result

    def describe(self) -> dict[str, Any]:
        """Give kind, name and the numbers in force as plain data, durations in seconds."""
        return {"kind": self.kind, "name": self.name, **self._settings()}

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change settings, given by keyword; what was counted stays, and so do calls in flight.

        Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        for field, value in changes.items():
            raise ConfigurationError(field, value, f"nothing: a {self.kind} has no settings to change")

    def __repr__(self) -> str:
        """Show kind, name and numbers."""
        numbers = "".join(f", {field}={value!r}" for field, value in self._settings().items())
        return f"{type(self).__name__}({self.name!r}{numbers})"

    def __copy__(self) -> Self:
        """Give itself: a policy is shared, never copied."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Give itself: a policy is shared, never copied."""
        return self

    def __reduce__(self) -> Any:
        """Refuse to be pickled: what it counts and who waits for it are of its process."""
        raise TypeError(f"a {self.kind} cannot be pickled: let the other process make its own")

    def _settings(self) -> dict[str, Any]:
        """Give the settings in force in plain JSON types.

        ``type(self)(name=name, **self._settings())`` makes another one of the same behaviour, but
        for functions and shared objects that it was given.
        """
        return {}

    def _numbers(self) -> dict[str, Any]:
        """Give what one line can tell of it."""
        return self._settings()

    def _checked(self, changes: Mapping[str, Any]) -> None:
        """Raise ConfigurationError if reconfigure() would refuse these changes; take nothing."""
        type(self)(**{"name": self.name, **self._settings(), **changes})

    def _adopt(self, name: str) -> None:
        """Take a name, if it has none."""
        if not self.name:
            self.name = name

    def _decorate(self, fn: Any) -> Any:
        from trifuse._kinds import default_name, look_like

        if isinstance(fn, (classmethod, staticmethod)):
            return type(fn)(self._decorate(fn.__func__))
        guarded = self._guard(fn)
        self._adopt(default_name(fn))
        look_like(guarded, fn)
        guarded.policy = self
        return guarded

    def _guard(self, fn: Any) -> Any:
        """Give the guard that fits the kind of function, without its looks."""
        from trifuse._kinds import guard_with

        return guard_with(self, fn)

    def _guard_within(self, fn: Any, original: Any) -> Any:  # noqa: ARG002 - for those who look at it
        """Guard what guards of other policies have made of a function."""
        return self._guard(fn)

    def _guard_called(self, fn: Any) -> Any:
        """Guard a function for one call; here it may be a class as well, whose objects it makes."""
        return self._guard(partial(fn) if isinstance(fn, type) else fn)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        """Guard a synchronous function; what it returns may turn out to be awaitable."""
        self._cannot(fn, "synchronous functions")

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        """Guard a function whose result is awaited."""
        self._cannot(fn, "coroutine functions")

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        """Guard a generator function: admitted at the first item asked for, one outcome."""
        self._cannot(fn, "generator functions")

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        """Guard an asynchronous generator function: as a generator function."""
        self._cannot(fn, "asynchronous generator functions")

    def _cannot(self, fn: Any, what: str, advice: str = "") -> NoReturn:
        """Refuse to guard a kind of function that this policy has no meaning for."""
        allowed = f"a {self.kind} cannot guard {what}"
        raise ConfigurationError("function", fn, allowed + (f"; {advice}" if advice else ""))


def nest(policies: tuple[Policy, ...], fn: Any, original: Any) -> Any:
    """Put the guards of policies around a function, the outermost first."""
    wraps = hasattr(original, "__wrapped__")
    for policy in reversed(policies):
        fn = policy._guard_within(fn, original)
        if wraps and type(fn) is FunctionType and fn is not original:
            fn.__wrapped__ = original  # type: ignore[attr-defined] # guards around it see whether it is awaited
    return fn


def checked_name(name: object) -> str:
    """Give a policy's name: a text; None and "" mean that it has none yet."""
    if name is None:
        return ""
    if not isinstance(name, str):
        raise ConfigurationError("name", name, "a text")
    return name
