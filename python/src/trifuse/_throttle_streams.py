# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams and awaitables under a throttle: counted at their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from trifuse._awaiting import is_client_stream, unstarted
from trifuse._stream_guards import PlainAsync, pass_on_async

if TYPE_CHECKING:
    from trifuse._throttle import Throttle

_ITERABLE_COROUTINE = 0x100


def follow(throttle: Throttle, result: Any) -> Any:
    """Count at its end what was admitted when it was called."""
    if type(result) is AsyncGeneratorType:
        return pass_on_async(Followed(throttle, result, asked=True))
    if type(result) is GeneratorType and not result.gi_code.co_flags & _ITERABLE_COROUTINE:
        return _follow_items(throttle, result)
    if is_client_stream(type(result)):
        from trifuse._llm.streams_adopting import adopt

        return adopt(
            result,
            lambda items: _follow_items(throttle, items),
            lambda items: pass_on_async(Followed(throttle, items, asked=True)),
        )
    followed: Any = _follow_awaitable(throttle, unstarted(result))
    followed.__qualname__ = getattr(result, "__qualname__", followed.__qualname__)
    return followed


async def _follow_awaitable(throttle: Throttle, awaitable: Awaitable[Any]) -> Any:
    try:
        result = await awaitable
    except BaseException as error:
        throttle._ended(error)
        raise
    throttle._returned(result)
    return result


def _follow_items(throttle: Throttle, items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    try:
        result = yield from items
    except BaseException as error:
        throttle._ended(error)
        raise
    throttle._ended(None)
    return result


class Followed(PlainAsync):
    """The items of a call that is counted at its end."""

    __slots__ = ("_asked", "_throttle")

    def __init__(self, throttle: Throttle, items: AsyncGenerator[Any, Any], *, asked: bool) -> None:
        """Take the throttle and the items; ``asked``: it was admitted already."""
        super().__init__(items)
        self._throttle: Throttle | None = throttle
        self._asked = asked

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        if not self._asked and self._throttle is not None:
            throttle, self._throttle = self._throttle, None
            throttle.__enter__()
            self._throttle, self._asked = throttle, True
        try:
            return await super().step(value, throw=throw)
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise

    async def close(self) -> None:
        """Close the generator; closed early, it was taken on."""
        try:
            await super().close()
        finally:
            if self._asked:
                self._end(None)

    def _end(self, error: BaseException | None) -> None:
        throttle, self._throttle = self._throttle, None
        if throttle is not None:
            throttle._ended(error)
