# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures calls side by side: interleaved rounds, CPU time of the thread, the bare call beside them.

One round measures every subject once, in an order that changes from round to round, so that what
disturbs the machine disturbs all of them. What a subject costs is its time in a round less the time
of the bare call in the same round.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any

Call = Callable[[], Any]
AsyncCall = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    calls: int
    seconds: float
    breakers: int
    starts: int


FULL = Effort(rounds=61, calls=2_000, seconds=2.0, breakers=10_000, starts=21)
QUICK = Effort(rounds=21, calls=2_000, seconds=0.8, breakers=2_000, starts=7)


@dataclass(frozen=True)
class Cost:
    """Nanoseconds of CPU time a call: in all, and beyond the bare call of the same round."""

    median: float
    least: float
    over_median: float
    over_least: float

    def as_dict(self) -> dict[str, float]:
        """Give a form for JSON."""
        return asdict(self)


def _costs(samples: Mapping[str, list[float]], bare: str) -> dict[str, Cost]:
    floor = samples[bare]
    return {
        name: Cost(
            statistics.median(times),
            min(times),
            statistics.median(t - f for t, f in zip(times, floor, strict=True)),
            min(times) - min(floor),
        )
        for name, times in samples.items()
    }


def _turned(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def loop(call: Call, calls: int) -> float:
    """CPU nanoseconds a call of this thread."""
    started = time.thread_time_ns()
    for _ in repeat(None, calls):
        call()
    return (time.thread_time_ns() - started) / calls


async def loop_async(call: AsyncCall, calls: int) -> float:
    """CPU nanoseconds an awaited call of this thread."""
    started = time.thread_time_ns()
    for _ in repeat(None, calls):
        await call()
    return (time.thread_time_ns() - started) / calls


def measure(subjects: Mapping[str, Call], effort: Effort) -> dict[str, Cost]:
    """Measure synchronous calls; the first subject is the bare call."""
    names = list(subjects)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for call in subjects.values():
        loop(call, 200)
    gc.collect()
    gc.disable()
    try:
        for turn in range(effort.rounds):
            for name in _turned(names, turn):
                samples[name].append(loop(subjects[name], effort.calls))
            gc.collect()
    finally:
        gc.enable()
    return _costs(samples, names[0])


async def _measure_async(subjects: Mapping[str, AsyncCall], effort: Effort) -> dict[str, Cost]:
    names = list(subjects)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for call in subjects.values():
        await loop_async(call, 200)
    gc.collect()
    gc.disable()
    try:
        for turn in range(effort.rounds):
            for name in _turned(names, turn):
                samples[name].append(await loop_async(subjects[name], effort.calls))
                await asyncio.sleep(0)
            gc.collect()
    finally:
        gc.enable()
    return _costs(samples, names[0])


def measure_async(make: Callable[[], Awaitable[Mapping[str, AsyncCall]]], effort: Effort) -> dict[str, Cost]:
    """Measure asynchronous calls inside one event loop; the first subject is the bare call."""

    async def main() -> dict[str, Cost]:
        return await _measure_async(await make(), effort)

    return asyncio.run(main())
