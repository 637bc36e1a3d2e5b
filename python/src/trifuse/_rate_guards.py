# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guards of a rate limit: one question to the core before the call."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from trifuse._rate_turns import enter, give_back, may_wait, said, take_turn, take_turn_async
from trifuse._stream_guards import PlainAsync, async_generator_guard
from trifuse._waiting import gives_awaitables, in_task

if TYPE_CHECKING:
    from trifuse._rate_limit import RateLimit

Pick = Callable[[tuple[Any, ...], dict[str, Any]], "RateLimit"]


def guard_function(limit: RateLimit, fn: Callable[..., Any]) -> Any:
    """Guard a synchronous function, or one that gives an awaitable.

    Which of the two it is, its first result tells, if looking at it does not: a thread waits for
    the one, and the other's coroutine waits when it is awaited.
    """
    memory = limit._memory
    known = awaited = gives_awaitables(fn)

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal known, awaited
        number = enter(memory)
        if number:
            told = said(number)
            if awaited and in_task() and may_wait(limit, told):
                give_back(limit, told)
                return _later(limit, fn, args, kwargs)
            take_turn(limit, told, 1, limit._setup.wait_ns)
        result = fn(*args, **kwargs) if kwargs else fn(*args)
        if not known:
            known, awaited = True, inspect.isawaitable(result)
        return result

    return guarded


def guard_coroutine_function(limit: RateLimit, fn: Callable[..., Any]) -> Any:
    """Guard an ``async def`` function: it asks when it is awaited."""
    memory = limit._memory

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        number = enter(memory)
        if number:
            await take_turn_async(limit, said(number), 1, limit._setup.wait_ns)
        return await (fn(*args, **kwargs) if kwargs else fn(*args))

    return guarded


def guard_generator_function(pick: Pick, fn: Callable[..., Any]) -> Any:
    """Guard a generator function: it asks at the first item."""

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        limit = pick(args, kwargs)
        number = enter(limit._memory)
        if number:
            take_turn(limit, said(number), 1, limit._setup.wait_ns)
        return (yield from fn(*args, **kwargs))

    return guarded


def guard_async_generator_function(pick: Pick, fn: Callable[..., Any]) -> Any:
    """Guard an asynchronous generator function: it asks at the first item."""

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Limited:
        return _Limited(pick(args, kwargs), fn(*args, **kwargs))

    return async_generator_guard(begin)


class _Limited(PlainAsync):
    """The items of a call that asks before the first."""

    __slots__ = ("_limit",)

    def __init__(self, limit: RateLimit, items: AsyncGenerator[Any, Any]) -> None:
        """Take the limit and the items."""
        super().__init__(items)
        self._limit: RateLimit | None = limit

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        limit, self._limit = self._limit, None
        if limit is not None:
            number = enter(limit._memory)
            if number:
                await take_turn_async(limit, said(number), 1, limit._setup.wait_ns)
        return await super().step(value, throw=throw)


def guard_function_by_key(pick: Pick, fn: Callable[..., Any]) -> Any:
    """Guard a synchronous function by the limit of each call's key."""
    known = awaited = gives_awaitables(fn)

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal known, awaited
        limit = pick(args, kwargs)
        number = enter(limit._memory)
        if number:
            told = said(number)
            if awaited and in_task() and may_wait(limit, told):
                give_back(limit, told)
                return _later(limit, fn, args, kwargs)
            take_turn(limit, told, 1, limit._setup.wait_ns)
        result = fn(*args, **kwargs)
        if not known:
            known, awaited = True, inspect.isawaitable(result)
        return result

    return guarded


def guard_coroutine_function_by_key(pick: Pick, fn: Callable[..., Any]) -> Any:
    """Guard an ``async def`` function by the limit of each call's key."""

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        limit = pick(args, kwargs)
        number = enter(limit._memory)
        if number:
            await take_turn_async(limit, said(number), 1, limit._setup.wait_ns)
        return await fn(*args, **kwargs)

    return guarded


async def _later(limit: RateLimit, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    await limit.acquire_async()
    return await fn(*args, **kwargs)
