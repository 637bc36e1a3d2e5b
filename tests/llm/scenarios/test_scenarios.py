# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every scenario with its guard, where all must be as it says, and without, where something must not be."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest
import tales  # noqa: F401  adds them
from kit.scenario import RESULTS, SCENARIOS, quick_sdk_retries, run


@pytest.mark.parametrize("told", SCENARIOS, ids=lambda told: told.name.replace(" ", "-"))
def test_it_is_as_promised_with_the_guard_and_not_without(told, monkeypatch):
    guarded = run(told, guarded=True)
    assert not guarded.wrong, guarded
    quick_sdk_retries(monkeypatch)
    bare = run(told, guarded=False)
    RESULTS.append((told, guarded, bare))
    assert bare.wrong, f"without the guard it was the same: {bare}"


def test_there_are_at_least_forty_and_no_two_of_a_name():
    assert len(SCENARIOS) >= 40
    assert len({told.name for told in SCENARIOS}) == len(SCENARIOS)


def test_no_two_differ_in_constants_only():
    shapes = {}
    for told in SCENARIOS:
        shapes.setdefault(shape_of(told.story), []).append(told.name)
    assert not [names for names in shapes.values() if len(names) > 1]


def test_the_shape_of_a_story_has_no_constants():
    def one(w):
        return w.ask("a", 1)

    def other(w):
        return w.ask("b", 2)

    def third(w):
        return w.ask("b", step(2))  # noqa: F821

    assert shape_of(one) == shape_of(other) != shape_of(third)


def shape_of(story):
    """The code of a function without its name, its decorator, and the values in it."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(story))).body
    for node in ast.walk(function):
        if isinstance(node, ast.Constant):
            node.value = None
    return ast.dump(ast.Module([*function.body], []))
