# SPDX-License-Identifier: MIT OR Apache-2.0
"""The service says when to come back, and how much may be asked of it."""

import asyncio
import itertools
import math
import threading
import time

import trifuse
from kit.scenario import scenario
from kit.world import named, named_sync, text_of, took
from trifuse import testing
from trifuse.testing.chaos import answer, rate_limits, status, stream

BUSY = 0.25
"""Seconds that a machine which is busy may add to a wait."""


def gaps(server):
    """The seconds between the requests that reached it."""
    at = [request.at for request in server.requests]
    return [later - earlier for earlier, later in itertools.pairwise(at)]


@scenario(
    "nobody asks before the time that the service named, and the probe comes within a second after it",
    server="answers 429 with a Retry-After of 0.6 s, then well",
    reach=(2, 500),
    gets=lambda got: got[0] and 0.6 <= got[1] <= 1.6 and got[2] == "hello",
    state="closed",
    patience=3,
)
async def breaker_waits(w):
    w.server.script(status(429, retry_after=0.6))
    client = w.openai(retry=None)
    first = await w.ask(client)
    last = []

    async def keep_asking():
        end = time.monotonic() + 0.9
        while time.monotonic() < end:
            last.append(await w.ask(client))
            await asyncio.sleep(0.01)

    await asyncio.gather(*(keep_asking() for _ in range(5)))
    return [first == "RateLimitError", gaps(w.server)[0], last[-1]]


@scenario(
    "a retry comes when the limit that was reached is open again, told by its reset, and not 10 % later",
    server="answers 429; no requests remain, and they are back in 1 s",
    reach=2,
    gets=lambda got: got[0] == "hello" and 1 <= got[1] <= 1.1 + BUSY,
    state="closed",
)
async def reset_header(w):
    spent = rate_limits(requests=(60, 0, 1), tokens=(90_000, 80_000, 5))
    w.server.script(status(429, limits=spent))
    client = w.openai(retry={"max_retries": 1, "delay": 0.01})
    got = await w.ask(client)
    return [got, gaps(w.server)[0]]


@scenario(
    "a Retry-After that is a date holds for the other threads of a synchronous client, and for its own retry",
    server="answers 503 with a date one to two seconds off, then well",
    reach=2,
    gets=lambda got: got[0] == "hello" and 0 <= got[1] <= 2 and got[2] == ["CircuitBreakerOpenError"] * 5,
    state="closed",
    patience=5,
)
def date(w):
    w.server.script(status(503, retry_after=1, retry_after_as="date"))
    client = w.openai(sync=True, retry={"max_retries": 1, "delay": 0.01})
    got = []
    first = threading.Thread(target=lambda: got.append(named_sync(w.create, client)))
    first.start()
    w.server.wait_until(lambda: w.server.count == 1 and w.server.in_flight == 0)
    sent = math.ceil(w.server.requests[0].at + 1 + time.time() - time.monotonic())
    w.server.wait_until(lambda: not w.guarded or w.states()[""] == "open")
    others = [named_sync(w.create, client) for _ in range(5)]
    first.join()
    came = w.server.requests[1].at + time.time() - time.monotonic()
    return [text_of(got[0]), came - sent, others]


@scenario(
    "a Retry-After of an hour is not slept through: the caller is told at once, and the circuit is open for it",
    server="answers 429 with a Retry-After of an hour",
    reach=1,
    gets=["RateLimitError", "CircuitBreakerOpenError", "in time", True],
    state="open",
)
async def an_hour(w):
    w.server.default = status(429, retry_after=3600)
    client = w.anthropic(retry={"max_retries": 2, "delay": 0.01})
    began = time.monotonic()
    first, second = await w.ask_many(client, 2)
    late = took(began, 0, 5)
    try:
        await w.call(client)
    except Exception as error:
        after = getattr(error, "retry_after", None) or 0
    return [first, second, late, 3500 < after <= 3600]


