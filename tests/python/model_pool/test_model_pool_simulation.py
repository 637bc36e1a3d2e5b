# SPDX-License-Identifier: MIT OR Apache-2.0
# Five minutes of traffic in virtual time: one of three deployments dies and heals. docs/model-pool.md has the figures.
import asyncio
import random
from collections import Counter

import pytest
from trifuse import Deployment, ModelPool, RefusedError
from trifuse._sleep import sleep_async

RATE = 10
DIES, HEALS, ENDS = 60, 180, 300
PRICES = {"cheap": 1, "middle": 3, "dear": 10}
SPEEDS = {"cheap": 0.8, "middle": 1.0, "dear": 0.6}


class World:
    """Three places that take about so long; ``cheap`` is dead from DIES to HEALS, by errors and by silence."""

    def __init__(self, clock, seed, silent):
        self.clock, self.begun, self.silent = clock, clock.now, silent
        self.chance = random.Random(seed)
        self.reached = {name: Counter() for name in PRICES}

    @property
    def now(self):
        return self.clock.now - self.begun

    @property
    def phase(self):
        return "before" if self.now < DIES else "outage" if self.now < HEALS else "after"

    def place(self, name):
        async def call():
            phase, dead = self.phase, name == "cheap" and DIES <= self.now < HEALS
            self.reached[name][phase] += 1
            if dead and self.silent:
                await sleep_async(3600 * 10**9)
            await sleep_async(round(SPEEDS[name] * self.chance.lognormvariate(0, 0.3) * 1e9))
            if dead:
                raise ConnectionResetError
            return name

        return call


def simulated(clock, run, strategy, *, silent=False, names=tuple(PRICES), **fields):
    """Give (failed calls, requests that reached the dead place, p95 and slow answers meanwhile, back after)."""
    world = World(clock, 7, silent)
    deployments = [Deployment(name, world.place(name), price=PRICES[name], timeout=5) for name in names]
    pool = ModelPool(deployments, name=strategy, strategy=strategy, seed=3, **fields)
    answered, took, back = Counter(), [], []

    async def one(number):
        await sleep_async(number * 10**9 // RATE)
        phase, begun = world.phase, world.now
        try:
            name = await pool()
        except (ConnectionResetError, RefusedError, TimeoutError):
            name = "failed"
        answered[name] += 1
        if phase == "outage" and name != "failed":
            took.append(world.now - begun)
        if phase == "after" and name == "cheap":
            back.append(begun - HEALS)

    async def main():
        await asyncio.gather(*(one(number) for number in range(RATE * ENDS)))

    run(main())
    took.sort()
    p95 = round(took[len(took) * 95 // 100], 1) if took else None
    slow = sum(seconds > 5 for seconds in took)
    assert sum(answered.values()) == RATE * ENDS
    return answered["failed"], world.reached["cheap"]["outage"], p95, slow, round(min(back))


# What the page tells: calls that failed, requests that reached the dead place, p95 and slow answers meanwhile.
# Bounds leave room for where the windows of breakers and histograms happen to begin.
FIGURES = {
    ("order", False): (0, 20, 1.8, 0),
    ("order", True): (0, 65, 2.7, 65),
    ("price", False): (0, 20, 1.8, 0),
    ("latency", False): (0, 16, 1.5, 0),
    ("weighted", False): (0, 16, 1.7, 0),
}


@pytest.mark.parametrize(("strategy", "silent"), FIGURES)
def test_an_outage_of_one_of_three_costs_no_call(clock, run, strategy, silent):
    *figures, back = simulated(clock, run, strategy, silent=silent)
    assert all(figure <= most for figure, most in zip(figures, FIGURES[strategy, silent], strict=True)), (
        figures
    )
    assert figures[1] >= 5
    assert 0 <= back <= 35  # the open time, and the calls of that time


def test_alone_with_its_breaker_the_dead_one_fails_all_calls_of_the_outage(clock, run):
    failed, reached, *_ = simulated(clock, run, "order", names=["cheap"])
    assert failed >= (HEALS - DIES) * RATE
    assert reached <= 20


def test_a_hedge_answers_for_some_that_would_have_waited_for_the_silent(clock, run):
    failed, reached, p95, slow, _ = simulated(clock, run, "order", silent=True, hedge_after="p95")
    assert failed == 0
    assert reached <= 75
    assert p95 <= 2.7
    assert slow < simulated(clock, run, "order", silent=True)[3]
