# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fallbacks: what answers when the call was refused, or failed and the guard says so."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError
from trifuse._listeners import log


class Answered(NamedTuple):
    """Which fallback answered: the breaker's or policy's name, the level from 1 on, the fallback's name."""

    name: str
    level: int
    fallback: str


last_fallback: ContextVar[Answered | None] = ContextVar("trifuse.last_fallback", default=None)
"""Of the last call in this context whose guard has a fallback: which one answered, or None."""


class Level:
    """One fallback: a function, and how it wants to be called."""

    __slots__ = ("asynchronous", "bare", "function", "name", "wants_error")

    def __init__(self, function: Callable[..., Any]) -> None:
        """Look at the function's signature once."""
        import inspect

        if not callable(function):
            raise ConfigurationError("fallback", function, "a function, or several in order")
        self.function = function
        self.name = getattr(function, "__qualname__", type(function).__qualname__)
        self.asynchronous = inspect.iscoroutinefunction(function)
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            parameters = {}  # type: ignore[assignment]
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

    def call(self, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call it with the arguments of the guarded call and, if it wants, the error."""
        if self.wants_error and "error" not in kwargs:
            kwargs = {**kwargs, "error": error}
        if self.bare:
            args, kwargs = (), {"error": error} if self.wants_error else {}
        return self.function(*args, **kwargs)


class _Value:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value) and self.value is other.value

    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> Any:
        return self.value


Chain = tuple[Level, ...]


def make_chain(fallback: Any, value: Any, not_given: Any) -> Chain | None:
    """Make the chain of levels of what the guard was given; None for nothing."""
    functions = [] if fallback is None else fallback
    if not isinstance(functions, (list, tuple)):
        functions = [functions]
    levels = [Level(function) for function in functions]
    if value is not not_given:
        last = Level(_Value(value))
        last.name = "fallback_value"
        levels.append(last)
    return tuple(levels) or None


def answer(
    chain: Chain,
    name: str,
    error: BaseException,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    what: str = "circuit breaker",
    ways: tuple[str, ...] = (),
) -> tuple[Any, Answered] | None:
    """Ask the levels in order. None when all fail: their errors are then attached to ``error``.

    ``ways``: what must be iterated in one of these ways; a level that gives anything else has failed.
    """
    failed: list[Exception] = []
    for number, level in enumerate(chain, 1):
        try:
            result = level.call(error, args, kwargs)
            _check_items(result, ways)
        except Exception as exc:  # noqa: BLE001 - the next level is asked
            failed.append(exc.with_traceback(None))
            continue
        return result, answered(name, number, level, what)
    exhausted(name, error, failed, what)
    return None


async def answer_async(
    chain: Chain,
    name: str,
    error: BaseException,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    what: str = "circuit breaker",
    ways: tuple[str, ...] = (),
) -> tuple[Any, Answered] | None:
    """Ask the levels in order, awaiting what is to be awaited; None as answer()."""
    failed: list[Exception] = []
    for number, level in enumerate(chain, 1):
        try:
            result = level.call(error, args, kwargs)
            if isinstance(result, Awaitable):
                result = await result
            _check_items(result, ways)
        except Exception as exc:  # noqa: BLE001 - the next level is asked
            failed.append(exc.with_traceback(None))
            continue
        return result, answered(name, number, level, what)
    exhausted(name, error, failed, what)
    return None


ITEMS = ("__iter__",)
ASYNC_ITEMS = ("__iter__", "__aiter__")
"""How what stands in for a stream is iterated."""


def check_stream(chain: Chain | None, fields: tuple[str, str], ways: tuple[str, ...]) -> None:
    """Raise ConfigurationError for a level that cannot stand in for a stream, as far as looking at it tells.

    ``fields``: the names of the settings for functions and for the value.
    """
    for level in chain or ():
        if level.asynchronous and ways is ITEMS:
            allowed = "functions that are not awaited, where a generator is guarded"
            raise ConfigurationError(fields[0], level.function, allowed)
        value = level.function
        if isinstance(value, _Value) and not any(hasattr(value.value, way) for way in ways):
            allowed = "items, such as [], where a generator is guarded"
            raise ConfigurationError(fields[1], value.value, allowed)


def _check_items(result: Any, ways: tuple[str, ...]) -> None:
    if ways and not any(hasattr(result, way) for way in ways):
        raise TypeError(f"the fallback gave a {type(result).__qualname__}, where a stream needs items")


def answered(name: str, number: int, level: Level, what: str) -> Answered:
    """Note in the log and the context which level answered."""
    told = Answered(name, number, level.name)
    last_fallback.set(told)
    log().info("%s %r: fallback level %d (%s) answers", what, name, number, level.name)
    return told


def exhausted(name: str, error: BaseException, failed: list[Exception], what: str) -> None:
    """Attach the errors of the fallbacks to the original one.

    They are in its attribute ``fallback_errors``, without tracebacks (those would hold the error in
    a cycle), and by type in its notes.
    """
    kinds = ", ".join(type(exc).__qualname__ for exc in failed)
    log().warning("%s %r: all fallbacks failed (%s)", what, name, kinds)
    for exc in failed:
        if exc.__context__ is error:
            with contextlib.suppress(Exception):
                exc.__context__ = None
    with contextlib.suppress(Exception):  # an error that cannot be written to, such as a frozen dataclass
        error.add_note(f"all fallbacks of {what} {name!r} failed too: {kinds}")
        error.fallback_errors = tuple(failed)  # type: ignore[attr-defined]
