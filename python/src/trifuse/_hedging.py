# SPDX-License-Identifier: MIT OR Apache-2.0
"""One hedged call: a second attempt starts beside a slow first one, and the loser is cancelled.

The first attempt runs in the caller's own task, so that a call that needs no hedge costs no task.
Under asyncio a second one that succeeds cancels the caller's task, as a time limit does, and takes
that back; what came from outside at the same time stays a cancellation.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from trifuse import _limits
from trifuse._durations import seconds
from trifuse._options import is_cancellation

if TYPE_CHECKING:
    from trifuse._hedge import Hedge

Again = Callable[[], Awaitable[Any]]


async def race(hedge: Hedge, delay_ns: int, first: Awaitable[Any], again: Again) -> Any:
    """Await the first attempt, or after the delay whichever of two succeeds first."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None and _limits.current_task(loop) is not None:
        return await _AsyncioRace(hedge, loop, again).run(seconds(delay_ns), first)
    if _limits.trio_task() is not None:
        return await _TrioRace(hedge, again).run(seconds(delay_ns), first)
    return await first


class _AsyncioRace:
    """Under asyncio: the caller's task, and one more once the delay is over."""

    __slots__ = ("_again", "_before", "_hedge", "_loop", "_running", "_second", "_task", "_won")

    def __init__(self, hedge: Hedge, loop: Any, again: Again) -> None:
        self._hedge, self._loop, self._again = hedge, loop, again
        self._task = _limits.current_task(loop)
        self._before = self._task.cancelling()
        self._second: Any = None
        self._running = True
        self._won = False

    async def run(self, delay: float, first: Awaitable[Any]) -> Any:
        timer = self._loop.call_later(delay, self._start)
        try:
            result = await first
        except BaseException as error:
            self._running = False
            if self._won and self._task.uncancel() <= self._before and _gave_way(error):
                return self._second.result()
            if self._second is None or not isinstance(error, Exception):
                await self._stop()
                raise
            first_error: Exception = error
        else:
            self._running = False
            if self._won:
                self._task.uncancel()
            await self._stop()
            return result
        finally:
            timer.cancel()
        try:
            return await self._after(first_error)
        finally:
            del first_error  # or it would hold itself, through its traceback and this frame

    def _start(self) -> None:
        if self._running and self._hedge._may():
            self._second = self._loop.create_task(_awaited(self._again))
            self._second.add_done_callback(self._ended)

    def _ended(self, second: Any) -> None:
        """Take note that the second attempt has ended; its error, if any, is retrieved by that."""
        if not second.cancelled() and second.exception() is None and self._running:
            self._won = True
            self._task.cancel()

    async def _after(self, first_error: Exception) -> Any:
        """Wait for the second attempt when the first has failed; of two errors the earlier is raised."""
        second, self._second = self._second, None
        try:
            if second.done() and not second.cancelled():
                return second.result()
            try:
                return await second
            except Exception:  # noqa: BLE001 - the first error is the one to raise
                pass
            raise first_error
        finally:
            del first_error, second  # or they would hold themselves, through tracebacks and this frame

    async def _stop(self) -> None:
        """Cancel the second attempt and wait until it has ended, whatever comes meanwhile."""
        second = self._second
        if second is None:
            return
        import asyncio

        second.cancel()
        cancelled = None
        while not second.done():
            try:
                await asyncio.wait([second])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled


def _gave_way(error: BaseException) -> bool:
    """Tell whether the first attempt ended because the second has won."""
    return is_cancellation(error) or isinstance(error, Exception)


async def _awaited(again: Again) -> Any:
    return await again()


class _TrioRace:
    """Under trio: a nursery around the first attempt, in which the second one starts."""

    __slots__ = ("_again", "_errors", "_fatal", "_hedge", "_results", "_started")

    def __init__(self, hedge: Hedge, again: Again) -> None:
        self._hedge, self._again = hedge, again
        self._results: list[Any] = []
        self._errors: list[Exception] = []
        self._fatal: BaseException | None = None
        self._started = False

    async def run(self, delay: float, first: Awaitable[Any]) -> Any:
        trio: Any = sys.modules["trio"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._second, trio, delay, nursery.cancel_scope)
            await self._attempt(first, nursery.cancel_scope)
            if not self._started:
                nursery.cancel_scope.cancel()
        try:
            if self._fatal is not None:
                raise self._fatal
            if self._results:
                return self._results[0]
            raise self._errors[0]
        finally:
            self._fatal = None
            self._errors.clear()

    async def _second(self, trio: Any, delay: float, scope: Any) -> None:
        await trio.sleep(delay)
        if self._hedge._may():
            self._started = True
            await self._attempt(_awaited(self._again), scope)

    async def _attempt(self, attempt: Awaitable[Any], scope: Any) -> None:
        """Await one of the two and keep how it ended; a result cancels the other."""
        try:
            result = await attempt
        except Exception as error:  # noqa: BLE001 - raised when the other has failed too
            self._errors.append(error)
        except BaseException as error:
            if is_cancellation(error):
                raise
            self._fatal = error
            scope.cancel()
        else:
            self._results.append(result)
            scope.cancel()
