# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guards of functions that have a breaker for each key."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from typing import Any

from trifuse._keys import KeyedBreakers
from trifuse._kinds import check_fallback, check_guardable, is_generator_function, look_like, run, underlying
from trifuse._options import Options


def guard_by_key(breakers: KeyedBreakers, options: Options, key: Callable[..., Hashable], fn: Any) -> Any:
    """Guard a function by the breaker of each call's key; the key is asked for when it is called.

    (A coroutine function is called when it is awaited, a generator at its first item.)
    """
    if isinstance(fn, (classmethod, staticmethod)):
        return type(fn)(guard_by_key(breakers, options, key, fn.__func__))
    check_guardable(fn)
    kind = underlying(fn)
    check_fallback(options, kind)
    pick = breakers.pick
    guarded: Any
    if inspect.isasyncgenfunction(kind):

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            items = run(pick(key(*args, **kwargs)), options, fn, args, kwargs)
            try:
                async for item in items:
                    yield item
            finally:
                await items.aclose()

    elif is_generator_function(kind):

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return (yield from run(pick(key(*args, **kwargs)), options, fn, args, kwargs))

    elif inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(kind):

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return await run(pick(key(*args, **kwargs)), options, fn, args, kwargs)

    else:

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return run(pick(key(*args, **kwargs)), options, fn, args, kwargs)

    look_like(guarded, fn)
    guarded.circuit_breakers = breakers
    return guarded
