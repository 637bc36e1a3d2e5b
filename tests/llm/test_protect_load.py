# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: many calls at once, cancellation, and tokens."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import httpx2
import openai
import pytest
from trifuse import RateLimitedError, RequestTimeoutError, TokenBudget, registry
from trifuse.contrib.openai import protect
from trifuse.testing.chaos import answer, hang, rate_limits, status, stream

ASKED = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def side(diagonal):
    return diagonal


@pytest.fixture
def make(chaos_server):
    """Give a function that runs a coroutine function with a protected asynchronous client."""

    def run(work, http=None, **settings):
        async def main():
            async with openai.AsyncOpenAI(
                api_key="k",
                base_url=chaos_server.openai_url,
                http_client=http or httpx2.AsyncClient(verify=False),
            ) as client:
                return await work(protect(client, **{"name": "protected-load", "retry": None, **settings}))

        return asyncio.run(main())

    return run


def ask(client, **body):
    return client.chat.completions.create(**{"model": "m", "messages": ASKED, **body})


def test_a_thousand_calls_at_once_are_all_answered_and_all_counted(make):
    async def work(client):
        answers = await asyncio.gather(*(ask(client) for _ in range(1_000)))
        return {answer.choices[0].message.content for answer in answers}

    assert make(work, bulkhead={"limit": 50, "max_queue": 1_000}) == {"hello"}
    assert registry["protected-load"].snapshot().successes == 1_000


def test_a_thousand_calls_at_half_open_let_one_probe_through(make, chaos_server):
    async def work(client):
        chaos_server.default = status(500)
        for _ in range(5):
            with pytest.raises(openai.InternalServerError):
                await ask(client)
        await asyncio.sleep(0.06)
        chaos_server.default = answer(after=0.2)
        results = await asyncio.gather(*(ask(client) for _ in range(1_000)), return_exceptions=True)
        return sum(not isinstance(result, Exception) for result in results)

    assert make(work, open_duration=0.05) == 1
    assert len(chaos_server.requests) == 6


def test_cancelled_calls_and_streams_leave_nothing_behind(make, chaos_server, wait_until):
    chaos_server.default = stream("a", then=hang())
    tokens = TokenBudget("tokens", rpm=100_000, tpm=100_000_000)

    async def read(client):
        async for _ in await ask(client, stream=True):
            pass

    async def work(client):
        for number in range(20):
            tasks = [asyncio.ensure_future(read(client)) for _ in range(10)]
            tasks += [asyncio.ensure_future(ask(client)) for _ in range(10)]
            await asyncio.sleep(0.004 * number)
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in done} == {asyncio.CancelledError}
        del tasks, done
        gc.collect()
        await asyncio.sleep(0.02)
        bulkhead = next(part for part in _guard(client).parts if part.kind == "bulkhead")
        assert bulkhead.snapshot().in_flight == 0
        assert tokens.snapshot().in_flight == 0
        pool = client._client._transport._pool
        assert [connection for connection in pool.connections if not connection.is_idle()] == []

    make(work, bulkhead=20, tokens=tokens)
    counts = registry["protected-load"].snapshot()
    assert (counts.calls, counts.failures, counts.probes_in_flight) == (0, 0, 0)
    wait_until(lambda: all(request.left for request in chaos_server.requests))


def _guard(client):
    from trifuse.contrib.openai import protection

    return next(guard for guard in protection(client).guards if guard.budget is not None)


def test_a_cancelled_probe_gives_its_place_to_the_next(make, chaos_server):
    async def work(client):
        chaos_server.script(status(500), hang(), answer("back"))
        with pytest.raises(openai.InternalServerError):
            await ask(client)
        await asyncio.sleep(0.06)
        probe = asyncio.ensure_future(ask(client))
        await asyncio.sleep(0.1)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        return (await ask(client)).choices[0].message.content

    assert make(work, consecutive_failures=1, open_duration=0.05) == "back"


def test_tokens_are_settled_to_the_usage_of_calls_and_streams(side):
    tokens = TokenBudget("tokens", rpm=1_000, tpm=100_000)
    side.protect(tokens=tokens)
    side.server.script(answer("a", usage=(120, 30)), stream("a", "b", usage=(200, 50)))
    side.call()
    body = {"stream_options": {"include_usage": True}} if side.provider == "openai" else {}
    side.pieces(side.stream(**body))
    seen = tokens.snapshot()
    assert (seen.used, seen.in_flight, seen.reserved) == (400, 0, 0)


def test_a_call_that_failed_gives_its_tokens_back(side):
    tokens = TokenBudget("tokens", tpm=100_000)
    side.protect(tokens=tokens)
    side.server.script(status(500))
    with pytest.raises(side.sdk.InternalServerError):
        side.call()
    assert tokens.snapshot().in_flight == 0


def test_requests_beyond_the_limit_wait_or_are_refused(openai_side):
    side = openai_side
    side.protect(rpm=2, max_wait=0.05)
    side.ask()
    side.ask()
    with pytest.raises(RateLimitedError):
        side.ask()
    assert len(side.server.requests) == 2


def test_waiting_for_tokens_is_not_in_the_time_of_the_attempt(side):
    tokens = TokenBudget("tokens", rpm=100, burst=1 / 100, max_wait=5)
    side.protect(tokens=tokens, request_timeout=0.4, total=9)
    side.ask()
    assert side.ask() == "hello"
    assert side.counts == (2, 0, 0)


def test_the_budget_learns_from_what_the_server_says(side):
    tokens = TokenBudget("tokens", rpm=1_000, tpm=100_000)
    side.protect(tokens=tokens)
    limits = rate_limits(requests=(1_000, 7, 60), tokens=(100_000, 900, 60))
    side.server.script(answer(limits=limits))
    side.call()
    assert tokens.snapshot().learned >= 1


def test_waiting_for_a_place_in_the_clients_own_pool_says_nothing_about_the_service(make, chaos_server):
    async def work(client):
        chaos_server.script(hang())
        other = openai.AsyncOpenAI(api_key="k", base_url=chaos_server.openai_url, http_client=client._client)
        first = asyncio.ensure_future(ask(other))
        await asyncio.sleep(0.05)
        with pytest.raises(openai.APITimeoutError):
            await ask(client)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    http = httpx2.AsyncClient(verify=False, limits=httpx2.Limits(max_connections=1))
    make(work, request_timeout=0.3, http=http)
    counts = registry["protected-load"].snapshot()
    assert (counts.failures, counts.ignored) == (0, 1)


def test_in_a_synchronous_client_neither(chaos_server):
    chaos_server.script(hang())
    http = httpx2.Client(verify=False, limits=httpx2.Limits(max_connections=1))
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url, http_client=http) as made:
        client = protect(made, name="protected-load", retry=None, request_timeout=0.4)
        slow = threading.Thread(target=_asks_too_long, args=(client,))
        slow.start()
        time.sleep(0.15)
        with pytest.raises(openai.APITimeoutError):
            ask(protect(made, name="protected-load-2", retry=None, request_timeout=0.1))
        slow.join()
    counts = registry["protected-load-2"].snapshot()
    assert (counts.failures, counts.ignored) == (0, 1)


def _asks_too_long(client):
    with pytest.raises(RequestTimeoutError):
        ask(client)


def test_waiting_for_tokens_is_not_in_the_time_to_the_first_content(side):
    side.protect(
        tokens=TokenBudget("tokens", rpm=100, burst=1 / 100, max_wait=5), request_timeout=0.4, total=9
    )
    side.ask()
    side.server.script(stream("a"))
    assert side.pieces(side.stream()) == ["a"]
    assert side.counts == (2, 0, 0)