@scenario(
    "a budget is settled to the token, in both directions, and refuses what is beyond it",
    server="tells a usage of 300 tokens whatever was estimated",
    reach=3,
    gets=lambda got: got[0] == ["hello"] * 3 + ["TokenBudgetError"] and got[1] in {None, (900, 100, 0)},
    state="closed",
)
async def to_the_token(w):
    w.server.default = answer(usage=(200, 100))
    budget = trifuse.TokenBudget(w.named(), tpm=1000, default_output_tokens=200)
    client = w.openai(retry=None, tokens=budget)
    with testing.virtual_clock():  # or the budget fills meanwhile
        got = await w.ask_many(client, 3)
        seen = budget.snapshot()
        got.append(await w.ask(client))
    return [got, (seen.used, seen.tokens_available, seen.reserved) if w.guarded else None]


@scenario(
    "streams are settled by their usage, and failures give back what they took",
    server="streams with a usage of 450 tokens, fails, streams again",
    reach=3,
    gets=[["ab", "InternalServerError", "ab", "TokenBudgetError"], True],
    state="closed",
)
async def streams_settled(w):
    told = stream("a", "b", usage=(400, 50))
    w.server.script(told, status(500), told)
    w.server.default = told
    budget = trifuse.TokenBudget(w.named(), tpm=1000, default_output_tokens=300)
    client = w.openai(sdk_retries=0, retry=None, tokens=budget)
    more = {"stream": True, "stream_options": {"include_usage": True}}
    got = [await w.ask(client, **more) for _ in range(3)]
    exact = not w.guarded or (budget.snapshot().used == 900 and budget.snapshot().in_flight == 0)
    return [[*got, await w.ask(client, **more)], exact]


@scenario(
    "what others have used of the limit is learned from the headers, before a request is refused",
    server="says after the first answer that no request remains for a minute; more would get 429",
    reach=1,
    gets=["hello", "TokenBudgetError"],
    state="closed",
)
async def learned(w):
    w.server.script(answer(limits=rate_limits(requests=(100, 0, 60))))
    w.server.default = status(429, retry_after=0.001)
    client = w.openai(retry=None, rpm=100, max_wait=0)
    return await w.ask_many(client, 2)


@scenario(
    "calls that wait for their turn go in their order, none too early for the service's own limit",
    server="allows ten requests, then one each 50 ms, and answers 429 to more",
    reach=16,
    gets=[["hello"] * 16, "in order"],
    state="closed",
)
async def in_order(w):
    allowed = _Bucket(10, 0.05)
    w.server.default = lambda request: answer() if allowed.take(request.at) else status(429, retry_after=9)
    client = w.openai(sdk_retries=0, retry=None)
    paced = trifuse.RateLimit(trifuse.per_second(19), capacity=9, wait=30)
    one_at_once = trifuse.Bulkhead(1, max_queue=50, max_wait=30)  # so that none overtakes on the wire
    ask = w.guard(
        trifuse.Pipeline("paced", one_at_once, paced), lambda number: w.ask(client, user=str(number))
    )
    got = await asyncio.gather(*(ask(number) for number in range(16)))
    came = [int(request.body["user"]) for request in w.server.requests]
    return [got, "in order" if came == sorted(came) else came]


class _Bucket:
    """A server's own limit: so many at once, then one each so many seconds."""

    def __init__(self, most, each):
        self._most, self._each = most, each
        self._left, self._at = float(most), None

    def take(self, at):
        if self._at is not None:
            self._left = min(self._most, self._left + (at - self._at) / self._each)
        self._at = at
        if self._left < 1:
            return False
        self._left -= 1
        return True


@scenario(
    "a deployment that asks for time is left alone, and the others answer",
    server="the first deployment answers 429 with a Retry-After of 0.5 s, the second well",
    reach=(7, 7),
    gets=[["second"] * 5, "first", "in time"],
    state=None,
)
async def cool_down(w):
    w.server.script(status(429, retry_after=0.5), model="first", default=answer("first"))
    w.server.script(model="second", default=answer("second"))
    client = w.plain()

    def asks(model):
        async def ask():
            return await w.call(client, model=model)

        return ask

    pool = trifuse.ModelPool(
        [trifuse.Deployment(name, asks(name)) for name in ("first", "second")], name=w.named()
    )
    ask = pool if w.guarded else asks("first")
    began = time.monotonic()
    got = [await named(ask()) for _ in range(5)]
    await asyncio.sleep(max(0.55 - (time.monotonic() - began), 0))
    return [got, await named(ask()), took(began, 0.5, 5)]
