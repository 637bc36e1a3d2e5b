# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table at the end: with and without."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from trifuse._demo import _words
from trifuse._demo._figures import LaneFigures, Measured

_ROWS: tuple[tuple[str, Callable[[LaneFigures], str]], ...] = (
    ("questions asked", lambda f: str(f.calls)),
    ("answered by the server", lambda f: str(f.answers)),
    ("answered by the fallback", lambda f: str(f.fallbacks)),
    ("failed (the user saw an error)", lambda f: str(f.errors)),
    ("time users waited in vain, in all", lambda f: _words.seconds(f.waited_in_vain)),
    ("longest wait in vain", lambda f: _words.seconds(f.longest_in_vain)),
    ("median wait for a real answer", lambda f: _words.seconds(f.median_answer)),
    ("requests to the server, in all", lambda f: str(f.requests)),
    ("requests to the broken server", lambda f: str(f.load_on_broken)),
    ("no real answer though repaired", lambda f: str(f.unanswered_after_repair)),
)


def print_summary(console: Console, measured: Measured) -> None:
    """Print the table and what it means in one sentence."""
    lanes = measured.lanes()
    table = Table(title="The same questions at the same moments to the same server", title_justify="left")
    table.add_column("")
    for figures in lanes:
        table.add_column(figures.label, justify="right")
    for words, value in _ROWS:
        table.add_row(words, *(value(figures) for figures in lanes))
    console.print(table)
    console.print(_sentence(measured), markup=False, highlight=False)


def _sentence(measured: Measured) -> str:
    without, guarded = measured.lane("without"), measured.lane("with")
    share = guarded.load_on_broken / max(without.load_on_broken, 1)
    return (
        f"With trifuse the broken server got {share:.1%} of the requests "
        f"({guarded.load_on_broken} instead of {without.load_on_broken}), "
        f"and {guarded.errors} instead of {without.errors} users saw an error.\n"
        "In vain: calls without an answer of the server, those with the fallback's included."
    )
