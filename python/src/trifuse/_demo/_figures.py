# SPDX-License-Identifier: MIT OR Apache-2.0
"""What was measured, and the figures made of it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from trifuse._demo._scenario import Scenario

if TYPE_CHECKING:
    from trifuse._demo._server import Arrival
    from trifuse._demo._traffic import Call


class Change(NamedTuple):
    """The breaker changed its state, in seconds since the start."""

    at: float
    before: str
    after: str
    cause: str
    failed: int
    total: int


class Limit(NamedTuple):
    """The adaptive limit at one moment, in seconds since the start."""

    at: float
    limit: int


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """The figures of one lane; times in seconds.

    ``waited_in_vain`` sums the time of calls that brought no answer of the server, fallbacks
    included. ``load_on_broken`` counts requests that reached the server while it was in trouble,
    ``answers_in_trouble`` questions of that time that the server answered, and
    ``unanswered_after_repair`` those of after the repair that it did not.
    """

    key: str
    label: str
    calls: int
    answers: int
    fallbacks: int
    errors: int
    error_types: dict[str, int]
    waited_in_vain: float
    longest_in_vain: float
    median_answer: float | None
    requests: int
    load_on_broken: int
    answers_in_trouble: int
    requests_by_phase: dict[str, int]
    unanswered_after_repair: int


@dataclass(slots=True)
class Measured:
    """Everything a run measured. Times of calls and arrivals are monotonic, as is ``began``."""

    script: Scenario
    labels: dict[str, str]
    began: float = 0.0
    repaired: float | None = None
    calls: Sequence[Call] = field(default_factory=list)
    arrivals: Sequence[Arrival] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    phase_changes: list[tuple[float, str]] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

    def lane(self, key: str) -> LaneFigures:
        """Compute the figures of a lane."""
        calls = [c for c in self.calls if c.lane == key]
        in_vain = [c.seconds for c in calls if c.got != "answer"]
        answers = [c.seconds for c in calls if c.got == "answer"]
        got = Counter(c.got for c in calls)
        phases = Counter(a.condition for a in self.arrivals if a.key == key)
        return LaneFigures(
            key=key,
            label=self.labels[key],
            calls=len(calls),
            answers=got["answer"],
            fallbacks=got["fallback"],
            errors=got["error"],
            error_types=dict(Counter(c.error for c in calls if c.error is not None)),
            waited_in_vain=sum(in_vain),
            longest_in_vain=max(in_vain, default=0.0),
            median_answer=statistics.median(answers) if answers else None,
            requests=phases.total(),
            load_on_broken=sum(phases[name] for name in self.script.script.broken),
            answers_in_trouble=self._answers_in_trouble(calls),
            requests_by_phase={p.name: phases[p.name] for p in self.script.phases},
            unanswered_after_repair=self._late_losses(calls),
        )

    def lanes(self) -> list[LaneFigures]:
        """Compute the figures of all lanes."""
        return [self.lane(key) for key in self.labels]

    def report(self) -> dict[str, object]:
        """Give everything as what JSON can hold."""
        return {
            "scenario": self.script.script.name,
            "seconds": self.script.seconds,
            "questions_per_second": self.script.rate,
            "request_timeout": self.script.timeout,
            "phases": [{"at": round(at, 3), "name": name} for at, name in self.phase_changes],
            "transitions": [change._asdict() for change in self.changes],
            "limits": [limit._asdict() for limit in self.limits],
            "lanes": {figures.key: asdict(figures) for figures in self.lanes()},
        }

    def _answers_in_trouble(self, calls: Iterable[Call]) -> int:
        broken = self.script.script.broken
        began = [c.began - self.began for c in calls if c.got == "answer"]
        return sum(self.script.phase(at).name in broken for at in began)

    def _late_losses(self, calls: Iterable[Call]) -> int:
        repaired = self.repaired
        if repaired is None:
            return 0
        return sum(c.began >= repaired and c.got != "answer" for c in calls)


def recent_wait(calls: Sequence[Call], key: str, since: float) -> float | None:
    """Give the median time of the calls of a lane that ended after ``since``; None without any."""
    waits = []
    for call in reversed(calls):
        if call.ended < since:
            break
        if call.lane == key:
            waits.append(call.seconds)
    return statistics.median(waits) if waits else None
