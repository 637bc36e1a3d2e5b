# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded calls with everything: fallbacks, result predicates, threads, per-call permits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._awaiting import PLAIN, go_on, is_plain, settle
from trifuse._errors import RefusedError
from trifuse._fallback import ended, look
from trifuse._options import Options
from trifuse._permits import UNJUDGED, OwnCall, admit_own, tell_refused_call

if TYPE_CHECKING:
    from trifuse._base import Base
    from trifuse._chains import Chain

CO_SPECIAL = 0x20 | 0x80 | 0x100 | 0x200
"""Flags of the code of generators, coroutines, iterable coroutines, asynchronous generators."""


def run_function(
    breaker: Base,
    options: Options,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Run a synchronous function under guard."""
    try:
        own = admit_own(breaker, options, UNJUDGED if options.thread else 0)
    except RefusedError as error:
        found = _instead(breaker, options, error, fn, args, kwargs)
        if found is None:
            raise
        return found[0]
    if own is None:
        return fn(*args, **kwargs)
    chain = options.chain
    before = None if chain is None else look()
    try:
        result = _called(own, options, fn, args, kwargs)
    except BaseException as error:
        own.raised(error)
        found = None if chain is None else _answered(own, options, error, fn, args, kwargs)
        if found is None:
            own.notify()
            raise
        return found[0]
    if type(result) not in PLAIN and not is_plain(result):
        return go_on(own, options, result, args, kwargs)
    own.returned(result)
    own.notify()
    if before is not None:
        now = look()
        if now is not before or now.owner is not breaker:
            ended(breaker, before)
    return result


async def run_coroutine_function(
    breaker: Base,
    options: Options,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Run a coroutine function under guard; admitted when it is awaited."""
    try:
        own = admit_own(breaker, options, UNJUDGED)
    except RefusedError as error:
        if options.chain is None:
            tell_refused_call(breaker, error)
            raise
        return await _instead_async(breaker, options, error, args, kwargs)
    if own is None:
        return await fn(*args, **kwargs)
    try:
        awaitable = fn(*args, **kwargs)
    except BaseException as error:
        own.raised(error)
        own.notify()
        raise
    return await settle(own, options, awaitable, args, kwargs)


def _called(
    own: OwnCall,
    options: Options,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    if options.thread:
        from trifuse._threads import call_in_thread

        return call_in_thread(own, fn, args, kwargs)
    return fn(*args, **kwargs)


def _instead(
    breaker: Base,
    options: Options,
    error: RefusedError,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> tuple[Any, Any] | None:
    """Answer a refused call by its fallbacks; None when the refusal is to be raised.

    With an asynchronous fallback among them, or where the function is seen to give what is awaited,
    the answer is a coroutine.
    """
    found = None
    if options.chain is not None:
        if _is_awaited(options.chain, error, fn):
            return _instead_async(breaker, options, error, args, kwargs), None
        found = options.chain.answer(breaker.name, error, args, kwargs)
    tell_refused_call(breaker, error, found and found[1])
    return found


async def _instead_async(
    breaker: Base,
    options: Options,
    error: RefusedError,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    assert options.chain is not None
    found = await options.chain.answer_async(breaker.name, error, args, kwargs)
    tell_refused_call(breaker, error, found and found[1])
    if found is not None:
        return found[0]
    try:
        raise error
    finally:
        del error  # or it would hold itself, through its traceback and this frame


def _is_awaited(chain: Chain, error: BaseException, fn: Callable[..., Any]) -> bool:
    """Tell whether the answer to a call that gave nothing is to be awaited, as the call would have been."""
    from trifuse._waiting import to_be_awaited

    return chain.has_asynchronous(error) or to_be_awaited(fn)


def _answered(
    own: OwnCall,
    options: Options,
    error: BaseException,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> tuple[Any, Any] | None:
    """Answer a failed call by its fallbacks; None when the error is to be raised."""
    chain = options.chain
    if chain is None or not options.falls_back_on(error):
        return None
    if _is_awaited(chain, error, fn):
        return _answer_failure(own, options, error, args, kwargs), None
    found = chain.answer(own.breaker.name, error, args, kwargs)
    if found is not None:
        own.notify(found[1])
    return found


async def _answer_failure(
    own: OwnCall, options: Options, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Answer a call that failed before it gave what is to be awaited."""
    assert options.chain is not None
    found = await options.chain.answer_async(own.breaker.name, error, args, kwargs)
    own.notify(found and found[1])
    if found is not None:
        return found[0]
    try:
        raise error
    finally:
        del error  # or it would hold itself, through its traceback and this frame
