# SPDX-License-Identifier: MIT OR Apache-2.0
"""Model pools of real clients against two servers, of which one is in trouble."""

from __future__ import annotations

import asyncio
import time

import anthropic
import httpx2
import openai
import pytest
from trifuse import Deployment, ModelPool, RefusedError, last_call, registry
from trifuse._llm.errors import StreamInterruptedError
from trifuse.contrib import anthropic as guarded_anthropic
from trifuse.contrib import openai as guarded_openai
from trifuse.testing.chaos import (
    ChaosServer,
    answer,
    context_length,
    error_event,
    hang,
    overloaded,
    quota,
    reset,
    status,
    stream,
    truncate,
    unauthorized,
)

ASKED = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}


@pytest.fixture
def servers():
    with ChaosServer() as one, ChaosServer() as two:
        one.default, two.default = answer("one"), answer("two")
        yield one, two


class Pools:
    """Makes pools of two clients of one kind, and asks them."""

    def __init__(self, provider, asynchronous, servers, runner):
        self.provider, self.asynchronous, self.servers, self.runner = provider, asynchronous, servers, runner
        self.opened = []

    def client(self, server):
        http = (httpx2.AsyncClient if self.asynchronous else httpx2.Client)(verify=False, timeout=20)
        names = {
            "openai": (openai, "OpenAI", server.openai_url),
            "anthropic": (anthropic, "Anthropic", server.anthropic_url),
        }
        module, name, url = names[self.provider]
        made = getattr(module, ("Async" if self.asynchronous else "") + name)(
            api_key="k", base_url=url, http_client=http
        )
        self.opened.append(made)
        return made

    def make(self, *settings, **fields):
        given = [*settings, {}, {}][:2]
        deployments = [
            Deployment(name, self.client(server), model=f"model-{name}", **each)
            for name, server, each in zip(("one", "two"), self.servers, given, strict=True)
        ]
        return ModelPool(deployments, **{"name": "pool", **fields})

    def ask(self, pool, **body):
        body = {**ASKED, **body}
        result = self.runner.run(pool(**body)) if self.asynchronous else pool.call(**body)
        return result.choices[0].message.content if self.provider == "openai" else result.content[0].text

    def stream(self, pool):
        events = pool.stream(**ASKED, stream=True)
        found = self.runner.run(_all(events)) if self.asynchronous else list(events)
        return "".join(filter(None, map(self.text, found)))

    def text(self, event):
        if self.provider == "openai":
            return event.choices[0].delta.content if event.choices else None
        return getattr(getattr(event, "delta", None), "text", None)

    def close(self):
        for client in self.opened:
            closing = client.close()
            if self.asynchronous:
                self.runner.run(closing)


async def _all(events):
    return [event async for event in events]


@pytest.fixture(params=["openai-sync", "openai-async", "anthropic-sync", "anthropic-async"])
def pools(request, servers):
    provider, way = request.param.split("-")
    with asyncio.Runner() as runner:
        made = Pools(provider, way == "async", servers, runner)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def _no_breakers_left():
    yield
    for name in ("pool/one", "pool/two"):
        if name in registry:
            registry.remove(name)


def counts(servers):
    return [len(server.requests) for server in servers]


@pytest.mark.parametrize("step", [status(500), status(429, retry_after=30), overloaded(), reset(), quota()])
def test_another_deployment_answers_and_each_was_asked_once(pools, servers, step):
    pool = pools.make()
    servers[0].default = step
    assert pools.ask(pool) == "two"
    assert counts(servers) == [1, 1]
    assert [server.requests[0].body["model"] for server in servers] == ["model-one", "model-two"]
    if not pools.asynchronous:
        assert last_call().deployment == "two"


@pytest.mark.parametrize("step", [status(400), unauthorized(), context_length()])
def test_a_mistake_of_the_caller_is_told_at_once(pools, servers, step):
    pool = pools.make()
    servers[0].default = step
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
        pools.ask(pool)
    assert counts(servers) == [1, 0]


def test_too_long_a_prompt_goes_to_the_larger_model(pools, servers):
    pool = pools.make({"context": 8_000}, {"context": 128_000})
    servers[0].default = context_length()
    assert pools.ask(pool) == "two"


def test_a_dead_deployment_costs_so_many_requests_and_no_more(pools, servers):
    pool = pools.make()
    servers[0].default = status(500)
    assert {pools.ask(pool) for _ in range(20)} == {"two"}
    assert counts(servers) == [5, 20]
    assert pool["one"].breaker.state == "open"


def test_a_server_that_names_a_time_is_asked_again_after_it_and_not_before(pools, servers):
    pool = pools.make()
    servers[0].script(status(429, retry_after=1))
    begun = time.monotonic()
    while pools.ask(pool) == "two":
        time.sleep(0.02)
        assert time.monotonic() - begun < 5
    assert counts(servers)[0] == 2
    first, probe = servers[0].requests
    assert 1 <= probe.at - first.at < 2


