# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demo as people run it. Real time and real processes, all on loopback."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.end_to_end

SECONDS = 14
COMMAND = [sys.executable, "-c", "from trifuse._cli import main; main()", "demo"]
HANGS = b"accepts and never answers"
SVG = "{http://www.w3.org/2000/svg}"


class Finished:
    """A whole run without a terminal."""

    def __init__(self, folder):
        self.picture, report = folder / "run.svg", folder / "run.json"
        files = ["--output", str(self.picture), "--json", str(report)]
        began = time.monotonic()
        self.process = subprocess.run(
            [*COMMAND, "--seconds", str(SECONDS), *files],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.took = time.monotonic() - began
        assert self.process.returncode == 0, self.process.stderr
        self.report = json.loads(report.read_text())
        self.lanes = self.report["lanes"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return Finished(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def start(tmp_path):
    """Start runs that the test ends; what it leaves is killed."""
    processes = []

    def start(**options):
        files = ["--output", str(tmp_path / "run.svg")]
        process = subprocess.Popen([*COMMAND, "--seconds", "12", *files], stderr=subprocess.PIPE, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def read_until(descriptor, words, seconds=40):
    """Read until some words have come; returns all that was read."""
    read, deadline = b"", time.monotonic() + seconds
    while words not in read:
        assert time.monotonic() < deadline, read
        if select.select([descriptor], [], [], 0.2)[0]:
            more = os.read(descriptor, 65536)
            assert more, read
            read += more
    return read


def test_the_broken_server_gets_at_most_a_fifth_of_the_requests(finished):
    unprotected = finished.lanes["without"]["load_on_broken"]
    assert unprotected >= 60
    assert finished.lanes["with"]["load_on_broken"] <= 0.2 * unprotected
    assert finished.lanes["with"]["load_on_broken"] <= 0.5 * finished.lanes["bare"]["load_on_broken"]


def test_the_servers_count_explains_what_each_kind_of_user_got(finished):
    """The server counts requests, the users answers: one cannot be made up without the other."""
    bare, guarded = finished.lanes["bare"], finished.lanes["with"]
    assert bare["requests"] == bare["calls"]
    assert guarded["answers"] <= guarded["requests"] < guarded["calls"]
    for lane in finished.lanes.values():
        assert lane["answers"] + lane["fallbacks"] + lane["errors"] == lane["calls"]
        assert sum(lane["requests_by_phase"].values()) == lane["requests"]


def test_all_are_asked_the_same_and_only_the_guarded_see_no_error(finished):
    assert {lane["calls"] for lane in finished.lanes.values()} == {6 * SECONDS}
    assert finished.lanes["without"]["errors"] >= 20
    assert finished.lanes["bare"]["errors"] >= 30
    assert finished.lanes["with"]["errors"] == 0
    assert finished.lanes["with"]["fallbacks"] >= 30


def test_less_time_is_lost_in_waiting(finished):
    assert finished.lanes["with"]["waited_in_vain"] < 0.25 * finished.lanes["without"]["waited_in_vain"]


def test_the_server_goes_through_all_its_phases_and_the_breaker_follows(finished):
    assert [p["name"] for p in finished.report["phases"]] == [
        "healthy",
        "errors",
        "hangs",
        "healed",
    ]
    changes = finished.report["transitions"]
    assert (changes[0]["before"], changes[0]["after"]) == ("closed", "open")
    assert changes[-1]["after"] == "closed"
    broken_at, healed_at = (finished.report["phases"][n]["at"] for n in (1, 3))
    assert broken_at < changes[0]["at"] < broken_at + 4
    assert healed_at < changes[-1]["at"] < healed_at + 6
    assert finished.lanes["with"]["requests_by_phase"]["healed"] > 0


def test_without_a_terminal_it_prints_plain_lines(finished):
    lines = finished.process.stdout
    assert "\x1b" not in lines
    assert "CLOSED -> OPEN (failure rate" in lines
    assert "HALF-OPEN -> CLOSED (probes succeeded)" in lines
    assert re.search(r"^ +\d+\.\d s  OPEN +failing", lines, re.MULTILINE)
    assert f"timeline: {finished.picture}" in lines
    assert finished.process.stderr == ""


def test_the_table_shows_what_was_measured(finished):
    keys = ("without", "bare", "with")
    for words, figure in [
        ("failed (the user saw an error)", "errors"),
        ("requests to the broken server", "load_on_broken"),
        ("answered by the fallback", "fallbacks"),
    ]:
        row = re.search(rf"{re.escape(words)}\D+(\d+)\D+(\d+)\D+(\d+)", finished.process.stdout)
        assert [int(n) for n in row.groups()] == [finished.lanes[key][figure] for key in keys]


def test_it_takes_the_seconds_asked_for_and_a_few_more(finished):
    assert SECONDS <= finished.took < SECONDS + 20


def test_the_picture_shows_the_run(finished):
    picture = ET.parse(finished.picture).getroot()
    words = [text.text for text in picture.iter(f"{SVG}text")]
    for expected in ("OPEN", "CLOSED", "hangs", "answers 500", "without trifuse", "with trifuse"):
        assert expected in words
    assert len(list(picture.iter(f"{SVG}polyline"))) == 6
    assert finished.picture.stat().st_size < 60_000


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_an_interrupt_while_the_server_hangs_ends_it_cleanly(start, tmp_path):
    process = start(stdout=subprocess.PIPE)
    read_until(process.stdout.fileno(), HANGS)
    time.sleep(1)  # some calls hang now
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b"\nstopped; the server is closed\n"
    assert not (tmp_path / "run.svg").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_on_a_terminal_it_draws_in_place_and_ctrl_c_gives_the_cursor_back(start):
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    process = start(stdin=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    drawn = read_until(ours, b"of 12 s")
    time.sleep(1)  # some redraws
    process.send_signal(signal.SIGINT)
    drawn += read_until(ours, b"\x1b[?25h")
    _, errors = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert b"\x1b[?25l" in drawn
    assert drawn.count(b"of 12 s") >= 3
    assert b"CLOSED" in drawn


def test_a_reader_who_leaves_ends_it_without_a_traceback(start):
    process = start(stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == b""
