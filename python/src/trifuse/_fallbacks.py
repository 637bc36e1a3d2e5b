# SPDX-License-Identifier: MIT OR Apache-2.0
"""``fallback``: something else answers when the call was refused or failed."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from trifuse._awaiting import PLAIN, is_plain
from trifuse._chains import Chain, kinds
from trifuse._core import lib
from trifuse._errors import ConfigurationError, RefusedError, RetriesExhausted, UnsupportedError
from trifuse._fallback import ASYNC_ITEMS, ITEMS, check_stream, ended, look, make_chain
from trifuse._fallback_guards import Answering, AnsweringAsync
from trifuse._fallback_snapshot import FallbackSnapshot, LevelCount
from trifuse._options import NOT_GIVEN, ErrorTest, _error_test, matches
from trifuse._policy import Policy, checked_name
from trifuse._stream_guards import async_generator_guard, generator_guard, go_on
from trifuse._typing import Decorated
from trifuse._waiting import to_be_awaited

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
            asked when the one before it raises. ``Fallback(cached, spare_model, "Sorry.")``. One
            dictionary whose keys are kinds of error, or whose values are functions or lists of
            them, is taken as ``by_kind``.
        value: the last of them, for a value that is itself callable.
        by_kind: a function, a value, or several in a list, for each kind of error (see
            ``trifuse.classify``), and ``"default"`` for all other kinds:
            ``{"context_length": [bigger_model], "default": [spare_model, "Sorry."]}``.
        on: which errors are answered beside refusals, which always are: types, or a function of the
            error. By default every Exception, but for ConfigurationError and UnsupportedError; by
            kind those that have a chain of their own, and all others but the mistakes of the caller
            (the kinds caller, context_length and content_filter). Of RetriesExhausted the last
            error is looked at.
        name: what logs call it.

    When all fail the original error is raised; their errors are in its ``fallback_errors``. Which
    one has answered is in ``last_call()``. A generator is answered for only before its first item;
    a level that fails before its first item has failed.

    Raises:
        ConfigurationError: for no fallback, or one after a value, or a kind that there is not.
    """

    __slots__ = ("_by_kind", "_chain", "_on", "_value")
    kind = "fallback"
    settings = frozenset({"value", "by_kind"})

    def __init__(
        self,
        *fallbacks: Any,
        value: Any = NOT_GIVEN,
        by_kind: dict[str, Any] | None = None,
        on: ErrorTest | None = None,
        name: str | None = None,
    ) -> None:
        """Take the fallbacks."""
        self.name = checked_name(name)
        self._on = _error_test("on", on)
        functions = list(fallbacks)
        if len(functions) == 1 and by_kind is None and _is_by_kind(functions[0]):
            by_kind = functions.pop()
        if len(functions) == 1 and _is_chain(functions[0]):
            functions = list(functions[0])
        if functions and value is NOT_GIVEN and not callable(functions[-1]):
            value = functions.pop()
        self._by_kind, self._value = by_kind, value
        self._chain: Chain = _made(functions, value, by_kind)

    def _settings(self) -> dict[str, Any]:
        data: dict[str, Any] = {"value": self._value} if isinstance(self._value, _DATA) else {}
        if self._by_kind is not None and not any(_has_code(each) for each in self._by_kind.values()):
            data["by_kind"] = self._by_kind
        return data

    def describe(self) -> dict[str, Any]:
        """Give kind, name, the settings that are plain data, and the names of the levels."""
        return {**super().describe(), "levels": self._chain.names()}

    def snapshot(self) -> FallbackSnapshot:
        """Tell how often each level has answered."""
        counts = (
            LevelCount(kind, number, level.name, level.answered)
            for kind, levels in self._chain.chains().items()
            for number, level in enumerate(levels, 1)
        )
        return FallbackSnapshot(self.name, tuple(counts), self._chain.exhausted)

    def reconfigure(self, **changes: Any) -> None:
        """Change ``value`` or ``by_kind``. Raises ConfigurationError, and then nothing is taken."""
        self._checked(changes)
        if "by_kind" in changes:
            self._by_kind = changes["by_kind"]
            self._chain = _made([], changes.get("value", self._value), self._by_kind)
        elif "value" in changes:
            self._chain = self._chain.with_value(changes["value"])
        self._value = changes.get("value", self._value)

    def _checked(self, changes: Any) -> None:
        for field, value in changes.items():
            if field not in self.settings:
                raise ConfigurationError(field, value, "a setting that can be changed: value, by_kind")
        if "by_kind" in changes:
            if self._by_kind is None:
                raise ConfigurationError("by_kind", changes["by_kind"], "only where it was by kind before")
            _made([], changes.get("value", self._value), changes["by_kind"])

    def _answers(self, error: Exception) -> bool:
        """Tell whether this error is answered for."""
        if _bypass():
            return False
        if isinstance(error, RefusedError):
            return True
        if self._on is None:
            return not isinstance(error, (ConfigurationError, UnsupportedError)) and self._chain.unasked(
                error
            )
        last = error.last_error if isinstance(error, RetriesExhausted) else None
        asked = matches(self._on, error) or (last is not None and matches(self._on, last))
        return asked or self._chain.named(error)

    def _answer(self, error: Exception, args: Any, kwargs: Any, ways: tuple[str, ...] = ()) -> Any:
        return self._chain.answer(self.name, error, args, kwargs, "fallback", ways)

    def _answer_async(self, error: Exception, args: Any, kwargs: Any, ways: tuple[str, ...] = ()) -> Any:
        return self._chain.answer_async(self.name, error, args, kwargs, "fallback", ways)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            before = look()
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            except Exception as error:
                if not self._answers(error):
                    raise
                if self._chain.has_asynchronous(error) or to_be_awaited(fn):
                    return self._raise_or_answer(error, args, kwargs)
                found = self._answer(error, args, kwargs)
                if found is None:
                    raise
                return found[0]
            if type(result) not in PLAIN and not is_plain(result):
                return self._go_on(result, args, kwargs)
            now = look()
            if now is not before or now.owner is not self:
                ended(self, before)
            return result

        return guarded

    async def _raise_or_answer(self, error: Exception, args: Any, kwargs: Any) -> Any:
        """Answer where the answer is awaited, as the call would have been."""
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
            lambda items: Answering(self, items, args, kwargs),
            lambda items: AnsweringAsync(self, items, args, kwargs),
            lambda awaitable: self._settle(awaitable, args, kwargs),
        )

    async def _settle(self, awaitable: Awaitable[Any], args: Any, kwargs: Any) -> Any:
        before = look()
        try:
            result = await awaitable
        except Exception as error:
            if not self._answers(error):
                raise
            found = await self._answer_async(error, args, kwargs)
            if found is None:
                raise
            return found[0]
        self._ended(before)
        return result

    def _ended(self, before: Any) -> None:
        now = look()
        if now is not before or now.owner is not self:
            ended(self, before)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            before = look()
            try:
                result = await (fn(*args, **kwargs) if kwargs else fn(*args))
            except Exception as error:
                if not self._answers(error):
                    raise
                found = await self._answer_async(error, args, kwargs)
                if found is None:
                    raise
                return found[0]
            now = look()
            if now is not before or now.owner is not self:
                ended(self, before)
            return result

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        check_stream(self._chain, _FIELDS, ITEMS)
        return generator_guard(lambda args, kwargs: Answering(self, fn(*args, **kwargs), args, kwargs))

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        check_stream(self._chain, _FIELDS, ASYNC_ITEMS)
        return async_generator_guard(
            lambda args, kwargs: AnsweringAsync(self, fn(*args, **kwargs), args, kwargs)
        )


