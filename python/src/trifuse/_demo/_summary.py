# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table at the end: with and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    ("requests to the {trouble} server", lambda f: str(f.load_on_broken)),
    ("answered by the {trouble} server", lambda f: str(f.answers_in_trouble)),
    ("no real answer though repaired", lambda f: str(f.unanswered_after_repair)),
)


def print_summary(console: Console, measured: Measured) -> None:
    """Print the table and what it means in one sentence."""
    lanes = measured.lanes()
    table = Table(title="The same questions at the same moments to the same server", title_justify="left")
    table.add_column("")
    for figures in lanes:
        table.add_column(figures.label, justify="right")
    trouble = measured.script.script.trouble
    for words, value in _ROWS:
        table.add_row(words.format(trouble=trouble), *(value(figures) for figures in lanes))
    console.print(table)
    for sentence in _sentences(measured):
        console.print(sentence, markup=False, highlight=False)


def _sentences(measured: Measured) -> Iterator[str]:
    script = measured.script.script
    without, guarded = measured.lane("without"), measured.lane("with")
    server, theirs, ours = f"{script.trouble} server", without.load_on_broken, guarded.load_on_broken
    if script.workers:
        server, theirs, ours = "server", without.requests, guarded.requests
    yield (
        f"With trifuse the {server} got {ours / max(theirs, 1):.1%} of the requests "
        f"({ours} instead of {theirs}), and {guarded.errors} instead of {without.errors} users saw an error."
    )
    if script.workers:
        yield (
            f"In time it answered {guarded.answers} instead of {without.answers} of {without.calls} questions."
        )
    yield "In vain: calls without an answer of the server, those with the fallback's included."
