# SPDX-License-Identifier: MIT OR Apache-2.0
"""Running a call of a pool: attempt after attempt, or two beside each other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._errors import ConfigurationError
from trifuse._hedging import race
from trifuse._llm.pool_calls import Call
from trifuse._llm.streams import open_async, open_sync

if TYPE_CHECKING:
    from trifuse._llm.deployment import Deployment

_AWAITED = "functions whose result is not awaited; of others: await pool(...)"


class _NobodyElseError(Exception):
    """There is no other deployment to hedge with."""


def run(call: Call) -> Any:
    """Call synchronously, one deployment after another; gives the one that answered and what it gave."""
    attempt = _stream if call.stream else _plain
    deployment = call.next()
    while deployment is not None:
        try:
            result = attempt(call, deployment)
        except Exception as error:  # noqa: BLE001 - the next one is asked, or it is raised below
            deployment = call.after(error)
            if deployment is None:
                failure = call.give_up(error)
        except BaseException as error:
            call.give_up(error)
            raise
        else:
            call.won(deployment)
            return deployment, result
    try:
        raise failure
    finally:
        del failure  # or it would hold itself, through its traceback and this frame


async def run_async(call: Call) -> Any:
    """Call asynchronously, as run()."""
    deployment = call.next()
    while deployment is not None:
        try:
            answered, result = await _attempts(call, deployment)
        except Exception as error:  # noqa: BLE001 - the next one is asked, or it is raised below
            deployment = call.after(error)
            if deployment is None:
                failure = call.give_up(error)
        except BaseException as error:
            call.give_up(error)
            raise
        else:
            call.won(answered)
            return answered, result
    try:
        raise failure
    finally:
        del failure  # or it would hold itself, through its traceback and this frame


async def _attempts(call: Call, deployment: Deployment) -> Any:
    """Ask a deployment, and beside it another when it is slow; gives the one that answered first."""
    pool = call.pool
    done: list[Any] = []
    hedge = None if lib.trifuse_py_bypass() else pool._hedge
    if hedge is not None:
        lib.trifuse_hedge_deposit(hedge._saving[1])
    delay = None if hedge is None else pool._hedge_delay(deployment, stream=call.stream)
    first = _attempt(call, deployment, done)
    if hedge is None or delay is None or not call.has_other():
        return await first
    winner = None
    try:
        winner = await race(hedge, delay, first, lambda: _beside(call, done))
    except _NobodyElseError:
        raise call.last_error() from None
    finally:
        for other in done:
            if other is not winner:
                await _leave(call, other)
    return winner


async def _beside(call: Call, done: list[Any]) -> Any:
    deployment = call.next(hedge=True)
    if deployment is None:
        raise _NobodyElseError
    return await _attempt(call, deployment, done, hedge=True)


async def _attempt(call: Call, deployment: Deployment, done: list[Any], *, hedge: bool = False) -> Any:
    begun = call.begin(deployment, hedge=hedge)
    args, kwargs = call.args, deployment.keywords(call.kwargs)
    try:
        if call.stream:
            result: Any = await open_async(
                deployment.pipeline, deployment.format, lambda: deployment.call(*args, **kwargs),
                deployment.limits, args=args, kwargs=kwargs,
            )  # fmt: skip
        else:
            result = deployment.guarded(*args, **kwargs)
            result = await result if isawaitable(result) else result
    except BaseException as error:
        call.failed(begun, error)
        call.left(deployment)
        raise
    if not call.stream:
        call.left(deployment)
    call.answered(begun)
    done.append((deployment, result))
    return done[-1]


async def _leave(call: Call, answered: Any) -> None:
    """Close the stream of a deployment that answered as well, a moment too late."""
    deployment, opened = answered
    if call.stream:
        call.left(deployment)
        await opened.close()


def _plain(call: Call, deployment: Deployment) -> Any:
    begun = call.begin(deployment)
    try:
        result = deployment.guarded(*call.args, **deployment.keywords(call.kwargs))
        _refuse_awaitable(deployment, result)
    except BaseException as error:
        call.failed(begun, error)
        raise
    finally:
        call.left(deployment)
    call.answered(begun)
    return result


def _refuse_awaitable(deployment: Deployment, result: Any) -> None:
    if isawaitable(result):
        getattr(result, "close", lambda: None)()
        raise ConfigurationError("call", deployment.name, _AWAITED)


def _stream(call: Call, deployment: Deployment) -> Any:
    begun = call.begin(deployment)
    args, kwargs = call.args, deployment.keywords(call.kwargs)
    try:
        opened = open_sync(
            deployment.pipeline, deployment.format, lambda: deployment.call(*args, **kwargs),
            deployment.limits, args=args, kwargs=kwargs,
        )  # fmt: skip
    except BaseException as error:
        call.failed(begun, error)
        call.left(deployment)
        raise
    call.answered(begun)
    return opened


def read(call: Call, opening: Any) -> Generator[Any, None, None]:
    """Give the events of a stream; what fails before its first content goes to the next deployment."""
    deployment, opened = opening(call)
    try:
        yield from opened
    finally:
        opened.close()
        call.left(deployment)


async def read_async(call: Call, opening: Any) -> AsyncGenerator[Any, None]:
    """Give the events of an asynchronous stream, as read()."""
    deployment, opened = await opening(call)
    try:
        async for event in opened:
            yield event
    finally:
        call.left(deployment)
        await opened.close()
