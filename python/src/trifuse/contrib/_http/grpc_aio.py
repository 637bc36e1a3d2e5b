# SPDX-License-Identifier: MIT OR Apache-2.0
"""The interceptors of grpc.aio: one for each kind of call, all with one guard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from trifuse._errors import TrifuseError
from trifuse._remaining import check
from trifuse._time_limit import within
from trifuse.contrib._http.attempts import run_async
from trifuse.contrib._http.grpc_calls import (
    WIRE,
    GrpcGuard,
    ended,
    failed_aio_call,
    limited,
    stream_end,
    text,
)
from trifuse.contrib._http.permits import Permit
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import grpc
else:
    grpc = need("grpc", "grpc")
_settling: set[Any] = set()


class _Aio:
    """What the interceptors of grpc.aio share: each handles one kind of call."""

    def __init__(self, guard: GrpcGuard) -> None:
        """Take the guard that all of a channel share."""
        self.guard = guard

    async def _unary(self, continuation: Any, details: Any, request: Any, *, again: bool) -> Any:
        async def send(end_ns: int) -> Any:
            call = await continuation(limited(details, end_ns), request)
            await call
            return call

        ends = self.guard.ends()
        sending = run_async(
            self.guard, WIRE, self.guard.key_for(text(details.method)), send, _nothing_async, again=again
        )
        try:
            exchange = await (sending if ends is None else within(ends, sending))
        except TrifuseError as error:
            shaped = failed_aio_call(error)
            if shaped is error:
                raise
        else:
            exchange.permit.release()
            return exchange.response
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback

    async def _stream(self, continuation: Any, details: Any, request: Any) -> Any:
        ends = self.guard.ends()
        end_ns = stream_end() if ends is None else ends[0][0]
        try:
            check()
            permit = await self.guard.hosts.enter_async(self.guard.key_for(text(details.method)))
        except TrifuseError as error:
            shaped = failed_aio_call(error)
            if shaped is error:
                raise
        else:
            return await _begun(continuation(limited(details, end_ns), request), permit)
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback


async def _nothing_async(call: Any) -> None:
    """Leave a call that has ended."""


async def _begun(opening: Any, permit: Permit) -> Any:
    try:
        call = await opening
    except BaseException as error:
        permit.raised(error)
        raise
    loop = asyncio.get_running_loop()

    def done(call: Any) -> None:
        if loop.is_closed():
            permit.release()
            return
        task = loop.create_task(_settle(call, permit))
        _settling.add(task)
        task.add_done_callback(_settling.discard)

    call.add_done_callback(done)
    return call


async def _settle(call: Any, permit: Permit) -> None:
    code = await call.code()
    if code is grpc.StatusCode.OK:
        ended(permit, None)
        return
    trailing, details = await call.trailing_metadata(), await call.details()
    ended(permit, grpc.aio.AioRpcError(code, None, trailing, details))


class _UnaryUnary(_Aio, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        again = self.guard.may_repeat(text(client_call_details.method))
        return await self._unary(continuation, client_call_details, request, again=again)


class _UnaryStream(_Aio, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._stream(continuation, client_call_details, request)


class _StreamUnary(_Aio, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[misc]
    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._stream(continuation, client_call_details, request_iterator)


class _StreamStream(_Aio, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[misc]
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._stream(continuation, client_call_details, request_iterator)


def make(guard: GrpcGuard) -> list[Any]:
    """Make the interceptors of a channel."""
    return [_UnaryUnary(guard), _UnaryStream(guard), _StreamUnary(guard), _StreamStream(guard)]
