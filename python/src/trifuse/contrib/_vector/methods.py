# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guarded methods of an object, each made when it is first asked for."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trifuse.contrib._vector.fallbacks import levels_of
from trifuse.contrib._vector.tables import Method, is_asynchronous

if TYPE_CHECKING:
    from trifuse.contrib._vector.objects import Behind

_LOOKS = ("__module__", "__name__", "__qualname__", "__doc__")


def make_method(behind: Behind, name: str, method: Method) -> Any:
    """Give the guarded method."""
    guards, original = behind.guards, getattr(behind.kind, name)
    levels = levels_of(guards.settings.fallback, behind.kind, name, method, behind.table.names())
    asynchronous = is_asynchronous(behind.kind, name)
    call = _call_async(behind, name, method) if asynchronous else _call(behind, name, method)
    plan = None if method.prepare is None else _plan(behind, method)
    return look_like(guards.guard(call, method, levels, plan), original)


def look_like(guarded: Any, original: Any) -> Any:
    """Give a guarded method the name, text and signature of the original."""
    functools.update_wrapper(guarded, original, assigned=_LOOKS, updated=())
    guarded.__wrapped__ = functools.partial(original, None)  # for inspect.signature: without self
    return guarded


def _call(behind: Behind, name: str, method: Method) -> Callable[..., Any]:
    source, adjust, guards = behind.source, behind.table.adjust, behind.guards

    def call(*args, **kwargs):  # type: ignore[no-untyped-def]
        target = source.get()
        if adjust is not None:
            kwargs = adjust(getattr(target, name), kwargs, guards.core.seconds())
        result = getattr(target, name)(*args, **kwargs)
        return behind.open(result, guards) if method.opens and behind.open is not None else result

    return call


def _call_async(behind: Behind, name: str, method: Method) -> Callable[..., Any]:
    source, adjust, guards = behind.source, behind.table.adjust, behind.guards

    async def call(*args, **kwargs):  # type: ignore[no-untyped-def]
        target = await source.get_async()
        if adjust is not None:
            kwargs = adjust(getattr(target, name), kwargs, guards.core.seconds())
        result = await getattr(target, name)(*args, **kwargs)
        return behind.open(result, guards) if method.opens and behind.open is not None else result

    return call


def _plan(behind: Behind, method: Method) -> Callable[..., Any]:
    source, guards = behind.source, behind.guards
    prepare = method.prepare
    assert prepare is not None
    if not guards.way.awaited:
        connect = guards.core.guard(source.get, guards.way)

        def plan(args: Any, kwargs: Any) -> Any:
            if prepare(behind.kind, args, kwargs) is None:
                return None
            return prepare(source.get() if source.ready() else connect(), args, kwargs)

        return plan
    connect = guards.core.guard(source.get if guards.way.threads else source.get_async, guards.way)

    async def plan_async(args: Any, kwargs: Any) -> Any:
        if prepare(behind.kind, args, kwargs) is None:
            return None
        return prepare(source.get() if source.ready() else await connect(), args, kwargs)

    return plan_async
