# SPDX-License-Identifier: MIT OR Apache-2.0
"""The three ways to use the client that are compared in an outage, and the guarded calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from trifuse import AdaptiveLimit, CircuitBreaker, CircuitBreakerRegistry, circuit_breaker

MODEL = "demo-model"
CACHED = "(an answer from the cache)"
WINDOW = 10
MINIMUM_CALLS = 5
OPEN_SECONDS = 2.0


class UnfinishedAnswerError(Exception):
    """A stream ended without a word about its end: half an answer is not an answer."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One way to use the client. ``key`` is the API key by which the server tells it apart."""

    key: str
    label: str
    client: AsyncOpenAI
    ask: Callable[[str], Coroutine[None, None, str]]
    stream: Callable[[str], AsyncIterator[str]]
    guarded: bool = False
    breaker: CircuitBreaker | None = None
    limit: AdaptiveLimit | None = None

    async def warm_up(self) -> None:
        """Make one call under another key, so that imports and connections are not measured."""
        await plain_ask(self.client.with_options(api_key="warm-up"), "ready?")


def make_client(url: str, key: str, timeout: float, stack: AsyncExitStack) -> AsyncOpenAI:
    """Make a client of a server on loopback; it is closed with ``stack``."""
    # No proxy of the environment may stand between them.
    http = DefaultAsyncHttpxClient(trust_env=False)
    made = AsyncOpenAI(base_url=url, api_key=key, timeout=timeout, http_client=http)
    stack.push_async_callback(made.close)
    return made


def unguarded(key: str, label: str, client: AsyncOpenAI) -> Lane:
    """Make a lane of the bare client."""

    async def ask(question: str) -> str:
        return await plain_ask(client, question)

    def stream(question: str) -> AsyncIterator[str]:
        return plain_stream(client, question)

    return Lane(key, label, client, ask, stream)


def guarded(key: str, label: str, client: AsyncOpenAI, timeout: float, threshold: float) -> Lane:
    """Make the lane of the client behind a breaker; the same code but for the decorators."""
    home = CircuitBreakerRegistry()

    @circuit_breaker(
        "llm", preset="llm", window_count=WINDOW, failure_rate_threshold=threshold,
        open_duration=OPEN_SECONDS, request_timeout=timeout,
        fallback=cached_answer, fallback_on=Exception, registry=home,
    )  # fmt: skip
    async def ask(question: str) -> str:
        return await plain_ask(client, question)

    @circuit_breaker(
        "llm", preset="llm", window_count=WINDOW, failure_rate_threshold=threshold,
        open_duration=OPEN_SECONDS, request_timeout=timeout,
        fallback=cached_words, fallback_on=Exception, registry=home,
    )  # fmt: skip
    async def stream(question: str) -> AsyncIterator[str]:
        async for word in plain_stream(client, question):
            yield word

    return Lane(key, label, client, ask, stream, guarded=True, breaker=home["llm"])


async def plain_ask(client: AsyncOpenAI, question: str) -> str:
    """Ask and wait for the whole answer."""
    completion = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""


async def plain_stream(client: AsyncOpenAI, question: str) -> AsyncIterator[str]:
    """Ask and give the answer word by word."""
    chunks = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": question}], stream=True
    )
    finished = False
    async with chunks:
        async for chunk in chunks:
            choice = chunk.choices[0]
            finished = finished or choice.finish_reason is not None
            if choice.delta.content:
                yield choice.delta.content
    if not finished:
        raise UnfinishedAnswerError("the stream ended without a finish_reason")


def cached_answer(question: str) -> str:
    """Answer without the server."""
    return f"{CACHED} {question}"


def cached_words(question: str) -> list[str]:
    """Answer without the server, as the words of a stream."""
    return cached_answer(question).split(" ")
