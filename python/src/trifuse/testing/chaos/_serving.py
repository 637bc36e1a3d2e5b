# SPDX-License-Identifier: MIT OR Apache-2.0
"""The thread of a server, its event loop and its connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable

from trifuse.testing.chaos._connection import Connection
from trifuse.testing.chaos._requests import Book, Request
from trifuse.testing.chaos._script import Script

_BACKLOG = 4096
_FAULTS = 100
_TURNS = 10


class Serving:
    """Serves while it runs; what it counts outlives that."""

    def __init__(self, script: Script, book: Book, told: Callable[[Request], object] | None) -> None:
        """Take what is played and where it is written down."""
        self.script, self.book, self._told = script, book, told
        self.faults: deque[Exception] = deque(maxlen=_FAULTS)
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> int:
        """Listen and serve; give the port."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        ready = threading.Event()
        name = f"trifuse-chaos-{listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(listener, ready), name=name, daemon=True)
        self._thread.start()
        ready.wait()
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Close the port and all connections, and wait for the thread."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._thread = self._loop = self._stop = None

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(listener, ready))

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: Connection(self), sock=listener, backlog=_BACKLOG)
        ready.set()
        await self._stop.wait()
        self._loop.remove_reader(listener)
        for _ in range(_TURNS):  # what has been accepted is a connection some turns of the loop later
            await asyncio.sleep(0)
            await asyncio.gather(*(c.close() for c in list(self._connections)))
        server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)

    def opened(self, connection: Connection) -> None:
        """A connection is there."""
        self._connections.add(connection)
        self.book.connect(1)

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self.book.connect(-1)

    def end(self, request: Request, *, left: bool) -> None:
        """A request has been answered, or its client has left."""
        self.book.end(request, left=left)
        if self._told is not None:
            try:
                self._told(request)
            except Exception as error:  # noqa: BLE001
                self.faults.append(error)
