# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of gRPC share: a real server that does as told, and clients of both kinds."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from trifuse.contrib.grpc import aio_interceptors, guard_of, protect

CODES = {code.name: code for code in grpc.StatusCode}
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
_names = itertools.count()


class Service:
    """Does what a request says: b"OK", the name of a status, b"HANG", or the next step of the script."""

    def __init__(self):
        self.script, self.calls, self.trailers, self.at = [], 0, (), []
        self.ended = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((self,))
        self.target = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def service(self, details):
        kind = details.method.rpartition("/")[2]
        return getattr(grpc, f"{kind}_rpc_method_handler")(getattr(self, kind))

    def do(self, word, context):
        self.calls += 1
        self.at.append(time.monotonic())
        word = self.script.pop(0) if self.script else word.decode()
        if word == "HANG":
            while context.is_active() and not self.ended.wait(0.01):
                pass
        elif word != "OK":
            context.set_trailing_metadata(self.trailers)
            context.abort(CODES[word], "as told")
        return b"done"

    def unary_unary(self, request, context):
        return self.do(request, context)

    def stream_unary(self, requests, context):
        return self.do(next(iter(requests)), context)

    def unary_stream(self, request, context):
        yield b"first"
        yield self.do(request, context)

    def stream_stream(self, requests, context):
        yield from self.unary_stream(next(iter(requests)), context)


@pytest.fixture(scope="module")
def _service():
    service = Service()
    yield service
    service.ended.set()
    service.server.stop(0).wait()


@pytest.fixture
def service(_service):
    _service.script, _service.calls, _service.trailers, _service.at = [], 0, (), []
    return _service


def settings(given):
    return {"failure_rate_threshold": 1.0, "name": f"grpc-{next(_names)}", **given}


@pytest.fixture
def channel(service):
    """Make a guarded channel to the service, whose breakers never open unless the settings say so."""
    made = []

    def make(**given):
        plain = grpc.insecure_channel(service.target)
        made.append(plain)
        return protect(plain, **settings(given))

    yield make
    for plain in made:
        plain.close()


def call(channel, word, kind="unary_unary", **more):
    """Call and read everything."""
    method = getattr(channel, kind)(f"/test.Service/{kind}")
    request = iter([word]) if kind.startswith("stream") else word
    answer = method(request, **more)
    return list(answer) if kind.endswith("stream") else answer


def counts(guard):
    """Give successes, failures, timeouts and ignored calls; an end is told on a thread of grpc's."""
    (breaker,) = guard.hosts.breakers.values()
    seen = breaker.snapshot()
    return seen.successes, seen.failures, seen.timeouts, seen.ignored


def eventually(guard, wanted):
    end = time.monotonic() + 5
    while counts(guard) != wanted and time.monotonic() < end:
        time.sleep(0.002)
    assert counts(guard) == wanted


class Aio:
    """The same calls of an asyncio channel, each in a loop of its own."""

    def __init__(self, target, given):
        self.interceptors = aio_interceptors(target=target, **settings(given))
        self.guard, self.target = self.interceptors[0].guard, target

    def run(self, word, kind="unary_unary", **more):
        async def main():
            async with grpc.aio.insecure_channel(self.target, interceptors=self.interceptors) as channel:
                try:
                    return await self.call(channel, word, kind, **more)
                finally:
                    await asyncio.sleep(0.01)  # who is told of an end is a task of its own

        return asyncio.run(main())

    async def call(self, channel, word, kind, **more):
        method = getattr(channel, kind)(f"/test.Service/{kind}")
        request = iter([word]) if kind.startswith("stream") else word
        answer = method(request, **more)
        return [item async for item in answer] if kind.endswith("stream") else await answer


class Sync:
    def __init__(self, channel, given):
        self.channel = channel(**given)
        self.guard = guard_of(self.channel)

    def run(self, word, kind="unary_unary", **more):
        return call(self.channel, word, kind, **more)


@pytest.fixture(params=["sync", "aio"])
def client(request, channel, service):
    """Make a client of either kind."""
    return lambda **given: Sync(channel, given) if request.param == "sync" else Aio(service.target, given)


@pytest.fixture
def kit():
    """Give the helpers: ``call``, ``counts``, ``eventually``, ``Aio``."""
    return Kit


class Kit:
    call, counts, eventually, Aio = staticmethod(call), staticmethod(counts), staticmethod(eventually), Aio
