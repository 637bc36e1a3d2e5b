# SPDX-License-Identifier: MIT OR Apache-2.0
"""Leaving an asynchronous stream that nobody waits for: closed by its event loop, wherever it is dropped.

An asynchronous generator that is merely dropped is closed by its event loop some time, with warnings
under trio, and generators within generators get in each other's way then. So a dropped stream is closed
from the outside to the inside, in one go, by a callback of its loop.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from trifuse import _limits
from trifuse._listeners import log

_tasks: set[Any] = set()
"""Tasks that close something, which must not be collected before they have."""


def home_now() -> Any:
    """Give what :func:`at_home` needs to get back to the event loop that runs now; None without one."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None:
        return loop
    if _limits.trio_task() is not None:
        return sys.modules["trio"].lowlevel.current_trio_token()
    return None


def at_home(home: Any, leave: Callable[[], None]) -> None:
    """Call in the thread of an event loop, soon; at once if that is gone. Any thread may ask."""
    soon = getattr(home, "call_soon_threadsafe", None) or getattr(home, "run_sync_soon", None)
    if soon is not None:
        try:
            soon(leave)
        except RuntimeError:  # the loop is closed, trio has finished
            pass
        else:
            return
    leave()


def in_background(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a task of its own; without a loop, not at all."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None and not loop.is_closed():
        task = loop.create_task(coroutine)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        return
    trio = sys.modules.get("trio")
    with contextlib.suppress(RuntimeError):
        if trio is not None and trio.lowlevel.in_trio_run():
            trio.lowlevel.spawn_system_task(_awaited, coroutine)
            return
    coroutine.close()


async def _awaited(coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine


def finish(awaitable: Any) -> None:
    """Run what closes a generator up to its end, which takes no waiting; should it wait, in a task."""
    try:
        waits_for = awaitable.send(None)
    except (StopIteration, StopAsyncIteration):
        return
    except BaseException as error:  # noqa: BLE001 - nobody is there to be told
        log().debug("leaving a stream raised %r", type(error))
        return
    in_background(_rest(awaitable, waits_for))


async def _rest(awaitable: Any, waits_for: Any) -> None:
    with contextlib.suppress(StopAsyncIteration, Exception):
        await _go_on(awaitable, waits_for)


@types.coroutine
def _go_on(awaitable: Any, waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with what has begun outside of a task."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:  # noqa: BLE001 - thrown in by the loop, such as a cancellation
            step, value = awaitable.throw, error
        else:
            step, value = awaitable.send, sent
        try:
            waits_for = step(value)
        except StopIteration:
            return
