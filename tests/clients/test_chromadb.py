# SPDX-License-Identifier: MIT OR Apache-2.0
import chromadb
import pytest
from chromadb.config import Settings
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

TENANT = {"name": "default_tenant"}
DATABASE = {
    "id": "00000000-0000-0000-0000-000000000001",
    "name": "default_database",
    "tenant": "default_tenant",
}
COLLECTION = {
    "id": "00000000-0000-0000-0000-000000000002", "name": "c", "metadata": None, "dimension": 2,
    "tenant": "default_tenant", "database": "default_database", "version": 0, "log_position": 0,
    "configuration_json": {"embedding_function": None},
}  # fmt: skip
IDENTITY = {"user_id": "u", "tenant": "default_tenant", "databases": ["default_database"]}


def quiet():
    return Settings(anonymized_telemetry=False)


@pytest.fixture
def embedded():
    return chromadb.EphemeralClient(quiet())


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        server.script(default=reply(200, TENANT), path="/tenants/default_tenant")
        server.script(default=reply(200, DATABASE), path="/databases/default_database")
        server.script(default=reply(200, IDENTITY), path="/auth/identity")
        server.script(default=reply(200, COLLECTION), path="/collections/c")
        yield server


def test_a_bad_argument_of_the_embedded_database_is_the_callers(embedded):
    collection = embedded.get_or_create_collection("things", embedding_function=None)
    collection.add(ids=["1"], embeddings=[[1.0, 2.0]])
    prove(lambda: collection.query(query_embeddings=[[1.0, 2.0, 3.0]]), Kind.caller, status=400)
    prove(lambda: embedded.get_collection("nothing"), Kind.caller)
    prove(lambda: embedded.create_collection("things"), Kind.caller)
    prove(lambda: embedded.create_collection("!"), Kind.caller)


def queried(server):
    http = chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=quiet())
    collection = http.get_collection("c", embedding_function=None)

    def query():
        collection.query(query_embeddings=[[1.0, 2.0]])

    async def query_async():
        http = await chromadb.AsyncHttpClient(host="127.0.0.1", port=server.port, settings=quiet())
        found = await http.get_collection("c", embedding_function=None)
        await found.query(query_embeddings=[[1.0, 2.0]])

    return query, query_async


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (reply(429, {"error": "RateLimitError", "message": "slow"}, retry_after=7), Kind.rate_limited, {}),
        (reply(429, b"slow down", retry_after=7), Kind.rate_limited, {"status": 429}),
        (reply(400, {"error": "InvalidArgumentError", "message": "x"}), Kind.caller, {"status": 400}),
        (reply(400, {"error": "QuotaError", "message": "x"}), Kind.quota_spent, {}),
        (reply(409, {"error": "UniqueConstraintError", "message": "x"}), Kind.caller, {}),
        (reply(500, {"error": "InternalError", "message": "x"}), Kind.transient, {"status": 500}),
        (reply(503, b"upstream is down"), Kind.overloaded, {"status": 503}),
        (reply(403, {"error": "AuthError", "message": "x"}), Kind.caller, {}),
        (chaos.reset(), Kind.transient, {}),
    ],
)
def test_an_error_of_a_server_is_of_the_right_kind(server, step, kind, known):
    query, query_async = queried(server)
    server.script(default=step, path="/query")
    prove(query, kind, **known)
    prove(query_async, kind, **known)


def test_a_server_that_is_not_there_is_transient(server):
    query, query_async = queried(server)
    server.stop()
    prove(query, Kind.transient)
    prove(query_async, Kind.transient)
    prove(lambda: chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=quiet()), Kind.transient)
    server.start()


def test_a_server_that_does_not_answer_is_a_timeout(server):
    import httpx

    queried(server)
    server.script(default=chaos.hang(10), path="/query")
    http = chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=quiet())
    http._server._session.timeout = httpx.Timeout(0.3)
    collection = http.get_collection("c", embedding_function=None)
    prove(lambda: collection.query(query_embeddings=[[1.0, 2.0]]), Kind.timeout)


def test_a_client_that_is_made_while_the_server_fails_says_so(server):
    server.script(default=reply(500, {"error": "InternalError", "message": "x"}), path="/auth/identity")
    prove(lambda: chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=quiet()), Kind.transient)
    server.script(default=reply(401, {"error": "AuthError", "message": "x"}), path="/auth/identity")
    prove(lambda: chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=quiet()), Kind.caller)
