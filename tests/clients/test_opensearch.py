# SPDX-License-Identifier: MIT OR Apache-2.0
import pytest
from opensearchpy import AsyncOpenSearch, OpenSearch
from opensearchpy.exceptions import SerializationError
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

BODY = {"query": {"match_all": {}}}
SETTINGS = {"max_retries": 0, "timeout": 20}


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        yield server


def told(kind):
    return {"error": {"root_cause": [{"type": kind, "reason": "x"}], "type": kind, "reason": "x"}}


def both(server, kind, **known):
    settings = {**SETTINGS, "timeout": 0.4} if kind is Kind.timeout else SETTINGS

    def search():
        with OpenSearch(server.url, **settings) as client:
            client.search(index="i", body=BODY)

    async def search_async():
        async with AsyncOpenSearch(server.url, **settings) as client:
            await client.search(index="i", body=BODY)

    prove(search, kind, **known)
    prove(search_async, kind, **known)


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (reply(429, told("es_rejected_execution_exception")), Kind.rate_limited, {"status": 429}),
        (reply(500, told("x")), Kind.transient, {"status": 500}),
        (reply(503, told("x")), Kind.overloaded, {}),
        (reply(504, told("x")), Kind.timeout, {}),
        (reply(400, told("parsing_exception")), Kind.caller, {"status": 400}),
        (reply(401, told("x")), Kind.caller, {}),
        (reply(403, told("x")), Kind.caller, {}),
        (reply(404, told("index_not_found_exception")), Kind.caller, {}),
        (reply(409, told("version_conflict_engine_exception")), Kind.caller, {"status": 409}),
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


def test_a_body_that_cannot_be_written_is_the_callers(server):
    with OpenSearch(server.url, **SETTINGS) as client:
        error = prove(lambda: client.search(index="i", body={"query": object()}), Kind.caller)
    assert isinstance(error, SerializationError)
    assert not server.requests
