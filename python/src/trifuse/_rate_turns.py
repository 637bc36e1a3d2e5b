# SPDX-License-Identifier: MIT OR Apache-2.0
"""Waiting for tokens: from what the core said to the turn of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from trifuse._core import ffi, lib
from trifuse._durations import NEVER, seconds
from trifuse._errors import OverCapacityError, RateLimitedError, TrifuseError
from trifuse._locks import Lock
from trifuse._rate_queues import TokenQueue, WindowQueue
from trifuse._rate_values import whole
from trifuse._waiting import ThreadWaiter, Waiter, deadline_ns, task_waiter, wait, wait_async

if TYPE_CHECKING:
    from trifuse._rate_limit import RateLimit

enter = lib.trifuse_py_limiter_enter
_OK: int = lib.TRIFUSE_OK
_LOOK: int = lib.TRIFUSE_PY_LOOK
_REFUSED: int = lib.TRIFUSE_REFUSED_RATE_LIMITED
_OVER: int = lib.TRIFUSE_ERROR_OVER_CAPACITY
_TOLD = ffi.typeof("trifuse_py_told *")
_making = Lock()
W = TypeVar("W", bound=Waiter)


def said(number: int) -> Any:
    """Give what ``enter`` said."""
    told = ffi.new(_TOLD)
    lib.trifuse_py_limiter_said(number, told)
    return told


def ask(limit: RateLimit, n: int, max_wait_ns: int) -> Any:
    """Ask for n tokens; None when they are there."""
    told = ffi.new(_TOLD)
    result = lib.trifuse_py_limiter_ask(limit._memory, whole("n", n), max_wait_ns, told)
    return told if result != _OK or told.wait_ns else None


def take_turn(limit: RateLimit, told: Any, n: int, max_wait_ns: int) -> None:
    """Let the thread wait for its tokens. Raises RateLimitedError, OverCapacityError."""
    begun = _begin(limit, told, n, max_wait_ns, ThreadWaiter)
    if begun is not None:
        wait(*begun)


async def take_turn_async(limit: RateLimit, told: Any, n: int, max_wait_ns: int) -> None:
    """Let the task wait for its tokens. Raises RateLimitedError, OverCapacityError."""
    begun = _begin(limit, told, n, max_wait_ns, task_waiter)
    if begun is not None:
        await wait_async(*begun)


def give_back(limit: RateLimit, told: Any) -> None:
    """Give back what was reserved, of one who did not begin to wait."""
    if told.result == _OK:
        lib.trifuse_py_limiter_cancel(limit._memory, told)


def may_wait(limit: RateLimit, told: Any) -> bool:
    """Tell whether a call that was not let through at once may be let through later."""
    if told.result == _OK:
        return True
    return bool(limit._setup.wait_ns and lib.trifuse_py_limiter_windowed(limit._memory))


def _begin(
    limit: RateLimit, told: Any, n: int, max_wait_ns: int, make: Callable[[int, int], W]
) -> tuple[TokenQueue | WindowQueue, W] | None:
    """Give the queue that was joined and the place in it; None when there is nothing to wait for."""
    result = told.result
    if result == _OK:
        return _begin_reserved(limit, told, n, make)
    if result in {_REFUSED, _LOOK} and max_wait_ns and lib.trifuse_py_limiter_windowed(limit._memory):
        ready = told.now_ns + told.wait_ns if result == _REFUSED else 0
        end = deadline_ns(max_wait_ns)
        if ready <= end:
            window = queue_of(limit, WindowQueue)
            waiter = make(n, end)
            window.join(waiter, ready)
            return window, waiter
    raise refused(limit, told, n)


def _begin_reserved(
    limit: RateLimit, told: Any, n: int, make: Callable[[int, int], W]
) -> tuple[TokenQueue, W] | None:
    if told.wait_ns == 0:
        return None
    if told.now_ns + told.wait_ns > deadline_ns(NEVER):
        give_back(limit, told)
        raise RateLimitedError(limit.name, seconds(told.wait_ns), n, 0)
    try:
        tokens, waiter = queue_of(limit, TokenQueue), make(n, NEVER)
    except BaseException:
        give_back(limit, told)
        raise
    tokens.join(waiter, told)
    return tokens, waiter


def refused(limit: RateLimit, told: Any, n: int) -> TrifuseError:
    """Make the error of a refusal."""
    if told.result == _OVER:
        return OverCapacityError(limit.name, n, lib.trifuse_py_limiter_capacity(limit._memory))
    if told.result == _LOOK:
        queue = limit._queue
        wait = queue.retry_after() if isinstance(queue, WindowQueue) else None
        return RateLimitedError(limit.name, wait, n, 0)
    if told.result == _REFUSED:
        return RateLimitedError(limit.name, seconds(told.wait_ns), n, told.available)
    raise TrifuseError(f"rate limit {limit.name!r}: error {told.result}")


Q = TypeVar("Q", TokenQueue, WindowQueue)


def queue_of(limit: RateLimit, kind: type[Q]) -> Q:
    """Give the queue of a limit, made when the first has to wait."""
    queue: Any = limit._queue
    if queue is None:
        with _making:
            queue = limit._queue
            if queue is None:
                queue = limit._queue = kind(limit)
    return queue  # type: ignore[no-any-return]
