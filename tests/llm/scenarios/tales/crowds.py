# SPDX-License-Identifier: MIT OR Apache-2.0
"""Many at once: half-open circuits, cancelled tasks, stampedes."""

import asyncio
import contextlib

import trifuse
from kit.scenario import scenario
from kit.world import named
from trifuse.testing.chaos import answer, hang, status, times


@scenario(
    "of a thousand tasks at half-open exactly the configured probes are let through",
    server="answers 500 five times, then well after 0.2 s",
    reach=8,
    gets={"hello": 3, "HalfOpenLimitError": 997},
    state="closed",
    patience=8,
)
async def half_open(w):
    w.server.script(*times(status(500), 5))
    step, let_go = w.held(answer())
    w.server.default = step
    client = w.openai(retry=None, open_duration=0.05, half_open_max_calls=3, success_threshold=3)
    await w.ask_many(client, 5) if w.guarded else None
    await asyncio.sleep(0.1)
    crowd = [asyncio.ensure_future(w.ask(client)) for _ in range(1000 if w.guarded else 50)]
    await w.server.await_for(8)
    while w.guarded and sum(task.done() for task in crowd) < 997:
        await asyncio.sleep(0.005)
    let_go()
    got = await asyncio.gather(*crowd)
    return {one: got.count(one) for one in sorted(set(got), reverse=True)}


@scenario(
    "a probe whose caller leaves does not decide, and its place is free for the next",
    server="answers 500 five times, hangs once, then answers",
    reach=7,
    gets=["HalfOpenLimitError", "hello"],
    state="closed",
)
async def cancelled_probe(w):
    w.server.script(*times(status(500), 5), hang())
    client = w.openai(sdk_retries=0, retry=None, open_duration=0.05)
    await w.ask_many(client, 8 if w.guarded else 5)
    await asyncio.sleep(0.1)
    probe = asyncio.ensure_future(w.call(client))
    await w.server.await_for(6)
    early = await w.ask(client)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    return [early, await w.ask(client)]


@scenario(
    "ten thousand cancelled tasks leave no permit, no token and no connection behind",
    server="hangs",
    reach=51,
    gets=lambda got: got[0] and got[1] in {None, (0, 0, 0, 1)} and got[2] == "hello",
    state="closed",
    patience=25,
)
async def cancelled(w):
    w.server.default = hang()
    tokens = trifuse.TokenBudget(w.named(), rpm=1_000_000, tpm=1_000_000_000, max_wait=60, max_queue=20_000)
    places = trifuse.Bulkhead(50, max_queue=20_000, max_wait=60, name=w.named())
    # A caller that leaves after 10 s would count as one that had enough of it, and 10,000 tasks may take as long.
    client = w.openai(
        retry=2,
        tokens=tokens,
        bulkhead=places,
        fallback=["Sorry."],
        cancelled_counts_after=100,
        request_timeout=100,
    )
    count = 10_000 if w.guarded else 200
    tasks = [asyncio.ensure_future(w.call(client)) for _ in range(count)]
    await w.server.await_for(50 if w.guarded else count, 40)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    await w.server.await_until(lambda: w.server.in_flight == 0, 40)
    w.server.default = answer()
    after = await w.ask(client)
    seen = tokens.snapshot()
    left = (seen.in_flight, seen.waiting, places.snapshot().in_flight, seen.settled) if w.guarded else None
    return [all(isinstance(e, asyncio.CancelledError) for e in ended), left, after]


@scenario(
    "tasks that wait at a bulkhead and are cancelled leave their place to those behind them",
    server="answers when it is told to, and two at once is what it can do",
    reach=4,
    gets=[["hello"] * 4, 2],
    state="closed",
)
async def queue_of_leavers(w):
    step, let_go = w.held(answer())
    w.server.default = step
    client = w.openai(retry=None, bulkhead={"limit": 2, "max_wait": 5})
    first = [asyncio.ensure_future(w.ask(client)) for _ in range(2)]
    await w.server.await_for(2)
    leavers = [asyncio.ensure_future(w.ask(client)) for _ in range(50)]
    last = [asyncio.ensure_future(w.ask(client)) for _ in range(2)]
    await asyncio.sleep(0)
    for leaver in leavers:
        leaver.cancel()
    with contextlib.suppress(TimeoutError):
        await w.server.await_for(3, 0.3)
    let_go()
    return [await asyncio.gather(*first, *last), w.server.most_in_flight]


@scenario(
    "a hundred callers that ask the same are answered by one request",
    server="answers after 0.1 s",
    reach=1,
    gets={"hello"},
    state=None,
)
async def single_flight(w):
    from trifuse.cache import ResultCache

    w.server.default = answer(after=0.1)
    client = w.openai(retry=None)

    async def ask(prompt):
        return await w.call(client, messages=[{"role": "user", "content": prompt}])

    asked = w.guard(ResultCache(), ask)
    return set(await asyncio.gather(*(asked("the same") for _ in range(100))))


@scenario(
    "streams that are cancelled in their middle give back their places and connections",
    server="sends a piece, then keep-alives for ever",
    reach=(20, 20),
    gets=lambda got: got == [5, 5, 5, 5],
    state="closed",
    patience=6,
)
async def cancelled_streams(w):
    from trifuse.testing.chaos import stream

    w.server.default = stream("a", then=hang(keep_alive=0.05))
    client = w.openai(retry=None, bulkhead=trifuse.Bulkhead(5))
    most = []
    for _ in range(4):
        read = []
        tasks = [asyncio.ensure_future(w.read(await w.create(client, stream=True), read)) for _ in range(5)]
        while len(read) < 5:
            await asyncio.sleep(0.005)
        refused = await w.ask(client, stream=True) if w.guarded else await _waits(w, client)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await w.server.await_until(lambda: w.server.in_flight == 0)
        most.append(5 if refused == "BulkheadFullError" else refused)
    return most


async def _waits(w, client):
    return await named(asyncio.wait_for(w.call(client, stream=True), 0.2))
