# SPDX-License-Identifier: MIT OR Apache-2.0
"""The conformance vectors, replayed through the real library (see library.py for which)."""

import json
from pathlib import Path

import pytest
from library import Core, load
from objects import CoreObjects
from policies import check_operation
from replay import Mismatch, Replay, check_step
from replay_objects import ObjectReplay

FILES = sorted(Path(__file__).parent.glob("*/*.json"))


def histories():
    for file in FILES:
        content = json.loads(file.read_text())
        if set(content) != {"histories"} or not content["histories"]:
            raise Mismatch(f"{file}: not a file of histories")
        yield from content["histories"]


HISTORIES = list(histories())


@pytest.fixture(scope="module")
def core():
    return Core(*load())


@pytest.mark.parametrize("history", HISTORIES, ids=[h["name"] for h in HISTORIES])
def test_the_library_answers_as_the_history_says(core, history):
    replay = ObjectReplay(CoreObjects(core), core, history) if "object" in history else Replay(core, history)
    replay.run()


def test_there_are_vectors_and_their_names_are_unique():
    names = [history["name"] for history in HISTORIES]
    assert len(names) >= 300
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "step",
    [
        {"op": "fly", "now": 1},
        {"op": "acquire", "now": 1, "colour": "red"},
        {"op": "acquire"},
        {"op": "acquire", "now": 0},
        {"op": "acquire", "now": 1, "expect": {"mood": "good"}},
    ],
)
def test_a_step_that_is_no_step_is_refused(step):
    with pytest.raises(Mismatch):
        check_step(step)


@pytest.mark.parametrize(
    "step",
    [
        {"op": "fly", "now": 1},
        {"op": "try_acquire", "n": 1, "now": 1, "colour": "red"},
        {"op": "try_acquire", "n": 1},
        {"op": "try_acquire", "n": 1, "now": 0},
        {"op": "try_acquire", "n": 1, "now": 1, "times": 0},
        {"op": "try_acquire", "n": 1, "now": 1, "times": 2, "rising": {"wait_ns": 1}},
        {"op": "try_acquire", "n": 1, "now": 1, "expect": {"mood": "good"}},
        {"op": "try_acquire", "n": 1, "now": 1, "expect": {"result": "ok", "tally": {"ok": 1}}},
        {"op": "available", "now": 1},
    ],
)
def test_a_step_of_an_object_that_is_none_is_refused(step):
    with pytest.raises(Mismatch):
        check_operation("limiter", step)


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        ({}, [{"op": "try_acquire", "n": 1, "now": 1, "expect": {"wait_ns": 1}}]),
        ({}, [{"op": "try_acquire", "n": 1, "now": 1, "expect": {"result": "refused_rate_limited"}}]),
        ({"permits": 1}, [{"op": "try_acquire", "n": 1, "now": 1, "times": 2}]),
        ({"permits": 1}, [{"op": "available", "now": 1, "expect": {"value": 2}}]),
        ({"permits": 1}, [{"op": "snapshot", "now": 1, "expect": {"debt": 1}}]),
        (
            {"permits": 1},
            [{"op": "try_acquire", "n": 1, "now": 1, "times": 2, "expect": {"tally": {"ok": 2}}}],
        ),
        ({"permits": 0}, [{"op": "snapshot", "now": 1}]),
        ({}, [{"op": "config_check", "config": {"permits": 0}}]),
    ],
)
def test_an_expectation_of_an_object_that_does_not_hold_fails(core, config, steps):
    history = {"name": "x", "ids": ["x"], "object": "limiter", "config": config, "steps": steps}
    with pytest.raises(Mismatch):
        ObjectReplay(CoreObjects(core), core, history).run()
