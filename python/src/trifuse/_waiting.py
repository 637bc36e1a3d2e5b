# SPDX-License-Identifier: MIT OR Apache-2.0
"""Waiting: threads, asyncio tasks and trio tasks that sleep until somebody wakes them or a time comes.

Nobody polls. A waiter parks for as long as its queue says and asks the queue again. Under the
virtual time of ``trifuse.testing`` a task's wait goes by its event loop's clock and moves the virtual
clock on when it is over, and ends earlier when the virtual clock is moved past it.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trifuse import _limits
from trifuse._core import lib
from trifuse._durations import NEVER, seconds
from trifuse._errors import TrifuseError

if TYPE_CHECKING:
    from trifuse._queues import Queue

now_ns = lib.trifuse_py_now
is_virtual = lib.trifuse_py_virtual


class Waiter:
    """One who waits.

    Attributes:
        n: tokens it waits for.
        until_ns: when it looks again by itself.
        deadline_ns: when it gives up.
        granted: it has what it waits for, in ``got``.
        error: why it never will have.
    """

    __slots__ = ("deadline_ns", "error", "got", "granted", "n", "until_ns")

    def __init__(self, n: int, deadline_ns: int) -> None:
        """Begin to wait for ``n`` at most until a time."""
        self.n = n
        self.deadline_ns = deadline_ns
        self.until_ns = NEVER
        self.granted = False
        self.got: Any = None
        self.error: TrifuseError | None = None

    def wake(self) -> bool:
        """Make it look at its queue, from any thread; False when nobody is there any more."""
        raise NotImplementedError


class ThreadWaiter(Waiter):
    """A thread that waits."""

    __slots__ = ("_lock",)

    def __init__(self, n: int, deadline_ns: int) -> None:
        """Begin to wait."""
        super().__init__(n, deadline_ns)
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self) -> bool:
        """Make it look."""
        with contextlib.suppress(RuntimeError):  # it was woken already and has not looked yet
            self._lock.release()
        return True

    def park(self, until_ns: int) -> None:
        """Sleep until woken or until a time comes."""
        pause = _pause(until_ns)
        if not self._lock.acquire(timeout=-1 if pause is None else min(pause, threading.TIMEOUT_MAX)):
            passed(until_ns)


class TaskWaiter(Waiter):
    """A task that waits, under an event loop."""

    __slots__ = ("_woken",)

    def __init__(self, n: int, deadline_ns: int) -> None:
        """Begin to wait."""
        super().__init__(n, deadline_ns)
        self._woken = False

    async def park(self, queue: Queue, until_ns: int) -> None:
        """Sleep until woken or until a time comes."""
        raise NotImplementedError


class AsyncioWaiter(TaskWaiter):
    """A task of asyncio."""

    __slots__ = ("_future", "_loop")

    def __init__(self, n: int, deadline_ns: int, loop: Any) -> None:
        """Begin to wait in the running task of a loop."""
        super().__init__(n, deadline_ns)
        self._loop = loop
        self._future: Any = None

    def wake(self) -> bool:
        """Make it look."""
        if _limits.running_loop() is self._loop:
            self._stir()
            return True
        try:
            self._loop.call_soon_threadsafe(self._stir)
        except RuntimeError:
            return False
        return True

    def _stir(self) -> None:
        self._woken = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def _fire(self, queue: Queue, until_ns: int) -> None:
        """The time has come: those before this one are stirred before it."""
        passed(until_ns)
        queue.settle()
        self._stir()

    async def park(self, queue: Queue, until_ns: int) -> None:
        """Sleep until woken or until a time comes."""
        if not self._woken:
            self._future = self._loop.create_future()
            pause = _pause(until_ns)
            timer = None if pause is None else self._loop.call_later(pause, self._fire, queue, until_ns)
            try:
                await self._future
            finally:
                self._future = None
                if timer is not None:
                    timer.cancel()
        self._woken = False


class TrioWaiter(TaskWaiter):
    """A task of trio."""

    __slots__ = ("_event", "_token", "_trio")

    def __init__(self, n: int, deadline_ns: int, trio: Any) -> None:
        """Begin to wait in the running task."""
        super().__init__(n, deadline_ns)
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._event: Any = None

    def wake(self) -> bool:
        """Make it look."""
        try:
            if self._trio.lowlevel.current_trio_token() is self._token:
                self._stir()
                return True
        except RuntimeError:
            pass  # this thread runs no trio
        try:
            self._token.run_sync_soon(self._stir)
        except self._trio.RunFinishedError:
            return False
        return True

    def _stir(self) -> None:
        self._woken = True
        if self._event is not None:
            self._event.set()

    async def park(self, queue: Queue, until_ns: int) -> None:  # noqa: ARG002 - as asyncio's
        """Sleep until woken or until a time comes."""
        if not self._woken:
            pause = _pause(until_ns)
            self._event = self._trio.Event()
            with self._trio.move_on_after(float("inf") if pause is None else pause):
                await self._event.wait()
            self._event = None
            if not self._woken:
                passed(until_ns)
        self._woken = False


def task_waiter(n: int, deadline_ns: int) -> AsyncioWaiter | TrioWaiter:
    """Make a waiter of the running task. Raises TrifuseError where there is none."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None and _limits.current_task(loop) is not None:
        return AsyncioWaiter(n, deadline_ns, loop)
    if _limits.trio_task() is not None:
        return TrioWaiter(n, deadline_ns, sys.modules["trio"])
    raise TrifuseError("waiting needs asyncio or trio, and neither runs here")


