# SPDX-License-Identifier: MIT OR Apache-2.0
"""What one sees during the run: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from trifuse._demo import _words

if TYPE_CHECKING:
    from trifuse._demo._figures import Change
    from trifuse._demo._run import LaneView, View
    from trifuse._demo._scenario import Scenario

_PLAIN_EVERY = 2.0
_LAST_CHANGES = 6
_WIDTH = 96


class Screen(Protocol):
    """Where the run is shown."""

    def open(self) -> AbstractContextManager[object]:
        """Use the screen until the context is left."""

    def show(self, view: View) -> None:
        """Show one moment."""


def make_screen(console: Console, script: Scenario) -> Screen:
    """Choose by what the console is."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveScreen(console, script)
    return PlainScreen(console)


class PlainScreen:
    """A line every two seconds, one for each change of phase or state."""

    def __init__(self, console: Console) -> None:
        """Write to a console."""
        self._console = console
        self._phase = ""
        self._changes = 0
        self._next = 0.0

    def open(self) -> AbstractContextManager[object]:
        """Nothing to open."""
        return nullcontext()

    def show(self, view: View) -> None:
        """Write what is new."""
        lines: list[tuple[float, str]] = []
        if view.phase.name != self._phase:
            self._phase = view.phase.name
            lines.append((view.phase.begin, f"--- {_words.PHASES[self._phase]}"))
        new = view.changes[self._changes :]
        lines += [(event.at, f"breaker {_words.change(event)}") for event in new]
        self._changes = len(view.changes)
        if view.elapsed >= self._next:
            self._next = view.elapsed + _PLAIN_EVERY
            lines.append((view.elapsed, _line(view)))
        for at, text in lines:
            self._console.print(f"{at:6.1f} s  {text}", markup=False, highlight=False, soft_wrap=True)


def _line(view: View) -> str:
    breaker, lanes = view.breaker, {lane.key: lane for lane in view.lanes}
    guard = (
        f"limit {view.limit:3}"
        if breaker is None
        else (f"{_words.STATES[breaker.state]:9} failing {breaker.failure_rate:4.0%}")
    )
    return f"{guard} | with: {_lane_words(lanes['with'])} | without: {_lane_words(lanes['without'])}"


def _lane_words(lane: LaneView) -> str:
    fallbacks = f" {lane.fallbacks} fallback" if lane.key == "with" else ""
    return (
        f"{lane.requests} requests, {lane.answers} answered{fallbacks} {lane.errors} failed, "
        f"wait {_words.seconds(lane.wait)}"
    )


class LiveScreen:
    """One picture, redrawn in place."""

    def __init__(self, console: Console, script: Scenario) -> None:
        """Draw on a console, for a run of this script."""
        self._script = script
        self._width = min(_WIDTH, console.width)
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def open(self) -> AbstractContextManager[object]:
        """Begin to draw; the cursor comes back when the context is left."""
        return self._live

    def show(self, view: View) -> None:
        """Redraw."""
        parts: list[RenderableType] = [
            self._progress(view),
            _guard_line(view),
            _lanes(view.lanes),
            *(_change_line(event) for event in view.changes[-_LAST_CHANGES:]),
        ]
        panel = Panel(Group(*parts), title="trifuse demo", subtitle="Ctrl-C stops it", width=self._width)
        self._live.update(panel, refresh=True)

    def _progress(self, view: View) -> Table:
        whole = self._script.seconds
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=whole, completed=min(view.elapsed, whole), width=30)
        words = _words.PHASES[view.phase.name]
        style = "bold " + _words.PHASE_STYLES[view.phase.name]
        row.add_row(f"{view.elapsed:5.1f} of {whole:g} s", bar, Text(words, style=style))
        return row


def _guard_line(view: View) -> Text:
    breaker = view.breaker
    if breaker is None:
        return Text.assemble("adaptive limit: ", (f"{view.limit}", "bold"), " calls at once")
    line = Text("breaker: ")
    line.append(_words.STATES[breaker.state], style="bold " + _words.STATE_STYLES[breaker.state])
    line.append(f"   failing {breaker.failure_rate:.0%} of the last {breaker.window_total}")
    line.append(f"   refused {breaker.refused}")
    if breaker.retry_after:
        line.append(f"   tries again in {breaker.retry_after:.1f} s")
    return line


def _lanes(lanes: tuple[LaneView, ...]) -> Table:
    table = Table(expand=True, pad_edge=False)
    table.add_column("same users, same server")
    for name in ("requests", "answered", "fallback", "failed", "waiting", "wait now"):
        table.add_column(name, justify="right")
    for lane in lanes:
        table.add_row(
            lane.label,
            str(lane.requests),
            Text(str(lane.answers), style="green"),
            Text(str(lane.fallbacks), style="yellow" if lane.fallbacks else "dim"),
            Text(str(lane.errors), style="bold red" if lane.errors else "dim"),
            str(lane.waiting),
            _words.seconds(lane.wait),
        )
    return table


def _change_line(event: Change) -> Text:
    style = _words.STATE_STYLES[event.after]
    return Text.assemble((f"{event.at:6.1f} s  ", "dim"), (_words.change(event), style))
