# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guarded streams as their consumers hold them."""

from __future__ import annotations

import inspect
from typing import Any, Generic, Self, TypeVar

from trifuse._llm.limits import task_clock, thread_clock
from trifuse._llm.streams_leaving import at_home, finish, home_now
from trifuse._llm.streams_outside import Outside
from trifuse._llm.streams_reading import Call, Closed

T = TypeVar("T")


class GuardedAsyncStream(Outside, Generic[T]):
    """The stream of an asynchronous client under guard; it is used as that would be.

    Iterate over it once, from one task at a time; :meth:`close` may be called by another. Leaving it early
    closes the connection and counts as nothing; after its terminal event it counts as the success it is.
    """

    _home: Any = None

    def __aiter__(self) -> Self:
        """Iterate over the events."""
        return self

    async def __anext__(self) -> T:
        """Give the next event.

        Raises RequestTimeoutError when a limit of the stream is over, StreamInterruptedError when it ends
        without its terminal event, and whatever the client raises.
        """
        while not self._pending:
            if self._over:
                raise StopAsyncIteration
            await self._advance()
        event: T = self._pending.popleft()
        return event

    async def __aenter__(self) -> Self:
        """Give the stream, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the stream."""
        await self.close()

    async def until_done(self) -> None:
        """Read the stream to its end."""
        async for _ in self:
            pass

    async def aclose(self) -> None:
        """Close the stream: the same as :meth:`close`."""
        await self.close()

    async def close(self) -> None:
        """Close the stream and its connection; a task that is reading it gets its end. Twice is fine."""
        self._pending.clear()
        if self._over or self._items is None:
            self._over = True
            return
        call, items = self._call, self._items
        if self._asking:
            call.interrupt()
            return
        self._over = True
        call.finishing = call.complete
        try:
            if call.reading is not None:
                await call.reading.close()
            if call.finishing:
                await anext(items, None)
        finally:
            await items.aclose()

    async def _prime(self) -> Self:
        """Ask for the first content."""
        await self._advance()
        return self

    async def _advance(self) -> None:
        if self._items is None:
            self._home = home_now()
            self._call.begin(task_clock())
            self._items = self._start(self._opener, False)  # noqa: FBT003 - as Start says
        elif self._call.closing:
            self._over = True
            return
        elif self._too_late():
            await self.close()
            raise self._total_error()
        self._asking = True
        try:
            item = await anext(self._items)
        except (StopAsyncIteration, Closed):
            self._over = True
        except Exception as error:  # noqa: BLE001 - raised, unless the stream goes on
            if not await self._resume(error):
                self._over = True
                self._raise(error)
        except BaseException:
            self._over = True
            raise
        else:
            self._broken = None
            if self._take(item):
                self._over = True
                await self._items.aclose()
        finally:
            self._asking = False

    async def _resume(self, error: Exception) -> bool:
        told = self._interrupted(error)
        if told is None:
            return False
        try:
            opener = self._call.resume.strategy(told)  # type: ignore[union-attr]
            if inspect.isawaitable(opener):
                opener = await opener
        except Exception as raised:  # noqa: BLE001 - what broke the stream off is what counts
            self._strategy_failed(error, raised)
            return False
        except BaseException:  # a cancellation
            self._over = True
            raise
        return self._resumed(opener, error)

    def __del__(self) -> None:
        """Give everything back, in the event loop's own time."""
        call, items = self._call, self._items
        if self._over or items is None:
            call.reading = None
        else:
            at_home(self._home, lambda: _leave(call, items))


def _leave(call: Call, items: Any) -> None:
    """End the frames of a stream that was dropped."""
    if call.complete:
        call.finishing = True
        finish(items.__anext__())
    finish(items.aclose())
    call.reading = None


class GuardedStream(Outside, Generic[T]):
    """The stream of a synchronous client under guard; it is used as that would be.

    Iterate over it once, from one thread at a time; :meth:`close` may be called by another. Leaving it
    early closes the connection and counts as nothing; after its terminal event as the success it is.
    """

    def __iter__(self) -> Self:
        """Iterate over the events."""
        return self

    def __next__(self) -> T:
        """Give the next event; raises as :class:`GuardedAsyncStream` does."""
        while not self._pending:
            if self._over:
                raise StopIteration
            self._advance()
        event: T = self._pending.popleft()
        return event

    def __enter__(self) -> Self:
        """Give the stream, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the stream."""
        self.close()

    def until_done(self) -> None:
        """Read the stream to its end."""
        for _ in self:
            pass

    def close(self) -> None:
        """Close the stream and its connection; a thread that is reading it gets its end. Twice is fine."""
        self._pending.clear()
        if self._over or self._items is None:
            self._over = True
            return
        call, items = self._call, self._items
        if self._asking:
            call.interrupt()
            return
        self._over = True
        call.finishing = call.complete
        try:
            if call.finishing:
                next(items, None)
        finally:
            items.close()

    def _prime(self) -> Self:
        """Ask for the first content."""
        self._advance()
        return self

    def _advance(self) -> None:
        if self._items is None:
            self._call.begin(thread_clock)
            self._items = self._start(self._opener, False)  # noqa: FBT003 - as Start says
        elif self._call.closing:
            self._over = True
            return
        elif self._too_late():
            self.close()
            raise self._total_error()
        self._asking = True
        try:
            item = next(self._items)
        except (StopIteration, Closed):
            self._over = True
        except Exception as error:  # noqa: BLE001 - raised, unless the stream goes on
            if not self._resume(error):
                self._over = True
                self._raise(error)
        except BaseException:
            self._over = True
            raise
        else:
            self._broken = None
            if self._take(item):
                self._over = True
                self._items.close()
        finally:
            self._asking = False

    def _resume(self, error: Exception) -> bool:
        told = self._interrupted(error)
        if told is None:
            return False
        try:
            opener = self._call.resume.strategy(told)  # type: ignore[union-attr]
        except Exception as raised:  # noqa: BLE001 - what broke the stream off is what counts
            self._strategy_failed(error, raised)
            return False
        return self._resumed(opener, error)

    def __del__(self) -> None:
        """Give everything back."""
        if not self._over:
            self.close()
        self._call.reading = None
