# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands and their options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from trifuse import __version__
from trifuse._cli._chaos import chaos
from trifuse._demo._scenario import LONGEST, SCRIPTS, SHORTEST


def execute(arguments: Sequence[str]) -> int:
    """Run the command of the arguments; errors of usage are shown, and 2 is their exit code."""
    try:
        result = app.main(list(arguments), prog_name="trifuse", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="trifuse %(version)s")
def app() -> None:
    """Resilience that you can watch at work."""


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not SHORTEST <= value <= LONGEST:  # says no to nan, too
        raise click.BadParameter(f"{value:g} is not allowed; allowed: {SHORTEST:g} to {LONGEST:g}.")
    return value


def _writable(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    """Refuse now what could not be written after the run."""
    if value is not None:
        folder = value.parent
        if not folder.is_dir():
            raise click.BadParameter(f"{str(value)!r}: there is no folder {str(folder)!r}.")
        if not os.access(value if value.exists() else folder, os.W_OK):
            raise click.BadParameter(f"{str(value)!r} cannot be written.")
    return value


app.add_command(chaos)
_FILE = click.Path(dir_okay=False, path_type=Path)


@app.command()
@click.option(
    "--scenario", type=click.Choice(list(SCRIPTS)), default="outage", show_default=True,
    help="What goes wrong.",
)  # fmt: skip
@click.option(
    "--seconds", type=float, default=36.0, show_default=True, callback=_seconds,
    help=f"How long questions are asked, {SHORTEST:g} to {LONGEST:g}.",
)  # fmt: skip
@click.option(
    "--output", type=_FILE, default="timeline.svg", show_default=True, callback=_writable,
    help="The file for the picture (SVG).",
)  # fmt: skip
@click.option(
    "--json", "report", type=_FILE, callback=_writable, help="A file for all figures (JSON).",
)  # fmt: skip
@click.option("--no-color", is_flag=True, help="No colours (so does the environment's NO_COLOR).")
def demo(scenario: str, seconds: float, output: Path, report: Path | None, *, no_color: bool) -> int:
    """Break a local OpenAI-compatible server under real clients, with and without trifuse.

    outage: it answers 500, then hangs. brownout: most requests hang. retry-storm: a slow moment,
    and what naive retries make of it. overload: more users than it can serve.

    Nothing leaves this machine. The run takes the seconds asked for and a few more.
    """
    if report is not None and report.absolute() == output.absolute():
        raise click.UsageError("--output and --json name the same file.")
    from trifuse._demo._command import run_demo

    try:
        run_demo(scenario, seconds, output, report, no_color=no_color)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(str(error)) from error
    return 0
