# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pytest plugin: the fixtures ``trifuse_testing`` and ``chaos_server``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from trifuse.testing import Recorder, VirtualClock
    from trifuse.testing.chaos import ChaosServer


class Testing(NamedTuple):
    """What the fixture gives.

    Attributes:
        clock: the virtual clock that all breakers see.
        recorder: what the breakers of ``trifuse.registry`` tell.
    """

    clock: VirtualClock
    recorder: Recorder


@pytest.fixture
def trifuse_testing() -> Iterator[Testing]:
    """Virtual time, a recorder, and every breaker of ``trifuse.registry`` reset before and after."""
    import trifuse
    from trifuse import testing

    with testing.virtual_clock() as clock:
        _reset_all(trifuse.registry)
        with testing.record() as recorder:
            yield Testing(clock, recorder)
        _reset_all(trifuse.registry)


@pytest.fixture
def chaos_server() -> Iterator[ChaosServer]:
    """A ``trifuse.testing.chaos.ChaosServer`` that is started, of its own for each test."""
    from trifuse.testing.chaos import ChaosServer

    with ChaosServer() as server:
        yield server


def _reset_all(registry: object) -> None:
    for breaker in list(registry.values()):  # type: ignore[attr-defined]
        breaker.reset()
