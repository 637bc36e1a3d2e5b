# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guards of a token budget: a grant before the call, settled by what comes of it."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from trifuse._awaiting import PLAIN, is_client_stream, is_plain, is_stream
from trifuse._core import lib
from trifuse._llm.ratelimit_headers import headers_of
from trifuse._llm.token_budget_streams import Counted, CountedAsync
from trifuse._llm.token_budget_streams import current as current_grant
from trifuse._stream_guards import async_generator_guard, generator_guard, go_on
from trifuse._waiting import gives_awaitables

if TYPE_CHECKING:
    from trifuse._llm.token_budget import TokenBudget
    from trifuse._llm.token_budget_grant import TokenGrant

_bypass = lib.trifuse_py_bypass
_TELLS_NOTHING = frozenset({type(None), bool, int, float, str, bytes})


def admit(budget: TokenBudget, args: Any, kwargs: Any) -> TokenGrant:
    """Estimate a call and take what it needs, blocking the thread for as long as the budget waits."""
    tokens, told = budget._estimated(args, kwargs)
    return budget.reserve(tokens if told is None else told)


async def admit_async(budget: TokenBudget, args: Any, kwargs: Any) -> TokenGrant:
    """Estimate a call and take what it needs; the task waits."""
    tokens, told = budget._estimated(args, kwargs)
    return await budget.areserve(tokens if told is None else told)


def returned(budget: TokenBudget, grant: TokenGrant, result: Any) -> None:
    """Settle a call by what it returned."""
    if type(result) not in _TELLS_NOTHING or budget._usage is not None:
        headers = headers_of(result)
        if headers is not None:
            budget._learning.learn(headers, grant)
        used = budget._used(result)
        if used is not None:
            grant.settle(used)
            return
    grant.keep()


def _come_back(budget: TokenBudget, grant: TokenGrant, result: Any) -> Any:
    """Settle what an awaited call gave; the stream of a client is settled at its end."""
    if type(result) not in PLAIN and is_stream(result):
        return _go_on(budget, grant, result)
    returned(budget, grant, result)
    return result


def guard_coroutine_function(budget: TokenBudget, fn: Callable[..., Any]) -> Any:
    """Guard an ``async def`` function: it asks when it is awaited."""

    async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        if _bypass():
            return await fn(*args, **kwargs)
        return await _call(budget, fn, args, kwargs)

    return guarded


async def _call(budget: TokenBudget, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    grant = await admit_async(budget, args, kwargs)
    outer = current_grant.get()
    current_grant.set(grant)
    try:
        result = await fn(*args, **kwargs)
    except BaseException as error:
        grant.failed(error)
        raise
    finally:
        current_grant.set(outer)
    return _come_back(budget, grant, result)


def guard_function(budget: TokenBudget, fn: Callable[..., Any]) -> Any:
    """Guard a synchronous function, or one that gives an awaitable.

    Which of the two it is, its first result tells, if looking at it does not: a thread waits for the one,
    and the other asks and waits when it is awaited.
    """
    awaited = gives_awaitables(fn)

    def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal awaited
        if _bypass():
            return fn(*args, **kwargs)
        if awaited:
            return _call(budget, fn, args, kwargs)
        grant = admit(budget, args, kwargs)
        outer = current_grant.get()
        current_grant.set(grant)
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            grant.failed(error)
            raise
        finally:
            current_grant.set(outer)
        if type(result) not in PLAIN and not is_plain(result):
            awaited = isinstance(result, Awaitable)
            return _go_on(budget, grant, result)
        returned(budget, grant, result)
        return result

    return guarded


def _go_on(budget: TokenBudget, grant: TokenGrant, result: Any) -> Any:
    """Go on with a call whose result is to be awaited or iterated: until then nothing was sent, unless it is open."""
    grant._sent = is_client_stream(type(result))
    return go_on(
        result,
        lambda items: Counted(budget, grant, items),
        lambda items: CountedAsync(budget, grant, items),
        lambda awaitable: _settle(budget, grant, awaitable),
    )


async def _settle(budget: TokenBudget, grant: TokenGrant, awaitable: Awaitable[Any]) -> Any:
    grant._sent = True
    try:
        result = await awaitable
    except BaseException as error:
        grant.failed(error)
        raise
    return _come_back(budget, grant, result)


def guard_generator_function(budget: TokenBudget, fn: Callable[..., Any]) -> Any:
    """Guard a generator function: it asks at the first item."""
    return generator_guard(lambda args, kwargs: Counted(budget, None, fn(*args, **kwargs), args, kwargs))


def guard_async_generator_function(budget: TokenBudget, fn: Callable[..., Any]) -> Any:
    """Guard an asynchronous generator function: it asks at the first item."""
    return async_generator_guard(
        lambda args, kwargs: CountedAsync(budget, None, fn(*args, **kwargs), args, kwargs)
    )
