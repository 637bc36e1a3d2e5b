# SPDX-License-Identifier: MIT OR Apache-2.0
"""What kind of function is to be guarded, and the guard that fits."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import builtins
import functools
import gc
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from trifuse._errors import ConfigurationError
from trifuse._fallback import ASYNC_ITEMS, ITEMS, check_stream
from trifuse._guards import guard_coroutine_function, guard_function
from trifuse._options import Options
from trifuse._runs import run_coroutine_function, run_function
from trifuse._streams import guard_async_generator_function, run_generator

if TYPE_CHECKING:
    from trifuse._base import Base
    from trifuse._policy import Policy

_SPECIAL = (
    inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR
)
_FALLBACK = ("fallback", "fallback_value")
_GUARDABLE = "a function, method, coroutine function, generator function or callable object"


def underlying(fn: Any) -> Any:
    """Give the function that a partial or callable object will run."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if inspect.isroutine(fn) or isinstance(fn, type):
        return fn
    return getattr(type(fn), "__call__", fn)  # noqa: B004 - the method is wanted


def check_guardable(fn: Any) -> None:
    """Raise ConfigurationError for what cannot be guarded, saying what to do."""
    advice = None
    if inspect.isawaitable(fn) or inspect.isgenerator(fn) or inspect.isasyncgen(fn):
        advice = "; this has begun already: give the function, not what it returned"
    elif isinstance(fn, type):
        advice = "; to guard making objects, use call(TheClass, ...)"
    elif isinstance(fn, (property, functools.cached_property)):
        advice = "; decorate the function under the property"
    elif isinstance(fn, (functools.partialmethod, functools.singledispatchmethod)):
        advice = "; decorate the function it is made of"
    elif not callable(fn):
        advice = ""
    if advice is not None:
        raise ConfigurationError("function", fn, _GUARDABLE + advice)


