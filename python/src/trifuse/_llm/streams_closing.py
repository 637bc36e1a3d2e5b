# SPDX-License-Identifier: MIT OR Apache-2.0
"""Closing what a synchronous client waits for, from another thread.

To close a response or a socket does not end a read that another thread is blocked in; to shut the
connection down does. It is found through the response, or before there is one through the connection
that the request was given.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from trifuse._llm.watcher import Watch

Closer = Callable[[], object]
_DEEPEST = 4
R = TypeVar("R")

_offered: ContextVar[Callable[[Closer], None] | None] = ContextVar("trifuse.closer", default=None)


def closer_of(stream: Any) -> Closer | None:
    """Give what ends a read of a client's stream or response from another thread; None: nothing does.

    For the streams of openai and anthropic, and for responses of httpx and httpx2, over HTTP/1.1. (A
    connection of HTTP/2 is shared by other requests.)
    """
    response = getattr(stream, "response", stream)
    extensions = getattr(response, "extensions", None)
    if not isinstance(extensions, Mapping):
        return None
    if str(getattr(response, "http_version", "")) == "HTTP/2":
        return None
    connection = extensions.get("network_stream")
    if _socket_of(connection) is None:
        return None

    def close() -> None:
        if not getattr(response, "is_closed", False):
            shut_down(connection)

    return close


def shut_down(connection: Any) -> bool:
    """Shut a connection of httpcore down; tells whether there was one."""
    found = _socket_of(connection)
    if found is None:
        return False
    with contextlib.suppress(OSError):  # it is closed already
        socket.socket.shutdown(found, socket.SHUT_RDWR)  # of TLS the base too, which waits for nobody
    return True


def _socket_of(connection: Any) -> socket.socket | None:
    try:
        found = connection.get_extra_info("socket")
    except Exception:  # noqa: BLE001 - whatever this is, it is no connection of httpcore
        return None
    return found if isinstance(found, socket.socket) else None


def offer(closer: Closer) -> None:
    """Say what ends the call that is being made in this thread, for a time limit that may be on it."""
    take = _offered.get()
    if take is not None:
        take(closer)


@contextlib.contextmanager
def taking(take: Callable[[Closer], None]) -> Iterator[None]:
    """Take what calls inside offer."""
    token = _offered.set(take)
    try:
        yield
    finally:
        _offered.reset(token)


def make_interruptible(client: Any) -> bool:
    """Let the calls of a synchronous openai or anthropic client be ended before there is a response.

    Changes this client object only (which ``with_options`` has copied), by its hook for requests.
    Tells whether the client has that hook.
    """
    before = getattr(client, "_prepare_request", None)
    if before is None or getattr(before, "_trifuse", False):
        return before is not None

    def prepare(request: Any) -> None:
        before(request)
        if _offered.get() is not None:
            with contextlib.suppress(Exception):  # the call goes on without
                offer(_Connection(client, request))

    prepare._trifuse = True  # type: ignore[attr-defined]
    client._prepare_request = prepare
    return True


class _Connection:
    """The connection of one request, from the moment that it has one. Closes it when called."""

    __slots__ = ("_client", "_closed", "_core_request", "_found", "_over", "_trace")

    def __init__(self, client: Any, request: Any) -> None:
        self._client = client
        self._core_request: Any = None
        self._found: Any = None
        self._closed = self._over = False
        self._trace = request.extensions.get("trace")
        request.extensions = {**request.extensions, "trace": self.trace}

    def trace(self, name: str, info: Any) -> None:
        """Follow the request through httpcore, in the thread that makes it."""
        if self._trace is not None:
            self._trace(name, info)
        if name.endswith(("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")):
            self._found = info.get("return_value")
        elif name == "http11.send_request_headers.started":
            self._core_request = info.get("request")
        elif name.startswith(("http2.", "http11.response_closed")):
            self._over = True  # shared with other requests, or given back
        if self._closed:
            self()  # it was closed before it had a connection

    def __call__(self) -> None:
        """Shut it down, or as soon as there is one."""
        self._closed = True
        if not self._over:
            shut_down(self._found or self._in_pool())

    def _in_pool(self) -> Any:
        """Look for the connection that was taken from the pool."""
        if self._core_request is None:
            return None
        for transport in _transports(self._client):
            for entry in list(getattr(getattr(transport, "_pool", None), "_requests", ())):
                # By what it is traced with: a proxy is sent a request of its own making.
                extensions = getattr(getattr(entry, "request", None), "extensions", None) or {}
                if extensions.get("trace") == self.trace:
                    return _network_of(getattr(entry, "connection", None))
        return None


def _network_of(connection: Any) -> Any:
    """Give the network stream of a connection, which lies deeper where it leads through a proxy."""
    for _ in range(_DEEPEST):
        if connection is None or hasattr(connection, "_network_stream"):
            break
        connection = getattr(connection, "_connection", None)
    return getattr(connection, "_network_stream", None)


def _transports(client: Any) -> list[Any]:
    http = getattr(client, "_client", None)
    mounted = getattr(http, "_mounts", None) or {}
    return [getattr(http, "_transport", None), *mounted.values()]


def call_within(seconds: float, expired: Callable[[], BaseException], fn: Callable[[], R]) -> R:
    """Make a synchronous call that is not to take longer; what it offers is closed when its time is over.

    Raises what ``expired`` gives when the call failed after its time; a result that came late is given.
    """
    call = _Call()
    call.watch.arm(seconds)
    try:
        with taking(call.take):
            return fn()
    except Exception as error:
        if call.watch.cancel():
            raise expired() from error
        raise
    finally:
        call.watch.cancel()


class _Call:
    """What a call has offered, and the watch that closes it."""

    __slots__ = ("_closer", "watch")

    def __init__(self) -> None:
        self._closer: Closer | None = None
        self.watch = Watch(self.close)

    def take(self, closer: Closer) -> None:
        """Take what ends the call; at once, if its time is over."""
        self._closer = closer
        if self.watch.fired:
            closer()

    def close(self) -> None:
        """Close what the call is waiting for."""
        if self._closer is not None:
            self._closer()
