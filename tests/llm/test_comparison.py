# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of docs/llm-comparison.md is what its script makes, and the script still runs."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench" / "llm" / "compare.py"
PAGE = ROOT / "docs" / "llm-comparison.md"
CELL = re.compile(r"\d+ requests?; .+; \d+\.\d s; (no breaker|open|closed|half-open)")


def rows_of(text):
    return [
        [cell.strip() for cell in line.strip("| \n").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ") and "; " in line
    ]


def test_the_script_makes_rows_of_three_outcomes():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--only", "half"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    name, *cells = rows_of(done.stdout)[0]
    assert name == "A stream ends without its last event"
    assert all(CELL.fullmatch(cell) for cell in cells)
    nothing, peers, ours = cells
    assert "'It was'" in nothing
    assert "'It was'" in peers
    assert "StreamInterruptedError" in ours


def test_the_page_has_every_story_of_the_script():
    told = re.findall(r"Story\(\"(.+?)\", ", SCRIPT.with_name("stories.py").read_text())
    rows = rows_of(PAGE.read_text())
    assert [row[0] for row in rows] == told
    assert all(CELL.fullmatch(cell) for row in rows for cell in row[1:])
