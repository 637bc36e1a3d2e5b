# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ending what a synchronous client is blocked in: before there is a response, on used connections, over TLS."""

import shutil
import socket
import ssl
import subprocess
import threading
import time

import httpx
import httpx2
import openai
import pytest
from trifuse import RequestTimeoutError
from trifuse._llm.formats import OPENAI_CHAT
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_sync
from trifuse._llm.streams_closing import call_within, closer_of, make_interruptible
from trifuse.testing.chaos import ChaosServer, answer, hang, stream

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    with ChaosServer() as server:
        yield server


@pytest.fixture(params=[httpx2, httpx], ids=["httpx2", "httpx"])
def client_of(request):
    made = []

    def make(url, **settings):
        http = request.param.Client(verify=False, timeout=20, **settings)
        client = openai.OpenAI(api_key="k", base_url=url, max_retries=0, http_client=http)
        assert make_interruptible(client)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def opener(client):
    return lambda: client.chat.completions.create(model="m", messages=[], stream=True)


def test_a_used_connection_that_stalls_before_the_headers_is_ended(server, client_of):
    client = client_of(server.openai_url)
    server.clear()
    server.script(stream("a"), hang())
    open_sync(None, OPENAI_CHAT, opener(client)).until_done()
    with pytest.raises(RequestTimeoutError) as caught:
        open_sync(None, OPENAI_CHAT, opener(client), StreamLimits(first_content=0.1))
    assert caught.value.setting == "first_content"
    server.wait_until(lambda: server.requests[-1].left)


def test_a_call_that_is_no_stream_is_ended_as_well(server, client_of):
    client = client_of(server.openai_url)
    server.clear()
    server.script(answer("a"), hang())

    def call():
        return client.chat.completions.create(model="m", messages=[])

    mine = TimeoutError("mine")
    assert call_within(5, lambda: mine, call).choices[0].message.content == "a"
    with pytest.raises(TimeoutError) as caught:
        call_within(0.1, lambda: mine, call)
    assert caught.value is mine
    server.wait_until(lambda: server.requests[-1].left)


def test_an_error_in_time_is_the_calls_own():
    with pytest.raises(KeyError):
        call_within(5, TimeoutError, lambda: {}["nothing"])


def test_a_trace_of_the_users_own_goes_on(server, client_of):
    seen = []
    client = client_of(
        server.openai_url,
        event_hooks={
            "request": [lambda request: request.extensions.update(trace=lambda *told: seen.append(told[0]))]
        },
    )
    server.clear()
    open_sync(None, OPENAI_CHAT, opener(client), StreamLimits(first_content=5)).until_done()
    assert "http11.send_request_headers.started" in seen


def test_making_interruptible_twice_changes_nothing_more(client_of):
    client = client_of("http://localhost")
    before = client._prepare_request
    assert make_interruptible(client)
    assert client._prepare_request is before
    assert not make_interruptible(object())


@pytest.mark.parametrize("what", [None, object(), "text", [1]])
def test_what_has_no_connection_has_no_closer(what):
    assert closer_of(what) is None


@pytest.fixture
def tls(tmp_path):
    """Serve over TLS: a stream that stalls after its first chunk, or before its headers."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(begins):
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True) as secure:
            seen = b""
            while b'"stream"' not in seen:
                seen += secure.recv(65536)
            if begins:
                secure.sendall(HEAD + b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
            while secure.recv(65536):
                pass
            over.set()

    def start(begins):
        thread = threading.Thread(target=serve, args=(begins,))
        thread.start()
        threads.append(thread)
        return f"https://127.0.0.1:{listening.getsockname()[1]}"

    threads = []
    yield start, over
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    listening.close()


@pytest.mark.parametrize(("begins", "setting"), [(True, "idle"), (False, "first_content")])
def test_a_stall_over_tls_is_ended_in_time(tls, client_of, begins, setting):
    start, over = tls
    client = client_of(start(begins))
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        open_sync(None, OPENAI_CHAT, opener(client), StreamLimits(first_content=0.4, idle=0.2)).until_done()
    assert caught.value.setting == setting
    assert time.monotonic() - begun < 2
    assert over.wait(5)
