# SPDX-License-Identifier: MIT OR Apache-2.0
import socket
from concurrent import futures

import grpc
import pytest
from proof import prove
from pymilvus import AsyncMilvusClient, MilvusClient
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc
from trifuse.classify import Kind


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    client = MilvusClient(str(tmp_path_factory.mktemp("milvus") / "test.db"))
    client.create_collection("c", dimension=2)
    yield client
    client.close()


def test_a_bad_argument_of_the_embedded_database_is_the_callers(embedded):
    prove(lambda: embedded.search("nothing", data=[[1.0, 2.0]]), Kind.caller)
    prove(lambda: embedded.search("c", data="no vector"), Kind.caller)
    prove(lambda: embedded.insert("c", [{"wrong": 1}]), Kind.caller)


class Server(milvus_pb2_grpc.MilvusServiceServicer):
    """Answers the first questions of a client, then every one with one status."""

    status = common_pb2.Status()

    def Connect(self, request, context):  # noqa: N802
        return milvus_pb2.ConnectResponse(identifier=1)

    def GetVersion(self, request, context):  # noqa: N802
        return milvus_pb2.GetVersionResponse(version="3.0.0")

    def HasCollection(self, request, context):  # noqa: N802
        return milvus_pb2.BoolResponse(status=self.status)

    def ListDatabases(self, request, context):  # noqa: N802
        return milvus_pb2.ListDatabasesResponse(status=self.status)

    def ShowCollections(self, request, context):  # noqa: N802
        return milvus_pb2.ShowCollectionsResponse(status=self.status)


@pytest.fixture(scope="module")
def server():
    service, server = Server(), grpc.server(futures.ThreadPoolExecutor(4))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    client = MilvusClient(f"http://127.0.0.1:{port}", timeout=5)
    yield service, client
    client.close()
    server.stop(None).wait()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"code": 9, "reason": "force deny"}, Kind.overloaded),
        ({"code": 100, "reason": "collection not found"}, Kind.caller),
        ({"code": 1100, "reason": "x", "extra_info": {"is_input_error": "true"}}, Kind.caller),
        ({"code": 1, "reason": "x"}, Kind.unknown),
        ({"code": 5, "reason": "x", "retriable": True}, Kind.transient),
    ],
)
def test_a_status_of_a_server_tells_the_kind(server, status, kind):
    service, client = server
    service.status = common_pb2.Status(error_code=common_pb2.UnexpectedError, **status)
    prove(lambda: client.list_collections(timeout=1, retry_times=1), kind)


def nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_port_where_nobody_listens_is_transient():
    prove(lambda: MilvusClient(nobody(), timeout=0.5), Kind.transient)

    async def asynchronously():
        client = AsyncMilvusClient(nobody(), timeout=0.5)
        try:
            await client.list_collections()
        finally:
            await client.close()

    prove(asynchronously, Kind.transient)
