# SPDX-License-Identifier: MIT OR Apache-2.0
"""Words and colours that all ways of showing share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trifuse._demo._figures import Change

PHASES = {
    "healthy": "the server is well",
    "errors": "the server answers 500",
    "hangs": "the server accepts and never answers",
    "brownout": "the server never answers three requests of five",
    "slow": "the server takes four times as long",
    "overload": "three times as many questions come",
    "healed": "the trouble is over",
}
PHASE_STYLES = {
    "healthy": "green",
    "errors": "red",
    "hangs": "magenta",
    "brownout": "magenta",
    "slow": "magenta",
    "overload": "red",
    "healed": "green",
}
STATES = {"closed": "CLOSED", "open": "OPEN", "half_open": "HALF-OPEN"}
STATE_STYLES = {"closed": "green", "open": "red", "half_open": "yellow"}


def seconds(value: float | None) -> str:
    """Write a time in seconds for people."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def change(event: Change) -> str:
    """Write a transition for people."""
    cause = event.cause.replace("_", " ")
    window = f", {event.failed} of {event.total} failed" if event.before == "closed" else ""
    return f"{STATES[event.before]} -> {STATES[event.after]} ({cause}{window})"
