# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command `trifuse chaos`, as processes of their own."""

import http.client
import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

MAIN = "import sys; from trifuse._cli import main; sys.argv[0] = 'trifuse'; "
KEY = "sk-secret"


@contextmanager
def started(*arguments, before=""):
    """Start the command; gives the process and the port that it told."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", f"{before}{MAIN}main()", "chaos", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first, second = process.stdout.readline(), process.stdout.readline()
        assert first.startswith("OpenAI     base_url=http://"), first + process.stderr.read()
        assert second.startswith("Anthropic  base_url=http://")
        yield process, int(second.strip().rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


def refused(*arguments, before=""):
    command = [sys.executable, "-c", f"{before}{MAIN}main()", "chaos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def ask(port, **body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {KEY}"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_tells_each_request_and_ends_when_told_to(number):
    with started("--port", "0") as (process, port):
        assert ask(port, model="m", messages=["a secret"]) == 200
        line = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
    assert line.startswith("1 POST /v1/chat/completions m answer() done ")
    assert rest == "1 requests, 0 left by the client\n"
    assert (process.returncode, errors) == (0, "")
    assert "secret" not in line + rest


def test_it_plays_a_file_and_then_the_default(tmp_path):
    (tmp_path / "chaos.toml").write_text('steps = ["quota", { do = "status", status = 418 }]')
    with started("--port", "0", "--script", str(tmp_path / "chaos.toml"), "--default", "status=502") as (
        _,
        port,
    ):
        assert [ask(port) for _ in range(4)] == [429, 418, 502, 502]


def test_quiet_says_nothing_of_requests():
    with started("--port", "0", "--quiet") as (process, port):
        ask(port)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[0] == "1 requests, 0 left by the client\n"


def test_a_port_that_is_taken_is_told():
    with started("--port", "0") as (_, port):
        told = refused("--port", str(port))
    assert told.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--port", "65536"), "--port"),
        (("--script", "nowhere.toml"), "nowhere.toml"),
        (("--default", "nothing"), "default.do='nothing'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, says):
    told = refused(*arguments)
    assert (told.returncode, told.stdout) == (2, "")
    assert says in told.stderr


def test_the_place_of_an_error_in_a_file_is_told(tmp_path):
    (tmp_path / "a.json").write_text('{"steps": [{"do": "hang", "seconds": "long"}]}')
    told = refused("--script", str(tmp_path / "a.json"))
    assert told.returncode == 2
    assert "steps[0].seconds='long' is not allowed" in told.stderr


def test_it_needs_only_its_own_extra():
    without = (
        "import sys, importlib.util as u; f = u.find_spec; bad = {'openai', 'rich', 'starlette', 'uvicorn'}; "
    )
    without += "u.find_spec = lambda n, *a: None if n in bad else f(n, *a); "
    with started("--port", "0", before=without) as (_, port):
        assert ask(port) == 200


def test_it_says_what_to_install():
    told = refused(
        before="import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'h11' else f(n, *a); "
    )
    assert told.returncode == 1
    assert 'pip install "trifuse[chaos]"' in told.stderr
