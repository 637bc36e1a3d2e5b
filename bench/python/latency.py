# SPDX-License-Identifier: MIT OR Apache-2.0
"""The latency of a guarded call beside a thread that computes, each pinned to a core of its own.

A library that gives up the GIL for its few nanoseconds of work loses it to the other thread for
milliseconds, whenever that thread can wake at once; a benchmark of one thread never sees it. Such a
library also gets few calls done, so calls are counted as well.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import report
import subjects
import targets
from calls import BARE, OURS, nothing
from measure import Effort
from targets import Verdict


@dataclass(frozen=True)
class Latency:
    """Microseconds of wall time a call, and how many calls were done."""

    p50: float
    p99: float
    p999: float
    calls: int

    def as_dict(self) -> dict[str, float]:
        """Give a form for JSON."""
        return asdict(self)


def _pin(core: int) -> None:
    os.sched_setaffinity(0, {core})  # of the calling thread


def _compute(core: int, stop: threading.Event) -> None:
    _pin(core)
    n = 0
    while not stop.is_set():
        for _ in range(1000):
            n += 1


def _timed_calls(call: Callable[[], Any], seconds: float) -> array[int]:
    clock = time.perf_counter_ns
    times: array[int] = array("q")
    add = times.append
    end = clock() + int(seconds * 1e9)
    now = 0
    while now < end:
        started = clock()
        call()
        now = clock()
        add(now - started)
    return times


def beside_a_busy_thread(call: Callable[[], Any], seconds: float, cores: tuple[int, int]) -> Latency:
    """Measure one call beside a CPU-bound thread."""
    found: list[array[int]] = []

    def run() -> None:
        _pin(cores[0])
        found.append(_timed_calls(call, seconds))

    stop = threading.Event()
    busy = threading.Thread(target=_compute, args=(cores[1], stop))
    measured = threading.Thread(target=run)
    busy.start()
    measured.start()
    measured.join()
    stop.set()
    busy.join()
    times = sorted(found[0])
    last = len(times) - 1
    p50, p99, p999 = (times[int(last * share)] / 1000 for share in (0.5, 0.99, 0.999))
    return Latency(p50, p99, p999, len(times))


def _gives_up_the_gil() -> None:
    time.sleep(0)


def run(effort: Effort) -> tuple[dict[str, Latency], list[Verdict]]:
    """Measure all beside a CPU-bound thread; nothing where threads cannot be pinned to two cores."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        report.note("latency beside a busy thread: not measured, it needs two cores and their pinning")
        return {}, []
    calls: dict[str, Callable[[], Any]] = {BARE: nothing, OURS: subjects.trifuse(nothing, "latency")}
    calls |= {name: guard(nothing) for name, guard in subjects.peers().items()}
    calls["a call that gives up the GIL"] = _gives_up_the_gil
    pair = (cores[0], cores[1])
    found = {name: beside_a_busy_thread(call, effort.seconds, pair) for name, call in calls.items()}
    rows = [
        [name, f"{x.p50:.2f}", f"{x.p99:.2f}", f"{x.p999:.2f}", f"{x.calls / effort.seconds:,.0f}"]
        for name, x in found.items()
    ]
    heads = ["us of wall time a call", "p50", "p99", "p99.9", "calls a second"]
    report.table("Latency beside a CPU-bound thread, each pinned to its own core", heads, rows)
    verdicts = [Verdict("p99 beside a CPU-bound thread", found[OURS].p99, targets.P99_US, "us")]
    report.verdicts(verdicts)
    return found, verdicts
