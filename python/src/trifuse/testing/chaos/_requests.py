# SPDX-License-Identifier: MIT OR Apache-2.0
"""What reached the server, and who waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trifuse.testing.chaos._steps import Step


_LOOK_AGAIN = 0.05
"""Seconds until a condition that may hang on more than the server is looked at again."""


class Request:
    """One request, written down when it arrives.

    Attributes:
        number: 1 for the first that reached the server.
        method: such as ``"POST"``.
        path: without the query.
        query: what follows the ``?``.
        headers: names in lower case; of several of one name the last.
        body: the parsed JSON, the bytes if it is none, ``None`` if there was none.
        at: when it arrived, by ``time.monotonic()``.
        step: what the server does with it.
        ended_at: when the server had done so, or the client had left; ``None`` before.
        left: whether the client closed the connection before the server's end.
    """

    __slots__ = ("at", "body", "ended_at", "headers", "left", "method", "number", "path", "query", "step")

    def __init__(
        self, number: int, method: str, target: str, headers: dict[str, str], body: Any, at: float
    ) -> None:
        """Take what arrived."""
        self.number, self.method, self.headers, self.body, self.at = number, method, headers, body, at
        self.path, _, self.query = target.partition("?")
        self.step: Step | None = None
        self.ended_at: float | None = None
        self.left = False

    @property
    def model(self) -> str | None:
        """The model that the body names."""
        model = self.body.get("model") if isinstance(self.body, dict) else None
        return model if isinstance(model, str) else None

    @property
    def stream(self) -> bool:
        """Whether the body asks for a stream."""
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def retry_count(self) -> int:
        """How often the official clients say they have sent this before; 0 where they do not say."""
        text = self.headers.get("x-stainless-retry-count", "0")
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def api_key(self) -> str:
        """The key that was sent, in either API's way; empty if there is none."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key", bearer)

    def __repr__(self) -> str:
        """Tell what happened, without bodies and keys."""
        end = "left" if self.left else "open" if self.ended_at is None else "done"
        return f"<Request {self.number} {self.method} {self.path} {self.step} {end}>"


class Book:
    """The requests and connections, counted; safe to read from any thread."""

    def __init__(self, keep: int | None) -> None:
        """Keep the last so many requests, all for None."""
        self._changed = threading.Condition(threading.Lock())
        self._version = 0
        self.requests: deque[Request] = deque(maxlen=keep)
        self.count = self.left = self.open_connections = self.connections = self.in_flight = 0
        self.in_flight_most = 0

    def arrive(self, request: Request) -> None:
        """Write a request down."""
        with self._change():
            self.count += 1
            self.in_flight += 1
            self.in_flight_most = max(self.in_flight_most, self.in_flight)
            self.requests.append(request)

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with self._changed:
            self._version += 1
            yield
            self._changed.notify_all()

    def end(self, request: Request, *, left: bool) -> None:
        """Write down how it ended."""
        with self._change():
            self.in_flight -= 1
            self.left += left
            request.left = left
            request.ended_at = time.monotonic()

    def connect(self, change: int) -> None:
        """Count a connection that opened (1) or closed (-1)."""
        with self._change():
            self.open_connections += change
            self.connections += change > 0

    def listed(self) -> list[Request]:
        """The requests that are kept."""
        with self._changed:
            return list(self.requests)

    def clear(self) -> None:
        """Forget the requests and count from 0; what is open stays counted as open."""
        with self._change():
            self.requests.clear()
            self.count = self.left = self.connections = 0
            self.in_flight_most = self.in_flight

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition on this holds; False if it does not in time."""
        end = time.monotonic() + timeout
        while True:
            version = self._version
            if condition():
                return True
            remaining = end - time.monotonic()
            if remaining <= 0:
                return False
            with self._changed:
                if self._version == version:
                    self._changed.wait(min(remaining, _LOOK_AGAIN))
