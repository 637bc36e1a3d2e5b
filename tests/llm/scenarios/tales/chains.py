# SPDX-License-Identifier: MIT OR Apache-2.0
"""Something else answers: second models, caches, rules, and how one sees which."""

import asyncio

import trifuse
from kit.scenario import scenario
from kit.world import named
from trifuse.testing.chaos import answer, hang, overloaded, status


@scenario(
    "each level of a chain has its own breaker, and the last answers when all others are down",
    server="both models are down",
    reach=10,
    gets=[["Sorry."] * 20, ("Sorry.", 2, True)],
    state={"": "open", ":second": "open"},
)
async def all_down(w):
    w.server.script(model="m", default=status(500))
    w.server.script(model="second", default=overloaded())
    second = w.openai(name=w.named(":second"), retry=None)

    async def ask_second(**body):
        return await second.chat.completions.create(**{**body, "model": "second"})

    client = w.openai(retry=None, fallback=[ask_second, "Sorry."])
    got = await w.ask_many(client, 19)
    text = await w.ask(client)
    last = trifuse.last_call()
    got.append(text)
    return [got, (text, last.level, last.degraded) if last else None]


@scenario(
    "the cache answers before the second model, with what was really answered, and nothing degraded is kept",
    server="answers once, is down, and answers again",
    reach=4,
    gets=["first", "first", ["degraded"], "first", "fourth"],
    state="closed",
)
async def cached(w):
    from trifuse.cache import ResultCache

    replies = iter([answer("first"), status(500), status(500), answer("fourth")])
    w.server.default = lambda _: next(replies, status(500))
    client = w.plain()

    async def ask(prompt):
        return await w.call(client, messages=[{"role": "user", "content": prompt}])

    cache = ResultCache(serve="never")
    chain = trifuse.Fallback([cache.lookup, lambda prompt: "degraded"])
    breaker = trifuse.CircuitBreaker(w.named(), preset="llm")
    asked = w.guard(chain, w.guard(cache, w.guard(breaker, ask)))
    real = await named(asked("a"))
    from_cache = await named(asked("a"))
    unknown = [await named(asked("b"))]
    still = cache.lookup("a") if w.guarded else "nothing"
    return [real, from_cache, unknown, still, await named(asked("b"))]


@scenario(
    "a second model that hangs does not hold up the levels behind it",
    server="the first model is down, the second hangs",
    reach=2,
    gets=["rules", "in time"],
    state=None,
)
async def slow_level(w):
    import time

    from kit.world import took

    w.server.script(model="m", default=status(500))
    w.server.script(model="second", default=hang())
    client = w.plain()
    limit = trifuse.Timeout(0.2)

    async def second(model):
        return await w.call(client, model="second")

    async def rules(model):
        return "rules"

    async def ask(model):
        return await w.call(client, model=model)

    chain = trifuse.Fallback([w.guard(limit, second), rules])
    began = time.monotonic()
    got = await named(w.guard(chain, ask)("m")) if w.guarded else await _by_hand(ask, second)
    return [got, took(began, 0.2, 4)]


async def _by_hand(ask, second):
    """What people write without a limit of its own for each level."""
    try:
        return await ask("m")
    except Exception:
        return await named(asyncio.wait_for(second("m"), 5))


@scenario(
    "a deployment that is slow to its first word is overtaken by the next",
    server="the first deployment hangs, the second answers at once",
    reach=2,
    gets=["quick", "second", 1],
    state=None,
)
async def overtaken(w):
    w.server.script(model="first", default=hang())
    w.server.script(model="second", default=answer("quick"))
    client = w.plain()
    made = [
        trifuse.Deployment(name, lambda name=name: w.call(client, model=name)) for name in ("first", "second")
    ]
    pool = trifuse.ModelPool(made, name=w.named(), hedge_after=0.1, hedge_share=1)
    got = await (pool() if w.guarded else w.call(client, model="first"))
    last = trifuse.last_call()
    await w.server.await_until(lambda: w.server.left == 1)
    return [got, last.deployment, w.server.left]


@scenario(
    "a pool asks each deployment once and leaves the broken ones alone",
    server="two of three deployments are down",
    reach=30,
    gets=["third"] * 20,
    state=None,
)
async def pool_of_three(w):
    w.server.script(model="first", default=status(500))
    w.server.script(model="second", default=status(503))
    w.server.script(model="third", default=answer("third"))
    client = w.plain()

    def asks(name):
        async def ask():
            return await w.call(client, model=name)

        return ask

    names = ("first", "second", "third")
    pool = trifuse.ModelPool([trifuse.Deployment(name, asks(name)) for name in names], name=w.named())

    async def by_hand():
        for name in names:
            got = await named(asks(name)())
            if got == "third":
                return got
        return got

    return [await named(pool() if w.guarded else by_hand()) for _ in range(20)]
