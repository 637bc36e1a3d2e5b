# SPDX-License-Identifier: MIT OR Apache-2.0
"""Memory of many limiters, one for each key: each library in a process of its own.

Run as ``keyed.py LIBRARY COUNT`` it is the child process that measures one library: the growth of
the resident size while a token is taken for each of so many keys that are there already.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import report
from calls import OURS
from measure import Effort
from subjects import installed


def _ours(keys: list[str]) -> Any:
    from trifuse import per, rate_limit

    @rate_limit(per(100, seconds=60), key=lambda key: key, max_keys=len(keys))
    def call(key: str) -> None:
        pass

    for key in keys:
        call(key)
    return call


def _limits(keys: list[str]) -> Any:
    from limits import RateLimitItemPerMinute, storage, strategies

    limiter, item = strategies.MovingWindowRateLimiter(storage.MemoryStorage()), RateLimitItemPerMinute(100)
    for key in keys:
        limiter.hit(item, key)
    return limiter


def _throttled(keys: list[str]) -> Any:
    from throttled import MemoryStore, Throttled, per_min

    store = MemoryStore(options={"MAX_SIZE": 2 * len(keys)})
    limiter = Throttled(quota=per_min(100), store=store)
    for key in keys:
        limiter.limit(key)
    return limiter


def _aiolimiter(keys: list[str]) -> Any:
    from aiolimiter import AsyncLimiter

    async def main() -> Any:
        limiters = {key: AsyncLimiter(100, 60) for key in keys}
        for limiter in limiters.values():
            await limiter.acquire()
        return limiters

    return asyncio.run(main())


LIBRARIES: dict[str, tuple[str, Callable[[list[str]], Any]]] = {
    OURS: ("trifuse", _ours),
    "limits, moving window": ("limits", _limits),
    "throttled-py, token bucket": ("throttled", _throttled),
    "aiolimiter in a dict": ("aiolimiter", _aiolimiter),
}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure_here(library: str, count: int) -> float:
    """Measure one library in this process: bytes a key."""
    take = LIBRARIES[library][1]
    take([f"first-{i}" for i in range(100)])  # what is made only once
    keys = [f"user-{i}" for i in range(count)]
    gc.collect()
    before = _resident()
    kept = take(keys)
    gc.collect()
    grown = _resident() - before
    del kept
    return grown / count


def run(effort: Effort) -> dict[str, float]:
    """Measure every library that is there."""
    if not Path("/proc/self/statm").exists():
        report.note("keyed limiters: not measured, it needs /proc")
        return {}
    count = 10 * effort.breakers
    found = {}
    for library, (module, _) in LIBRARIES.items():
        if installed(module):
            command = [sys.executable, __file__, library, str(count)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[library] = json.loads(out)
    title = f"Memory of {count:,} keyed limiters, a token taken of each"
    report.table(
        title, ["bytes a key beyond the key", "resident"], [[k, f"{x:.0f}"] for k, x in found.items()]
    )
    return found


if __name__ == "__main__":
    print(json.dumps(measure_here(sys.argv[1], int(sys.argv[2]))))
