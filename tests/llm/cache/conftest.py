# SPDX-License-Identifier: MIT OR Apache-2.0
# A real Redis server, a proxy before it that is slow, and functions behind caches.
import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest
import redis
import redis.asyncio
import valkey
import valkey.asyncio
from trifuse.cache import RedisStore, ResultCache

SERVER = "/usr/bin/redis-server"


class Server:
    """A real server on a socket of its own."""

    def __init__(self, folder):
        self.folder, self.path = folder, f"{folder}/redis.sock"
        self.url, self._process = f"unix://{self.path}", None
        self.start()

    def start(self):
        pathlib.Path(self.path).unlink(missing_ok=True)
        arguments = ["--port", "0", "--unixsocket", self.path, "--save", "", "--dir", self.folder]
        self._process = subprocess.Popen([SERVER, *arguments], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                self.raw = redis.Redis(unix_socket_path=self.path, retry=None)
                self.raw.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < end
                time.sleep(0.01)

    def signal(self, number):
        os.kill(self._process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = Server(str(tmp_path_factory.mktemp("redis")))
    yield server
    server.kill()


@pytest.fixture
def server(running):
    running.raw.flushall()
    return running


@pytest.fixture
def own_server(tmp_path):
    server = Server(str(tmp_path))
    yield server
    server.kill()


class Proxy:
    """Passes bytes on, after a while, or a byte at a time, or not at all."""

    def __init__(self, path):
        self._path, self.delay, self.drip, self.silent = path, 0.0, 0.0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._sockets, self._closing = [], threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                self._sockets += [client, server]
                for source, target, back in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass, args=(source, target, back), daemon=True).start()

    def _pass(self, source, target, back):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self.silent and not self._closing.wait(0.01):
                    pass
                if back and self.delay:
                    self._closing.wait(self.delay)
                if back and self.drip:
                    for byte in data:
                        target.sendall(bytes([byte]))
                        self._closing.wait(self.drip)
                else:
                    target.sendall(data)

    def close(self):
        self._closing.set()
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.path)
    yield proxy
    proxy.close()


@pytest.fixture(params=["url", "redis", "decoding redis", "valkey"])
def client(request, server):
    made = {
        "url": lambda: server.url,
        "redis": lambda: redis.Redis(unix_socket_path=server.path),
        "decoding redis": lambda: redis.Redis(unix_socket_path=server.path, decode_responses=True),
        "valkey": lambda: valkey.Valkey(unix_socket_path=server.path),
    }[request.param]()
    yield made
    if not isinstance(made, str):
        made.close()


def _caching(store, **settings):
    """A cache and an answer that counts its calls."""
    cache, calls = ResultCache(store, **settings), []

    @cache
    def answer(prompt):
        calls.append(prompt)
        return {"answer": prompt.upper()}

    return cache, answer, calls


def _caching_async(store, seconds=0.0, **settings):
    cache, calls = ResultCache(store, **settings), []

    @cache
    async def answer(prompt):
        calls.append(prompt)
        await asyncio.sleep(seconds)
        return {"answer": prompt.upper()}

    return cache, answer, calls


def _patient(client, **settings):
    """A store whose time limit is no matter on a busy machine."""
    return RedisStore(client, **{"timeout": 5, **settings})


@pytest.fixture
def caching():
    """Make a cache, a function behind it, and the list of its calls."""
    return _caching


@pytest.fixture
def caching_async():
    """As caching, of a coroutine function that takes some seconds."""
    return _caching_async


@pytest.fixture
def patient():
    """Make a store whose time limit is no matter on a busy machine."""
    return _patient
