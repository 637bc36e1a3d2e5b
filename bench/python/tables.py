# SPDX-License-Identifier: MIT OR Apache-2.0
"""Put figures of several runs side by side, as Markdown.

    python bench/python/tables.py 3.11.json 3.12.json 3.13.json

Each file is what ``run.py --json`` wrote under one interpreter.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TITLES = {
    "sync": "Synchronous call that succeeds, ns over the bare call",
    "async": "Awaited call that succeeds, ns over the bare call",
    "suspended": "Awaited call that gives way once, with a time limit, ns over the bare call",
    "refused": "Call refused by an open circuit, ns over a bare call",
    "limiter": "Rate limit, a token granted, ns over the bare call",
    "limiter-async": "Rate limit, a token granted, awaited, ns over the bare call",
    "retry": "Retry of a call that succeeds at once, ns over the bare call",
    "retry-async": "Retry of an awaited call that succeeds at once, ns over the bare call",
    "pipeline": "Pipelines, a call that succeeds, ns over the bare call",
    "pipeline-async": "Pipelines, an awaited call that succeeds, ns over the bare call",
    "latency": "Beside a CPU-bound thread: p99 in us, calls a second",
    "memory": "Memory of a breaker with its decorated function, KiB beyond the bare function: resident, traced",
    "keyed": "Memory of keyed limiters, bytes a key",
    "import": "Import time beyond a start without it, ms",
}


def cell(section: str, figures: Any, seconds: float) -> str:
    """Give the text of one figure."""
    if figures is None:
        return ""
    if section == "keyed":
        return f"{figures:.0f}"
    if section == "latency":
        return f"{figures['p99']:.1f}, {figures['calls'] / seconds:,.0f}"
    if section == "memory":
        return f"{figures['resident']:.2f}, {figures['traced']:.2f}"
    if section == "import":
        return f"{figures['over']:.0f}"
    return f"{figures['over_median']:.0f} ({figures['over_least']:.0f})"


def print_section(section: str, runs: list[dict[str, Any]]) -> None:
    """Print one table."""
    rows = list(dict.fromkeys(name for run in runs for name in run.get(section, {})))
    if section not in {"latency", "memory", "keyed", "import"}:
        rows = rows[1:]  # the bare call
    if not rows:
        return
    print(f"{TITLES[section]}:\n")
    print("| | " + " | ".join(run["machine"]["python"] for run in runs) + " |")
    print("|---|" + "---:|" * len(runs))
    for name in rows:
        cells = [cell(section, run.get(section, {}).get(name), run["effort"]["seconds"]) for run in runs]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main() -> None:
    """Print all tables of the files named."""
    runs = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    for section in TITLES:
        print_section(section, runs)


if __name__ == "__main__":
    main()
