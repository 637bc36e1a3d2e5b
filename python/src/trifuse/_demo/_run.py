# SPDX-License-Identifier: MIT OR Apache-2.0
"""One run of the demo: the server, the three lanes, the script, the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from trifuse import Snapshot, Transition
from trifuse._demo._figures import Change, Limit, Measured, recent_wait
from trifuse._demo._lanes import Lane
from trifuse._demo._scenario import Phase, Scenario
from trifuse._demo._servers import Servers, make_lanes
from trifuse._demo._traffic import Traffic

TICK = 0.25
_RECENT = 2.0


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane at one moment. ``wait`` is the median of the calls that ended in the last 2 s."""

    key: str
    label: str
    requests: int
    answers: int
    fallbacks: int
    errors: int
    waiting: int
    wait: float | None


@dataclass(frozen=True, slots=True)
class View:
    """What the screen shows at one moment."""

    elapsed: float
    phase: Phase
    breaker: Snapshot | None
    limit: int | None
    lanes: tuple[LaneView, ...]
    changes: Sequence[Change]


Show = Callable[[View], None]


async def run(script: Scenario, show: Show) -> Measured:
    """Run the script to its end; ``show`` is called every quarter of a second.

    The server and the clients are closed on every path, cancellation included.
    """
    with Servers(script.script) as servers:
        async with AsyncExitStack() as stack:
            lanes = make_lanes(servers, script.script, stack)
            for lane in lanes:
                await lane.warm_up()
            return await _Run(script, servers, lanes).to_the_end(show)


class _Run:
    def __init__(self, script: Scenario, servers: Servers, lanes: tuple[Lane, ...]) -> None:
        self.script, self.servers, self.lanes = script, servers, lanes
        self.guarded = next(lane for lane in lanes if lane.guarded)
        self.traffic = Traffic(lanes, script)
        self.measured = Measured(script, {lane.key: lane.label for lane in lanes})
        self.measured.calls, self.measured.arrivals = self.traffic.calls, servers.arrivals
        if self.guarded.breaker is not None:
            self.guarded.breaker.on_transition(self._changed)

    async def to_the_end(self, show: Show) -> Measured:
        self.measured.began = time.monotonic()
        work = asyncio.create_task(self._work())
        try:
            while not work.done():
                show(self._view())
                await asyncio.wait((work,), timeout=TICK)
            await work
        finally:
            work.cancel()
            await asyncio.wait((work,))
        show(self._view())
        return self.measured

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._change_phases())
            both.create_task(self.traffic.run())

    async def _change_phases(self) -> None:
        for phase in self.script.phases:
            await asyncio.sleep(phase.begin - self._elapsed())
            self.servers.become(phase.name)
            self.measured.phase_changes.append((self._elapsed(), phase.name))
            if phase.name == "healed":
                self.measured.repaired = time.monotonic()

    def _changed(self, event: Transition) -> None:
        change = Change(
            self._elapsed(), event.from_state, event.to_state, event.cause,
            event.window_failed, event.window_total,
        )  # fmt: skip
        self.measured.changes.append(change)

    def _elapsed(self) -> float:
        return time.monotonic() - self.measured.began

    def _view(self) -> View:
        elapsed, breaker, limit = self._elapsed(), self.guarded.breaker, self.guarded.limit
        if limit is not None:
            self.measured.limits.append(Limit(elapsed, limit.limit))
        return View(
            elapsed=elapsed,
            phase=self.script.phase(elapsed),
            breaker=None if breaker is None else breaker.snapshot(),
            limit=None if limit is None else limit.limit,
            lanes=tuple(self._lane_view(lane) for lane in self.lanes),
            changes=self.measured.changes,
        )

    def _lane_view(self, lane: Lane) -> LaneView:
        calls = self.traffic.calls
        got = [call.got for call in calls if call.lane == lane.key]
        return LaneView(
            key=lane.key,
            label=lane.label,
            requests=self.servers.requests(lane.key),
            answers=got.count("answer"),
            fallbacks=got.count("fallback"),
            errors=got.count("error"),
            waiting=self.traffic.waiting[lane.key],
            wait=recent_wait(calls, lane.key, time.monotonic() - _RECENT),
        )
