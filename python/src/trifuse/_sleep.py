# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sleeping between attempts: threads by the operating system, tasks by their event loop.

Under the virtual time of ``trifuse.testing`` a thread does not really sleep, a task sleeps by its
event loop's clock, and the virtual clock moves on by as much.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from trifuse import _limits
from trifuse._core import lib
from trifuse._durations import seconds
from trifuse._errors import TrifuseError

instead: Callable[[int], None] | None = None
"""What is done in place of every sleep; set by ``trifuse.testing``."""

_now_ns = lib.trifuse_py_now
_is_virtual = lib.trifuse_py_virtual


def sleep(duration_ns: int) -> None:
    """Let the thread sleep."""
    if instead is not None:
        instead(duration_ns)
    elif _is_virtual():
        _passed(_now_ns() + duration_ns)
    elif duration_ns:
        time.sleep(seconds(duration_ns))


async def sleep_async(duration_ns: int) -> None:
    """Let the task sleep; at least once the event loop has its turn."""
    if instead is not None:
        instead(duration_ns)
        await _by_loop(0.0)
        return
    until_ns = _now_ns() + duration_ns
    await _by_loop(seconds(duration_ns))
    if _is_virtual():
        _passed(until_ns)


async def _by_loop(duration: float) -> None:
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None and _limits.current_task(loop) is not None:
        import asyncio

        await asyncio.sleep(duration)
    elif _limits.trio_task() is not None:
        await sys.modules["trio"].sleep(duration)
    else:
        raise TrifuseError("sleeping between attempts needs asyncio or trio, and neither runs here")


def _passed(until_ns: int) -> None:
    from trifuse._waiting import passed

    passed(until_ns)
