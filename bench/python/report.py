# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plain tables on a terminal."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from measure import Cost
from targets import Verdict

DISTURBED = 1.25


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    print(f"\n{title}")
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        print("  " + "   ".join(cells).rstrip())


def costs(title: str, found: Mapping[str, Cost], ours: str) -> None:
    """Print costs in ns: median and least, beyond the bare call, and as a ratio of ours."""
    base = found[ours].over_median
    rows = []
    for index, (name, cost) in enumerate(found.items()):
        over = ["", "", ""]
        if index:
            over = [f"{cost.over_median:.0f}", f"{cost.over_least:.0f}", f"{cost.over_median / base:.2f}"]
        rows.append([name, f"{cost.median:.0f}", f"{cost.least:.0f}", *over])
    heads = ["ns of CPU time a call", "median", "least", "over bare", "least over bare", f"x {ours}"]
    table(title, heads, rows)
    bare = next(iter(found.values()))
    if bare.median > DISTURBED * bare.least:
        note(f"the machine was busy: the bare call's median is {bare.median / bare.least:.1f} x its least")


def verdicts(found: Iterable[Verdict]) -> None:
    """Print figures beside their targets."""
    for verdict in found:
        print(f"  {verdict}")


def machine() -> dict[str, str]:
    """Say on what the figures were taken."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            x.split(":", 1)[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")
        ]
        model = names[0] if names else model
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{model}, {os.cpu_count()} CPUs",
        "load": load,
        "build": "PGO" if "--enable-optimizations" in _config_args() else "no PGO",
    }


def _config_args() -> str:
    import sysconfig

    return str(sysconfig.get_config_var("CONFIG_ARGS") or "")


def note(text: str) -> None:
    """Print a remark."""
    print(f"  {text}")
    sys.stdout.flush()
