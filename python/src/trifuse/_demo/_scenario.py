# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happens to the server, and when; how many users come meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST = 12.0
LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One condition of the server, from ``begin`` to ``end`` in seconds since the start.

    ``rate`` is in new questions per second and kind of user.
    """

    name: str
    begin: float
    end: float
    rate: float


@dataclass(frozen=True, slots=True)
class Script:
    """What a scenario is made of. ``shares`` are of the whole run; ``rates`` of questions by phase.

    ``timeout``: of every request, in seconds. ``workers``: how many requests a server works at at
    once, 0 for any number; then each kind of user has a server of its own, for one's queue would
    be felt by the others. ``kinds`` names the kinds of users: without, in between, with.
    ``trouble`` and ``over`` are what the server is in the phases of trouble, and in the last one.
    """

    name: str
    picture: str
    shares: tuple[tuple[str, float], ...]
    rates: dict[str, float]
    timeout: float
    broken: frozenset[str]
    kinds: tuple[str, str, str]
    trouble: str = "broken"
    over: str = "repaired"
    streams: bool = False
    workers: int = 0

    def begin(self, seconds: float) -> Scenario:
        """Stretch it to a run of ``seconds``, SHORTEST to LONGEST."""
        if not SHORTEST <= seconds <= LONGEST:
            raise ValueError(f"seconds is {seconds}; allowed: {SHORTEST:g} to {LONGEST:g}")
        phases: list[Phase] = []
        begin = 0.0
        for name, share in self.shares:
            end = round(begin + share * seconds, 3)
            phases.append(Phase(name, begin, end, self.rates.get(name, self.rates["healthy"])))
            begin = end
        return Scenario(self, tuple(phases))


@dataclass(frozen=True, slots=True)
class Scenario:
    """The script of a run: the server's phases and the traffic, the same for every client."""

    script: Script
    phases: tuple[Phase, ...]

    @property
    def seconds(self) -> float:
        """How long new questions come."""
        return self.phases[-1].end

    @property
    def timeout(self) -> float:
        """Of every request, in seconds."""
        return self.script.timeout

    @property
    def rate(self) -> float:
        """New questions per second and kind of user, at first."""
        return self.phases[0].rate

    def phase(self, elapsed: float) -> Phase:
        """Give the phase at a time; the last one stays."""
        return next((p for p in self.phases if elapsed < p.end), self.phases[-1])

    def moments(self) -> Iterator[float]:
        """Give the times at which a question comes, in seconds since the start."""
        for phase in self.phases:
            for number in range(round((phase.end - phase.begin) * phase.rate)):
                yield phase.begin + number / phase.rate


_USUAL = ("without trifuse", "without, retries off", "with trifuse")
# The end of each is long enough for calls that began while the server was in trouble.
OUTAGE = Script(
    name="outage",
    picture="The same outage, with and without trifuse",
    shares=(("healthy", 0.15), ("errors", 0.30), ("hangs", 0.30), ("healed", 0.25)),
    rates={"healthy": 6.0},
    timeout=1.5,
    broken=frozenset({"errors", "hangs"}),
    kinds=_USUAL,
    streams=True,
)
BROWNOUT = Script(
    name="brownout",
    picture="The same brownout, with and without trifuse",
    shares=(("healthy", 0.20), ("brownout", 0.50), ("healed", 0.30)),
    rates={"healthy": 6.0},
    timeout=1.5,
    broken=frozenset({"brownout"}),
    kinds=_USUAL,
    trouble="ailing",
    streams=True,
)
RETRY_STORM = Script(
    name="retry-storm",
    picture="After the same hiccup: naive retries, and a retry budget with a breaker",
    shares=(("healthy", 0.15), ("slow", 0.15), ("healed", 0.70)),
    rates={"healthy": 9.0},
    timeout=1.0,
    broken=frozenset({"slow"}),
    kinds=("naive retries", "no retries", "with trifuse"),
    trouble="slow",
    over="as fast as before",
    workers=3,
)
OVERLOAD = Script(
    name="overload",
    picture="The same overload, with and without an adaptive limit",
    shares=(("healthy", 0.20), ("overload", 0.50), ("healed", 0.30)),
    rates={"healthy": 8.0, "overload": 24.0},
    timeout=1.0,
    broken=frozenset({"overload"}),
    kinds=_USUAL,
    trouble="overloaded",
    over="as few as before",
    workers=3,
)
SCRIPTS = {script.name: script for script in (OUTAGE, BROWNOUT, RETRY_STORM, OVERLOAD)}


def scenario(seconds: float, name: str = "outage") -> Scenario:
    """Make the script for a run of ``seconds``, SHORTEST to LONGEST."""
    return SCRIPTS[name].begin(seconds)
