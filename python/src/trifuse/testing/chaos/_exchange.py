# SPDX-License-Identifier: MIT OR Apache-2.0
"""One request and the answer to it, as steps see them."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import h11

from trifuse.testing.chaos._apis import Api
from trifuse.testing.chaos._requests import Request

if TYPE_CHECKING:
    from trifuse.testing.chaos._connection import Connection

_EVENT_STREAM = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]
_UNREAD = 0.02
"""Seconds a client gets to read what was sent before its connection is reset."""
Headers = list[tuple[str, str]]


class ClientLeftError(Exception):
    """The client closed the connection."""


class Exchange:
    """Sends what a step says, over the connection that the request came by."""

    def __init__(self, connection: Connection, request: Request, api: Api) -> None:
        """Take a request."""
        self._connection, self.request, self.api = connection, request, api
        self.began = self.ended = False

    async def json(self, status: int, body: Any, headers: Headers) -> None:
        """Answer with a body at once."""
        await self.whole(status, json.dumps(body, separators=(",", ":")).encode(), headers)

    async def whole(self, status: int, body: bytes, headers: Headers, kind: str = "application/json") -> None:
        """Answer with bytes of a type at once."""
        self.head(status, [*headers, ("content-type", kind), ("content-length", str(len(body)))])
        self.end(body)
        await self._connection.drained()

    def stream(self, headers: Headers) -> None:
        """Send the headers of an event stream."""
        self.head(200, [*headers, *_EVENT_STREAM])

    def head(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        names = [("x-request-id", f"req_{self.request.number}"), ("request-id", f"req_{self.request.number}")]
        self.began = True
        self._connection.send(h11.Response(status_code=status, headers=[*names, *headers]))

    async def write(self, body: bytes) -> None:
        """Send a part of the body."""
        if body and self.request.method != "HEAD":
            self._connection.send(h11.Data(data=body))
            await self._connection.drained()

    async def drip(self, body: bytes, seconds: float) -> None:
        """Send the body byte by byte, in that time, and end; several bytes where the clock is too coarse."""
        began = time.monotonic()
        sent = 0
        while sent < len(body):
            due = began + seconds * (sent + 1) / len(body)
            await asyncio.sleep(max(due - time.monotonic(), 0))
            late = int((time.monotonic() - began) / seconds * len(body)) if seconds else len(body)
            until = max(sent + 1, min(late, len(body)))
            if until >= len(body):
                break
            await self.write(body[sent:until])
            sent = until
        self.end(body[sent:])

    def end(self, last: bytes = b"") -> None:
        """Send the last part of the body and say that the answer is complete.

        It is written down as ended before the client can know it, so that a test which has the answer
        finds no request in flight.
        """
        self._connection.still_there()
        self.ended = True
        self._connection.finished(self.request, left=False)
        parts: list[h11.Event] = [h11.Data(data=last)] if last and self.request.method != "HEAD" else []
        self._connection.send(*parts, h11.EndOfMessage())

    async def rest(self, seconds: float | None, keep_alive: float | None = None) -> None:
        """Wait, for ever if no seconds are given; send keep-alives where an event stream has begun."""
        if keep_alive is None or not self.began:
            await (asyncio.sleep(seconds) if seconds is not None else asyncio.Event().wait())
            return
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        while (remaining := keep_alive if end is None else end - loop.time()) > 0:
            await asyncio.sleep(min(keep_alive, remaining))
            if remaining >= keep_alive:
                await self.write(self.api.keep_alive)

    async def reset(self) -> None:
        """Close the connection by a TCP reset."""
        if self.began:
            await asyncio.sleep(_UNREAD)
        found = self._connection.transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ended = True
        self._connection.finished(self.request, left=False)
        self._connection.transport.abort()

    async def disconnect(self) -> None:
        """Close the connection in order, whatever of the answer is missing."""
        self.ended = True
        self._connection.finished(self.request, left=False)
        self._connection.transport.close()

    async def raw(self, sent: bytes) -> None:
        """Send bytes past the protocol."""
        self.began = True
        self._connection.write(sent)
        await self._connection.drained()
