# SPDX-License-Identifier: MIT OR Apache-2.0
"""Import time: whole interpreters started in turn, and ``-X importtime`` for the import alone."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

import report
import subjects
import targets
from calls import OURS
from measure import Effort
from targets import Verdict

NONE = "no import"
MODULES = {NONE: "", "asyncio": "asyncio", OURS: "trifuse"}


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def _start(code: str, *options: str) -> tuple[float, str]:
    """Start an interpreter; milliseconds of its CPU time, and what it wrote."""
    before = _spent()
    done = subprocess.run(
        [sys.executable, "-P", *options, "-c", code], check=True, capture_output=True, text=True
    )
    return _spent() - before, done.stderr


def _alone(module: str) -> float:
    """Milliseconds of the import by the interpreter's own account, what it imports included."""
    for line in reversed(_start(f"import {module}", "-X", "importtime")[1].splitlines()):
        _self, cumulative, name = line.split("|")
        if name.strip() == module:
            return int(cumulative) / 1000
    raise ValueError(f"no import time of {module}")


def run(effort: Effort) -> tuple[dict[str, dict[str, float]], list[Verdict]]:
    """Measure import times, interleaved."""
    peers = {name: subjects.MODULES.get(name, name) for name in subjects.peers() | subjects.peers_async()}
    if "hyx" in peers:
        peers["hyx"] = "hyx.circuitbreaker"
    modules = MODULES | peers
    spent: dict[str, list[float]] = {name: [] for name in modules}
    alone: dict[str, list[float]] = {name: [] for name in modules if modules[name]}
    for _ in range(effort.starts):
        for name, module in modules.items():
            spent[name].append(_start(f"import {module}" if module else "")[0])
    for _ in range(max(3, effort.starts // 3)):
        for name, times in alone.items():
            times.append(_alone(modules[name]))
    floor = statistics.median(spent[NONE])
    found = {
        name: {
            "start": statistics.median(times),
            "over": statistics.median(times) - floor,
            "least": min(times) - min(spent[NONE]),
            "importtime": statistics.median(alone[name]) if name in alone else 0.0,
        }
        for name, times in spent.items()
    }
    rows = [
        [n, f"{x['start']:.1f}", f"{x['over']:.1f}", f"{x['least']:.1f}", f"{x['importtime']:.1f}"]
        for n, x in found.items()
    ]
    heads = ["ms of CPU time", "whole process", "over no import", "least over", "-X importtime"]
    report.table("Import time", heads, rows)
    verdicts = [Verdict("import of trifuse", found[OURS]["over"], targets.IMPORT_MS, "ms")]
    report.verdicts(verdicts)
    return found, verdicts
