# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pytest plugin: the fixture ``trifuse_testing``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from trifuse.testing import Recorder, VirtualClock


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


def _reset_all(registry: object) -> None:
    for breaker in list(registry.values()):  # type: ignore[attr-defined]
        breaker.reset()
