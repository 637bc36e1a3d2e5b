# SPDX-License-Identifier: MIT OR Apache-2.0
import socket
import time
from concurrent import futures

import grpc
import pytest
from grpc import StatusCode
from proof import prove
from trifuse.classify import Kind

KINDS = {
    StatusCode.UNAVAILABLE: Kind.transient, StatusCode.INTERNAL: Kind.transient,
    StatusCode.ABORTED: Kind.transient, StatusCode.DATA_LOSS: Kind.transient,
    StatusCode.DEADLINE_EXCEEDED: Kind.timeout, StatusCode.RESOURCE_EXHAUSTED: Kind.rate_limited,
    StatusCode.UNKNOWN: Kind.unknown, StatusCode.CANCELLED: Kind.cancelled,
    StatusCode.INVALID_ARGUMENT: Kind.caller, StatusCode.NOT_FOUND: Kind.caller,
    StatusCode.ALREADY_EXISTS: Kind.caller, StatusCode.PERMISSION_DENIED: Kind.caller,
    StatusCode.UNAUTHENTICATED: Kind.caller, StatusCode.FAILED_PRECONDITION: Kind.caller,
    StatusCode.OUT_OF_RANGE: Kind.caller, StatusCode.UNIMPLEMENTED: Kind.caller,
}  # fmt: skip
BY_NAME = {code.name: code for code in KINDS}


class Service(grpc.GenericRpcHandler):
    """Answers each call with the status that its message names."""

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, request, context):
        name, _, pushback = request.decode().partition(" ")
        if pushback:
            context.set_trailing_metadata((("grpc-retry-pushback-ms", pushback),))
        if name == "BIG":
            return b"x" * 5_000_000
        if name == "SLEEP":
            time.sleep(0.5)
        return context.abort(BY_NAME.get(name, StatusCode.UNKNOWN), "told")


@pytest.fixture(scope="module")
def address():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def call(address, message, timeout=5):
    with grpc.insecure_channel(address) as channel:
        return channel.unary_unary("/s/m")(message.encode(), timeout=timeout)


async def call_async(address, message, timeout=5):
    async with grpc.aio.insecure_channel(address) as channel:
        return await channel.unary_unary("/s/m")(message.encode(), timeout=timeout)


def both(address, message, kind, **more):
    limits = {"timeout": more.pop("timeout", 5)}

    async def awaited():
        await call_async(address, message, **limits)

    prove(lambda: call(address, message, **limits), kind, **more)
    prove(awaited, kind, **more)


@pytest.mark.parametrize("code", KINDS, ids=lambda code: code.name)
def test_a_status_tells_the_kind(address, code):
    if code is StatusCode.CANCELLED:
        prove(lambda: call(address, code.name), Kind.cancelled, code="CANCELLED")
    else:
        both(address, code.name, KINDS[code], code=code.name)


def test_the_time_to_wait_is_read(address):
    both(address, "RESOURCE_EXHAUSTED 7000", Kind.rate_limited, retry_after=7)


def test_a_deadline_is_a_timeout(address):
    both(address, "SLEEP", Kind.timeout, timeout=0.1)


def test_a_message_larger_than_the_client_takes_is_the_callers(address):
    both(address, "BIG", Kind.caller, code="RESOURCE_EXHAUSTED")


def test_a_port_where_nobody_listens_is_transient():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both(f"127.0.0.1:{port}", "x", Kind.transient, code="UNAVAILABLE", timeout=2)
