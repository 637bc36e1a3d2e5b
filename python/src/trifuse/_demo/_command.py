# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demo from its options to its files."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from rich.console import Console

from trifuse._demo._figures import Measured
from trifuse._demo._introductions import introduction
from trifuse._demo._scenario import Scenario, scenario
from trifuse._demo._screen import Screen, make_screen
from trifuse._demo._summary import print_summary
from trifuse._demo._timeline import write_timeline

_PLAIN_WIDTH = 120


def run_demo(name: str, seconds: float, output: Path, report: Path | None, *, no_color: bool) -> None:
    """Run a scenario, show, print the table and write the files. Raises OSError, KeyboardInterrupt."""
    logging.getLogger("trifuse").addHandler(logging.NullHandler())  # the screen tells it
    console = _console(no_color=no_color)
    script = scenario(seconds, name)
    console.print(introduction(script), soft_wrap=True)
    screen = make_screen(console, script)
    measured = asyncio.run(_on_screen(script, screen))
    print_summary(console, measured)
    write_timeline(output, measured)
    console.print(f"timeline: {output}", markup=False, soft_wrap=True)
    if report is not None:
        report.write_text(json.dumps(measured.report(), indent=2) + "\n", encoding="utf-8")
        console.print(f"figures:  {report}", markup=False, soft_wrap=True)


def _console(*, no_color: bool) -> Console:
    """Where no terminal says how wide it is, the table gets the width it needs."""
    console = Console(no_color=True if no_color else None, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _PLAIN_WIDTH)
    return console


async def _on_screen(script: Scenario, screen: Screen) -> Measured:
    from trifuse._demo._run import run  # the introduction is read while the client is imported

    with screen.open():
        return await run(script, screen.show)
