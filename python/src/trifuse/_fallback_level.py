# SPDX-License-Identifier: MIT OR Apache-2.0
"""One level of a chain of fallbacks, and the form of it that brings a breaker and a time limit."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from trifuse._errors import ConfigurationError
from trifuse._renaming import given_as

if TYPE_CHECKING:
    from trifuse._chains import Why
    from trifuse._durations import Duration
    from trifuse._policy import Policy
    from trifuse._timeout import Timeout

P = ParamSpec("P")
R = TypeVar("R")
When = str | type[BaseException] | Callable[[BaseException], bool]
_WHEN = "kinds of error, exception types, or a function of the error"


class Value:
    """A value as the last level."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Keep it."""
        self.value = value

    def __eq__(self, other: object) -> bool:
        """Equal when it is the same object."""
        return isinstance(other, Value) and self.value is other.value

    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> Any:
        """Give it."""
        return self.value


class FallbackLevel(Generic[P, R]):
    """A level of a chain with a breaker and a time limit of its own, and for some errors only.

    ``fallback=[cached, FallbackLevel(second_model, breaker="second model", timeout=5), "Sorry."]``

    Args:
        fn: what answers: a function of any kind that the chain takes.
        breaker: the circuit breaker of the level, or its name: that of ``trifuse.registry``, or a
            new one whose ``request_timeout`` is ``timeout``. Any other policy, such as a pipeline,
            is taken too. While it refuses, the next level is asked.
        timeout: how long the level may take, in seconds or as timedelta (of a stream: up to its
            first item); or a Timeout.
        when: the errors that the level is asked for: kinds (``"timeout"``; see trifuse.classify),
            exception types, functions of the error, or several of these. By default all.
        thread: run a synchronous function in a thread, so that its time limit can be kept.
        name: what logs, events and metrics call the level; by default the function's name.

    It can be called like the function, guarded in the same way. May be used from any number of
    threads and tasks, and in several chains.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("__wrapped__", "_asynchronous_twin", "_guarded", "breaker", "name", "when")

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        breaker: Policy | str | None = None,
        timeout: Duration | Timeout | None = None,
        when: When | tuple[When, ...] | list[When] | None = None,
        thread: bool = False,
        name: str | None = None,
    ) -> None:
        """Take the function and its guards."""
        if not callable(fn):
            raise ConfigurationError("fn", fn, "a function; a value is the last of the chain by itself")
        if name is not None and (not isinstance(name, str) or not name):
            raise ConfigurationError("name", name, "a text that is not empty")
        if thread and timeout is None:
            raise ConfigurationError("thread", thread, "only with timeout")
        self.__wrapped__ = fn
        self.name = name or name_of(fn)
        self.when = None if when is None else _checked_when(when)
        limit, self.breaker = _guards(self.name, breaker, timeout, thread=thread)
        self._guarded = self._guard(limit, fn)
        twin = getattr(fn, "_asynchronous_twin", None)  # as that of a cache's lookup
        self._asynchronous_twin = None if twin is None else self._guard(limit, twin)

    def _guard(self, limit: Policy | None, fn: Any) -> Any:
        guarded = fn if limit is None else limit._guard(fn)
        return guarded if self.breaker is None else self.breaker._guard(guarded)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask it, through its breaker and within its time limit: ``await`` it if you would without."""
        result: R = self._guarded(*args, **kwargs)
        return result

    def __repr__(self) -> str:
        """Show the name."""
        return f"<FallbackLevel {self.name!r}>"


def _guards(name: str, breaker: Any, timeout: Any, *, thread: bool) -> tuple[Policy | None, Policy | None]:
    """Give the time limit, unless the breaker keeps it, and the breaker."""
    from trifuse._breaker import CircuitBreaker
    from trifuse._policy import Policy
    from trifuse._registry import registry
    from trifuse._timeout import Timeout

    limit: Any = None
    if isinstance(timeout, Timeout):
        limit = timeout
    elif timeout is not None:
        with given_as("timeout", timeout, "seconds"):
            limit = Timeout(timeout, thread=thread, name=name)
    if isinstance(breaker, str):
        known = registry.get(breaker)
        if known is not None:
            return limit, known
        if limit is None:
            return None, CircuitBreaker(breaker)
        if isinstance(timeout, Timeout):
            return limit, CircuitBreaker(breaker, request_timeout=None)
        return None, CircuitBreaker(breaker, request_timeout=timeout, thread=thread)
    if breaker is not None and not isinstance(breaker, Policy):
        raise ConfigurationError("breaker", breaker, "a circuit breaker or another policy, or a name")
    return limit, breaker


def _checked_when(when: Any) -> tuple[When, ...]:
    from trifuse._chains import DEFAULT, kinds

    several = tuple(when) if isinstance(when, (list, tuple, set, frozenset)) else (when,)
    allowed = [kind for kind in kinds() if kind != DEFAULT]
    for test in several:
        if isinstance(test, str):
            if test not in allowed:
                raise ConfigurationError("when", test, f"{_WHEN}; kinds are {', '.join(allowed)}")
        elif not callable(test) or (isinstance(test, type) and not issubclass(test, BaseException)):
            raise ConfigurationError("when", test, _WHEN)
    if not several:
        raise ConfigurationError("when", when, _WHEN)
    return several


def name_of(function: Any) -> str:
    """Give the name of a fallback: of its function, or of its type."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__


class Level:
    """One fallback: a function, how it wants to be called, and how often it has answered."""

    __slots__ = ("answered", "asynchronous", "bare", "function", "name", "twin", "wants_error", "when")

    def __init__(self, function: Callable[..., Any]) -> None:
        """Look at the function's signature once."""
        self.function = function
        self.when: tuple[When, ...] | None = None
        called = function
        if isinstance(function, FallbackLevel):
            self.name, self.when, called = function.name, function.when, function.__wrapped__
        else:
            self.name = "fallback_value" if isinstance(function, Value) else name_of(function)
        # What is blocking in a thread and not in a task says so by having a form for each.
        self.twin = getattr(function, "_asynchronous_twin", None)
        self.asynchronous = inspect.iscoroutinefunction(called)
        self.answered = 0
        try:
            parameters: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
        except (TypeError, ValueError):
            self.wants_error = self.bare = False
            return
        error = parameters.get("error")
        self.wants_error = error is not None and error.kind in {
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        }
        self.bare = not parameters.keys() - {"error"}

    def __eq__(self, other: object) -> bool:
        """Equal when the function is."""
        return isinstance(other, Level) and self.function == other.function

    __hash__ = None  # type: ignore[assignment]

    def is_for(self, why: Why) -> bool:
        """Tell whether it is asked for this error."""
        if self.when is None:
            return True
        from trifuse._options import matches

        return any(
            why.kind == test if isinstance(test, str) else matches(test, why.error) for test in self.when
        )

    def call(
        self, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, in_task: bool = False
    ) -> Any:
        """Call it with the arguments of the guarded call and, if it wants, the error."""
        function = self.twin if in_task and self.twin is not None else self.function
        if self.bare:
            return function(error=error) if self.wants_error else function()
        if self.wants_error and "error" not in kwargs:
            return function(*args, **{**kwargs, "error": error})
        return function(*args, **kwargs)
