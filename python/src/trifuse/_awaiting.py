# SPDX-License-Identifier: MIT OR Apache-2.0
"""Awaiting a guarded call to its end, within its time limit."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Mapping
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from trifuse._errors import RequestTimeoutError
from trifuse._fallback import ended, look
from trifuse._limits import start_limit
from trifuse._options import TIMEOUT, Options, is_cancellation
from trifuse._permits import OwnCall, failed, take_over, timed_out

if TYPE_CHECKING:
    from trifuse._base import Base

_ALWAYS_PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
_MOST_KNOWN = 512
_ITERABLE_COROUTINE = 0x100
_STREAMS = frozenset({"Stream", "AsyncStream"})
_CLIENTS = frozenset({"openai", "anthropic"})
_OUR_STREAMS = "trifuse._llm.streams_objects"
PLAIN: set[type] = set(_ALWAYS_PLAIN)
"""Types of results known to be neither awaitable nor a stream."""


def is_plain(result: object) -> bool:
    """Tell whether a result is a result, not something to be awaited or iterated under guard."""
    kind = type(result)
    if kind is CoroutineType or kind is GeneratorType or kind is AsyncGeneratorType:
        return False
    if issubclass(kind, Awaitable) or is_client_stream(kind):
        return False
    if len(PLAIN) >= _MOST_KNOWN:
        PLAIN.intersection_update(_ALWAYS_PLAIN)
    PLAIN.add(kind)
    return True


def is_client_stream(kind: type) -> bool:
    """Tell the classes of streams that clients of language models return, and our own around them."""
    for base in kind.__mro__:
        module = base.__module__
        if module == _OUR_STREAMS or (base.__name__ in _STREAMS and module.partition(".")[0] in _CLIENTS):
            return True
    return False


def is_stream(result: object) -> bool:
    """Tell what was awaited and turned out to be the stream of a client."""
    return not is_plain(result) and is_client_stream(type(result))


class _Unstarted:
    """A coroutine that nobody awaits yet. If nobody ever does, it is closed, and has nothing to warn of.

    Who gets the coroutine of a guard may cancel it before its first step: then that of the guarded
    function, which waits inside, never begins, and is nobody's mistake.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        self._coroutine: CoroutineType[Any, Any, Any] | None = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, self._coroutine = self._coroutine, None
        assert coroutine is not None
        return coroutine.__await__()

    def __del__(self) -> None:
        coroutine = self._coroutine
        if coroutine is not None and not (coroutine.cr_suspended or coroutine.cr_running):
            coroutine.close()


def unstarted(awaitable: Awaitable[Any]) -> Awaitable[Any]:
    """Give what is to be awaited inside a coroutine that has not begun itself."""
    return _Unstarted(awaitable) if type(awaitable) is CoroutineType else awaitable


def take_result(
    breaker: Base,
    options: Options,
    slot: Any,
    result: Any,
) -> Any:
    """Go on guarding a call whose result is to be awaited or iterated."""
    return go_on(take_over(breaker, options, slot, timed=True), options, result, (), {})


def go_on(
    own: OwnCall, options: Options, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Give a guarded coroutine or stream in place of an unguarded one."""
    from trifuse._streams import guard_async_items, guard_items

    if is_client_stream(type(result)):
        from trifuse._llm.streams_adopting import go_on as go_on_stream

        return go_on_stream(own, options, result, args, kwargs)
    own.unjudged()
    if type(result) is AsyncGeneratorType:
        return guard_async_items(own, options, result, args, kwargs)
    if type(result) is GeneratorType and not result.gi_code.co_flags & _ITERABLE_COROUTINE:
        return guard_items(own, options, result, args, kwargs)
    guarded: Any = settle(own, options, unstarted(result), args, kwargs)
    guarded.__qualname__ = getattr(result, "__qualname__", guarded.__qualname__)
    return guarded


async def settle(
    own: OwnCall,
    options: Options,
    awaitable: Awaitable[Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Await an admitted call, report it, and let the fallbacks answer if they are to."""
    answered, breaker = None, own.breaker
    before = None if options.chain is None else look()
    try:
        result = await await_own(own, awaitable, breaker._timeout)
        if before is not None:
            now = look()
            if now is not before or now.owner is not breaker:
                ended(breaker, before)
    except Exception as error:
        if options.chain is None or not options.falls_back_on(error):
            raise
        found = await options.chain.answer_async(breaker.name, error, args, kwargs)
        if found is None:
            raise
        result, answered = found
    finally:
        own.notify(answered)
    return result


async def await_own(
    own: OwnCall, awaitable: Awaitable[Any], seconds: float, setting: str = "request_timeout"
) -> Any:
    """Await within a limit and report the outcome; raises RequestTimeoutError."""
    limit = start_limit(seconds)
    try:
        result = await awaitable
    except BaseException as error:
        if limit is None or not limit.stop(error):
            own.raised(error)
            raise
        own.raised(error, TIMEOUT)
        if is_cancellation(error):
            raise RequestTimeoutError(own.breaker.name, setting, seconds) from error
        raise
    if limit is not None and limit.stop(None):
        own.finish(TIMEOUT)
    elif type(result) not in PLAIN and is_stream(result):
        return await go_on_awaited(own, result)
    else:
        own.returned(result)
    return result


async def take_stream(breaker: Base, options: Options, slot: Any, stream: Any) -> Any:
    """Go on guarding a call that was awaited and gave the stream of a client."""
    return await go_on_awaited(take_over(breaker, options, slot, timed=False), stream)


async def go_on_awaited(own: OwnCall, stream: Any) -> Any:
    """Give a guarded stream in place of an unguarded one, once its first content is there."""
    from trifuse._llm.streams_adopting import go_on_async

    return await go_on_async(own, own._options, stream)


def settle_expired(
    breaker: Base, slot: Any, error: BaseException, options: Options, *, alone: bool
) -> RequestTimeoutError | None:
    """Report a call that its limit cancelled; give what is to be raised in place of ``error``.

    ``alone``: no cancellation from outside came as well.
    """
    if not is_cancellation(error):
        timed_out(breaker, slot, error)
        return None
    if not alone:
        failed(breaker, slot, error, options, 0)
        return None
    timeout = RequestTimeoutError(breaker.name, "request_timeout", breaker._timeout)
    timed_out(breaker, slot, timeout)
    return timeout


async def await_otherwise(breaker: Base, options: Options, slot: Any, awaitable: Awaitable[Any]) -> Any:
    """Await an admitted call where asyncio's shared timer cannot serve, such as under trio."""
    own = take_over(breaker, options, slot, timed=False)
    try:
        return await await_own(own, awaitable, breaker._timeout)
    finally:
        own.notify()
