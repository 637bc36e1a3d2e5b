# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real OpenAI client, guarded, against a server that fails, hangs and heals."""

from __future__ import annotations

import asyncio
import time

import openai
import pytest
from trifuse import CircuitBreaker, CircuitBreakerOpenError, RequestTimeoutError, circuit_breaker

pytestmark = pytest.mark.end_to_end
MESSAGES = [{"role": "user", "content": "say hello"}]
OPENS_AT_3 = {"consecutive_failures": 3, "failure_rate_threshold": 1.0}


def sync_client(server):
    return openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)


def async_client(server):
    return openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)


def words(completion):
    return completion.choices[0].message.content


def test_errors_open_the_circuit_and_spare_the_server(model_server):
    model_server.script.extend([500] * 10)
    with sync_client(model_server) as client:

        @circuit_breaker("model", **OPENS_AT_3)
        def ask():
            return words(client.chat.completions.create(model="m", messages=MESSAGES))

        for _ in range(3):
            with pytest.raises(openai.InternalServerError):
                ask()
        for _ in range(20):
            with pytest.raises(CircuitBreakerOpenError):
                ask()
    assert model_server.requests == 3


def test_a_guarded_method_of_the_async_client_counts_what_it_awaits(model_server):
    model_server.script.extend([500, 500, 500])
    breaker = CircuitBreaker("model", **OPENS_AT_3)

    async def main():
        async with async_client(model_server) as client:
            create = breaker(client.chat.completions.create)
            for _ in range(3):
                with pytest.raises(openai.InternalServerError):
                    await create(model="m", messages=MESSAGES)
            with pytest.raises(CircuitBreakerOpenError):
                await create(model="m", messages=MESSAGES)
            breaker.reset()
            call = breaker.call(client.chat.completions.create, model="m", messages=MESSAGES)
            assert words(await call) == "hello"

    asyncio.run(main())
    assert model_server.requests == 4
    totals = breaker.snapshot()
    assert (totals.successes, totals.failures) == (1, 3)


def test_a_hang_is_cut_off_in_time_answered_by_the_fallback_and_healed(model_server):
    model_server.script.extend(["hang", "hang"])
    settings = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 0.8}

    async def main():
        async with async_client(model_server) as client:

            @circuit_breaker(
                "model", request_timeout=0.25, fallback_value="later", fallback_on=Exception, **settings
            )
            async def ask():
                return words(await client.chat.completions.create(model="m", messages=MESSAGES))

            began = time.monotonic()
            assert [await ask(), await ask()] == ["later", "later"]
            assert 0.5 <= time.monotonic() - began < 4
            assert ask.circuit_breaker.snapshot().timeouts == 2
            assert await ask() == "later"
            assert model_server.requests == 2
            await asyncio.sleep(0.85)
            assert await ask() == "hello"
            assert ask.circuit_breaker.state == "closed"

    asyncio.run(main())


def test_without_a_fallback_a_hang_is_the_timeout_error_that_names_its_setting(model_server):
    model_server.script.append("hang")

    async def main():
        async with async_client(model_server) as client:
            ask = CircuitBreaker("model", request_timeout=0.2)(client.chat.completions.create)
            with pytest.raises(RequestTimeoutError, match="request_timeout"):
                await ask(model="m", messages=MESSAGES)

    asyncio.run(main())


def test_retry_after_of_the_server_opens_for_that_long(model_server):
    model_server.script.append((429, {"Retry-After": "7"}))
    with sync_client(model_server) as client:
        breaker = CircuitBreaker("model", preset="llm")
        with pytest.raises(openai.RateLimitError):
            breaker.call(client.chat.completions.create, model="m", messages=MESSAGES)
        with pytest.raises(CircuitBreakerOpenError) as refused:
            breaker.call(client.chat.completions.create, model="m", messages=MESSAGES)
    assert 6 < refused.value.retry_after <= 7
    assert model_server.requests == 1


def test_a_callers_mistake_says_nothing_about_the_server(model_server):
    model_server.script.extend([400] * 10)
    with sync_client(model_server) as client:

        @circuit_breaker("model", ignore=openai.BadRequestError, **OPENS_AT_3)
        def ask():
            return client.chat.completions.create(model="m", messages=MESSAGES)

        for _ in range(10):
            with pytest.raises(openai.BadRequestError):
                ask()
    assert ask.circuit_breaker.state == "closed"
    assert ask.circuit_breaker.snapshot().ignored == 10


def test_a_stream_is_one_call_and_one_left_early_is_ignored(model_server):
    async def main():
        async with async_client(model_server) as client:

            @circuit_breaker("model")
            async def stream():
                async for chunk in await client.chat.completions.create(
                    model="m", messages=MESSAGES, stream=True
                ):
                    yield chunk.choices[0].delta.content or ""

            assert "".join([text async for text in stream()]) == "hello"
            early = stream()
            assert await anext(early) == "hel"
            await early.aclose()
            return stream.circuit_breaker.snapshot()

    totals = asyncio.run(main())
    assert (totals.successes, totals.failures, totals.ignored) == (1, 0, 1)
