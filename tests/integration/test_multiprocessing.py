# SPDX-License-Identifier: MIT OR Apache-2.0
"""Breakers and the processes of multiprocessing."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.end_to_end


def test_a_spawned_process_finds_its_own_breaker_by_name(script):
    found = script("pools.py", "spawn")
    same, state, names = found["children"][0]
    assert same
    assert state == "open"
    assert "made in the child" in names
    assert found["parent"] == ["closed", 1, 0]


def test_a_breaker_that_the_other_process_has_not_made_is_refused_by_name(script):
    message = script("pools.py", "spawn")["message"]
    assert "'only in the parent'" in message
    assert "make it where it is imported" in message


def test_a_forked_process_goes_on_by_itself_even_if_the_fork_fell_into_a_locked_registry(script):
    found = script("pools.py", "fork")
    assert len(found["children"]) == 20
    for same, state, names in found["children"]:
        assert (same, state) == (True, "open")
        assert "made in the child" in names
    assert found["parent"] == ["closed", 1, 0]
