# SPDX-License-Identifier: MIT OR Apache-2.0
import pytest
from pinecone import Pinecone, RetryConfig
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        yield server


def told(code):
    return {"code": 3, "message": "x", "details": [], "error": {"code": code, "message": "x"}}


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (
            reply(429, told("RESOURCE_EXHAUSTED"), retry_after=1),
            Kind.rate_limited,
            {"status": 429, "retry_after": 1},
        ),
        (reply(402, told("PAYMENT_REQUIRED")), Kind.quota_spent, {"status": 402}),
        (reply(500, told("UNKNOWN")), Kind.transient, {"status": 500}),
        (reply(503, told("UNAVAILABLE")), Kind.overloaded, {}),
        (reply(400, told("INVALID_ARGUMENT")), Kind.caller, {"status": 400}),
        (reply(401, told("UNAUTHENTICATED")), Kind.caller, {}),
        (reply(403, told("FORBIDDEN")), Kind.caller, {}),
        (reply(404, told("NOT_FOUND")), Kind.caller, {}),
        (reply(409, told("ALREADY_EXISTS")), Kind.caller, {"status": 409}),
        (chaos.reset(), Kind.transient, {}),
        (chaos.hang(10), Kind.timeout, {}),
    ],
)
def test_an_error_of_a_server_is_of_the_right_kind(server, step, kind, known):
    server.default = step
    prove(lambda: describe(server, 0.4 if kind is Kind.timeout else 20), kind, **known)


def describe(server, timeout=20):
    client = Pinecone(api_key="k", host=server.url, timeout=timeout, retry_config=RetryConfig(max_retries=0))
    client.indexes.describe("i")


def test_queries_are_made_again_by_the_client_itself_whatever_it_is_told(server):
    server.default = chaos.status(500)
    client = Pinecone(api_key="k", host=server.url, retry_config=RetryConfig(max_retries=0))
    prove(lambda: client.Index(host=server.url).query(vector=[1.0], top_k=1), Kind.transient, status=500)
    assert len(server.requests) == 4


def test_a_server_that_is_not_there_is_transient(server):
    server.stop()
    prove(lambda: describe(server), Kind.transient)
    server.start()


def test_a_bad_argument_is_the_callers(server, monkeypatch):
    client = Pinecone(api_key="k", host=server.url)
    prove(lambda: client.Index(host=server.url).query(vector=[1.0], top_k=0), Kind.caller)
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)
    prove(Pinecone, Kind.caller)
    assert not server.requests
