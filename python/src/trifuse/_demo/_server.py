# SPDX-License-Identifier: MIT OR Apache-2.0
"""An OpenAI-compatible server on loopback that can be broken, and counts what reaches it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Self

from trifuse.testing.chaos import ChaosServer, Request, Step, answer, hang, status, stream

THINKING = 0.15
"""Seconds until a healthy answer begins."""
WORK = 0.2
"""Seconds that a worker is busy with a request, where the workers are counted."""
SLOW_WORK = 0.8
_SLUGGISH = (True, False, True, True, False)
"""Which requests in a row are too slow in a brownout: three of five."""
WORDS = ("Every", "call", "that", "cannot", "succeed", "is", "one", "too", "many.")
ANSWER = " ".join(WORDS)
_BETWEEN_WORDS = 0.015
_PIECES = (WORDS[0], *(f" {word}" for word in WORDS[1:]))
_HEALTHY = stream(*_PIECES, after=THINKING, first=_BETWEEN_WORDS, gap=_BETWEEN_WORDS)
_BROKEN = status(500, message="the demo broke this server")
_NO_MODEL = status(400, message="the body must be a JSON object with a model")


class Arrival(NamedTuple):
    """A request that reached the server: monotonic time, its API key, the condition then."""

    at: float
    key: str
    condition: str


class BreakableServer:
    """``POST /v1/chat/completions`` on a port of its own, served from a thread of its own.

    A context manager: listening and served while entered, closed afterwards. Set ``condition``
    from any thread: ``errors`` answers 500 at once, ``hangs`` accepts requests and says nothing,
    ``brownout`` does so with three requests of five, everything else answers well. ``arrivals`` is
    the server's own record.

    With ``workers`` only so many requests are worked at at once, for WORK seconds each (SLOW_WORK
    while ``slow``); the others wait in a queue, and their turn comes even if the client has left.
    """

    def __init__(self, workers: int = 0, arrivals: list[Arrival] | None = None) -> None:
        """Take the number of workers; several servers may write one record."""
        self.condition = "healthy"
        self._workers = asyncio.Semaphore(workers) if workers else None
        self._number = 0
        self.arrivals: list[Arrival] = [] if arrivals is None else arrivals
        self._server = ChaosServer(default=self._step, keep=0)

    @property
    def url(self) -> str:
        """What a client takes as its ``base_url``, once entered."""
        return self._server.openai_url

    def __enter__(self) -> Self:
        """Take a free port on loopback and begin to serve."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the port; open requests are dropped."""
        self._server.stop()

    async def _step(self, request: Request) -> Step:
        condition = self.condition
        self.arrivals.append(Arrival(request.at, request.api_key, condition))
        if request.model is None:
            return _NO_MODEL
        if condition == "errors":
            return _BROKEN
        if self._workers is not None:
            await asyncio.shield(self._work(self._workers))  # it goes on when the client leaves
            return answer(ANSWER)
        hangs = condition == "hangs" or (condition == "brownout" and self._too_slow())
        return hang() if hangs else _HEALTHY

    async def _work(self, workers: asyncio.Semaphore) -> None:
        async with workers:
            await asyncio.sleep(SLOW_WORK if self.condition == "slow" else WORK)

    def _too_slow(self) -> bool:
        self._number += 1
        return _SLUGGISH[self._number % len(_SLUGGISH)]
