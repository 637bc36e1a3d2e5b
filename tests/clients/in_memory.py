# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests of the clients of Redis and Valkey, with a real server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

import pytest
from proof import prove
from trifuse.classify import Kind


@pytest.fixture
def nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def silent():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program, "no redis-server: install Debian's package redis-server"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "secret",
               "--dir", str(tmp_path_factory.mktemp("redis"))]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.02)
    yield port
    process.terminate()
    process.wait(10)


class InMemory:
    """The tests; a subclass gives the modules and classes of its library."""

    module = asynchronous = client = async_client = None
    taking = ()

    def both(self, port, kind, command, **settings):
        retry = self.module.retry.Retry(self.module.backoff.NoBackoff(), 0)
        settings = {"host": "127.0.0.1", "port": port, "retry": retry, "socket_timeout": 20, **settings}

        def call():
            with self.client(**settings) as client:
                client.execute_command(*command)

        async def call_async():
            import importlib

            retry = importlib.import_module(f"{self.asynchronous.__name__}.retry").Retry(
                self.module.backoff.NoBackoff(), 0
            )
            client = self.async_client(**{**settings, "retry": retry})
            try:
                await client.execute_command(*command)
            finally:
                await client.aclose()

        prove(call, kind)
        prove(call_async, kind)

    def test_a_port_where_nobody_listens_is_transient(self, nobody):
        self.both(nobody, Kind.transient, ["PING"])

    def test_a_server_that_does_not_answer_is_a_timeout(self, silent):
        self.both(silent, Kind.timeout, ["PING"], socket_timeout=0.3)

    def test_mistakes_are_the_callers(self, started):
        self.both(started, Kind.caller, ["NOTHING"], password="secret")
        self.both(started, Kind.caller, ["INCR"], password="secret")
        self.both(started, Kind.caller, ["PING"], password="wrong")
        self.both(started, Kind.caller, ["PING"])
        self.both(started, Kind.caller, ["SET", "key", object()], password="secret")

    def test_a_server_without_memory_is_overloaded(self, started):
        with self.client(host="127.0.0.1", port=started, password="secret") as client:
            client.config_set("maxmemory", 1)
            try:
                self.both(started, Kind.overloaded, ["SET", "key", "value"], password="secret")
            finally:
                client.config_set("maxmemory", 0)

    def test_a_replica_that_may_not_be_written_to_is_transient(self, started, nobody):
        with self.client(host="127.0.0.1", port=started, password="secret") as client:
            client.execute_command("REPLICAOF", "127.0.0.1", nobody)
            try:
                self.both(started, Kind.transient, ["SET", "key", "value"], password="secret")
            finally:
                client.execute_command("REPLICAOF", "NO", "ONE")

    def test_a_full_pool_of_the_client_is_local(self, started):
        pool = self.module.ConnectionPool(
            host="127.0.0.1", port=started, password="secret", max_connections=1
        )
        held = pool.get_connection(*self.taking)
        prove(lambda: self.client(connection_pool=pool).ping(), Kind.local)
        pool.release(held)
        pool.disconnect()
        waiting = self.module.BlockingConnectionPool(
            host="127.0.0.1", port=started, password="secret", max_connections=1, timeout=0.05
        )
        held = waiting.get_connection(*self.taking)
        prove(lambda: self.client(connection_pool=waiting).ping(), Kind.local)
        waiting.release(held)
        waiting.disconnect()
