# SPDX-License-Identifier: MIT OR Apache-2.0
"""Waiting for a place: from what the core said to the turn of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from trifuse._core import lib
from trifuse._durations import NEVER, Duration
from trifuse._errors import BulkheadFullError, ConfigurationError
from trifuse._locks import Lock
from trifuse._queues import PlaceQueue
from trifuse._structs import wait_ns
from trifuse._waiting import ThreadWaiter, deadline_ns, in_task, task_waiter, wait, wait_async

if TYPE_CHECKING:
    from trifuse._places import Places

bypassed = lib.trifuse_py_bypass
_FULL: int = lib.TRIFUSE_REFUSED_BULKHEAD_FULL
_MOST_WAITING = 1_000_000
_making = Lock()


def queue_settings(max_queue: Any, max_wait: Duration | None) -> tuple[int, int]:
    """Check the settings of a queue. Raises ConfigurationError."""
    if isinstance(max_queue, bool) or not isinstance(max_queue, int) or not 0 <= max_queue <= _MOST_WAITING:
        raise ConfigurationError("max_queue", max_queue, f"a whole number, 0 to {_MOST_WAITING}")
    if max_wait is not None and max_queue == 0:
        raise ConfigurationError("max_wait", max_wait, "only with a max_queue of 1 or more")
    return max_queue, NEVER if max_wait is None else wait_ns("max_wait", max_wait)


def _join(limit: Places, slot: Any, result: int, max_wait_ns: int, make: Any) -> Any:
    """Join the queue; None while everything is switched off. Raises BulkheadFullError."""
    if result == _FULL or not max_wait_ns or not limit._max_queue:
        refuse(limit, slot, result)
    queue = limit._queue
    if queue is None:
        with _making:
            queue = limit._queue = limit._queue or PlaceQueue(limit)
    waiter = make(1, deadline_ns(max_wait_ns))
    if not queue.join(waiter, slot, limit._max_queue):
        refuse(limit, slot, result)
    return queue, waiter


def refuse(limit: Places, slot: Any, result: int) -> NoReturn:
    """Raise BulkheadFullError, counted by the core or here."""
    if result != _FULL:
        lib.trifuse_py_places_refuse(slot)
    raise BulkheadFullError(limit.name, None, limit.kind)


def take_turn(limit: Places, slot: Any, result: int, max_wait_ns: int) -> bool:
    """Let the thread wait for a place; False when everything is switched off. Raises BulkheadFullError."""
    if bypassed():
        return False
    if in_task():  # what it would wait for may be held by the tasks that it would stop
        refuse(limit, slot, result)
    wait(*_join(limit, slot, result, max_wait_ns, ThreadWaiter))
    return True


async def take_turn_async(limit: Places, slot: Any, result: int, max_wait_ns: int) -> bool:
    """Let the task wait for a place; False when everything is switched off. Raises BulkheadFullError."""
    if bypassed():
        return False
    await wait_async(*_join(limit, slot, result, max_wait_ns, task_waiter))
    return True
