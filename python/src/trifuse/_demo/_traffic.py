# SPDX-License-Identifier: MIT OR Apache-2.0
"""The users: questions come at a steady rate whatever becomes of the earlier ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from trifuse import last_fallback
from trifuse._demo._lanes import Lane
from trifuse._demo._scenario import Scenario

Got = Literal["answer", "fallback", "error"]


class Call(NamedTuple):
    """What one user saw. Times are monotonic; ``error`` is the type of what was raised."""

    lane: str
    began: float
    ended: float
    streaming: bool
    got: Got
    error: str | None

    @property
    def seconds(self) -> float:
        """How long the user waited."""
        return self.ended - self.began


class Traffic:
    """The users of all lanes; the same question at the same moment in each."""

    def __init__(self, lanes: Sequence[Lane], scenario: Scenario) -> None:
        """Take the lanes and what says when a question comes."""
        self.lanes = lanes
        self.scenario = scenario
        self.calls: list[Call] = []
        self.waiting = dict.fromkeys((lane.key for lane in lanes), 0)

    async def run(self) -> None:
        """Let users come, then wait until the last has left."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as users:
            for number, moment in enumerate(self.scenario.moments()):
                await asyncio.sleep(began + moment - time.monotonic())
                for lane in self.lanes:
                    users.create_task(self._user(lane, number))

    async def _user(self, lane: Lane, number: int) -> None:
        question = f"question {number}"
        streaming = self.scenario.script.streams and number % 2 == 1
        self.waiting[lane.key] += 1
        began = time.monotonic()
        got: Got = "answer"
        failed: str | None = None
        try:
            await _read(lane, question, streaming=streaming)
            if lane.guarded and last_fallback.get() is not None:
                got = "fallback"
        except Exception as error:  # noqa: BLE001 - whatever it is, the user has no answer
            got, failed = "error", type(error).__name__
        finally:
            self.waiting[lane.key] -= 1
        self.calls.append(Call(lane.key, began, time.monotonic(), streaming, got, failed))


async def _read(lane: Lane, question: str, *, streaming: bool) -> str:
    if streaming:
        return "".join([word async for word in lane.stream(question)])
    return await lane.ask(question)
