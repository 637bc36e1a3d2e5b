# SPDX-License-Identifier: MIT OR Apache-2.0
"""The attempts of one request: asked for, sent, judged by the head of the answer, made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, Protocol

from trifuse._errors import RequestTimeoutError
from trifuse._limits import start_limit
from trifuse._options import IGNORED, SUCCESS, TIMEOUT, is_cancellation
from trifuse._remaining import End, check, current, now_ns
from trifuse._retrying import Inside, Trial, bypass, inside
from trifuse._sleep import sleep, sleep_async
from trifuse.classify import Kind, classify
from trifuse.contrib._http.guard import TotalTime, attempt_end

if TYPE_CHECKING:
    from trifuse.contrib._http.guard import HttpGuard
    from trifuse.contrib._http.permits import Permit

TOLERANCE_NS = 2_000_000  # a socket's timeout is whole milliseconds, and may end a little early


class Wire(Protocol):
    """What differs between clients."""

    def status(self, response: Any) -> int:
        """Give the status of an answer."""

    def empty(self, response: Any) -> bool:
        """Tell whether no body follows."""


class Exchange:
    """An answer whose head was judged, and what the request still holds."""

    __slots__ = ("permit", "response", "unwanted")

    def __init__(self, response: Any, permit: Permit, *, unwanted: bool) -> None:
        """Take the answer; ``unwanted``: it is one after which to ask again."""
        self.response = response
        self.permit = permit
        self.unwanted = unwanted


def run(
    guard: HttpGuard, wire: Wire, key: Hashable, send: Callable[[int], Any],
    discard: Callable[[Any], None], *, again: bool,
) -> Exchange:  # fmt: skip
    """Send a request through the policies; ``again``: it may be sent more than once.

    ``send`` is told the time by which it is to be done, 0 for none.
    """
    check()
    retry = guard.retry
    if retry is None or not again or bypass():
        return _attempt(guard, wire, key, send)
    started = retry._start() if retry._watched else 0
    trial = Trial(retry, started, inside.get())
    with Inside(retry):
        while True:
            try:
                exchange = _attempt(guard, wire, key, send)
            except Exception as error:
                if not trial._again(error, error, retried=guard.retries(error)):
                    raise
            else:
                try:
                    if not _asks_again(trial, exchange):
                        return exchange
                except BaseException:
                    _dropped(exchange, discard)
                    raise
                _dropped(exchange, discard)
            sleep(trial.delay_ns)


async def run_async(
    guard: HttpGuard, wire: Wire, key: Hashable, send: Callable[[int], Awaitable[Any]],
    discard: Callable[[Any], Awaitable[None]], *, again: bool,
) -> Exchange:  # fmt: skip
    """As :func:`run`; an attempt that takes too long is cancelled."""
    check()
    retry = guard.retry
    if retry is None or not again or bypass():
        return await _attempt_async(guard, wire, key, send)
    started = retry._start() if retry._watched else 0
    trial = Trial(retry, started, inside.get())
    with Inside(retry):
        while True:
            try:
                exchange = await _attempt_async(guard, wire, key, send)
            except Exception as error:
                if not trial._again(error, error, retried=guard.retries(error)):
                    raise
            else:
                try:
                    if not _asks_again(trial, exchange):
                        return exchange
                except BaseException:
                    await _dropped_async(exchange, discard)
                    raise
                await _dropped_async(exchange, discard)
            await sleep_async(trial.delay_ns)


def _asks_again(trial: Trial, exchange: Exchange) -> bool:
    """Tell whether another attempt is made. Raises RetriesExhausted where the retry is told so."""
    if not exchange.unwanted:
        trial.done()
        return False
    return trial._again(None, exchange.response, retried=True)


def _dropped(exchange: Exchange, discard: Callable[[Any], None]) -> None:
    try:
        discard(exchange.response)
    finally:
        exchange.permit.release()


async def _dropped_async(exchange: Exchange, discard: Callable[[Any], Awaitable[None]]) -> None:
    try:
        await discard(exchange.response)
    finally:
        exchange.permit.release()


def _attempt(guard: HttpGuard, wire: Wire, key: Hashable, send: Callable[[int], Any]) -> Exchange:
    permit = guard.hosts.enter(key)
    started = now_ns()
    limit_ns = permit.limit_ns
    end = attempt_end(limit_ns, current.get(), started)
    try:
        response = send(end)
    except BaseException as error:
        if ended_by(end, error):
            raise timed_out(permit, current.get(), started + limit_ns if limit_ns else 0) from error
        permit.raised(error)
        raise
    late = bool(limit_ns) and now_ns() - started > limit_ns
    return head(guard, wire, permit, response, late=late)


def ended_by(end_ns: int, error: BaseException) -> bool:
    """Tell whether an error is a timeout of the client's that came with the end we gave it."""
    if not end_ns or now_ns() + TOLERANCE_NS < end_ns:
        return False
    return classify(error).kind is Kind.timeout


def timed_out(permit: Permit, end: End | None, limit_at: int) -> BaseException:
    """Report a request whose time is over, and give the error: of the setting whose time ended first.

    The end of a deadline of the caller's says nothing about the service.
    """
    if end is None or (limit_at and limit_at < end[0]):
        error: BaseException = RequestTimeoutError(
            permit.breaker.name, "request_timeout", permit.breaker._timeout
        )
    else:
        error = end[1]._expired()
    callers = isinstance(error, RequestTimeoutError) and error.setting == "deadline"
    permit.judge(IGNORED if callers else TIMEOUT, None, error)
    permit.release()
    return error


def is_total(end: End | None) -> bool:
    """Tell whether a deadline is the total time of a client's guard, and has passed."""
    return end is not None and isinstance(end[1], TotalTime) and now_ns() + TOLERANCE_NS >= end[0]


async def _attempt_async(
    guard: HttpGuard, wire: Wire, key: Hashable, send: Callable[[int], Awaitable[Any]]
) -> Exchange:
    permit = await guard.hosts.enter_async(key)
    seconds = permit.breaker._timeout
    started, limit_ns = now_ns(), permit.limit_ns
    own_end = started + limit_ns if limit_ns else 0
    end = attempt_end(limit_ns, current.get(), started)
    limit = start_limit(seconds if limit_ns else 0.0)
    try:
        response = await send(end)
    except BaseException as error:
        expired = limit is not None and limit.stop(error)
        if expired and is_cancellation(error):
            permit.raised(error, timed_out=True)
            raise RequestTimeoutError(permit.breaker.name, "request_timeout", seconds) from error
        if isinstance(error, Exception) and ended_by(end, error):
            raise timed_out(permit, current.get(), own_end) from error
        permit.raised(error, timed_out=expired or (is_cancellation(error) and is_total(current.get())))
        raise
    late = limit is not None and limit.stop(None)
    return head(guard, wire, permit, response, late=late)


def head(guard: HttpGuard, wire: Wire, permit: Permit, response: Any, *, late: bool) -> Exchange:
    """Judge the head of an answer; a good one's outcome is told at the end of its body."""
    try:
        outcome, unwanted = guard.judge(response, wire.status(response))
        outcome = TIMEOUT if late else outcome
        if outcome != SUCCESS or wire.empty(response):
            permit.judge(outcome, response)
    except BaseException:
        permit.release()
        raise
    return Exchange(response, permit, unwanted=unwanted)
