# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a fallback tells of its levels."""

from __future__ import annotations

from typing import NamedTuple


class LevelCount(NamedTuple):
    """How often one level has answered.

    Attributes:
        kind: the kind of error whose chain it is in, or ``"default"``.
        level: its place there, from 1 on.
        fallback: its name.
        answered: how often it has answered.
    """

    kind: str
    level: int
    fallback: str
    answered: int


class FallbackSnapshot(NamedTuple):
    """What a fallback has counted since it was made.

    Attributes:
        name: its name.
        levels: how often each level has answered.
        exhausted: calls for which levels were asked and none has answered.
    """

    name: str
    levels: tuple[LevelCount, ...]
    exhausted: int
