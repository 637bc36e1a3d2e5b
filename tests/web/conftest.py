# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of clients share: a scripted server, and every client behind one interface."""

from __future__ import annotations

import importlib
import itertools
from contextlib import ExitStack, suppress

import pytest
from anyio.from_thread import start_blocking_portal
from trifuse import registry
from trifuse.testing.chaos import ChaosServer

_names = itertools.count()
KINDS = ("httpx", "httpx2", "httpx asyncio", "httpx2 trio", "requests", "aiohttp asyncio")


class Client:
    """A guarded client: what is sent, and what comes back, is the same for all of them."""

    def __init__(self, kind: str, settings: dict) -> None:
        self.library, _, backend = kind.partition(" ")
        self.module = importlib.import_module(self.library)
        self.contrib = importlib.import_module(f"trifuse.contrib.{self.library}")
        self.asynchronous = bool(backend)
        self._stack = ExitStack()
        self.portal = self._stack.enter_context(start_blocking_portal(backend)) if backend else None
        self.client = self.call(self._make, settings)
        self.guard = self.contrib.guard_of(self.client)

    def call(self, fn, *args):
        return self.portal.call(fn, *args) if self.portal else fn(*args)

    def _make(self, settings):
        if self.library == "requests":
            return self.contrib.protect(self.module.Session(), **settings)
        if self.library == "aiohttp":
            return self._make_aiohttp(settings)
        if self.asynchronous:
            client = self.module.AsyncClient(timeout=10, follow_redirects=True, trust_env=False, verify=False)
        else:
            client = self.module.Client(timeout=10, follow_redirects=True, trust_env=False, verify=False)
        return self.contrib.protect(client, **settings)

    async def _make_aiohttp(self, settings):
        return self.contrib.protect(self.module.ClientSession(), **settings)

    def close(self) -> None:
        with suppress(RuntimeError):
            self.call(
                self.client.aclose
                if self.library.startswith("httpx") and self.asynchronous
                else self.client.close
            )
        self._stack.close()

    def send(self, method, url, content=None, headers=None):
        """Send a request and read its answer; gives the status and the body."""
        if self.library == "requests":
            response = self.client.request(method, url, data=content, headers=headers)
            return response.status_code, response.content
        if self.library == "aiohttp":
            return self.call(self._send_aiohttp, method, url, content, headers)
        if self.asynchronous:
            return self.call(self._send_async, method, url, content, headers)
        response = self.client.request(method, url, content=content, headers=headers)
        return response.status_code, response.content

    async def _send_aiohttp(self, method, url, content, headers):
        async with self.client.request(method, url, data=content, headers=headers) as response:
            return response.status, await response.read()

    async def _send_async(self, method, url, content, headers):
        if content is not None and not isinstance(content, bytes):
            content = _awaited(content)
        response = await self.client.request(method, url, content=content, headers=headers)
        return response.status_code, response.content

    def get(self, url, **headers):
        return self.send("GET", url, headers=headers)

    def open(self, url, method="GET"):
        """Begin a request whose body is not read; gives what closes it."""
        if self.library == "requests":
            response = self.client.request(method, url, stream=True)
            return response.close
        if self.library == "aiohttp":
            response = self.call(self._open_aiohttp, method, url)
            return lambda: self.call(self._closed, response)
        if self.asynchronous:
            response = self.call(self._open_async, method, url)
            return lambda: self.call(response.aclose)
        response = self.client.send(self.client.build_request(method, url), stream=True)
        return response.close

    async def _open_aiohttp(self, method, url):
        return await self.client.request(method, url)

    async def _closed(self, response):
        response.close()

    async def _open_async(self, method, url):
        return await self.client.send(self.client.build_request(method, url), stream=True)

    @property
    def errors(self) -> type[Exception]:
        """The base of the client's own errors."""
        name = {"requests": "RequestException", "aiohttp": "ClientError"}.get(self.library, "HTTPError")
        return getattr(self.module, name)

    def breaker(self, url=None):
        """Give the breaker of a server, or of the only one."""
        if url is None:
            (only,) = self.guard.hosts.breakers.values()
            return only
        return self.guard.hosts.breakers[url]

    def counts(self, url=None):
        """Give successes, failures, timeouts and ignored calls."""
        snapshot = self.breaker(url).snapshot()
        return snapshot.successes, snapshot.failures, snapshot.timeouts, snapshot.ignored


async def _awaited(items):
    for item in items:
        yield item


@pytest.fixture(params=KINDS)
def client(request):
    """Make a guarded client of each kind; its breakers never open unless the settings say so."""
    made = []

    def make(**settings):
        quiet = {"failure_rate_threshold": 1.0, "name": f"{request.param} {next(_names)}"}
        one = Client(request.param, {**quiet, **settings})
        made.append(one)
        return one

    make.kind = request.param
    yield make
    for one in made:
        one.close()


@pytest.fixture
def server():
    with ChaosServer() as server:
        yield server


@pytest.fixture
def other_server():
    with ChaosServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _empty_registry():
    registry.clear()
    yield
    registry.clear()
