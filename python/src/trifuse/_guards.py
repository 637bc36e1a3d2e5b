# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guards of functions that have neither fallback nor result predicate: the hot paths.

What these functions look up and test on success is measured in tens of nanoseconds each; that is
why they repeat what the rooms next door say more readably.
"""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202
# One function, because every call of another costs what the whole guard may cost.
# ruff: noqa: C901, PLR0912, PLR0915

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trifuse import _limits
from trifuse._awaiting import (
    PLAIN,
    await_otherwise,
    is_plain,
    is_stream,
    settle_expired,
    take_result,
    take_stream,
)
from trifuse._options import DEFAULT, Options
from trifuse._permits import (
    admit_shared,
    admit_timed,
    enter,
    enter_timed,
    failed,
    success,
    success_timed,
    tell,
    timed_out,
)

if TYPE_CHECKING:
    from trifuse._base import Base


def guard_function(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    """Guard a synchronous function; what it returns may turn out to be awaitable."""
    if options is not DEFAULT:
        return _guard_function_with(breaker, options, fn)

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        slot = breaker._slot
        if enter_timed(slot):
            slot = admit_timed(breaker)
            if slot is None:
                return fn(*args, **kwargs)
        try:
            result = fn(*args, **kwargs) if kwargs else fn(*args)
        except BaseException as error:
            failed(breaker, slot, error, DEFAULT, 1)
            raise
        if type(result) not in PLAIN and not is_plain(result):
            return take_result(breaker, DEFAULT, slot, result)
        told = success_timed(slot)
        if told:
            tell(breaker, told, slot)
        return result

    return guarded


def _guard_function_with(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        return call_plainly(breaker, options, fn, args, kwargs)

    return guarded


def call_plainly(
    breaker: Base,
    options: Options,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call a synchronous function under guard, once."""
    slot = breaker._slot
    if enter_timed(slot):
        slot = admit_timed(breaker)
        if slot is None:
            return fn(*args, **kwargs)
    try:
        result = fn(*args, **kwargs) if kwargs else fn(*args)
    except BaseException as error:
        failed(breaker, slot, error, options, 1)
        raise
    if type(result) not in PLAIN and not is_plain(result):
        return take_result(breaker, options, slot, result)
    told = success_timed(slot)
    if told:
        tell(breaker, told, slot)
    return result


def guard_coroutine_function(breaker: Base, options: Options, fn: Callable[..., Any]) -> Any:
    """Guard an ``async def`` function."""
    usual: type | None = None  # what the last result was: most functions give one type

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal usual
        slot = breaker._slot
        if enter(slot):
            slot = admit_shared(breaker)
            if slot is None:
                return await fn(*args, **kwargs)
        if breaker._written.timeout:
            table: Any = breaker._table
            loop = _limits.running_loop()
            if table.loop is not loop:
                table = breaker._find_table()
                if table is None:
                    return await _otherwise(breaker, options, slot, fn, args, kwargs)
                loop = table.loop
            task = _limits.current_task(loop)
            if task is None:  # a callback of the loop steps it, and there is nobody to cancel
                return await _otherwise(breaker, options, slot, fn, args, kwargs)
            before = task.cancelling()
            try:
                call = fn(*args, **kwargs) if kwargs else fn(*args)
            except BaseException as error:
                failed(breaker, slot, error, options, 0)
                raise
            calls = table.calls
            calls[call] = (table.now() + table.seconds, task)
            if not table.armed:
                table.arm()
            try:
                result = await call
            except BaseException as error:
                if calls.pop(call, None) is None:
                    alone = task.uncancel() <= before
                    timeout = settle_expired(breaker, slot, error, options, alone=alone)
                    if timeout is not None:
                        try:
                            raise timeout from error
                        finally:
                            del timeout  # or it would hold itself, through its traceback
                else:
                    failed(breaker, slot, error, options, 0)
                raise
            if calls.pop(call, None) is None:
                task.uncancel()
                timed_out(breaker, slot, None)
                return result
        else:
            try:
                result = await (fn(*args, **kwargs) if kwargs else fn(*args))
            except BaseException as error:
                failed(breaker, slot, error, options, 0)
                raise
        if type(result) is not usual:
            if type(result) not in PLAIN and is_stream(result):
                return await take_stream(breaker, options, slot, result)
            usual = type(result)
        told = success(slot)
        if told:
            tell(breaker, told, slot)
        return result

    return guarded


async def _otherwise(
    breaker: Base,
    options: Options,
    slot: Any,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    try:
        call = fn(*args, **kwargs)
    except BaseException as error:
        failed(breaker, slot, error, options, 0)
        raise
    return await await_otherwise(breaker, options, slot, call)
