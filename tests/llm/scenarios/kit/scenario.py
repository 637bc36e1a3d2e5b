# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a scenario is, and how it is run with the guard on and off."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import anthropic
import openai
from trifuse.testing.chaos import ChaosServer

from kit.world import World

SCENARIOS: list[Scenario] = []
RESULTS: list[tuple[Scenario, Run, Run]] = []
"""What came of them in this process: with the guard, and without."""
STILL_WAITING = "still waiting"
_SLOWEST = 60.0
_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One story: what the server does, and what must come of it.

    Attributes:
        name: what is promised, in a sentence.
        server: what the server does, in words.
        reach: how many requests may reach it: a number, or (fewest, most).
        gets: what the caller gets: what the story returns, or a predicate of that.
        state: of the breaker afterwards; a dict by the ends of names where there are several; None
            where there is no breaker.
        patience: seconds after which a run without the guard counts as still waiting.
        story: the function; it is given a World and returns what the caller got.
    """

    name: str
    server: str
    reach: int | tuple[int, int]
    gets: Any
    state: str | dict[str, str] | None
    patience: float
    story: Callable[[World], Any]

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most requests."""
        return self.reach if isinstance(self.reach, tuple) else (self.reach, self.reach)


def scenario(name: str, *, server: str, reach: Any, gets: Any, state: Any, patience: float = 0.6) -> Any:
    """Make a scenario of the function below."""

    def add(story: Callable[[World], Any]) -> Callable[[World], Any]:
        SCENARIOS.append(Scenario(name, server, reach, gets, state, patience, story))
        return story

    return add


@dataclasses.dataclass
class Run:
    """What came of one run.

    Attributes:
        count: the requests that reached the server.
        got: what the story returned.
        states: of the breakers, by the end of the name.
        wrong: what is not as the scenario says, in words; the state only where there is a guard.
    """

    count: int
    got: Any
    states: dict[str, str]
    wrong: list[str]


def run(scenario: Scenario, *, guarded: bool) -> Run:
    """Run it; leaves no client, thread or breaker behind."""
    with ChaosServer() as server:
        world = World(server, f"scenario-{next(_numbers)}", guarded=guarded)
        try:
            got = _told(scenario, world, _SLOWEST if guarded else scenario.patience)
            left = world.left_behind() if guarded else []
            states = world.states()
            ran = Run(server.count, got, states, left)
        finally:
            world.end()
            server._serving.faults.clear() if not guarded else None
    _judge(scenario, ran, guarded=guarded)
    return ran


def _told(scenario: Scenario, world: World, patience: float) -> Any:
    if inspect.iscoroutinefunction(scenario.story):
        return world.runner.run(_in_time(scenario, world, patience))
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(_caught(scenario.story, world)), daemon=True)
    thread.start()
    thread.join(patience)
    if not told:
        return STILL_WAITING
    if isinstance(told[0], BaseException):
        raise told[0]
    return told[0]


def _caught(story: Callable[[World], Any], world: World) -> Any:
    try:
        return story(world)
    except BaseException as error:
        return error


async def _in_time(scenario: Scenario, world: World, patience: float) -> Any:
    began = time.monotonic()
    task = asyncio.ensure_future(scenario.story(world))
    done, _ = await asyncio.wait([task], timeout=patience)
    if not done:
        task.cancel()
        await asyncio.wait([task], timeout=2)
        return f"{STILL_WAITING} after {time.monotonic() - began:.1f} s"
    return task.result()


def _judge(scenario: Scenario, ran: Run, *, guarded: bool) -> None:
    fewest, most = scenario.bounds
    if not fewest <= ran.count <= most:
        ran.wrong.append(f"{ran.count} requests reached the server, {_words(scenario.bounds)} may")
    if not matches(ran.got, scenario.gets):
        ran.wrong.append(f"the caller got {_short(ran.got)}")
    if guarded:
        wanted = {"": scenario.state} if isinstance(scenario.state, str) else scenario.state or {}
        found = {end: ran.states.get(end) for end in wanted}
        if found != wanted:
            ran.wrong.append(f"the states are {found}, not {wanted}")


def matches(got: Any, wanted: Any) -> bool:
    """Whether it is what was wanted, a predicate or a value."""
    return bool(wanted(got)) if callable(wanted) else got == wanted


def _words(bounds: tuple[int, int]) -> str:
    fewest, most = bounds
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 110 else f"{text[:80]} ... {text[-25:]}"


def quick_sdk_retries(monkeypatch: Any) -> None:
    """Let the retries of the SDKs themselves come soon, so that runs without the guard are short."""
    for sdk in (openai, anthropic):
        monkeypatch.setattr(sdk._base_client, "INITIAL_RETRY_DELAY", 0.005)
        monkeypatch.setattr(sdk._base_client, "MAX_RETRY_DELAY", 0.01)
