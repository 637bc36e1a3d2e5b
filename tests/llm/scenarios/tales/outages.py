# SPDX-License-Identifier: MIT OR Apache-2.0
"""The service fails: how soon it is left alone, and how it is tried again."""

import asyncio
import time

import trifuse
from kit.scenario import scenario
from kit.world import named_sync, text_of, took
from trifuse.testing.chaos import answer, overloaded, reset, status, stream, times

OPENED = ["InternalServerError"] * 5 + ["CircuitBreakerOpenError"] * 15


@scenario(
    "an outage opens the circuit within the preset's number of requests",
    server="answers 500 to everything",
    reach=5,
    gets=OPENED,
    state="open",
)
async def outage(w):
    w.server.default = status(500)
    client = w.openai(retry=None)
    return await w.ask_many(client, 20)


@scenario(
    "an outage is seen by a synchronous client as soon, through whichever copy of it the calls go",
    server="is overloaded",
    reach=5,
    gets=["OverloadedError"] * 5 + ["CircuitBreakerOpenError"] * 5,
    state="open",
)
def outage_of_copies(w):
    w.server.default = overloaded()
    client = w.anthropic(sync=True, retry=None)
    copies = [client, client.with_options(timeout=5), client.copy(default_headers={"a": "b"})]
    return [named_sync(w.create, copies[n % 3]) for n in range(10)]


@scenario(
    "the attempts of retries count, so that a call with retries opens the circuit no later",
    server="answers 503 to everything",
    reach=5,
    gets=["InternalServerError"] + ["CircuitBreakerOpenError"] * 3,
    state="open",
)
async def outage_with_retries(w):
    w.server.default = status(503)
    client = w.openai(retry={"max_retries": 2, "delay": 0.001})
    return await w.ask_many(client, 4)


@scenario(
    "a service that cannot be reached is left alone, and refusals cost no time",
    server="refuses connections",
    reach=0,
    gets=[["APIConnectionError"] * 5, ["CircuitBreakerOpenError"] * 45, "in time"],
    state="open",
    patience=8,
)
async def unreachable(w):
    client = w.openai(retry=None)
    with w.server.down():
        first = await w.ask_many(client, 5)
        began = time.monotonic()
        return [first, await w.ask_many(client, 45), took(began, 0, 1)]


@scenario(
    "calls that begin together in an outage are all made, later ones are not",
    server="answers 502, when all of them are there",
    reach=30,
    gets=[["InternalServerError"] * 30, ["CircuitBreakerOpenError"] * 30],
    state="open",
)
async def outage_at_once(w):
    step, let_go = w.held(status(502))
    w.server.default = step
    client = w.openai(retry=None)
    first = [asyncio.ensure_future(w.ask(client)) for _ in range(30)]
    await w.server.await_for(30)
    let_go()
    return [await asyncio.gather(*first), await asyncio.gather(*(w.ask(client) for _ in range(30)))]


@scenario(
    "after its wait one probe is let through and closes the circuit",
    server="answers 500 five times, then well",
    reach=7,
    gets=[OPENED, "hello", "hello"],
    state="closed",
)
async def recovery(w):
    w.server.script(*times(status(500), 5))
    client = w.openai(retry=None, open_duration=0.2)
    outage = await w.ask_many(client, 20)
    await asyncio.sleep(0.25)
    return [outage, await w.ask(client), await w.ask(client)]


@scenario(
    "a probe that fails opens the circuit again for longer",
    server="answers 500 six times, then well",
    reach=7,
    gets=["InternalServerError", "CircuitBreakerOpenError", "hello"],
    state="closed",
)
async def failing_probe(w):
    w.server.script(*times(status(500), 6))
    client = w.openai(retry=None, open_duration=0.1, open_backoff_multiplier=10.0, open_duration_max=10)
    await w.ask_many(client, 10)
    await asyncio.sleep(0.15)
    probe = await w.ask(client)
    await asyncio.sleep(0.15)  # the first wait again: too early now
    early = await w.ask(client)
    await asyncio.sleep(1)
    return [probe, early, await w.ask(client)]


