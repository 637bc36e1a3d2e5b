# SPDX-License-Identifier: MIT OR Apache-2.0
import socket

import pytest
from proof import prove, reply
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.models import Distance, VectorParams
from trifuse.classify import Kind
from trifuse.testing import chaos


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        yield server


def both(server, kind, **known):
    timeout = 1 if kind is Kind.timeout else 20
    settings = {"port": server.port, "host": "127.0.0.1", "timeout": timeout, "check_compatibility": False}

    def query():
        with_close = QdrantClient(**settings)
        try:
            with_close.query_points("c", query=[1.0, 2.0])
        finally:
            with_close.close()

    async def query_async():
        client = AsyncQdrantClient(**settings)
        try:
            await client.query_points("c", query=[1.0, 2.0])
        finally:
            await client.close()

    prove(query, kind, **known)
    prove(query_async, kind, **known)


def told(text):
    return {"status": {"error": text}, "time": 0.0}


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (reply(429, told("slow"), retry_after=7), Kind.rate_limited, {"retry_after": 7}),
        (reply(429, told("slow")), Kind.rate_limited, {"status": 429}),
        (reply(500, told("x")), Kind.transient, {"status": 500}),
        (reply(503, told("x")), Kind.overloaded, {}),
        (reply(400, told("Wrong input: Vector dimension error")), Kind.caller, {"status": 400}),
        (reply(403, told("x")), Kind.caller, {}),
        (reply(404, told("Collection `c` doesn't exist!")), Kind.caller, {}),
        (reply(409, told("Collection `c` already exists!")), Kind.caller, {"status": 409}),
        (chaos.reset(), Kind.transient, {}),
        (chaos.hang(10), Kind.timeout, {}),
    ],
)
def test_an_error_of_a_server_is_of_the_right_kind(server, step, kind, known):
    server.default = step
    both(server, kind, **known)


def test_a_server_that_is_not_there_is_transient(server):
    server.stop()
    both(server, Kind.transient)
    server.start()


def test_a_bad_argument_of_the_local_database_is_the_callers():
    local = QdrantClient(":memory:")
    prove(lambda: local.query_points("nothing", query=[1.0]), Kind.caller)
    local.create_collection("c", vectors_config=VectorParams(size=2, distance=Distance.COSINE))
    prove(
        lambda: local.create_collection("c", vectors_config=VectorParams(size=2, distance=Distance.DOT)),
        Kind.caller,
    )
    prove(lambda: local.query_points("c", query=[1.0], using="no such vector"), Kind.caller)
    local.close()


def test_grpc_to_a_port_where_nobody_listens_is_transient():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = QdrantClient(
        host="127.0.0.1", grpc_port=port, prefer_grpc=True, timeout=2, check_compatibility=False
    )
    prove(lambda: client.query_points("c", query=[1.0]), Kind.transient, code="UNAVAILABLE")
    client.close()
