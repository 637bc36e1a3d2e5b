# SPDX-License-Identifier: MIT OR Apache-2.0
"""What trifuse promises of its speed in Python, and how a figure is held against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

SYNC_NS = 400.0
ASYNC_NS = 400.0
TIMED_NS = 900.0
OF_FASTEST_PEER = 0.45
TIMED_OF_FASTEST_PEER = 1.0
POLICY_OF_FASTEST_PEER = 0.5
PIPELINE_OF_ITS_PARTS = 1.15
P99_US = 10.0
MEMORY_KIB = 1.5
IMPORT_MS = 60.0


@dataclass(frozen=True)
class Verdict:
    """One figure beside its target."""

    what: str
    figure: float
    target: float
    unit: str
    least: float | None = None

    @property
    def passed(self) -> bool:
        """Tell whether the figure is within its target."""
        return self.figure <= self.target

    def __str__(self) -> str:
        """Give the line that the report prints."""
        answer = "PASS" if self.passed else "OVER"
        least = "" if self.least is None else f" (least {_number(self.least)})"
        figures = f"{_number(self.figure)}{least}, target <= {_number(self.target)}"
        return f"{answer}  {self.what}: {figures} {self.unit}"

    def as_dict(self) -> dict[str, object]:
        """Give a form for JSON."""
        return asdict(self) | {"passed": self.passed}


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
