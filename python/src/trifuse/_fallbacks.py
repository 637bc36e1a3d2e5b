# SPDX-License-Identifier: MIT OR Apache-2.0
"""``fallback``: something else answers when the call was refused or failed."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, ParamSpec, Protocol, TypeVar

from trifuse._awaiting import PLAIN, is_plain
from trifuse._core import lib
from trifuse._errors import ConfigurationError, RefusedError, RetriesExhausted, UnsupportedError
from trifuse._fallback import (
    ASYNC_ITEMS,
    ITEMS,
    Chain,
    answer,
    answer_async,
    check_stream,
    last_fallback,
    make_chain,
)
from trifuse._options import NOT_GIVEN, ErrorTest, _error_test, matches
from trifuse._policy import Policy, checked_name
from trifuse._stream_guards import (
    async_generator_guard,
    async_items_of,
    generator_guard,
    go_on,
    items_of,
)
from trifuse._typing import Decorated

P = ParamSpec("P")
R = TypeVar("R")
_bypass = lib.trifuse_py_bypass
_FIELDS = ("fallbacks", "value")
_DATA = (type(None), bool, int, float, str, list, dict)


class Fallback(Policy):
    """Answers in place of a call that was refused or failed.

    Args:
        fallbacks: what answers, in order: functions, which are given the call's arguments if they
            take any, and the error if they have a parameter ``error``; at last a value. Each is
            asked when the one before it raises. ``Fallback(cached, spare_model, "Sorry.")``.
        value: the last of them, for a value that is itself callable.
        on: which errors are answered beside refusals, which always are: types, or a function of the
            error. By default every Exception, but for ConfigurationError and UnsupportedError. Of
            RetriesExhausted the last error is looked at.
        name: what logs call it.

    When all fail the original error is raised; their errors are in its ``fallback_errors``. Which
    one has answered is in ``last_fallback``. A generator is answered for only before its first item.

    Raises:
        ConfigurationError: for no fallback, or one after a value.
    """

    __slots__ = ("_chain", "_on", "_value")
    kind = "fallback"
    settings = frozenset({"value"})

    def __init__(
        self, *fallbacks: Any, value: Any = NOT_GIVEN, on: ErrorTest | None = None, name: str | None = None
    ) -> None:
        """Take the fallbacks."""
        self.name = checked_name(name)
        self._on = _error_test("on", on)
        functions = list(fallbacks)
        if len(functions) == 1 and _is_chain(functions[0]):
            functions = list(functions[0])
        if functions and value is NOT_GIVEN and not callable(functions[-1]):
            value = functions.pop()
        for level, function in enumerate(functions, 1):
            if not callable(function):
                raise ConfigurationError(
                    "fallbacks", function, f"a function at level {level}: a value is the last"
                )
        chain = make_chain(functions, value, NOT_GIVEN)
        if chain is None:
            raise ConfigurationError("fallbacks", fallbacks, "at least one function or value")
        self._chain: Chain = chain
        self._value = value

    def _settings(self) -> dict[str, Any]:
        return {"value": self._value} if isinstance(self._value, _DATA) else {}

    def describe(self) -> dict[str, Any]:
        """Give kind, name, the value if it is plain data, and the names of the levels."""
        return {**super().describe(), "levels": [level.name for level in self._chain]}

    def reconfigure(self, **changes: Any) -> None:
        """Change ``value``. Raises ConfigurationError, and then nothing is taken."""
        self._checked(changes)
        if "value" in changes:
            kept = self._chain if self._value is NOT_GIVEN else self._chain[:-1]
            self._value = changes["value"]
            self._chain = (*kept, *(make_chain(None, self._value, NOT_GIVEN) or ()))

    def _checked(self, changes: Any) -> None:
        for field, value in changes.items():
            if field != "value":
                raise ConfigurationError(field, value, "a setting that can be changed: value")

    def _answers(self, error: Exception) -> bool:
        """Tell whether this error is answered for."""
        if _bypass():
            return False
        if isinstance(error, RefusedError):
            return True
        if self._on is None:
            return not isinstance(error, (ConfigurationError, UnsupportedError))
        last = error.last_error if isinstance(error, RetriesExhausted) else None
        return matches(self._on, error) or (last is not None and matches(self._on, last))

    def _answer(self, error: Exception, args: Any, kwargs: Any, ways: tuple[str, ...] = ()) -> Any:
        return answer(self._chain, self.name, error, args, kwargs, "fallback", ways)

    def _answer_async(self, error: Exception, args: Any, kwargs: Any, ways: tuple[str, ...] = ()) -> Any:
        return answer_async(self._chain, self.name, error, args, kwargs, "fallback", ways)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            except Exception as error:
                if not self._answers(error):
                    raise
                if any(level.asynchronous for level in self._chain):
                    return self._raise_or_answer(error, args, kwargs)
                found = self._answer(error, args, kwargs)
                if found is None:
                    raise
                return found[0]
            if type(result) not in PLAIN and not is_plain(result):
                return self._go_on(result, args, kwargs)
            last_fallback.set(None)
            return result

        return guarded

    async def _raise_or_answer(self, error: Exception, args: Any, kwargs: Any) -> Any:
        """Answer by asynchronous fallbacks: such a guard belongs around what is awaited."""
        found = await self._answer_async(error, args, kwargs)
        if found is not None:
            return found[0]
        try:
            raise error
        finally:
            del error  # or it would hold itself, through its traceback and this frame

    def _go_on(self, result: Any, args: Any, kwargs: Any) -> Any:
        """Go on with a call whose result is to be awaited or iterated."""
        return go_on(
            result,
            lambda items: _Answered(self, items, args, kwargs),
            lambda items: _AnsweredAsync(self, items, args, kwargs),
            lambda awaitable: self._settle(awaitable, args, kwargs),
        )

    async def _settle(self, awaitable: Awaitable[Any], args: Any, kwargs: Any) -> Any:
        try:
            result = await awaitable
        except Exception as error:
            if not self._answers(error):
                raise
            found = await self._answer_async(error, args, kwargs)
            if found is None:
                raise
            return found[0]
        last_fallback.set(None)
        return result

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            try:
                result = await (fn(*args, **kwargs) if kwargs else fn(*args))
            except Exception as error:
                if not self._answers(error):
                    raise
                found = await self._answer_async(error, args, kwargs)
                if found is None:
                    raise
                return found[0]
            last_fallback.set(None)
            return result

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        check_stream(self._chain, _FIELDS, ITEMS)
        return generator_guard(lambda args, kwargs: _Answered(self, fn(*args, **kwargs), args, kwargs))

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        check_stream(self._chain, _FIELDS, ASYNC_ITEMS)
        return async_generator_guard(
            lambda args, kwargs: _AnsweredAsync(self, fn(*args, **kwargs), args, kwargs)
        )


class _Answered:
    """The stream of a generator, or of the fallback's items when it gives none."""

    __slots__ = ("_args", "_first", "_items", "_kwargs", "_of")

    def __init__(self, of: Fallback, items: Generator[Any, Any, Any], args: Any, kwargs: Any) -> None:
        self._of, self._items, self._args, self._kwargs = of, items, args, kwargs
        self._first = True

    def step(self, value: Any, *, throw: bool) -> Any:
        first, self._first = self._first, False
        if not first:
            return self._items.throw(value) if throw else self._items.send(value)
        try:
            item = next(self._items)
        except StopIteration:
            last_fallback.set(None)
            raise
        except Exception as error:
            of = self._of
            found = of._answer(error, self._args, self._kwargs, ITEMS) if of._answers(error) else None
            if found is None:
                raise
            self._items = items_of(found[0])
        else:
            last_fallback.set(None)
            return item
        return next(self._items)

    def close(self) -> None:
        self._items.close()


