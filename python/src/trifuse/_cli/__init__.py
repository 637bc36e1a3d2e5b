# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command ``trifuse``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

_ALL = ("cli", ("click", "h11", "openai", "rich"))
_NEEDS = {"chaos": ("chaos", ("click", "h11"))}
"""The extra and the modules of commands that need less than all."""
_INTERRUPTED = 130


def main() -> None:
    """Run the command and leave the process: 0 done, 1 failed, 2 bad options, 130 Ctrl-C."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit code."""
    extra, needed = _NEEDS.get(arguments[0], _ALL) if arguments else _ALL
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        print(
            f"trifuse: the command needs what is not installed: {', '.join(missing)}. "
            f'Install it with the extra: pip install "trifuse[{extra}]"',
            file=sys.stderr,
        )
        return 1
    try:
        from trifuse._cli._app import execute

        return execute(arguments)
    except KeyboardInterrupt:
        print("stopped; the server is closed", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
