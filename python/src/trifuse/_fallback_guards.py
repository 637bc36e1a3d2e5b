# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams with a fallback: before the first item others may give the items, after it never."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

from trifuse._fallback import ASYNC_ITEMS, ITEMS, look

if TYPE_CHECKING:
    from trifuse._fallbacks import Fallback


class Answering:
    """The stream of a generator, or of the fallback's items when it gives none."""

    __slots__ = ("_args", "_first", "_items", "_kwargs", "_of")

    def __init__(self, of: Fallback, items: Generator[Any, Any, Any], args: Any, kwargs: Any) -> None:
        """Take the generator."""
        self._of, self._items, self._args, self._kwargs = of, items, args, kwargs
        self._first = True

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        first, self._first = self._first, False
        if not first:
            return self._items.throw(value) if throw else self._items.send(value)
        of, before = self._of, look()
        try:
            item = next(self._items)
        except StopIteration:
            of._ended(before)
            raise
        except Exception as error:
            found = of._answer(error, self._args, self._kwargs, ITEMS) if of._answers(error) else None
            if found is None:
                raise
            self._items = found[0]
        else:
            of._ended(before)
            return item
        return next(self._items)

    def close(self) -> None:
        """Close what gives the items."""
        self._items.close()


class AnsweringAsync:
    """The stream of an asynchronous generator, or of the fallback's items."""

    __slots__ = ("_args", "_first", "_items", "_kwargs", "_of")

    def __init__(self, of: Fallback, items: AsyncGenerator[Any, Any], args: Any, kwargs: Any) -> None:
        """Take the generator."""
        self._of, self._items, self._args, self._kwargs = of, items, args, kwargs
        self._first = True

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        first, self._first = self._first, False
        if not first:
            return await (self._items.athrow(value) if throw else self._items.asend(value))
        of, before = self._of, look()
        try:
            item = await anext(self._items)
        except StopAsyncIteration:
            of._ended(before)
            raise
        except Exception as error:
            found = None
            if of._answers(error):
                found = await of._answer_async(error, self._args, self._kwargs, ASYNC_ITEMS)
            if found is None:
                raise
            self._items = found[0]
        else:
            of._ended(before)
            return item
        return await anext(self._items)

    async def close(self) -> None:
        """Close what gives the items."""
        await self._items.aclose()
