# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of generators and asynchronous generators, made of streams.

A stream steps through the items of a call: it may look at the clock, try again or turn to others
before the first item, and the guard passes everything between it and the consumer.
"""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Protocol

from trifuse._awaiting import is_client_stream, unstarted

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]
_ITERABLE_COROUTINE = 0x100


class Stream(Protocol):
    """What steps through the items of a generator."""

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item; ``value`` is sent or thrown into the generator. StopIteration ends it."""

    def close(self) -> None:
        """Close the generator."""


class AsyncStream(Protocol):
    """What steps through the items of an asynchronous generator."""

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item, as Stream does. StopAsyncIteration ends it."""

    async def close(self) -> None:
        """Close the generator."""


class Plain:
    """The stream that adds nothing."""

    __slots__ = ("items",)

    def __init__(self, items: Generator[Any, Any, Any]) -> None:
        """Take the generator."""
        self.items = items

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        return self.items.throw(value) if throw else self.items.send(value)

    def close(self) -> None:
        """Close the generator."""
        self.items.close()


class PlainAsync:
    """The asynchronous stream that adds nothing."""

    __slots__ = ("items",)

    def __init__(self, items: AsyncGenerator[Any, Any]) -> None:
        """Take the generator."""
        self.items = items

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        return await (self.items.athrow(value) if throw else self.items.asend(value))

    async def close(self) -> None:
        """Close the generator."""
        await self.items.aclose()


def generator_guard(begin: Callable[[Arguments, Keywords], Stream]) -> Any:
    """Give a generator function whose calls go through the stream that ``begin`` gives."""

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        stream = begin(args, kwargs)
        value, throw = None, False
        while True:
            try:
                item = stream.step(value, throw=throw)
            except StopIteration as stop:
                return stop.value
            try:
                value, throw = (yield item), False
            except GeneratorExit:
                stream.close()
                raise
            except BaseException as thrown:  # noqa: BLE001 - the consumer's throw(), passed on
                value, throw = thrown, True

    return guarded


def async_generator_guard(begin: Callable[[Arguments, Keywords], AsyncStream]) -> Any:
    """Give an asynchronous generator function whose calls go through a stream."""

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        stream = begin(args, kwargs)
        value, throw = None, False
        try:
            while True:
                try:
                    item = await stream.step(value, throw=throw)
                except StopAsyncIteration:
                    return
                try:
                    value, throw = (yield item), False
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # noqa: BLE001 - the consumer's athrow(), passed on
                    value, throw = thrown, True
        finally:
            await stream.close()

    return guarded


def pass_on(stream: Stream) -> Generator[Any, Any, Any]:
    """Give a generator that goes through a stream."""
    generator: Generator[Any, Any, Any] = generator_guard(lambda _args, _kwargs: stream)()
    return generator


def pass_on_async(stream: AsyncStream) -> AsyncGenerator[Any, Any]:
    """Give an asynchronous generator that goes through a stream."""
    generator: AsyncGenerator[Any, Any] = async_generator_guard(lambda _args, _kwargs: stream)()
    return generator


def go_on(
    result: Any,
    begin: Callable[[Generator[Any, Any, Any]], Stream],
    begin_async: Callable[[AsyncGenerator[Any, Any]], AsyncStream],
    settle: Callable[[Any], Any],
) -> Any:
    """Go on with a call whose result turned out to be a stream, or is to be awaited."""
    if type(result) is AsyncGeneratorType:
        return pass_on_async(begin_async(result))
    if type(result) is GeneratorType and not result.gi_code.co_flags & _ITERABLE_COROUTINE:
        return pass_on(begin(result))
    if is_client_stream(type(result)):
        from trifuse._llm.streams_adopting import adopt

        return adopt(
            result, lambda items: pass_on(begin(items)), lambda items: pass_on_async(begin_async(items))
        )
    guarded = settle(unstarted(result))
    guarded.__qualname__ = getattr(result, "__qualname__", guarded.__qualname__)
    return guarded


def items_of(given: Iterable[Any]) -> Generator[Any, Any, Any]:
    """Give a generator of the items of anything that can be iterated."""
    if isinstance(given, Generator):
        return given
    return (yield_each for yield_each in given)


async def async_items_of(given: AsyncIterator[Any] | Iterable[Any]) -> AsyncGenerator[Any, Any]:
    """Give an asynchronous generator of the items of what can be iterated either way."""
    if hasattr(given, "__aiter__"):
        async for item in given:
            yield item
        return
    ordinary: Any = given
    for item in ordinary:
        yield item
