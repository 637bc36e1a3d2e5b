# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happens to the server, and when."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST = 12.0
LONGEST = 600.0
# Shares of the whole run. The end is long enough for calls that began while the server hung.
_SHARES = (("healthy", 0.15), ("errors", 0.30), ("hangs", 0.30), ("healed", 0.25))
BROKEN = frozenset({"errors", "hangs"})


@dataclass(frozen=True, slots=True)
class Phase:
    """One condition of the server, from ``begin`` to ``end`` in seconds since the start."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """The script of a run: the server's phases and the traffic, the same for every client.

    ``rate`` is in new questions per second and client; ``timeout`` in seconds, for every request.
    """

    phases: tuple[Phase, ...]
    rate: float = 6.0
    timeout: float = 1.5

    @property
    def seconds(self) -> float:
        """How long new questions come."""
        return self.phases[-1].end

    def phase(self, elapsed: float) -> Phase:
        """Give the phase at a time; the last one stays."""
        return next((p for p in self.phases if elapsed < p.end), self.phases[-1])


def scenario(seconds: float) -> Scenario:
    """Make the script for a run of ``seconds``, SHORTEST to LONGEST."""
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"seconds is {seconds}; allowed: {SHORTEST:g} to {LONGEST:g}")
    phases: list[Phase] = []
    begin = 0.0
    for name, share in _SHARES:
        end = round(begin + share * seconds, 3)
        phases.append(Phase(name, begin, end))
        begin = end
    return Scenario(tuple(phases))