class _AnsweredAsync:
    """The stream of an asynchronous generator, or of the fallback's items."""

    __slots__ = ("_args", "_first", "_items", "_kwargs", "_of")

    def __init__(self, of: Fallback, items: AsyncGenerator[Any, Any], args: Any, kwargs: Any) -> None:
        self._of, self._items, self._args, self._kwargs = of, items, args, kwargs
        self._first = True

    async def step(self, value: Any, *, throw: bool) -> Any:
        first, self._first = self._first, False
        if not first:
            return await (self._items.athrow(value) if throw else self._items.asend(value))
        try:
            item = await anext(self._items)
        except StopAsyncIteration:
            last_fallback.set(None)
            raise
        except Exception as error:
            found = None
            if self._of._answers(error):
                found = await self._of._answer_async(error, self._args, self._kwargs, ASYNC_ITEMS)
            if found is None:
                raise
            self._items = async_items_of(found[0])
        else:
            last_fallback.set(None)
            return item
        return await anext(self._items)

    async def close(self) -> None:
        await self._items.aclose()


class Decorator(Protocol):
    """Puts a fallback around a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Fallback]:
        """Decorate a function."""


def fallback(
    *fallbacks: Any, value: Any = NOT_GIVEN, on: ErrorTest | None = None, name: str | None = None
) -> Decorator:
    """Give a function of any kind a fallback: ``@fallback([], on=OSError)``, ``@fallback(cached, None)``.

    Takes the arguments of :class:`Fallback`, which is then the function's ``.policy``.
    """
    return Fallback(*fallbacks, value=value, on=on, name=name)


def _is_chain(fallbacks: Any) -> bool:
    """Tell several functions in a list from a list that is the value."""
    return isinstance(fallbacks, (list, tuple)) and bool(fallbacks) and all(map(callable, fallbacks))
