# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happens to each of them: the same server, the same callers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from protections import FAILURES, OPEN, Async, Sync, state_of
from trifuse.testing.chaos import (
    ChaosServer,
    answer,
    drip,
    error_event,
    hang,
    html,
    quota,
    status,
    stream,
    times,
    truncate,
)

PATIENCE = 12.0
"""Seconds after which a caller without a limit is told to be still waiting."""
KINDS = ("none", "peers", "trifuse")


class Story(NamedTuple):
    """What happens, in words, and the function that lets it happen."""

    name: str
    tell: Callable


class Outcome(NamedTuple):
    """What came of it: requests that reached the server, what callers got, seconds, state."""

    requests: int
    got: str
    seconds: float
    state: str

    def __str__(self) -> str:
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        return f"{requests}; {self.got}; {self.seconds:.1f} s; {self.state}"


async def run(story: Story, kind: str) -> Outcome:
    """Let it happen to one kind of client."""
    if asyncio.iscoroutinefunction(story.tell):
        return await _run(story, kind)
    return await asyncio.to_thread(_run_sync, story, kind)


async def _run(story: Story, kind: str) -> Outcome:
    with ChaosServer() as server:
        client = Async(server, kind)
        began = time.monotonic()
        try:
            got = await story.tell(server, client)
            return Outcome(server.count, got, time.monotonic() - began, state_of(client.breaker))
        finally:
            await client.close()


def _run_sync(story: Story, kind: str) -> Outcome:
    with ChaosServer() as server:
        client = Sync(server, kind)
        began = time.monotonic()
        try:
            got = story.tell(server, client)
            return Outcome(server.count, got, time.monotonic() - began, state_of(client.breaker))
        finally:
            client.close()


async def caught(client: Async, **body) -> str:
    """What a caller gets: text, the name of an error, or the wait."""
    try:
        return repr(await asyncio.wait_for(client.ask(**body), PATIENCE))
    except TimeoutError as error:
        return "still waiting" if type(error) is TimeoutError else type(error).__name__
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def caught_sync(client: Sync, **body) -> str:
    """What a caller gets: text or the name of an error."""
    try:
        return repr(client.ask(**body))
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def told(got: list[str]) -> str:
    """Count what several callers got."""
    counted = Counter(got)
    return ", ".join(what if n == 1 == len(got) else f"{n} x {what}" for what, n in counted.items())


async def one_after_another(client: Async, count: int) -> str:
    """So many questions, as long as the patience lasts."""
    end = time.monotonic() + PATIENCE
    got = []
    while len(got) < count and time.monotonic() < end:
        got.append(await caught(client))
    return told(got) + ("" if len(got) == count else ", then no patience")


async def outage(server, client):
    server.default = status(500)
    return await one_after_another(client, 10)


def outage_sync(server, client):
    server.default = status(500)
    return told([caught_sync(client) for _ in range(8)])


async def come_back(server, client):
    asked_at: list[float] = []

    def step(request):
        asked_at.append(request.at)
        early = request.at < asked_at[0] + 2
        return status(429, retry_after=2) if early else answer()

    server.default = step
    first = asyncio.create_task(caught(client))
    await server.await_until(lambda: server.count == 1 and server.in_flight == 0)
    await asyncio.sleep(0.05)
    others = [caught(client) for _ in range(9)]
    got = await asyncio.gather(first, *others)
    early = sum(1 for at in asked_at[1:] if at < asked_at[0] + 2)
    return f"{told(got)}; {early} requests too early"


async def nothing(server, client):
    server.default = hang()
    return await one_after_another(client, 8)


async def trickle(server, client):
    server.default = drip(5)
    return told([await caught(client)])


def trickle_sync(server, client):
    server.default = drip(5)
    return told([caught_sync(client)])


async def stall(server, client):
    server.default = stream("It ", "was", then=hang(keep_alive=0.2))
    return await caught(client, stream=True)


async def error_first(server, client):
    server.script(stream(then=error_event("Overloaded")), stream("It ", "was."))
    return await caught(client, stream=True)


async def half(server, client):
    server.default = stream("It ", "was", then=truncate())
    return await caught(client, stream=True)


async def page(server, client):
    server.script(html())
    return await caught(client)


async def spent(server, client):
    server.default = quota()
    return await one_after_another(client, 8)


async def turns(server, client):
    server.script(model="wrong", default=status(400))
    server.default = status(500)
    bodies = [{}, {"extra_body": {"model": "wrong"}}] * 6
    return told([await caught(client, **body) for body in bodies])


async def herd(server, client):
    server.script(*times(status(500), FAILURES))
    server.default = answer(after=0.3)
    for _ in range(FAILURES):
        await caught(client)
    server.script()
    await asyncio.sleep(OPEN + 0.1)
    before = server.count
    got = await asyncio.gather(*(caught(client) for _ in range(100)))
    return f"{told(got)}; {server.count - before} at half-open"


async def leave(server, client):
    server.script(*times(hang(), 20))
    tasks = [asyncio.ensure_future(client.ask()) for _ in range(20)]
    await server.await_for(20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        await server.await_until(lambda: server.left == 20, 1)
    return f"{20 - server.left} left behind, then {await caught(client)}"


ASYNC = [
    Story("An outage: 500 to all; 10 questions, one after another", outage),
    Story("429 with a Retry-After of 2 s, for all; one asks, then 9 more", come_back),
    Story("Silence: the request is taken and never answered; 8 questions", nothing),
    Story("A trickle: the answer comes byte by byte for 5 s; 1 question", trickle),
    Story("A stream stalls after two words, with keep-alives; 1 question", stall),
    Story("An error event in the stream, before its first word; the next stream is good", error_first),
    Story("A stream ends without its last event", half),
    Story("A web page with status 200, then good answers", page),
    Story("The quota is spent; 8 questions", spent),
    Story("500 and 400 (the caller's mistake) in turns; 12 questions", turns),
    Story("After an outage, 100 questions at once when the wait of the circuit is over", herd),
    Story("20 callers leave while they wait; then one asks", leave),
]
SYNC = [
    Story("An outage: 500 to all; 8 questions, one after another", outage_sync),
    Story("A trickle: the answer comes byte by byte for 5 s; 1 question", trickle_sync),
]
