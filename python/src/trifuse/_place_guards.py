# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams and awaitables that hold a place: from the first item, or the call, to the end."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from trifuse._awaiting import is_client_stream, unstarted
from trifuse._stream_guards import PlainAsync, async_generator_guard, pass_on_async

if TYPE_CHECKING:
    from trifuse._places import Place, Places

_ITERABLE_COROUTINE = 0x100


def hold(place: Place, result: Any) -> Any:
    """Give what holds the place until the result of a call has been awaited or iterated to its end."""
    if type(result) is AsyncGeneratorType:
        return pass_on_async(Held(None, place, result))
    if type(result) is GeneratorType and not result.gi_code.co_flags & _ITERABLE_COROUTINE:
        return _hold_items(place, result)
    if is_client_stream(type(result)):
        from trifuse._llm.streams_adopting import adopt

        return adopt(
            result,
            lambda items: _hold_items(place, items),
            lambda items: pass_on_async(Held(None, place, items)),
        )
    held: Any = _hold_awaitable(place, unstarted(result))
    held.__qualname__ = getattr(result, "__qualname__", held.__qualname__)
    return held


async def _hold_awaitable(place: Place, awaitable: Awaitable[Any]) -> Any:
    with place:
        return await awaitable


def _hold_items(place: Place, items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    with place:
        return (yield from items)


async def call_later(limit: Places, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function that gives an awaitable, once there is a place."""
    with await limit.acquire_async():
        return await fn(*args, **kwargs)


def guard_items(limit: Places, fn: Callable[..., Any]) -> Any:
    """Guard a generator function."""

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        with limit.acquire():
            return (yield from fn(*args, **kwargs))

    return guarded


def guard_async_items(limit: Places, fn: Callable[..., Any]) -> Any:
    """Guard an asynchronous generator function."""
    return async_generator_guard(lambda args, kwargs: Held(limit, None, fn(*args, **kwargs)))


class Held(PlainAsync):
    """The items of a call that holds a place."""

    __slots__ = ("_limit", "_place")

    def __init__(self, limit: Places | None, place: Place | None, items: AsyncGenerator[Any, Any]) -> None:
        """Take a place, or the limit that is to give one at the first item."""
        super().__init__(items)
        self._limit = limit
        self._place = place

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        if self._place is None and self._limit is not None:
            self._place = await self._limit.acquire_async()
        try:
            return await super().step(value, throw=throw)
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise

    async def close(self) -> None:
        """Close the generator and give the place back."""
        try:
            await super().close()
        finally:
            self._end(GeneratorExit())

    def _end(self, error: BaseException | None) -> None:
        if self._place is not None:
            self._place.end(error)
