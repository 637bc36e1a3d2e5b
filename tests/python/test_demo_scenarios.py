# SPDX-License-Identifier: MIT OR Apache-2.0
"""The other scenarios of the demo, as people run them. Real time, all on loopback."""

import json
import subprocess
import sys

import pytest
from trifuse._demo._scenario import SCRIPTS

pytestmark = pytest.mark.end_to_end

SECONDS = 16
COMMAND = [sys.executable, "-c", "from trifuse._cli import main; main()", "demo"]


class Finished:
    """A whole run of a scenario."""

    def __init__(self, name, folder):
        report, picture = folder / "run.json", folder / "run.svg"
        options = ["--scenario", name, "--seconds", str(SECONDS), "--json", report, "--output", picture]
        self.process = subprocess.run(
            [*COMMAND, *map(str, options)], capture_output=True, text=True, timeout=120, check=False
        )
        assert self.process.returncode == 0, self.process.stderr
        assert self.process.stderr == ""
        self.report, self.picture = json.loads(report.read_text()), picture.read_text()
        assert self.report["scenario"] == name
        self.lanes = self.report["lanes"]
        self.phases = [phase["name"] for phase in self.report["phases"]]
        for lane in self.lanes.values():
            assert lane["answers"] + lane["fallbacks"] + lane["errors"] == lane["calls"]


def test_a_brownout_costs_the_guarded_less_time_and_no_errors(tmp_path):
    run = Finished("brownout", tmp_path)
    without, guarded = run.lanes["without"], run.lanes["with"]
    assert run.phases == ["healthy", "brownout", "healed"]
    assert guarded["errors"] == 0
    assert without["errors"] + run.lanes["bare"]["errors"] > 0
    assert guarded["load_on_broken"] < 0.75 * without["load_on_broken"]
    assert guarded["waited_in_vain"] < 0.75 * run.lanes["bare"]["waited_in_vain"]
    assert run.report["transitions"][0]["after"] == "open"


def test_a_retry_storm_outlives_its_cause_without_a_budget_and_not_with_one(tmp_path):
    run = Finished("retry-storm", tmp_path)
    without, guarded = run.lanes["without"], run.lanes["with"]
    asked_after = 9 * 0.7 * SECONDS
    assert without["unanswered_after_repair"] > 0.7 * asked_after
    assert guarded["unanswered_after_repair"] < 0.35 * asked_after
    assert without["requests"] > 2 * without["calls"]
    assert guarded["requests"] < 1.2 * guarded["calls"]
    assert guarded["errors"] == 0
    assert "naive retries" in run.picture


def test_an_adaptive_limit_keeps_an_overloaded_server_answering(tmp_path):
    run = Finished("overload", tmp_path)
    without, guarded = run.lanes["without"], run.lanes["with"]
    assert guarded["answers_in_trouble"] > 2 * without["answers_in_trouble"]
    assert guarded["answers"] > 2 * run.lanes["bare"]["answers"]
    assert guarded["errors"] == 0
    limits = [limit["limit"] for limit in run.report["limits"]]
    assert min(limits) < 8
    assert max(limits) <= 40
    assert "the adaptive limit" in run.picture


def test_a_scenario_that_is_none_is_refused_with_those_there_are():
    told = subprocess.run(
        [*COMMAND, "--scenario", "flood"], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    for name in SCRIPTS:
        assert name in told.stderr
