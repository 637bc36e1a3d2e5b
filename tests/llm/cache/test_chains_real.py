# SPDX-License-Identifier: MIT OR Apache-2.0
# Chains and caches around real calls of the official clients: what each server is asked, what the caller gets.
import asyncio

import anthropic
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion
from trifuse import CircuitBreaker, Fallback, Pipeline
from trifuse._fallback_level import FallbackLevel
from trifuse._last_call import last_call
from trifuse.cache import PydanticCodec, ResultCache, SqliteStore
from trifuse.classify import Kind
from trifuse.testing.chaos import (
    ChaosServer,
    answer,
    content_filter,
    context_length,
    hang,
    reset,
    status,
    stream,
)

ASKED = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def servers():
    """The server of the first model, and that of the second."""
    with ChaosServer() as first, ChaosServer() as second:
        second.default = answer("second")
        yield first, second


def openai_client(server):
    http = httpx2.AsyncClient(verify=False, timeout=20)
    return openai.AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0, http_client=http)


def anthropic_client(server):
    http = httpx2.AsyncClient(verify=False, timeout=20)
    return anthropic.AsyncAnthropic(
        api_key="k", base_url=server.anthropic_url, max_retries=0, http_client=http
    )


def fresh_breaker(name, **settings):
    fields = {"consecutive_failures": 3, "failure_rate_threshold": 1.0, "request_timeout": 0.3, **settings}
    return CircuitBreaker(name, registry=None, **fields)


def test_cache_then_second_model_then_value_each_with_its_own_breaker(servers):
    first, second = servers
    cache = ResultCache(ttl=1e-9)

    async def main():
        async with openai_client(first) as one, anthropic_client(second) as two:

            async def ask_second(prompt):
                message = await two.messages.create(model="m", max_tokens=9, messages=ASKED)
                return message.content[0].text

            level = FallbackLevel(ask_second, breaker=fresh_breaker("second"), name="second model")
            breaker = fresh_breaker("first")
            chain = Fallback(cache.lookup, level, "Sorry.", name="chain")

            @Pipeline("answers", chain, cache, breaker)
            async def ask(prompt):
                done = await one.chat.completions.create(model="m", messages=ASKED)
                return done.choices[0].message.content

            first.default = answer("first")
            assert await ask("known") == "first"
            first.default = status(500)
            for _ in range(6):
                assert (await ask("known"), last_call().fallback) == ("first", "ResultCache.lookup")
            assert breaker.state == "open"
            assert len(first.requests) == 1 + 3
            assert (await ask("new"), last_call().fallback) == ("second", "second model")
            second.default = status(529)
            for _ in range(6):
                assert (await ask("new"), last_call().level) == ("Sorry.", 3)
            assert level.breaker.state == "open"
            assert len(second.requests) == 1 + 3
            assert list(cache.store._entries) == ["llm:known"]
            assert [count.answered for count in chain.snapshot().levels] == [6, 1, 6]

    asyncio.run(main())


def test_the_kind_of_a_real_error_chooses_the_chain(servers):
    first, second = servers

    async def main():
        async with openai_client(first) as one, openai_client(second) as two:

            async def larger(prompt):
                done = await two.chat.completions.create(model="larger", messages=ASKED)
                return done.choices[0].message.content

            breaker = fresh_breaker(
                "kinds",
                fallback={"context_length": [larger], "content_filter": ["No."], "default": ["Sorry."]},
            )

            @breaker
            async def ask(prompt):
                return await one.chat.completions.create(model="m", messages=ASKED)

            first.script(context_length(), content_filter(), status(401), hang(), hang(), hang())
            assert (await ask("x"), last_call().kind) == ("second", Kind.context_length)
            assert (await ask("x"), last_call().kind) == ("No.", Kind.content_filter)
            with pytest.raises(openai.AuthenticationError):
                await ask("x")
            assert breaker.snapshot().failures == 0
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await ask("x")
            assert (await ask("x"), last_call().kind) == ("Sorry.", Kind.refused)
            assert (len(first.requests), len(second.requests)) == (6, 1)

    asyncio.run(main())


@pytest.mark.parametrize("broken", [status(503), reset(), hang()])
def test_the_stream_of_a_second_model_takes_over_before_the_first_item_only(servers, broken):
    first, second = servers
    second.script(broken, stream("spare ", "answer"))

    async def main():
        async with openai_client(first) as one, openai_client(second) as two:

            async def opened(client):
                made = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
                async for chunk in made:
                    if chunk.choices and chunk.choices[0].delta.content:
                        yield chunk.choices[0].delta.content

            level = FallbackLevel(lambda prompt: opened(two), timeout=0.3)

            @Fallback(level, level, name="stream")
            async def words(prompt):
                async for word in opened(one):
                    yield word

            first.default = status(500)
            assert [word async for word in words("x")] == ["spare ", "answer"]
            assert last_call().level == 2
            first.default = stream("real ", "answer")
            assert [word async for word in words("x")] == ["real ", "answer"]
            assert last_call().level == 0

    asyncio.run(main())


def test_real_answers_are_kept_in_a_file_as_what_they_are(servers, tmp_path):
    first, _ = servers
    first.default = answer("kept")
    store = SqliteStore(tmp_path / "a.db", codec=PydanticCodec(ChatCompletion), timeout=5)
    cache = ResultCache(store)

    async def main():
        async with openai_client(first) as one:
            create = cache(one.chat.completions.create)
            done = await create(model="m", messages=ASKED)
            again = await create(model="m", messages=ASKED)
            other = await create(model="m", messages=ASKED, temperature=1)
            assert type(again) is ChatCompletion
            assert again == done
            assert other.choices[0].message.content == "kept"
            assert len(first.requests) == 2
            first.default = status(500)
            assert await cache.lookup.in_task(messages=ASKED, model="m") == done

    asyncio.run(main())
    assert cache.snapshot().stored == 2


def test_1000_tasks_that_ask_the_same_make_one_request(servers):
    first, _ = servers
    first.default = answer("once", after=0.1)
    cache = ResultCache()

    async def main():
        async with openai_client(first) as one:
            create = cache(one.chat.completions.create)
            made = await asyncio.gather(*(create(model="m", messages=ASKED) for _ in range(1000)))
            assert {id(each) for each in made} == {id(made[0])}
            assert len(first.requests) == 1

    asyncio.run(main())
