# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a fallback gives in place of a stream, asked for its first item before it counts as an answer."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any


def opened(given: Iterable[Any]) -> Generator[Any, Any, Any]:
    """Give a generator of the items, the first of which is there. Raises what asking for it raises.

    None at all is an answer too.
    """
    items = given if isinstance(given, Generator) else _items_of(given)
    try:
        first = next(items)
    except StopIteration as stop:
        return _none(stop.value)
    return _resumed(first, items)


def _items_of(given: Iterable[Any]) -> Generator[Any, Any, Any]:
    try:
        yield from (item for item in given)  # which lets a sent value pass
    finally:
        close = getattr(given, "close", None)
        if callable(close) and hasattr(given, "__next__"):  # the stream of a client, not a collection
            close()


def _none(value: Any) -> Generator[Any, Any, Any]:
    yield from ()
    return value


def _resumed(item: Any, items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Give an item that was taken already, then go on as ``yield from`` would."""
    while True:
        try:
            value = yield item
        except GeneratorExit:
            items.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - the consumer's throw(), passed on
            step, value = items.throw, thrown
        else:
            step = items.send  # type: ignore[assignment]
        try:
            item = step(value)
        except StopIteration as stop:
            return stop.value
        del step, value


async def opened_async(given: AsyncIterable[Any] | Iterable[Any]) -> AsyncGenerator[Any, Any]:
    """Give an asynchronous generator of the items of what is iterated either way, as opened()."""
    items = given if isinstance(given, AsyncGenerator) else _async_items_of(given)
    try:
        first = await anext(items)
    except StopAsyncIteration:
        return _async_none()
    return _async_resumed(first, items)


async def _async_items_of(given: Any) -> AsyncGenerator[Any, Any]:
    if not hasattr(given, "__aiter__"):
        for item in given:
            yield item
        return
    try:
        async for item in given:
            yield item
    finally:
        await _close(given)


async def _close(given: Any) -> None:
    """Close the stream of a client, which would keep its connection."""
    for name in ("aclose", "close"):
        close = getattr(given, name, None)
        if callable(close) and hasattr(given, "__anext__"):
            closing = close()
            if inspect.isawaitable(closing):
                await closing
            return


async def _async_none() -> AsyncGenerator[Any, Any]:
    return
    yield


async def _async_resumed(item: Any, items: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    try:
        while True:
            try:
                step, value = items.asend, (yield item)
            except GeneratorExit:
                raise
            except BaseException as thrown:  # noqa: BLE001 - the consumer's athrow(), passed on
                step, value = items.athrow, thrown
            try:
                item = await step(value)
            except StopAsyncIteration:
                return
            del step, value
    finally:
        await items.aclose()
