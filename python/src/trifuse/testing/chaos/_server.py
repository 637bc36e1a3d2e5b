# SPDX-License-Identifier: MIT OR Apache-2.0
"""The server as its users see it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from trifuse._errors import ConfigurationError, TrifuseError
from trifuse.testing.chaos._file import read
from trifuse.testing.chaos._making import answer
from trifuse.testing.chaos._requests import Book, Request
from trifuse.testing.chaos._script import Script, StepLike, step_of
from trifuse.testing.chaos._serving import Serving
from trifuse.testing.chaos._values import duration, is_whole

_POLL = 0.002


class ChaosServer:
    """An OpenAI- and Anthropic-compatible server that does with each request what its script says.

    Served from a thread of its own while it is entered (``with`` or ``async with``), or between
    ``start()`` and ``stop()``. All methods may be called from any thread. Chat completions,
    responses, embeddings, models, messages and their token count are answered in the words of
    their API; a path outside ``/v1`` gets a small JSON answer.

    Example:
        >>> with ChaosServer() as server:
        ...     server.script(status(500), status(429, retry_after=2), answer("hello"))
        ...     client = OpenAI(base_url=server.openai_url, api_key="any")
    """

    def __init__(
        self,
        *,
        default: StepLike | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int | None = 10_000,
        on_request: Callable[[Request], object] | None = None,
    ) -> None:
        """Make a server that is not started.

        Args:
            default: what is done when no script has a step for a request; ``answer("hello")``.
            host: the address to listen on.
            port: 0 takes a free one.
            keep: how many of the last requests are kept in ``requests``; None keeps all.
            on_request: called with each request when it has ended, on the server's thread.
        """
        if not isinstance(host, str) or not host:
            raise ConfigurationError("host", host, "an address to listen on")
        if not is_whole(port) or port > 65_535:  # noqa: PLR2004
            raise ConfigurationError("port", port, "0 to 65535")
        if keep is not None and not is_whole(keep):
            raise ConfigurationError("keep", keep, "a whole number of requests, or None for all")
        self._first = answer() if default is None else step_of(default, "default")
        self._script = Script(self._first)
        self._book = Book(keep)
        self._host, self._port = host, port
        self._serving = Serving(self._script, self._book, on_request)
        self._running = False

    def start(self) -> Self:
        """Listen; after a stop on the same port again. OSError if that cannot be had."""
        if self._running:
            raise TrifuseError("the chaos server is started already")
        self._port = self._serving.start(self._host, self._port)
        self._running = True
        return self

    def stop(self) -> None:
        """Close the port and drop all connections; what was counted stays."""
        if self._running:
            self._serving.stop()
            self._running = False

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections for a while, those that are open are dropped."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        """Stop; what a function of the script raised is raised here, unless the block raised itself."""
        self.stop()
        faults = self._serving.faults
        if kind is None and faults:
            raise faults.popleft()

    async def __aenter__(self) -> Self:
        """Start."""
        return self.__enter__()

    async def __aexit__(self, kind: object, *rest: object) -> None:
        """Stop."""
        self.__exit__(kind, *rest)

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40001``."""
        if not self._port:
            raise TrifuseError("the chaos server has no address before it is started")
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    @property
    def openai_url(self) -> str:
        """The ``base_url`` for OpenAI's clients."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The ``base_url`` for Anthropic's clients."""
        return self.url

    @property
    def port(self) -> int:
        """The port; 0 before the first start, if none was asked for."""
        return self._port

    def script(
        self,
        *steps: StepLike,
        path: str | None = None,
        model: str | None = None,
        default: StepLike | None = None,
    ) -> Self:
        """Let the next requests have these steps, one each, in order; the rest of an earlier script is dropped.

        Args:
            steps: made by ``status``, ``answer`` and so on; a function is called with each request
                on the server's thread and gives the step, or a coroutine of it.
            path: only for requests to this path, or whose path ends with it.
            model: only for requests whose body names this model.
            default: what follows the steps for those; otherwise a script with fewer conditions.

        A script for path and model goes before one for a path, that before one for a model.
        """
        self._script.put(steps, path, model, default)
        return self

    def load(self, file: str | Path) -> Self:
        """Take scripts and default from a file, TOML or (``*.json``) JSON; docs/chaos.md tells its form.

        Raises ConfigurationError, which names the place in the file, and OSError. Nothing is
        taken from a file with an error.
        """
        for lane in read(file):
            self._script.put(lane.steps, lane.path, lane.model, lane.default)
        return self

    @property
    def default(self) -> StepLike:
        """What is done with a request that no script has a step for."""
        return self._script.default

    @default.setter
    def default(self, step: StepLike) -> None:
        self._script.default = step

    @property
    def remaining(self) -> int:
        """How many steps of the scripts no request has had."""
        return self._script.remaining

    @property
    def requests(self) -> list[Request]:
        """The last ``keep`` requests, in the order of their arrival."""
        return self._book.listed()

    @property
    def count(self) -> int:
        """How many requests have reached it."""
        return self._book.count

    @property
    def left(self) -> int:
        """Of how many requests the client closed the connection before the answer's end."""
        return self._book.left

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._book.in_flight

    @property
    def most_in_flight(self) -> int:
        """How many were being answered at once, at most."""
        return self._book.in_flight_most

    @property
    def connections(self) -> int:
        """How many connections have been made."""
        return self._book.connections

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return self._book.open_connections

    def clear(self) -> None:
        """Forget requests and scripts and count from 0; the default is that of the beginning."""
        self._script.clear(self._first)
        self._book.clear()

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Request]:
        """Wait until so many requests have arrived, and give them. Raises TimeoutError."""
        self.wait_until(lambda: self.count >= count, timeout)
        return self.requests

    def wait_until(self, condition: Callable[[], Any], timeout: float = 5.0) -> None:
        """Wait until a condition holds, looked at whenever something changes here. Raises TimeoutError.

        Blocks the thread: tasks use ``await_until``.
        """
        if not self._book.wait(lambda: bool(condition()), duration("timeout", timeout)):
            raise TimeoutError(self._late(timeout))

    async def await_for(self, count: int, timeout: float = 5.0) -> list[Request]:  # noqa: ASYNC109
        """As ``wait_for``, in a task of asyncio or trio."""
        await self.await_until(lambda: self.count >= count, timeout)
        return self.requests

    async def await_until(self, condition: Callable[[], Any], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """As ``wait_until``, in a task of asyncio or trio."""
        from trifuse._sleep import _by_loop

        end = time.monotonic() + duration("timeout", timeout)
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(self._late(timeout))
            await _by_loop(_POLL)

    def _late(self, timeout: float) -> str:
        seen = f"{self.count} requests, {self.in_flight} in flight, {self.left} left by the client"
        return (
            f"not within {timeout:g} s; the chaos server saw {seen}, {self.open_connections} connections open"
        )
