# SPDX-License-Identifier: MIT OR Apache-2.0
import types

import pytest
import weaviate
import weaviate.retry
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos
from weaviate.classes.init import AdditionalConfig, Timeout


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        server.script(
            default=reply(200, {"version": "1.36.0", "hostname": "x", "modules": {}}), path="/v1/meta"
        )
        yield server


SETTINGS = {
    "skip_init_checks": True,
    "additional_config": AdditionalConfig(timeout=Timeout(query=2, insert=2, init=2)),
}


def calls(server):
    address = {"http_host": "127.0.0.1", "http_port": server.port, "grpc_host": "127.0.0.1", "grpc_port": 1,
               "http_secure": False, "grpc_secure": False}  # fmt: skip

    def rest():
        with weaviate.connect_to_custom(**address, **SETTINGS) as client:
            client.collections.export_config("Thing")

    async def rest_async():
        async with weaviate.use_async_with_custom(**address, **SETTINGS) as client:
            await client.collections.export_config("Thing")

    def query():
        with weaviate.connect_to_custom(**address, **SETTINGS) as client:
            client.collections.use("Thing").query.near_vector([1.0, 2.0])

    return rest, rest_async, query


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (reply(429, {"error": [{"message": "slow"}]}), Kind.rate_limited, {"status": 429}),
        (reply(500, {"error": [{"message": "x"}]}), Kind.transient, {"status": 500}),
        (reply(503, {"error": [{"message": "x"}]}), Kind.overloaded, {}),
        (reply(400, {"error": [{"message": "x"}]}), Kind.caller, {}),
        (reply(401, {"error": [{"message": "x"}]}), Kind.caller, {}),
        (reply(403, {"error": [{"message": "x"}]}), Kind.caller, {"status": 403}),
        (reply(404, {"error": [{"message": "x"}]}), Kind.caller, {}),
        (reply(422, {"error": [{"message": "x"}]}), Kind.caller, {"status": 422}),
        (chaos.reset(), Kind.transient, {}),
        (chaos.hang(10), Kind.timeout, {}),
    ],
)
def test_an_error_of_a_server_is_of_the_right_kind(server, step, kind, known):
    rest, rest_async, _ = calls(server)
    server.script(default=step, path="/schema/Thing")
    prove(rest, kind, **known)
    prove(rest_async, kind, **known)


def test_a_server_that_is_not_there_is_transient(server, monkeypatch):
    naps = []
    monkeypatch.setattr(weaviate.retry, "time", types.SimpleNamespace(sleep=naps.append))
    rest, rest_async, query = calls(server)
    prove(query, Kind.transient)  # its gRPC port
    assert naps == [1, 2, 4, 8, 16, 32]  # so long it takes until this client says that it is unreachable
    server.stop()
    prove(rest, Kind.transient)
    prove(rest_async, Kind.transient)
    server.start()


def test_a_bad_argument_is_the_callers(server):
    address = {"http_host": "127.0.0.1", "http_port": server.port, "grpc_host": "127.0.0.1", "grpc_port": 1,
               "http_secure": False, "grpc_secure": False}  # fmt: skip
    with weaviate.connect_to_custom(**address, **SETTINGS) as client:
        prove(lambda: client.collections.use(7), Kind.caller)
    prove(lambda: client.collections.export_config("Thing"), Kind.caller)