def test_one_that_hangs_is_given_up_in_time(pools, servers):
    if not pools.asynchronous:
        pytest.skip("a synchronous call of a bare client ends by the client's own timeout")
    pool = pools.make({"timeout": 0.3})
    servers[0].default = hang()
    begun = time.monotonic()
    assert pools.ask(pool) == "two"
    assert time.monotonic() - begun < 2


def test_clients_under_protect_end_in_time_in_both_ways(pools, servers):
    module = {"openai": guarded_openai, "anthropic": guarded_anthropic}[pools.provider]
    servers[0].default = hang()
    clients = [
        module.protect(pools.client(server), name=f"{name}-inside", request_timeout=0.3, retry=None)
        for name, server in zip(("one", "two"), servers, strict=True)
    ]
    pool = ModelPool(
        [Deployment(n, c, model="m") for n, c in zip(("one", "two"), clients, strict=True)], name="pool"
    )
    begun = time.monotonic()
    assert pools.ask(pool) == "two"
    assert time.monotonic() - begun < 2
    for name in ("one-inside", "two-inside"):
        registry.remove(name)


def test_streams_fail_over_before_the_first_content(pools, servers):
    pool = pools.make()
    for step in (status(503), error_event("overloaded"), stream(then=truncate())):
        servers[0].script(step)
        servers[1].script(stream("a", "b"))
        assert pools.stream(pool) == "ab"
    assert counts(servers) == [3, 3]


def test_a_stream_that_stalls_with_keep_alives_before_its_first_content_is_left_for_another(pools, servers):
    pool = pools.make({"first_content": 0.3})
    servers[0].default = stream(then=hang(keep_alive=0.05))
    servers[1].default = stream("a", "b")
    begun = time.monotonic()
    assert pools.stream(pool) == "ab"
    assert time.monotonic() - begun < 2


def test_a_stream_that_breaks_off_after_content_is_not_begun_again(pools, servers):
    pool = pools.make()
    servers[0].default = stream("a", then=truncate())
    with pytest.raises(StreamInterruptedError):
        pools.stream(pool)
    assert counts(servers) == [1, 0]
    assert pool["one"].breaker.snapshot().failures == 1


def test_a_slow_first_token_is_hedged_and_the_loser_leaves_no_connection(pools, servers):
    if not pools.asynchronous:
        pytest.skip("only asynchronous calls are hedged")
    pool = pools.make(hedge_after=0.2, hedge_share=1)
    servers[0].default = stream("slow", after=5)
    servers[1].default = stream("a", "b")
    begun = time.monotonic()
    assert pools.stream(pool) == "ab"
    assert time.monotonic() - begun < 2
    assert counts(servers) == [1, 1]
    end = time.monotonic() + 3
    while not servers[0].requests[0].left:
        pools.runner.run(asyncio.sleep(0.01))
        assert time.monotonic() < end
    assert all(one.in_flight == 0 for one in pool.snapshot().deployments.values())


def test_tokens_are_settled_by_deployment(pools, servers):
    pool = pools.make({"tpm": 10_000}, {"tpm": 20_000})
    servers[0].script(answer("one", usage=(100, 50)), status(500))
    servers[1].script(answer("two", usage=(7, 3)))
    pools.ask(pool)
    pools.ask(pool)
    used = [one.budget.snapshot().used for one in pool.deployments]
    assert used == [150, 10]
    assert [one.budget.snapshot().in_flight for one in pool.deployments] == [0, 0]


def test_when_all_fail_the_clients_own_error_is_raised_with_notes(pools, servers):
    pool = pools.make()
    servers[0].default, servers[1].default = status(500), status(429)
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as caught:
        pools.ask(pool)
    assert "one raised InternalServerError (transient)" in caught.value.__notes__[0]
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError, RefusedError)):
        for _ in range(30):
            pools.ask(pool)
    assert counts(servers)[0] <= 5


def test_a_thousand_calls_during_an_outage_are_all_answered(servers):
    servers[0].default = status(500)
    servers[1].default = answer("two")

    async def main():
        clients = [openai.AsyncOpenAI(api_key="k", base_url=s.openai_url, max_retries=2) for s in servers]
        pool = ModelPool(
            [Deployment(name, client) for name, client in zip(("one", "two"), clients, strict=True)],
            name="pool",
        )
        answers = []
        for _ in range(10):
            answers += await asyncio.gather(*(pool(model="m", **ASKED) for _ in range(100)))
        for client in clients:
            await client.close()
        return pool, [each.choices[0].message.content for each in answers]

    pool, answers = asyncio.run(main())
    assert answers == ["two"] * 1_000
    assert counts(servers)[0] <= 100  # those that were on their way when the first five had failed
    assert pool["one"].breaker.state == "open"
