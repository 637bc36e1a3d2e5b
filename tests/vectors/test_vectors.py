# SPDX-License-Identifier: MIT OR Apache-2.0
"""The conformance vectors, replayed through the real library (see library.py for which)."""

import json
from pathlib import Path

import pytest
from library import Core, load
from replay import Mismatch, Replay, check_step

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
    Replay(core, history).run()


def test_there_are_vectors_and_their_names_are_unique():
    names = [history["name"] for history in HISTORIES]
    assert len(names) >= 150
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
