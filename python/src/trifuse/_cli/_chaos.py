# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command ``trifuse chaos``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse._errors import ConfigurationError

if TYPE_CHECKING:
    from trifuse.testing.chaos import ChaosServer, Request

_MOST_PORT = 65_535


@click.command()
@click.option(
    "--port", type=click.IntRange(0, _MOST_PORT), default=8765, show_default=True,
    help="Where to listen; 0 takes a free port.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--script", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of steps, TOML or JSON (*.json).",
)  # fmt: skip
@click.option(
    "--default", "step", metavar="STEP",
    help="What every request gets that the script has no step for, such as overloaded or status=500.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="No line for each request.")
def chaos(port: int, host: str, file: Path | None, step: str | None, *, quiet: bool) -> int:
    """Serve OpenAI's and Anthropic's APIs and fail as told.

    Without a script each request gets a good answer. One line is written for each request, without
    its body and its key. Ctrl-C ends it.
    """
    from trifuse.testing.chaos import ChaosServer

    try:
        server = ChaosServer(host=host, port=port, keep=0, on_request=None if quiet else _tell)
        if file is not None:
            server.load(file)
        if step is not None:
            server.default = _default(step)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    try:
        server.start()
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {error.strerror or error}"
        ) from error
    _serve(server)
    return 0


def _serve(server: ChaosServer) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    click.echo(f"OpenAI     base_url={server.openai_url}")
    click.echo(f"Anthropic  base_url={server.anthropic_url}")
    try:
        while not ended.wait(0.5):  # a wait without end would not see the signal everywhere
            pass
    finally:
        server.stop()
    click.echo(f"{server.count} requests, {server.left} left by the client")


def _tell(request: Request) -> None:
    end = "client left" if request.left else "done"
    model = f" {request.model}" if request.model else ""
    took = (request.ended_at or request.at) - request.at
    retry = f" retry {request.retry_count}" if request.retry_count else ""
    click.echo(
        f"{request.number} {request.method} {request.path}{model}{retry} {request.step} {end} {took:.3f} s"
    )


def _default(text: str) -> Any:
    """Make the step of ``overloaded`` or ``status=500``."""
    from trifuse.testing.chaos._file import step_of_text

    return step_of_text(text)
