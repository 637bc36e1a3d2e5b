# SPDX-License-Identifier: MIT OR Apache-2.0
"""The service says nothing, or too little: what ends a wait that the clients' own timeouts do not."""

import asyncio
import time

from kit.scenario import scenario
from kit.world import named_sync, took
from trifuse.testing.chaos import answer, drip, hang, pause, status, stream, times


@scenario(
    "a service that takes requests and says nothing is left alone after the preset's number of them",
    server="says nothing",
    reach=5,
    gets=[["RequestTimeoutError"] * 5 + ["CircuitBreakerOpenError"] * 5, "in time"],
    state="open",
)
async def dead(w):
    w.server.default = hang()
    client = w.openai(retry=None, request_timeout=0.3)
    began = time.monotonic()
    return [await w.ask_many(client, 10), took(began, 1.5, 9)]


@scenario(
    "an answer that trickles in is ended in time, although the client's timeout never sees a silence",
    server="sends its answer byte by byte, for 2 s",
    reach=1,
    gets=["RequestTimeoutError", "in time"],
    state="closed",
    patience=3,
)
async def trickle(w):
    w.server.default = drip(2)
    client = w.openai(retry=None, request_timeout=0.3)
    began = time.monotonic()
    return [await w.ask(client, timeout=0.2), took(began, 0.3, 1.6)]


@scenario(
    "a synchronous call that trickles in is ended in time by closing its connection",
    server="sends its answer byte by byte, for 2 s",
    reach=1,
    gets=["RequestTimeoutError", "in time", 1],
    state="closed",
    patience=3,
)
def trickle_sync(w):
    w.server.default = drip(2)
    client = w.anthropic(sync=True, retry=None, request_timeout=0.3)
    began = time.monotonic()
    got = named_sync(w.create, client, timeout=0.2)
    late = took(began, 0.3, 1.6)
    w.server.wait_until(lambda: w.server.in_flight == 0)
    return [got, late, w.server.left]


@scenario(
    "a stream that stalls behind keep-alives is ended in time, and says what was delivered",
    server="sends two pieces, then keep-alives for ever",
    reach=1,
    gets=["RequestTimeoutError after 'ab'", "in time"],
    state="closed",
)
async def stalled(w):
    w.server.default = stream("a", "b", then=hang(keep_alive=0.02))
    client = w.openai(retry=2, idle=0.3)
    began = time.monotonic()
    return [await w.ask(client, stream=True, timeout=0.2), took(began, 0.3, 5)]


@scenario(
    "pings before the first word do not count as one: another model takes over",
    server="the first model sends pings and no word, the second answers",
    reach=2,
    gets=["from the second", "in time"],
    state="closed",
)
async def no_first_word(w):
    w.server.script(model="m", default=hang(keep_alive=0.02))
    w.server.script(model="second", default=stream("from ", "the second"))
    second = w.anthropic(name=w.named(":second"), retry=None)

    async def ask_second(**body):
        return await second.messages.create(**{**body, "model": "second"})

    client = w.anthropic(retry=None, first_content=0.3, fallback=[ask_second])
    began = time.monotonic()
    return [await w.ask(client, stream=True, timeout=0.2), took(began, 0.3, 5)]


@scenario(
    "a synchronous stream that stalls behind pings is ended in time and its connection closed",
    server="sends one piece, then pings for ever",
    reach=1,
    gets=["RequestTimeoutError after 'a'", "in time", 1],
    state="closed",
)
def stalled_sync(w):
    w.server.default = stream("a", then=hang(keep_alive=0.02))
    client = w.anthropic(sync=True, retry=None, idle=0.3)
    began = time.monotonic()
    got = named_sync(lambda: list(w.create(client, stream=True, timeout=0.2)))
    late = took(began, 0.3, 5)
    w.server.wait_until(lambda: w.server.left == 1, 1)
    return [got, late, w.server.left]


@scenario(
    "a limit on all attempts together ends a call that fails slowly again and again",
    server="answers 503 after 0.5 s",
    reach=2,
    gets=lambda got: got[0] in {"RequestTimeoutError", "InternalServerError"} and got[1] == "in time",
    state="closed",
    patience=4,
)
async def total(w):
    w.server.default = status(503, after=0.5)
    client = w.openai(retry={"max_retries": 20, "delay": 0.01}, total=0.7)
    began = time.monotonic()
    return [await w.ask(client), took(began, 0.5, 1.4)]


@scenario(
    "a stream whose pieces come slowly but surely is not ended by the limit between pieces",
    server="one stream takes 0.45 s, the next stalls",
    reach=2,
    gets=["abcd", "RequestTimeoutError after 'a'"],
    state="closed",
)
async def slow_but_sure(w):
    w.server.script(stream("a", "b", "c", "d", gap=0.15), stream("a", pause(60), "b"))
    client = w.openai(retry=None, idle=0.3)
    return [await w.ask(client, stream=True), await w.ask(client, stream=True)]


@scenario(
    "a call that is given up by its caller closes its connection and counts for nothing",
    server="says nothing to ten calls, then answers 500",
    reach=15,
    gets=[["CancelledError"] * 10, ["InternalServerError"] * 5 + ["CircuitBreakerOpenError"] * 5, 10],
    state="open",
)
async def given_up(w):
    w.server.script(*times(hang(), 10))
    w.server.default = status(500)
    client = w.openai(sdk_retries=0, retry=None, consecutive_failures=5, minimum_calls=100)
    impatient = []
    for number in range(10):
        task = asyncio.ensure_future(w.call(client))
        await w.server.await_for(number + 1)
        task.cancel()
        impatient += await asyncio.gather(task, return_exceptions=True)
    outage = await w.ask_many(client, 10)
    await w.server.await_until(lambda: w.server.left == 10)
    return [[type(error).__name__ for error in impatient], outage, w.server.left]


@scenario(
    "hedging answers with the faster of two requests and gives the slower one up",
    server="the first request hangs, the second is answered",
    reach=2,
    gets=["quick", "in time", 1],
    state=None,
)
async def hedged(w):
    import trifuse

    w.server.script(hang(), answer("quick"))
    client = w.openai()
    ask = w.guard(trifuse.Hedge(0.1, share=1), lambda: w.call(client))
    began = time.monotonic()
    got = await ask()
    late = took(began, 0.1, 5)
    await w.server.await_until(lambda: w.server.left == 1)
    return [got, late, w.server.left]
