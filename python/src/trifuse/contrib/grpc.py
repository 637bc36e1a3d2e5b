# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of gRPC clients: interceptors for channels, synchronous and asyncio.

::

    from trifuse.contrib.grpc import aio_interceptors, protect

    channel = protect(grpc.insecure_channel("localhost:50051"))
    channel = grpc.aio.insecure_channel(target, interceptors=aio_interceptors(target=target))
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Unpack

from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._remaining import current
from trifuse.contrib._http.attempts import run
from trifuse.contrib._http.grpc_aio import make
from trifuse.contrib._http.grpc_calls import (
    WIRE,
    EndedError,
    GrpcGuard,
    ended,
    failed_call,
    limited,
    stream_end,
    text,
)
from trifuse.contrib._http.permits import Permit
from trifuse.contrib._http.settings import HttpFields
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import grpc
else:
    grpc = need("grpc", "grpc")

__all__ = ["GrpcFields", "GrpcGuard", "GuardInterceptor", "aio_interceptors", "guard_of", "protect"]


class GrpcFields(HttpFields, total=False):
    """The keyword arguments of a guarded channel: those of HTTP clients, without ``failure_if``, ``key``, ``refusals``.

    ``target``: where the channel leads, for the names. ``scope`` (``"method"``): what has a breaker of
    its own. ``idempotent`` (False): which methods may be called again: True, their names, or a
    function of one.
    """

    target: str
    scope: Literal["method", "service", "target"]
    idempotent: bool | Collection[str] | Callable[[str], bool]


class GuardInterceptor(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
    grpc.StreamUnaryClientInterceptor, grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
):  # fmt: skip
    """An interceptor whose calls go through the policies of their method.

    A stream is one call, with one outcome at its end. A refusal is a RefusedError and a
    ``grpc.RpcError`` whose code is UNAVAILABLE, both; a timeout of the guard a RequestTimeoutError and
    an RpcError with DEADLINE_EXCEEDED. Calls by ``future()`` are not made again.

    Args:
        fields: see :class:`GrpcFields`, and :func:`trifuse.contrib.httpx.protect`.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(self, **fields: Unpack[GrpcFields]) -> None:
        """Take the settings."""
        self.guard = GrpcGuard(fields)

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Guard a call."""
        again = self.guard.may_repeat(client_call_details.method)
        return self._guarded(continuation, client_call_details, request, again=again)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Guard a call whose requests are a stream; it is made once."""
        return self._guarded(continuation, client_call_details, request_iterator, again=False)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Guard a call whose answers are a stream."""
        return self._guarded(continuation, client_call_details, request, again=False, stream=True)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Guard a call with streams both ways."""
        return self._guarded(continuation, client_call_details, request_iterator, again=False, stream=True)

    def _guarded(
        self, continuation: Any, details: Any, request: Any, *, again: bool, stream: bool = False
    ) -> Any:
        ends, outer = self.guard.ends(), current.get()
        if ends is not None:
            current.set(ends[0])
        try:
            exchange = run(
                self.guard, WIRE, self.guard.key_for(text(details.method)),
                lambda end: _made(continuation(limited(details, stream_end() if stream else end), request)),
                _nothing, again=again,
            )  # fmt: skip
        except TrifuseError as error:
            shaped = failed_call(error)
            if shaped is error:
                raise
            return shaped
        except grpc.RpcError as error:
            if hasattr(error, "result"):  # it is the call as well, and raises itself
                return error
            raise
        finally:
            current.set(outer)
        call = exchange.response
        if not exchange.permit.judged:
            _watch(call, exchange.permit)
        else:
            exchange.permit.release()
        return call

    def describe(self) -> dict[str, Any]:
        """Give the settings in force and the keys known as plain data."""
        return self.guard.describe()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each method have counted."""
        return self.guard.snapshot()


def protect(channel: Any, /, **fields: Unpack[GrpcFields]) -> Any:
    """Give a channel like this one whose calls are guarded; both use the same connections.

    Channels of ``grpc.aio`` take interceptors only when they are made: see :func:`aio_interceptors`.

    Raises:
        ConfigurationError: for a bad setting, and for what is no channel.
    """
    if not isinstance(channel, grpc.Channel):
        raise ConfigurationError("channel", channel, "a grpc.Channel (grpc.aio: aio_interceptors())")
    if "target" not in fields:
        with suppress(Exception):
            fields["target"] = text(channel._channel.target()).removeprefix("dns:///")
    interceptor = GuardInterceptor(**fields)
    guarded = grpc.intercept_channel(channel, interceptor)
    guarded.trifuse_guard = interceptor.guard
    return guarded


def guard_of(channel: Any) -> GrpcGuard:
    """Give the guard of a channel that :func:`protect` gave, or of an interceptor."""
    found = getattr(channel, "trifuse_guard", None) or getattr(channel, "guard", None)
    if not isinstance(found, GrpcGuard):
        raise ConfigurationError("channel", channel, "a channel that protect() gave")
    return found


def _made(call: Any) -> Any:
    """Give a call that was made; raises what one that has ended already ended with."""
    if call.done():
        error = call.exception()
        if error is not None:
            raise error
    return call


def _nothing(call: Any) -> None:
    """Leave a call that has ended."""


def _watch(call: Any, permit: Permit) -> None:
    """Report how a call ends. It is held weakly: grpc cancels one that nobody holds any more."""
    held, state = weakref.ref(call), getattr(call, "_state", None)

    def done() -> None:
        call = held()
        code = getattr(state, "code", None) if call is None else call.code()
        if code is None or code is grpc.StatusCode.CANCELLED:
            permit.release()
        elif code is grpc.StatusCode.OK:
            ended(permit, None)
        else:
            ended(permit, EndedError(code) if call is None else call.exception())

    try:
        comes = call.add_callback(done)
    except Exception:  # noqa: BLE001 - a kind of call that cannot tell its end is not judged
        permit.release()
        return
    if not comes:  # it has ended meanwhile
        done()


def aio_interceptors(**fields: Unpack[GrpcFields]) -> list[Any]:
    """Give the interceptors of a channel of ``grpc.aio``: one for each kind of call, all with one guard.

    As :class:`GuardInterceptor`, but refusals and timeouts are ``grpc.aio.AioRpcError`` as well.
    ``interceptors[0].guard`` is the guard.

    Raises:
        ConfigurationError: for a bad setting.
    """
    return make(GrpcGuard(fields))
