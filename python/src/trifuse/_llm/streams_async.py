# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reading the stream of an asynchronous client: within limits, and closed on every path."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from trifuse._listeners import log
from trifuse._llm import limits
from trifuse._llm.formats import format_of
from trifuse._llm.frames import Frame
from trifuse._llm.streams_leaving import in_background
from trifuse._llm.streams_reading import Call, Closed, Reading
from trifuse._options import is_cancellation
from trifuse._remaining import current


class AsyncReading(Reading):
    """One attempt at the stream of an asynchronous client."""

    __slots__ = ("_closed", "_limit", "_step")

    def __init__(self, call: Call, opener: Callable[[], Any], *, resumed: bool) -> None:
        """Take the call and what opens the stream."""
        super().__init__(call, opener, call.begin(limits.task_clock()), resumed=resumed)
        self._limit: Any = None
        self._step: Callable[[], Awaitable[Any]] | None = None
        self._closed = False

    async def next_frame(self) -> Frame | None:
        """Read on to the next frame; None at the end. Whatever ends it closes the client's stream."""
        try:
            frame = await self._read()
        except BaseException:
            await self.close()
            raise
        if frame is None:
            await self.close()
        return frame

    async def _read(self) -> Frame | None:
        if self._done:
            return None
        if self._step is None:
            await self._open()
        step = self._step
        assert step is not None
        while not self.call.finishing:
            try:
                event = await self._within(step())
            except StopAsyncIteration:
                break
            except Exception as error:
                if not self.complete:
                    raise
                log().debug(
                    "%r: the stream broke off after its answer was complete: %r", self.call.name, type(error)
                )
                break
            frame = self.take(event)
            if frame is not None:
                return frame
        return self.end()

    async def _open(self) -> None:
        if self.call.closing:
            raise Closed
        outer = self.enter()
        try:
            opened = self.opener()
            if inspect.isawaitable(opened):
                opened = await self._within(opened)
        finally:
            current.set(outer)
        self.raw = opened
        if self.call.fmt is None:
            self.call.take_format(format_of(opened))
        if not hasattr(opened, "__anext__"):
            opened = aiter(opened)
        self._step = opened.__anext__

    async def _within(self, step: Awaitable[Any]) -> Any:
        """Await one step until its time is over or somebody closes the stream."""
        budget = self.budget
        if self.call.closing:
            raise Closed
        left, setting = self.left()
        asked = budget.now()
        self._limit = limit = limits.start(left, usual=budget.is_usual(left))
        try:
            result = await step
        except BaseException as error:
            self._limit = None
            ended = limit is not None and limit.stop(error)
            if not ended or not (is_cancellation(error) or isinstance(error, Exception)):
                raise
            if self.call.closing:
                raise Closed from None
            raise budget.expired(setting)._expired() from error
        finally:
            budget.spent(budget.now() - asked)
        self._limit = None
        if limit is not None:
            limit.stop(None)
        return result

    def interrupt(self) -> None:
        """End the step that another task waits for."""
        if self._limit is not None:
            limits.interrupt(self._limit)

    async def close(self) -> None:
        """Close the client's stream, once. What that raises is logged."""
        if not self._closed:
            self._closed = True
            await close_async(self.raw)

    def leave(self) -> None:
        """Let the client's stream be closed by a task of its own, if nobody has closed it."""
        if not self._closed:
            self._closed = True
            if self.raw is not None:
                in_background(close_async(self.raw))


async def close_async(stream: Any) -> None:
    """Close a client's stream; what that raises is logged, but for a cancellation."""
    close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    if close is None:
        return
    try:
        closing = close()
        if inspect.isawaitable(closing):
            await closing
    except Exception as error:  # noqa: BLE001 - how the stream ended is what counts
        log().debug("closing a stream raised %r", type(error))


def frames_of(call: Call, opener: Callable[[], Any], *, resumed: bool) -> Any:
    """Give the asynchronous generator function of one attempt, for policies to guard."""

    async def frames(*_args: Any, **_kwargs: Any) -> AsyncGenerator[Frame, None]:
        call.reading = reading = AsyncReading(call, opener, resumed=resumed)
        try:
            while True:
                frame = await reading.next_frame()
                if frame is None:
                    return
                yield frame
        finally:
            reading.leave()

    return frames
