# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the integration tests share: a scripted model server, and server processes that always end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from trifuse import registry

APPS = Path(__file__).parent / "apps"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "scripted",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
}


def _chunk(text, finish=None):
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**ANSWER, "object": "chat.completion.chunk", "choices": [choice]}


class ModelServer(ThreadingHTTPServer):
    """An OpenAI-compatible server on loopback that does what its script says, request by request.

    A step is ``"ok"``, ``"hang"``, a status, or a status with headers; after the script: ``"ok"``.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = deque()
        self.requests = 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        step = self.server.script.popleft() if self.server.script else "ok"
        if step == "hang":
            self.server.ended.wait(8)
            self.close_connection = True
        elif step != "ok":
            status, headers = step if isinstance(step, tuple) else (step, {})
            self._answer(status, {"error": {"message": "scripted", "type": "scripted"}}, headers)
        elif body.get("stream"):
            self._stream()
        else:
            self._answer(200, ANSWER, {})

    def _answer(self, status, value, headers):
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for value in (_chunk("hel"), _chunk("lo"), _chunk("", "stop")):
            self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def model_server():
    """Run a scripted model server in a thread."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def free_port():
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)
    with suppress(ProcessLookupError):  # its workers, should they have outlived it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(2)


@pytest.fixture
def start(tmp_path):
    """Start a program of this interpreter with apps/ importable; it is ended after the test."""
    started = []
    environment = {**os.environ, "PYTHONPATH": str(APPS), "PYTHONWARNINGS": "default"}

    def run(*arguments, **more):
        log = (tmp_path / f"log-{len(started)}").open("w")
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)], cwd=tmp_path, start_new_session=True,
            env={**environment, **more}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        process.log = Path(log.name)
        log.close()
        started.append(process)
        return process

    yield run
    for process in started:
        _end(process)


@pytest.fixture
def serve(start, free_port):
    """Start an HTTP server, its port where ``{port}`` stands, and give a client once it answers."""
    clients = []

    def run(*arguments):
        process = start(*(a.replace("{port}", str(free_port)) for a in arguments))
        client = httpx.Client(base_url=f"http://127.0.0.1:{free_port}", timeout=5)
        clients.append(client)
        end = time.monotonic() + 25  # seconds; it takes one, on a machine that has nothing else to do
        while True:
            with suppress(httpx.TransportError):
                client.get("/state", timeout=1)
                return client
            assert process.poll() is None, process.log.read_text()
            assert time.monotonic() < end, process.log.read_text()
            time.sleep(0.05)

    yield run
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def script():
    """Run a program of apps/ to its end and give the JSON that it printed last."""

    def run(name, *arguments):
        done = subprocess.run(
            [sys.executable, APPS / name, *arguments], check=False, capture_output=True, text=True, timeout=9
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(autouse=True)
def _empty_registry():
    registry.clear()
    yield
    registry.clear()
