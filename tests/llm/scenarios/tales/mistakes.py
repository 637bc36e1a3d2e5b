# SPDX-License-Identifier: MIT OR Apache-2.0
"""The caller is wrong, or runs out: what does not count against the service, and what ends it at once."""

import asyncio

import httpx2
from kit.scenario import scenario
from trifuse.testing.chaos import answer, content_filter, context_length, quota, status, times, unauthorized

REFUSED = ["CircuitBreakerOpenError"] * 3
MISTAKES = (status(400), unauthorized(), status(403), status(404), status(413), status(422), context_length())


@scenario(
    "no mistake of the caller counts, however many there are",
    server="answers 400, 401, 403, 404, 413, 422 and context length four times each, then 500",
    reach=28 + 28,
    gets=lambda got: got[28:] == ["InternalServerError"] * 28 + ["CircuitBreakerOpenError"] * 4,
    state="open",
)
async def mistakes(w):
    w.server.script(*MISTAKES * 4)
    w.server.default = status(500)
    client = w.openai(sdk_retries=0, retry=None, consecutive_failures=28, minimum_calls=100)
    return await w.ask_many(client, 60)


@scenario(
    "mistakes between failures neither count nor interrupt the run of failures",
    server="answers 500 and 401 in turns",
    reach=9,
    gets=lambda got: got[-3:] == ["CircuitBreakerOpenError"] * 3 and got.count("AuthenticationError") == 4,
    state="open",
)
async def interleaved(w):
    w.server.default = lambda request: status(500) if request.number % 2 else unauthorized()
    client = w.anthropic(sdk_retries=0, retry=None, consecutive_failures=5, minimum_calls=100)
    return await w.ask_many(client, 12)


@scenario(
    "a mistake is not retried and no fallback hides it",
    server="answers 422",
    reach=1,
    gets="UnprocessableEntityError",
    state="closed",
)
async def not_hidden(w):
    w.server.default = lambda request: status(422) if request.number == 1 else status(500)
    client = w.openai(fallback="Sorry.") if w.guarded else Retrying(w.openai())
    return await w.ask(client)


class Retrying:
    """What people write who retry and fall back on every error."""

    def __init__(self, client):
        self.chat = self.completions = self
        self._client = client

    async def create(self, **body):
        for _ in range(3):
            try:
                return await self._client.chat.completions.create(**body)
            except Exception:
                await asyncio.sleep(0)
        return "Sorry."


Retrying.__name__ = "RetryingOpenAI"


@scenario(
    "a prompt that is too long goes to the model that takes it, and counts for nothing",
    server="the small model says context length, the large one answers",
    reach=2,
    gets="long answer",
    state="closed",
)
async def too_long(w):
    w.server.script(model="m", default=context_length())
    w.server.script(model="large", default=answer("long answer"))
    large = w.openai(name=w.named(":large"), retry=None)

    async def ask_large(**body):
        return await large.chat.completions.create(**{**body, "model": "large"})

    client = w.openai(retry=None, fallback={"context_length": [ask_large], "default": ["Sorry."]})
    return await w.ask(client)


@scenario(
    "what the filter withheld has its own chain",
    server="answers with nothing but the filter as its reason",
    reach=1,
    gets="I cannot talk about that.",
    state="closed",
)
async def filtered(w):
    w.server.default = content_filter(error=False)
    chain = {"content_filter": ["I cannot talk about that."], "default": ["Sorry."]}
    client = w.openai(retry=2, fallback=chain)
    return await w.ask(client)


@scenario(
    "a spent quota ends it at the first request, and for long",
    server="says that the quota is spent",
    reach=1,
    gets=["RateLimitError"] + ["CircuitBreakerOpenError"] * 9,
    state="open",
)
async def spent(w):
    w.server.default = quota()
    client = w.openai(retry={"max_retries": 2, "delay": 0.001}, open_duration=0.01)
    first = await w.ask(client)
    await asyncio.sleep(0.1)  # longer than an outage would keep it open
    return [first, *await w.ask_many(client, 9)]


@scenario(
    "a full connection pool of the client is not the service's failure",
    server="answers two requests when the others have given up, then 500",
    reach=7,
    gets=lambda got: (
        got[0].count("APITimeoutError") == 18 and got[1][4:] == ["InternalServerError", *REFUSED]
    ),
    state="open",
)
async def pool_full(w):
    step, let_go = w.held(answer())
    w.server.script(step, step)
    w.server.default = status(500)
    client = w.openai(
        sdk_retries=0, retry=None, consecutive_failures=5, minimum_calls=100,
        http={"limits": httpx2.Limits(max_connections=2)},
    )  # fmt: skip
    served = [asyncio.ensure_future(w.ask(client)) for _ in range(2)]
    await w.server.await_for(2)
    crowd = await asyncio.gather(*(w.ask(client, timeout=httpx2.Timeout(5, pool=0.05)) for _ in range(18)))
    let_go()
    return [[*await asyncio.gather(*served), *crowd], await w.ask_many(client, 8)]


@scenario(
    "as many calls at once as the pool has connections, and the rest wait in line",
    server="answers after 0.05 s, and 503 if more than four ask at once",
    reach=40,
    gets=["hello"] * 40,
    state="closed",
)
async def crowd(w):
    w.server.default = lambda _: status(503) if w.server.in_flight > 4 else answer(after=0.05)
    client = w.openai(retry=None, bulkhead={"limit": 4, "max_wait": 5})
    return await asyncio.gather(*(w.ask(client) for _ in range(40)))


@scenario(
    "a burst is spread over the limit of requests a minute; what would wait too long is refused unmade",
    server="answers ten requests, then 429",
    reach=10,
    gets=lambda got: got == ["hello"] * 10 + ["TokenBudgetError"] * 5,
    state="closed",
)
async def burst(w):
    w.server.script(*times(answer(), 10))
    w.server.default = status(429, retry_after=30)
    client = w.openai(sdk_retries=0, retry=None, rpm=10, max_wait=0.2)
    return await w.ask_many(client, 15)