def default_name(fn: Any) -> str:
    """Give ``module.qualname`` of a function, or of the type of a callable object."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    named = fn if hasattr(fn, "__qualname__") else type(fn)
    return f"{named.__module__}.{named.__qualname__}"


def guard(breaker: Base, options: Options, fn: Any) -> Any:
    """Give the guarded function; classmethod and staticmethod objects stay what they are."""
    if isinstance(fn, (classmethod, staticmethod)):
        return type(fn)(guard(breaker, options, fn.__func__))
    guarded = guard_by_kind(breaker, options, fn)
    look_like(guarded, fn)
    guarded.circuit_breaker = guarded.policy = breaker
    return guarded


def look_like(guarded: Any, fn: Any) -> None:
    """Do what functools.update_wrapper does, without making empty dicts on a bare function.

    Merely reading ``__dict__`` and ``__annotations__`` of a function that has none gives it both,
    128 bytes, for as long as it lives.
    """
    if not isinstance(fn, FunctionType) or _has_attributes(fn):
        functools.update_wrapper(guarded, fn)
        return
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(guarded, name, getattr(fn, name))
    guarded.__wrapped__ = fn


def _has_attributes(fn: FunctionType) -> bool:
    if getattr(fn, "__annotate__", None) is not None:
        return True
    known = (fn.__globals__, vars(builtins), fn.__closure__, fn.__defaults__, fn.__kwdefaults__)
    return any(
        isinstance(part, (dict, tuple)) and all(part is not other for other in known)
        for part in gc.get_referents(fn)
    )


def guard_by_kind(breaker: Base, options: Options, fn: Any) -> Any:
    """Give the guard of a breaker that fits the kind of function."""
    if options.plain and not options.idle_timeout:
        flags = _plain_kind(fn)
        if flags == 0:
            return guard_function(breaker, options, fn)
        if flags == inspect.CO_COROUTINE:
            return guard_coroutine_function(breaker, options, fn)
    check_guardable(fn)
    return _guard_closely(breaker, options, fn, underlying(fn))


def _guard_closely(breaker: Base, options: Options, fn: Any, kind: Any) -> Any:
    generator = is_generator_function(kind)
    if options.thread and (
        generator or inspect.iscoroutinefunction(kind) or inspect.isasyncgenfunction(kind)
    ):
        raise ConfigurationError("thread", True, "only for synchronous functions")  # noqa: FBT003
    if options.idle_timeout and not (generator or inspect.isasyncgenfunction(kind)):
        raise ConfigurationError(
            "idle_timeout", options.idle_timeout, "only for generators and asynchronous generators"
        )
    check_fallback(options, kind)
    if inspect.isasyncgenfunction(kind):
        return guard_async_generator_function(breaker, options, fn)
    if generator:
        return _guard_generator_function(breaker, options, fn)
    if inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(kind):
        if options.plain and _is_async_def(kind):
            return guard_coroutine_function(breaker, options, fn)
        return _guard_coroutine_function_richly(breaker, options, fn)
    if options.plain:
        return guard_function(breaker, options, fn)
    return _guard_function_richly(breaker, options, fn)


def check_fallback(options: Options, kind: Any) -> None:
    """Raise ConfigurationError for a fallback that cannot stand in for what a stream gives."""
    if options.chain is not None and inspect.isasyncgenfunction(kind):
        check_stream(options.chain, _FALLBACK, ASYNC_ITEMS)
    elif options.chain is not None and is_generator_function(kind):
        check_stream(options.chain, _FALLBACK, ITEMS)


def guard_with(policy: Policy, fn: Any) -> Any:
    """Give the guard of a policy that fits the kind of function."""
    flags = _plain_kind(fn)
    if flags == 0:
        return policy._guard_function(fn)
    if flags == inspect.CO_COROUTINE:
        return policy._guard_coroutine_function(fn)
    check_guardable(fn)
    kind = underlying(fn)
    if inspect.isasyncgenfunction(kind):
        return policy._guard_async_generator_function(fn)
    if is_generator_function(kind):
        return policy._guard_generator_function(fn)
    if inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(kind):
        return policy._guard_coroutine_function(fn)
    return policy._guard_function(fn)


def _plain_kind(fn: Any) -> int:
    """Tell the kind of what is a plain function by the flags of its code; -1: look closer.

    To look closer takes microseconds, too long for call(), which guards a function for each call.
    """
    if type(fn) is not FunctionType and type(fn) is not MethodType:
        return -1
    code = getattr(fn, "__code__", None)
    if code is None or getattr(fn, "_is_coroutine_mark", None) is not None:
        return -1
    flags: int = code.co_flags & _SPECIAL
    return flags


def is_generator_function(kind: Any) -> bool:
    """Tell generators from coroutines of the old style, which are to be awaited."""
    code = getattr(kind, "__code__", None)
    old_style = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return inspect.isgeneratorfunction(kind) and not old_style


def _is_async_def(kind: Any) -> bool:
    """Tell what gives a fresh coroutine each time from what is only marked as if it did."""
    code = getattr(kind, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_COROUTINE)


def run(breaker: Base, options: Options, fn: Any, args: Any, kwargs: Any) -> Any:
    """Call any kind of function under guard, once."""
    kind = underlying(fn)
    if inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(kind):
        return run_coroutine_function(breaker, options, fn, args, kwargs)
    check_fallback(options, kind)
    if inspect.isasyncgenfunction(kind):
        return guard_async_generator_function(breaker, options, fn)(*args, **kwargs)
    if is_generator_function(kind):
        return run_generator(breaker, options, fn, args, kwargs)
    if not callable(fn):
        check_guardable(fn)
    return run_function(breaker, options, fn, args, kwargs)


def _guard_function_richly(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        return run_function(breaker, options, fn, args, kwargs)

    return guarded


def _guard_coroutine_function_richly(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        return await run_coroutine_function(breaker, options, fn, args, kwargs)

    return guarded


def _guard_generator_function(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        return (yield from run_generator(breaker, options, fn, args, kwargs))

    return guarded