@scenario(
    "answers that come too slowly open the circuit although they are right",
    server="answers well, after 0.08 s",
    reach=5,
    gets=["hello"] * 5 + ["CircuitBreakerOpenError"] * 5,
    state="open",
    patience=5,
)
async def slow(w):
    w.server.default = answer(after=0.08)
    client = w.openai(retry=None, slow_call_duration=0.05, slow_call_rate_threshold=0.8)
    return await w.ask_many(client, 10)


@scenario(
    "a retry makes no more requests than its own, since the client's retries are off",
    server="answers 500 to everything",
    reach=3,
    gets="InternalServerError",
    state="closed",
)
async def multiplied(w):
    w.server.default = status(500)
    client = w.openai(retry=None)
    patient = trifuse.Retry(max_retries=2, delay=0.001)

    @patient
    async def ask():
        return await w.call(client)

    try:
        return await ask()
    except Exception as error:
        return type(error).__name__


@scenario(
    "retries of many callers are bounded by a budget",
    server="is overloaded",
    reach=(100, 140),
    gets=lambda got: got == ["OverloadedError"] * 100,
    state="closed",
)
async def retry_storm(w):
    w.server.default = overloaded()
    budget = trifuse.RetryBudget(ratio=0.1, floor=1)
    retry = trifuse.Retry(max_retries=2, delay=0.001, budget=budget)
    client = w.anthropic(retry=retry, minimum_calls=10_000)
    return await asyncio.gather(*(w.ask(client) for _ in range(100)))


@scenario(
    "a rolling restart in the middle of a minute's calls is not seen by the callers of streams",
    server="resets every third connection after its headers",
    reach=(30, 60),
    gets=["hello"] * 30,
    state="closed",
)
async def restarting(w):
    w.server.default = lambda request: stream(then=reset()) if request.number % 3 == 0 else answer()
    client = w.anthropic(retry={"max_retries": 3, "delay": 0.001})
    return [await w.ask(client, stream=True) for _ in range(30)]


@scenario(
    "an outage of embeddings does not stop the answers",
    server="answers 500 to embeddings, well to the rest",
    reach=15,
    gets=[["InternalServerError"] * 5 + ["CircuitBreakerOpenError"] * 5, ["hello"] * 10],
    state={"": "closed", ":embeddings": "open"},
)
async def embeddings(w):
    w.server.script(path="/v1/embeddings", default=status(500))
    client = w.openai(retry=None)
    embedded = []
    for _ in range(10):
        try:
            embedded.append(await client.embeddings.create(model="e", input="x"))
        except Exception as error:
            embedded.append(type(error).__name__)
    return [embedded, await w.ask_many(client, 10)]


@scenario(
    "an outage of one model does not stop the others of the same client",
    server="answers 500 to the large model, well to the small one",
    reach=15,
    gets=[["InternalServerError"] * 5 + ["CircuitBreakerOpenError"] * 5, ["hello"] * 10],
    state={":large": "open", ":small": "closed"},
)
async def models(w):
    w.server.script(model="large", default=status(500))
    client = w.openai(retry=None, per="model")
    return [await w.ask_many(client, 10, model="large"), await w.ask_many(client, 10, model="small")]


@scenario(
    "a decorated function is guarded as a client is",
    server="answers 500 to everything",
    reach=5,
    gets=["InternalServerError"] * 5 + ["Sorry."] * 5,
    state="open",
)
async def decorated(w):
    w.server.default = status(500)
    client = w.plain()

    async def ask():
        return text_of(await client.chat.completions.create(model="m", messages=[]))

    guard = trifuse.CircuitBreaker(w.named(), preset="llm", fallback=["Sorry."])
    guarded = w.guard(guard, ask)
    got = []
    for _ in range(10):
        try:
            got.append(await guarded())
        except Exception as error:
            got.append(type(error).__name__)
    return got
