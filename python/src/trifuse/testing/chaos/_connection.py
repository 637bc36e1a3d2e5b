# SPDX-License-Identifier: MIT OR Apache-2.0
"""One connection: HTTP/1.1 by h11, requests one after another, and whether the client is still there."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import h11

from trifuse.testing.chaos._exchange import ClientLeftError, Exchange
from trifuse.testing.chaos._plain import PLAIN, api_of, failing_api
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._steps import Status, Step

if TYPE_CHECKING:
    from trifuse.testing.chaos._script import StepLike
    from trifuse.testing.chaos._serving import Serving

_LARGEST = 64 << 20
_UNKNOWN = Status(404, message="The chaos server has no such path; script(..., path=...) gives it one.")
_FAULTY = Status(500, message="A step of the script raised an exception.", type="chaos_error")


class Connection(asyncio.Protocol):
    """Reads requests, plays the steps of the script, and notices when the client leaves."""

    transport: asyncio.Transport

    def __init__(self, serving: Serving) -> None:
        """Belong to a server."""
        self._serving = serving
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._left = False
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self.transport = transport  # type: ignore[assignment]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serving.opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        """The connection is gone, by whichever side."""
        self._client_left()
        self._may_write.set()
        self._serving.closed(self)

    def eof_received(self) -> bool:
        """The client has closed its side: it is taken to have left."""
        self._client_left()
        return False

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a next request wait until this one is answered."""
        try:
            self._http.receive_data(data)
            if self._task is None:
                self._read()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)

    def _read(self) -> None:
        while self._task is None:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._head, self._body, self._size = event, [], 0
            elif isinstance(event, h11.Data):
                self._take(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._begin()
            elif isinstance(event, h11.ConnectionClosed):
                self.transport.close()
                return
            else:
                break
        if self._http.they_are_waiting_for_100_continue:
            self.send(h11.InformationalResponse(status_code=100, headers=[]))

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _LARGEST:
            raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
        self._body.append(bytes(data))

    def _refuse(self, status: int) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.send(
                h11.Response(status_code=status, headers=[("content-length", "0"), ("connection", "close")])
            )
        self.transport.close()

    def _begin(self) -> None:
        head = self._head
        assert head is not None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        body = _parsed(b"".join(self._body))
        number = self._serving.book.count + 1
        target = head.target.decode("latin-1")
        request = Request(number, head.method.decode("ascii"), target, headers, body, time.monotonic())
        self._body = []
        step, api_is_free = self._serving.script.next(request)
        self._serving.book.arrive(request)
        self._task = asyncio.get_running_loop().create_task(self._answer(request, step, any_path=api_is_free))

    async def _answer(self, request: Request, chosen: StepLike, *, any_path: bool) -> None:
        api = api_of(request)
        exchange = Exchange(self, request, api or (PLAIN if any_path else failing_api(request)))
        try:
            request.step = await self._step(request, chosen) if api or any_path else _UNKNOWN
            await request.step.play(exchange)
        except (asyncio.CancelledError, ClientLeftError):
            pass
        except Exception as error:  # noqa: BLE001
            await self._faulty(exchange, error)
        finally:
            self.finished(request, left=self._left and not exchange.ended)
            self._task = None
        self._go_on(exchange)

    async def _step(self, request: Request, chosen: StepLike) -> Step:
        if isinstance(chosen, Step):
            return chosen
        made = chosen(request)
        step = await made if inspect.isawaitable(made) else made
        if not isinstance(step, Step):
            raise TypeError(f"the function {chosen!r} of the script gave {step!r}, which is no step")
        return step

    async def _faulty(self, exchange: Exchange, error: Exception) -> None:
        self._serving.faults.append(error)
        with contextlib.suppress(ClientLeftError):
            if exchange.began:
                await exchange.reset()
            else:
                exchange.request.step = _FAULTY
                await _FAULTY.play(exchange)

    def _go_on(self, exchange: Exchange) -> None:
        if self.transport.is_closing():
            return
        if (
            not exchange.ended
            or self._http.our_state is not h11.DONE
            or self._http.their_state is not h11.DONE
        ):
            self.transport.close()
            return
        self._http.start_next_cycle()
        try:
            self._read()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)

    def _client_left(self) -> None:
        if self._task is not None and not self._left:
            self._left = True
            self._task.cancel()

    def finished(self, request: Request, *, left: bool) -> None:
        """Write down, once, that a request has been answered or left."""
        if request.ended_at is None:
            self._serving.end(request, left=left)

    def send(self, *events: Any) -> None:
        """Send what the protocol makes of events."""
        self.write(b"".join(self._http.send(event) or b"" for event in events))

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.still_there()
        self.transport.write(data)

    def still_there(self) -> None:
        """Raise if the client has left."""
        if self.transport.is_closing():
            raise ClientLeftError

    async def drained(self) -> None:
        """Wait until the client has read enough."""
        if not self._may_write.is_set():
            await self._may_write.wait()

    async def close(self) -> None:
        """Drop the connection, and what is played on it."""
        task = self._task
        if task is not None:
            task.cancel()
        self.transport.abort()
        if task is not None:
            await asyncio.wait([task], timeout=1)


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body