def in_task() -> bool:
    """Tell whether an event loop runs in this thread: blocking it would stop all its tasks."""
    return (_limits.load() and _limits.running_loop() is not None) or _limits.trio_task() is not None


def gives_awaitables(fn: Callable[..., Any]) -> bool:
    """Tell a function that wraps a coroutine function, as far as looking at it tells."""
    return inspect.iscoroutinefunction(inspect.unwrap(fn))


def to_be_awaited(fn: Callable[..., Any]) -> bool:
    """Tell whether what a function gives here is awaited, as far as looking tells.

    What wraps a coroutine function may run it to its end, but not where an event loop runs.
    """
    return in_task() and gives_awaitables(fn)


def wait(queue: Queue, waiter: ThreadWaiter) -> None:
    """Block the thread until its turn. Raises RefusedError when its time is over."""
    alone = in_task()  # the tasks of this thread, which may be first, cannot look meanwhile
    try:
        while (until := queue.look(waiter)) is not None:
            until = min(until, queue.next_ns()) if alone else until
            if queue.timed and is_virtual():
                passed(min(until, queue.next_ns()))
            else:
                waiter.park(until)
    except BaseException:
        queue.leave(waiter)
        raise


async def wait_async(queue: Queue, waiter: AsyncioWaiter | TrioWaiter) -> None:
    """Let the task wait until its turn. Raises RefusedError when its time is over."""
    try:
        while (until := queue.look(waiter)) is not None:
            await waiter.park(queue, until)
    except BaseException:
        queue.leave(waiter)
        raise


def _pause(until_ns: int) -> float | None:
    return None if until_ns == NEVER else max(0.0, seconds(until_ns - now_ns()))


def passed(until_ns: int) -> None:
    """Move the virtual clock on to a time that somebody has waited for."""
    if until_ns != NEVER and is_virtual() and now_ns() < until_ns:
        lib.trifuse_py_set_now(until_ns)
        clock_moved()


def clock_moved() -> None:
    """Let all who wait look at the virtual clock."""
    queues = sys.modules.get("trifuse._queues")
    if queues is not None:
        queues.wake_all()


def deadline_ns(max_wait_ns: int) -> int:
    """Give the time at which a wait is over (NEVER: it has no end): not after the running task's deadline."""
    now: int = now_ns()
    end = min(now + max_wait_ns, NEVER)
    module = sys.modules.get("trifuse._remaining")
    left = None if module is None else module.remaining_ns()
    return end if left is None else min(end, now + left)
