# SPDX-License-Identifier: MIT OR Apache-2.0
"""Breakers among the greenlets of gevent, all of Python's blocking calls patched."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def found(script):
    """Run the program once; each test looks at a part of what it saw."""
    return script("greenlets.py")


def test_exactly_the_probes_are_admitted_of_a_thousand_greenlets(found):
    assert found["arrivals"] == {"admitted": 4, "half_open_limit": 996}


def test_blocks_of_greenlets_that_interleave_are_reported_each_by_itself(found):
    assert found["blocks"] == [100, 100, 100]


def test_the_duration_of_each_call_is_its_own(found):
    assert found["durations"] == [50, 50, 50]
