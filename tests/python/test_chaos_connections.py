# SPDX-License-Identifier: MIT OR Apache-2.0
"""The chaos server's connections: how they begin, follow one another and end."""

import asyncio
import contextlib
import gc
import http.client
import json
import socket
import threading

import pytest
from trifuse import TrifuseError
from trifuse.testing.chaos import ChaosServer, answer, hang, reset, stream

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(chaos_server):
    return chaos_server


@contextlib.contextmanager
def connected(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


def ask(server, path=CHAT, *, connection=None, method="POST", headers=(), **body):
    if connection is None:
        with connected(server) as own:
            return ask(server, path, connection=own, method=method, headers=headers, **body)
    connection.request(method, path, json.dumps(body), {"content-type": "application/json", **dict(headers)})
    response = connection.getresponse()
    response.content = response.read()
    return response


def connect_until_refused(port, socks):
    with contextlib.suppress(OSError):
        while len(socks) < 100:
            socks.append(socket.create_connection(("127.0.0.1", port)))


class TestConnections:
    def test_requests_follow_one_another_on_one_connection(self, server):
        with connected(server) as connection:
            assert [ask(server, connection=connection).status for _ in range(3)] == [200] * 3
        assert server.connections == 1

    def test_requests_that_are_sent_at_once_are_answered_in_order(self, server):
        server.script(answer("one", after=0.05), answer("two"))
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            one = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
            last = b"POST /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            sock.sendall(one + last)
            answered = b"".join(iter(lambda: sock.recv(65536), b""))
        assert answered.index(b"one") < answered.index(b"two")

    def test_a_client_that_does_not_read_holds_up_only_itself(self, server):
        server.script(stream(*["x" * 1_000_000] * 50))
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            body = b'{"stream": true}'
            sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            server.wait_for(1)
            assert ask(server).status == 200
            assert server.in_flight == 1
        server.wait_until(lambda: server.left == 1)

    def test_a_body_in_pieces_is_put_together(self, server):
        body = json.dumps({"model": "m", "text": "x" * 300_000}).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 10_000):
                piece = body[at : at + 10_000]
                sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            sock.sendall(b"0\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
        assert len(server.requests[0].body["text"]) == 300_000

    def test_headers_without_end_are_refused(self, server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000)
            with contextlib.suppress(ConnectionError):
                assert b" 431 " in sock.recv(65536)
        server.wait_until(lambda: server.open_connections == 0)
        assert server.count == 0

    @pytest.mark.anyio
    async def test_tasks_of_asyncio_and_trio_wait_without_blocking_their_loop(self, server):
        thread = threading.Thread(target=ask, args=(server,))
        thread.start()
        (request,) = await server.await_for(1)
        await server.await_until(lambda: request.ended_at)
        thread.join(5)
        with pytest.raises(TimeoutError, match="1 requests"):
            await server.await_for(2, timeout=0.05)

    @pytest.mark.anyio
    async def test_async_with_starts_and_stops_it(self):
        async with ChaosServer() as server:
            assert server.open_connections == 0
            socket.create_connection(("127.0.0.1", server.port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))

    def test_what_is_no_http_is_refused_and_not_counted(self, server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert b" 400 " in sock.recv(65536)
            assert sock.recv(1) == b""
        assert server.count == 0

    def test_a_client_that_waits_before_it_sends_its_body_is_told_to_go_on(self, server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 100")
            sock.sendall(b"{}")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")

    def test_a_reset_is_a_reset(self, server):
        server.script(reset())
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                sock.recv(1)

    def test_a_reset_after_pieces_leaves_the_pieces_to_be_read(self, server):
        server.script(stream("seen", then=reset()))
        with connected(server) as connection:
            connection.request("POST", "/", json.dumps({"stream": True}))
            response = connection.getresponse()
            assert b"seen" in response.read1()
            with pytest.raises(ConnectionResetError):
                response.read()

    def test_a_request_cannot_be_answered_after_the_server_has_stopped(self):
        server = ChaosServer()
        with server:
            ask(server)
        with pytest.raises(ConnectionRefusedError):
            ask(server)
        assert server.count == 1

    def test_while_it_is_down_connections_are_refused_and_then_served_on_the_same_port(self, server):
        port = server.port
        server.script(hang())
        with connected(server) as connection:
            connection.request("POST", CHAT, "{}")
            server.wait_for(1)
            with server.down():
                with pytest.raises(ConnectionRefusedError):
                    ask(server)
                with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
                    connection.getresponse()
        assert (ask(server).status, server.port, server.count) == (200, port, 2)

    def test_a_stop_ends_what_is_being_answered_and_leaves_no_thread(self):
        before = threading.active_count()
        with ChaosServer(default=hang()) as server:
            socks = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
            for sock in socks:
                sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            server.wait_for(20)
        assert (server.in_flight, server.open_connections, server.left) == (0, 0, 0)
        assert threading.active_count() == before
        for sock in socks:
            sock.close()

    def test_connections_that_come_while_it_stops_are_closed(self):
        for arrived in range(20):
            server = ChaosServer(default=hang()).start()
            socks = []
            thread = threading.Thread(target=connect_until_refused, args=(server.port, socks))
            thread.start()
            server.wait_until(lambda server=server, arrived=arrived: server.connections > arrived)
            server.stop()
            thread.join(5)
            assert server.open_connections == 0
            for sock in socks:
                sock.close()
        gc.collect()  # an unclosed socket would warn

    def test_a_client_that_leaves_before_a_fault_is_no_error_of_the_server(self, caplog):
        async def late(request):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            raise KeyError

        with ChaosServer(default=late) as server, connected(server) as connection:
            connection.request("POST", CHAT, "{}")
            server.wait_for(1)
            connection.close()
            server.wait_until(lambda: server.open_connections == 0)
            server._serving.faults.clear()
        gc.collect()
        assert server.left == 1
        assert caplog.text == ""

    def test_it_is_started_once(self, server):
        with pytest.raises(TrifuseError, match="started"):
            server.start()

    def test_it_has_no_address_before_it_is_started(self):
        with pytest.raises(TrifuseError, match="no address"):
            _ = ChaosServer().openai_url
