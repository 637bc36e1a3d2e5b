# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call through a cache: a fresh entry, the answer of another call in flight, or the call itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from trifuse._awaiting import PLAIN, is_plain, unstarted
from trifuse._durations import NEVER
from trifuse._errors import TrifuseError
from trifuse._fallback import Scope, scope
from trifuse._last_call import adopt
from trifuse._waiting import ThreadWaiter, Waiter, deadline_ns, in_task, task_waiter, wait, wait_async
from trifuse.cache._flights import LEAD, Flight
from trifuse.cache._shared import Lease, lease, lease_async
from trifuse.cache._store import Found

_MISSED = object()


class Call:
    """What is known of a call."""

    __slots__ = ("args", "cache", "key", "kwargs")

    def __init__(self, cache: Any, key: str, args: Any, kwargs: Any) -> None:
        """Take the cache, the key and the arguments."""
        self.cache, self.key, self.args, self.kwargs = cache, key, args, kwargs

    def fresh(self, found: Found | None) -> Any:
        """Give the value of a fresh entry, or _MISSED."""
        if found is None or not self.cache._is_fresh(found):
            return _MISSED
        self.cache._count("fresh")
        return found.value

    def at_once(self) -> Any:
        """Give the value of a fresh entry where looking does not wait, or _MISSED."""
        cache = self.cache
        if not cache._serves or cache.store.blocking:
            return _MISSED
        return self.fresh(cache._get(self.key))


def run(call: Call, fn: Callable[..., Any], gave_awaitable: Callable[[], None]) -> Any:
    """Answer a call of a synchronous function."""
    hit = call.at_once()
    if hit is not _MISSED:
        return hit
    cache = call.cache
    if not cache._serves:
        return _made(call, fn, None, gave_awaitable)
    waiter = None if in_task() else ThreadWaiter(1, deadline_ns(NEVER))  # a loop's thread must not wait
    flight, leads = cache._flights.board(call.key, waiter)
    if flight is None:
        return _made(call, fn, None, gave_awaitable)
    if not leads:
        assert waiter is not None
        wait(flight, waiter)
        if waiter.got is not LEAD:
            return _taken(call, waiter)
    lent: Lease | None = None
    try:
        hit = call.fresh(cache._get(call.key))
        if hit is _MISSED:
            cache._count("missed")
            lent = lease(cache, call.key)
            hit = _MISSED if lent.found is None else call.fresh(lent.found)
        if hit is not _MISSED:
            flight.finish(hit)
            return hit
        return _made(call, fn, flight, gave_awaitable)
    except Exception as error:
        flight.fail(error)
        raise
    finally:
        flight.abandon()  # unless it has landed
        if lent is not None:
            lent.release()


def _taken(call: Call, waiter: Waiter) -> Any:
    """Give the answer of the call that was waited for, or raise its error."""
    call.cache._count("shared")
    outcomes, waiter.got = [waiter.got], None  # held by no frame that the error's traceback holds
    value, degraded = outcomes.pop().give()
    adopt(degraded)
    return value


def _made(
    call: Call, fn: Callable[..., Any], flight: Flight | None, gave_awaitable: Callable[[], None]
) -> Any:
    inner = Scope(flight)
    scope.set(inner)
    try:
        result = fn(*call.args, **call.kwargs)
    finally:
        scope.set(inner.outer)
    if type(result) not in PLAIN and not is_plain(result):
        if isinstance(result, Awaitable):
            gave_awaitable()
            return _settled(call, unstarted(result))
        return _stream(call, result)
    try:
        if call.cache._wants(result, inner.degraded):
            call.cache._put(call.key, result)
    finally:
        if flight is not None:
            flight.finish(result, inner.degraded)
    return result


def _stream(call: Call, items: Any) -> Any:
    """Go on with a function that turned out to give a stream."""
    from trifuse._stream_guards import pass_on, pass_on_async
    from trifuse.cache._streams import Kept, KeptAsync

    if hasattr(items, "__aiter__"):
        return pass_on_async(KeptAsync(call, None, items))
    return pass_on(Kept(call, items))


async def _settled(call: Call, awaitable: Any) -> Any:
    """Keep what the first call of a function gave that turned out to be asynchronous."""
    inner = Scope()
    scope.set(inner)
    try:
        result = await awaitable
    finally:
        scope.set(inner.outer)
    if call.cache._wants(result, inner.degraded):
        await call.cache._put_async(call.key, result)
    return result


async def run_async(call: Call, fn: Callable[..., Any]) -> Any:
    """Answer a call of a function whose result is awaited."""
    hit = call.at_once()
    if hit is not _MISSED:
        return hit
    cache = call.cache
    if not cache._serves:
        return await _made_async(call, fn, None)
    waiter = _task_waiter()
    flight, leads = cache._flights.board(call.key, waiter)
    if flight is None:
        return await _made_async(call, fn, None)
    if not leads:
        assert waiter is not None
        await wait_async(flight, waiter)
        if waiter.got is not LEAD:
            return _taken(call, waiter)
    lent: Lease | None = None
    try:
        hit = call.fresh(await cache._get_async(call.key))
        if hit is _MISSED:
            cache._count("missed")
            lent = await lease_async(cache, call.key)
            hit = _MISSED if lent.found is None else call.fresh(lent.found)
        if hit is not _MISSED:
            flight.finish(hit)
            return hit
        return await _made_async(call, fn, flight)
    except Exception as error:
        flight.fail(error)
        raise
    finally:
        flight.abandon()  # unless it has landed
        if lent is not None:
            lent.release()


def _task_waiter() -> Any:
    """Make a waiter; None where neither asyncio nor trio runs the task."""
    try:
        return task_waiter(1, deadline_ns(NEVER))
    except TrifuseError:
        return None


async def _made_async(call: Call, fn: Callable[..., Any], flight: Flight | None) -> Any:
    inner = Scope(flight)
    scope.set(inner)
    try:
        result = await fn(*call.args, **call.kwargs)
    finally:
        scope.set(inner.outer)
    try:
        if call.cache._wants(result, inner.degraded):
            await call.cache._put_async(call.key, result)
    finally:
        if flight is not None:
            flight.finish(result, inner.degraded)
    return result