class Decorator(Protocol):
    """Puts a fallback around a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Fallback]:
        """Decorate a function."""


def fallback(
    *fallbacks: Any,
    value: Any = NOT_GIVEN,
    by_kind: dict[str, Any] | None = None,
    on: ErrorTest | None = None,
    name: str | None = None,
) -> Decorator:
    """Give a function of any kind a fallback: ``@fallback([], on=OSError)``, ``@fallback(cached, None)``.

    Takes the arguments of :class:`Fallback`, which is then the function's ``.policy``.
    """
    return Fallback(*fallbacks, value=value, by_kind=by_kind, on=on, name=name)


def _made(functions: list[Any], value: Any, by_kind: Any) -> Chain:
    """Make the chain. Raises ConfigurationError."""
    if by_kind is not None:
        if not isinstance(by_kind, dict) or functions:
            allowed = "a dictionary by kind of error, with no other fallbacks beside but a value"
            raise ConfigurationError("by_kind", by_kind, allowed)
        return Chain.by_kind(by_kind, () if value is NOT_GIVEN else (value,), "by_kind")
    chain = make_chain(functions, value, NOT_GIVEN, "fallbacks")
    if chain is None:
        raise ConfigurationError("fallbacks", tuple(functions), "at least one function or value")
    return chain


def _is_chain(fallbacks: Any) -> bool:
    """Tell several functions in a list, perhaps with a value behind, from a list that is the value."""
    return isinstance(fallbacks, (list, tuple)) and bool(fallbacks) and callable(fallbacks[0])


def _is_by_kind(fallbacks: Any) -> bool:
    """Tell chains by kind from a dictionary that is the value."""
    if not isinstance(fallbacks, dict) or not fallbacks:
        return False
    return any(map(_has_code, fallbacks.values())) or set(fallbacks) <= set(kinds())


def _has_code(fallback: Any) -> bool:
    return callable(fallback) or _is_chain(fallback)
