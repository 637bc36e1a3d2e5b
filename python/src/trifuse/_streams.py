# SPDX-License-Identifier: MIT OR Apache-2.0
"""Generators and asynchronous generators: a stream is one call with one outcome, at its end.

Time is measured while an item is asked for, never while the consumer holds one: up to the first
item against request_timeout, after it against idle_timeout. A synchronous stream cannot be
interrupted: an item that came too late makes the outcome TIMEOUT, and the items go on.
"""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._errors import RefusedError, RequestTimeoutError
from trifuse._fallback import ASYNC_ITEMS, ITEMS, Answered, ended, look
from trifuse._limits import start_limit
from trifuse._options import IGNORED, SUCCESS, TIMEOUT, Options, is_cancellation
from trifuse._permits import UNJUDGED, OwnCall, admit_own, now_ns, tell_refused_call

if TYPE_CHECKING:
    from trifuse._base import Base
    from trifuse._fallback import Seen


def run_generator(
    breaker: Base,
    options: Options,
    fn: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Generator[Any, Any, Any]:
    """Run a generator function under guard; admitted when the first item is asked for."""
    try:
        own = admit_own(breaker, options, UNJUDGED)
    except RefusedError as error:
        if options.chain is None:
            tell_refused_call(breaker, error)
            raise
        found = options.chain.answer(breaker.name, error, args, kwargs, ways=ITEMS)
        tell_refused_call(breaker, error, found and found[1])
        if found is None:
            raise
        items = found[0]
        return (yield from items)
    if own is None:
        return (yield from fn(*args, **kwargs))
    try:
        items = fn(*args, **kwargs)
    except BaseException as error:
        own.raised(error)
        own.notify()
        raise
    return (yield from guard_items(own, options, items, args, kwargs))


def guard_items(
    own: OwnCall,
    options: Options,
    items: Generator[Any, Any, Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Generator[Any, Any, Any]:
    """Pass on the items of an admitted generator and report its outcome."""
    watch = _Watch(own, options)
    answered: Answered | None = None
    before = None if options.chain is None else look()
    try:
        return (yield from _pass_on(own, watch, items, before))
    except GeneratorExit:
        own.finish(TIMEOUT if watch.late else IGNORED)
        raise
    except Exception as error:
        own.raised(error, TIMEOUT if watch.late else None)
        if watch.given or options.chain is None or not options.falls_back_on(error):
            raise
        found = options.chain.answer(own.breaker.name, error, args, kwargs or {}, ways=ITEMS)
        if found is None:
            raise
        instead, answered = found
        own.notify(answered)
        return (yield from instead)
    except BaseException as error:
        own.raised(error)
        raise
    finally:
        own.notify(answered)


def _pass_on(
    own: OwnCall, watch: _Watch, items: Generator[Any, Any, Any], before: Seen | None
) -> Generator[Any, Any, Any]:
    """Delegate to a generator as ``yield from`` does, with an eye on the clock."""
    step, value = items.send, None
    while True:
        asked = now_ns()
        try:
            item = step(value)
        except StopIteration as stop:
            if before is not None:
                _first_given(own, before)
            watch.item(asked)
            own.finish(TIMEOUT if watch.late else SUCCESS)
            return stop.value
        if before is not None:
            before = _first_given(own, before)
        watch.item(asked)
        own.renew()
        try:
            value, step = (yield item), items.send
        except GeneratorExit:
            items.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - the consumer's throw(), passed on
            value, step = thrown, items.throw


class _Watch:
    """Whether an item has been given, and whether one came too late."""

    __slots__ = ("_limit_ns", "_next_ns", "given", "late")

    def __init__(self, own: OwnCall, options: Options) -> None:
        self._limit_ns: int = own.breaker._written.config.request_timeout_ns
        self._next_ns = options.idle_ns
        self.given = self.late = False

    def item(self, asked_ns: int) -> None:
        if self._limit_ns and now_ns() - asked_ns > self._limit_ns:
            self.late = True
        self.given = True
        self._limit_ns = self._next_ns


def guard_async_generator_function(breaker: Base, options: Options, fn: Any) -> Any:
    """Guard an asynchronous generator function; a call is admitted at the first item."""

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        items = await _opened(breaker, options, fn, args, kwargs)
        step, value = items.asend, None
        try:
            while True:
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    value, step = (yield item), items.asend
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # noqa: BLE001 - the consumer's athrow(), passed on
                    value, step = thrown, items.athrow
        finally:
            await items.aclose()

    return guarded


async def _opened(
    breaker: Base,
    options: Options,
    fn: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Give the guarded items of an admitted call, or the fallback's of a refused one."""
    try:
        own = admit_own(breaker, options, UNJUDGED)
    except RefusedError as error:
        found = None
        if options.chain is not None:
            found = await options.chain.answer_async(breaker.name, error, args, kwargs, ways=ASYNC_ITEMS)
        tell_refused_call(breaker, error, found and found[1])
        if found is None:
            raise
        return found[0]
    try:
        items = fn(*args, **kwargs)
    except BaseException as error:
        if own is not None:
            own.raised(error)
            own.notify()
        raise
    return items if own is None else guard_async_items(own, options, items, args, kwargs)


async def guard_async_items(  # noqa: C901 - the states of a stream, in one piece
    own: OwnCall,
    options: Options,
    items: AsyncGenerator[Any, Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Any, Any]:
    """Pass on the items of an admitted asynchronous generator and report its outcome."""
    seconds, setting, given = own.breaker._timeout, "request_timeout", False
    step, value = items.asend, None
    answered: Answered | None = None
    before = None if options.chain is None else look()
    try:
        while True:
            try:
                item = await _within(own, step(value), seconds, setting)
            except StopAsyncIteration:
                if before is not None:
                    _first_given(own, before)
                own.finish(SUCCESS)
                break
            except Exception as error:
                own.raised(error)
                if given or options.chain is None or not options.falls_back_on(error):
                    raise
                chain, name = options.chain, own.breaker.name
                found = await chain.answer_async(name, error, args, kwargs or {}, ways=ASYNC_ITEMS)
                if found is None:
                    raise
                instead, answered = found
                async with contextlib.aclosing(instead):
                    async for item in instead:
                        yield item
                return
            given = True
            if before is not None:
                before = _first_given(own, before)
            own.renew()
            seconds, setting = options.idle_timeout, "idle_timeout"
            try:
                value, step = (yield item), items.asend
            except GeneratorExit:
                own.finish(IGNORED)
                raise
            except BaseException as thrown:  # noqa: BLE001 - the consumer's athrow(), passed on
                value, step = thrown, items.athrow
    except BaseException as error:
        own.raised(error)
        raise
    finally:
        own.notify(answered)
        await items.aclose()


async def _within(own: OwnCall, item: Any, seconds: float, setting: str) -> Any:
    """Await one item within a limit."""
    limit = start_limit(seconds)
    try:
        result = await item
    except BaseException as error:
        if limit is not None and limit.stop(error):
            if is_cancellation(error):
                own.finish(TIMEOUT, error)
                raise RequestTimeoutError(own.breaker.name, setting, seconds) from error
            own.raised(error, TIMEOUT)
        raise
    if limit is not None and limit.stop(None):
        own.finish(TIMEOUT)
    return result


def _first_given(own: OwnCall, before: Seen) -> Seen | None:
    """Note with its first item, or its end, that the call itself gives the stream; once."""
    now = look()
    if now is not before or now.owner is not own.breaker:
        ended(own.breaker, before)
    return None
