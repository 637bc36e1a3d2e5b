# SPDX-License-Identifier: MIT OR Apache-2.0
"""Putting policies around one attempt at a stream, and the total limit in its place among them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

from trifuse._base import Base
from trifuse._fallbacks import Fallback
from trifuse._llm.limits import NONE, Budget
from trifuse._llm.streams_reading import Call
from trifuse._options import Options
from trifuse._pipeline import Pipeline
from trifuse._policy import Policy
from trifuse._remaining import current
from trifuse._stream_guards import Plain, PlainAsync, async_generator_guard, generator_guard
from trifuse._time_limit import end_in


def name_of(policy: Policy | None, fmt: Any) -> str:
    """Give the name by which errors call a stream."""
    return (policy.name if policy is not None else "") or getattr(fmt, "name", "") or "stream"


def guard(policy: Policy | None, frames: Any, call: Call, *, resumed: bool, asynchronous: bool) -> Any:
    """Guard the generator function of an attempt.

    Fallbacks that come first stay outside of the total limit, or they could do nothing once it is over;
    of what goes on after content there are none, for they would begin the answer again.
    """
    parts = _parts(policy)
    if resumed:
        parts = [_without_fallback(part) for part in parts if not isinstance(part, Fallback)]
    outer = 0
    while outer < len(parts) and isinstance(parts[outer], Fallback):
        outer += 1
    for part in reversed(parts[outer:]):
        frames = _guarded(part, frames)
    if call.limits.total is not None:
        frames = _bounded_async(frames, call) if asynchronous else _bounded(frames, call)
    for part in reversed(parts[:outer]):
        frames = _guarded(part, frames)
    return frames


def _parts(policy: Policy | None) -> list[Any]:
    """Give the policies, the outermost first; pipelines within pipelines taken apart."""
    if policy is None:
        return []
    if type(policy) is Pipeline:
        return [inner for part in policy.policies for inner in _parts(part)]
    return [policy]


def _guarded(part: Any, frames: Any) -> Any:
    if isinstance(part, tuple):
        from trifuse._kinds import guard_by_kind

        return guard_by_kind(part[0], part[1], frames)
    return part._guard(frames)


def _without_fallback(part: Any) -> Any:
    """Give a breaker together with its options, less the fallbacks."""
    if not isinstance(part, Base) or part._options.chain is None:
        return part
    return part, without_chain(part._options)


def without_chain(options: Options) -> Options:
    """Give the same options without fallbacks."""
    if options.chain is None:
        return options
    plain = object.__new__(Options)
    for field in Options.__slots__:
        setattr(plain, field, getattr(options, field))
    plain.chain = plain.fallback_on = None
    return plain


def _bounded(frames: Any, call: Call) -> Any:
    return generator_guard(lambda args, kwargs: _Bounded(frames(*args, **kwargs), call))


def _bounded_async(frames: Any, call: Call) -> Any:
    return async_generator_guard(lambda args, kwargs: _BoundedAsync(frames(*args, **kwargs), call))


def _enter(call: Call) -> Any:
    """Let everything see the end of the total as its deadline; gives the one before."""
    outer = current.get()
    budget = call.budget
    assert budget is not None
    left = budget.total_left()
    if left != NONE:
        current.set(end_in(max(1, round(left * 1e9)), _total(budget))[0])
    return outer


def _total(budget: Budget) -> Any:
    return budget.expired("total")


class _Bounded(Plain):
    """The attempts of a stream, none of which is waited for beyond the total."""

    __slots__ = ("_call",)

    def __init__(self, items: Generator[Any, Any, Any], call: Call) -> None:
        super().__init__(items)
        self._call: Call | None = call

    def step(self, value: Any, *, throw: bool) -> Any:
        call, self._call = self._call, None
        if call is None:  # after the first item no policy waits
            return super().step(value, throw=throw)
        outer = _enter(call)
        try:
            return super().step(value, throw=throw)
        finally:
            current.set(outer)


class _BoundedAsync(PlainAsync):
    """The attempts of an asynchronous stream, none of which is waited for beyond the total."""

    __slots__ = ("_call",)

    def __init__(self, items: AsyncGenerator[Any, Any], call: Call) -> None:
        super().__init__(items)
        self._call: Call | None = call

    async def step(self, value: Any, *, throw: bool) -> Any:
        call, self._call = self._call, None
        if call is None:
            return await super().step(value, throw=throw)
        outer = _enter(call)
        try:
            return await super().step(value, throw=throw)
        finally:
            current.set(outer)
