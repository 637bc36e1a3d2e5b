# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of docs/llm-comparison.md: ``python bench/llm/compare.py [--write]``.

Runs each story with no protection, with tenacity and aiobreaker (or pybreaker), and with trifuse, on
this machine against a server on loopback, and prints the table; ``--write`` puts it into the page.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

from stories import ASYNC, KINDS, SYNC, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "llm-comparison.md"
BEGIN, END = "<!-- begin: made by bench/llm/compare.py -->", "<!-- end -->"
PEERS = ("openai", "tenacity", "aiobreaker", "pybreaker", "trifuse")


async def compare(only: str | None) -> str:
    """Run all and give the tables."""
    parts = [versions()]
    for peer, stories in (("tenacity + aiobreaker", ASYNC), ("tenacity + pybreaker", SYNC)):
        lines = [f"| what happens | no protection | {peer} | trifuse |", "|---|---|---|---|"]
        for story in stories:
            if only and only not in story.tell.__name__:
                continue
            found = await asyncio.gather(*(run(story, kind) for kind in KINDS))
            lines.append(f"| {story.name} | " + " | ".join(map(str, found)) + " |")
            print(lines[-1], flush=True)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def versions() -> str:
    """What was compared."""
    named = ", ".join(f"{name} {version_of(name)}" for name in PEERS)
    return f"Python {platform.python_version()}; {named}."


def version_of(name: str) -> str:
    """The version that is installed, of trifuse the one that runs."""
    if name == "trifuse":
        import trifuse

        return trifuse.__version__
    return version(name)


def write(tables: str) -> None:
    """Put the tables between the marks of the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    parser.add_argument("--only", help="a part of the names of stories")
    given = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # aiobreaker and the time of day
    logging.getLogger("trifuse").addHandler(logging.NullHandler())
    logging.getLogger("trifuse").propagate = False
    tables = asyncio.run(compare(given.only))
    print(f"\n{tables}")
    if given.write:
        write(tables)


if __name__ == "__main__":
    main()
