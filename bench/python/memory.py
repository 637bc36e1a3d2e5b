# SPDX-License-Identifier: MIT OR Apache-2.0
"""Memory of a breaker with its decorated function: resident and traced, each library by itself.

Run as ``memory.py LIBRARY COUNT`` it is the child process that measures one library. A bare
function is made for each breaker beforehand, so the figures are what the guard adds: breaker,
wrapper, registry entry, and everything the library keeps beside them. Each is called once.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import report
import subjects
import targets
from calls import FLOOR, OURS
from measure import Effort
from targets import Verdict

GUARDS: dict[str, Callable[..., Any]] = {
    FLOOR: lambda fn, _name: subjects.do_nothing(fn),
    OURS: subjects.trifuse,
}


def _function(kind: str, index: int) -> Callable[[], Any]:
    if kind == "hyx":

        async def call_async():
            return index

        return call_async

    def call():
        return index

    return call


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _call_all(guarded: list[Any]) -> None:
    async def main() -> None:
        for call in guarded:
            await call()

    if guarded and inspect.iscoroutinefunction(guarded[0]):
        asyncio.run(main())
    else:
        for call in guarded:
            call()


class _Batch:
    """Functions and names that are there before the library gets them, and room for what it gives."""

    def __init__(self, kind: str, count: int, label: str) -> None:
        self.functions = [_function(kind, i) for i in range(count)]
        self.names = [f"{label}-{i}" for i in range(count)]
        self.guarded: list[Any] = [None] * count

    def make(self, kind: str) -> None:
        guard = (subjects.peers_async() | GUARDS | subjects.peers())[kind]
        for index, fn in enumerate(self.functions):
            self.guarded[index] = guard(fn, self.names[index])
        _call_all(self.guarded)


def measure_here(kind: str, count: int) -> dict[str, float]:
    """Measure one library in this process: KiB a breaker."""
    first = _Batch(kind, 100, "first")
    first.make(kind)  # what is made only once
    resident, traced = _Batch(kind, count, "resident"), _Batch(kind, count, "traced")
    gc.collect()
    before = _resident()
    resident.make(kind)
    gc.collect()
    grown = _resident() - before
    tracemalloc.start()
    traced.make(kind)
    gc.collect()
    seen = tracemalloc.get_traced_memory()[0]
    return {"resident": grown / count / 1024, "traced": seen / count / 1024}


def run(effort: Effort) -> tuple[dict[str, dict[str, float]], list[Verdict]]:
    """Measure every library in a process of its own."""
    if not Path("/proc/self/statm").exists():
        report.note("memory: not measured, it needs /proc")
        return {}, []
    kinds = [*GUARDS, *subjects.peers(), *(k for k in subjects.peers_async() if k == "hyx")]
    found = {}
    for kind in kinds:
        command = [sys.executable, __file__, kind, str(effort.breakers)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[kind] = json.loads(out)
    rows = [[kind, f"{x['resident']:.2f}", f"{x['traced']:.2f}"] for kind, x in found.items()]
    title = f"Memory of a breaker with its decorated function ({effort.breakers:,} of them)"
    report.table(title, ["KiB beyond the bare function", "resident", "tracemalloc"], rows)
    figure = found[OURS]["resident"]
    verdicts = [Verdict("memory of a breaker and its function", figure, targets.MEMORY_KIB, "KiB")]
    report.verdicts(verdicts)
    return found, verdicts


if __name__ == "__main__":
    subjects.quiet()
    print(json.dumps(measure_here(sys.argv[1], int(sys.argv[2]))))
