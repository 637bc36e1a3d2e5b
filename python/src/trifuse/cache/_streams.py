# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams through a cache: the items are kept once the stream has ended by itself, and given again as items."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from trifuse._fallback import Scope, scope

if TYPE_CHECKING:
    from trifuse.cache._calls import Call

MOST_ITEMS = 100_000
"""A stream of more items is passed on and not kept."""


def kept(call: Call) -> Generator[Any, Any, Any] | None:
    """Give the items of a fresh entry; None without one."""
    items = _fresh(call, call.cache._get(call.key) if call.cache._serves else None)
    return None if items is None else (item for item in items)


async def kept_async(call: Call) -> AsyncGenerator[Any, Any] | None:
    """As kept(), in a task."""
    items = _fresh(call, await call.cache._get_async(call.key) if call.cache._serves else None)
    return None if items is None else _each(items)


def _fresh(call: Call, found: Any) -> list[Any] | None:
    cache = call.cache
    if found is None or not cache._is_fresh(found) or not isinstance(found.value, list):
        if cache._serves:
            cache._count("missed")
        return None
    cache._count("fresh")
    return found.value


async def _each(items: list[Any]) -> AsyncGenerator[Any, Any]:
    for item in items:
        yield item


class _Items:
    """The items so far."""

    __slots__ = ("_call", "_inner", "_items", "_seen")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._items: list[Any] | None = []
        self._inner = Scope()

    def enter(self) -> Scope | None:
        """Let one step run within the scope of the stream; gives the one around it."""
        outer = scope.get()
        if outer is not self._inner:
            self._inner.outer = outer
        scope.set(self._inner)
        return outer

    def took(self, item: Any) -> None:
        if self._items is not None:
            self._items.append(item)
            if len(self._items) > MOST_ITEMS:
                self._items = None
                self._call.cache._tell_once("a stream is too long", f"more than {MOST_ITEMS} items")

    def whole(self) -> list[Any] | None:
        """Give all items of a stream that has ended, if they are to be kept."""
        items, self._items = self._items, None
        return items if items is not None and self._call.cache._wants(items, self._inner.degraded) else None


class Kept(_Items):
    """The stream of a generator."""

    __slots__ = ("_generator",)

    def __init__(self, call: Call, generator: Generator[Any, Any, Any]) -> None:
        """Take the generator."""
        super().__init__(call)
        self._generator = generator

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        outer = self.enter()
        try:
            item = self._generator.throw(value) if throw else self._generator.send(value)
        except StopIteration:
            items = self.whole()
            if items is not None:
                self._call.cache._put(self._call.key, items)
            raise
        finally:
            scope.set(outer)
        self.took(item)
        return item

    def close(self) -> None:
        """Close the generator; nothing is kept."""
        self._generator.close()


class KeptAsync(_Items):
    """The stream of an asynchronous generator, or the items of a fresh entry."""

    __slots__ = ("_fn", "_generator", "_hit")

    def __init__(self, call: Call, fn: Callable[..., Any] | None, generator: Any = None) -> None:
        """Take the function that gives the generator, or the generator."""
        super().__init__(call)
        self._fn, self._generator = fn, generator
        self._hit = False

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        call = self._call
        if self._generator is None:
            self._generator = await kept_async(call)
            self._hit = self._generator is not None
            if self._generator is None and self._fn is not None:
                self._generator = self._fn(*call.args, **call.kwargs)
        outer = self.enter()
        try:
            item = await (self._generator.athrow(value) if throw else self._generator.asend(value))
        except StopAsyncIteration:
            items = None if self._hit else self.whole()
            if items is not None:
                await call.cache._put_async(call.key, items)
            raise
        finally:
            scope.set(outer)
        if not self._hit:
            self.took(item)
        return item

    async def close(self) -> None:
        """Close the generator; nothing is kept."""
        if self._generator is not None:
            await self._generator.aclose()
