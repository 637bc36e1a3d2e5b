# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ways to use the client that are compared where the server has more to do than it can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine

from openai import AsyncOpenAI, OpenAIError

from trifuse import (
    AdaptiveLimit,
    CircuitBreaker,
    Fallback,
    Pipeline,
    Retry,
    RetryBudget,
    fallback,
)
from trifuse._demo._lanes import OPEN_SECONDS, WINDOW, Lane, cached_answer, plain_ask, plain_stream

RETRIES = 4
_Ask = Callable[[str], Coroutine[None, None, str]]


def naive(key: str, label: str, client: AsyncOpenAI) -> Lane:
    """Make the lane of a loop around the client, as it is often written."""

    async def ask(question: str) -> str:
        for _ in range(RETRIES):
            try:
                return await plain_ask(client, question)
            except OpenAIError:
                pass
        return await plain_ask(client, question)

    return Lane(key, label, client, ask, _no_streams(client))


def budgeted(key: str, label: str, client: AsyncOpenAI, timeout: float) -> Lane:
    """Make the lane with as many retries, but a budget for them and a breaker."""
    breaker = CircuitBreaker(
        "llm", preset="llm", window_count=WINDOW, open_duration=OPEN_SECONDS,
        request_timeout=timeout, registry=None,
    )  # fmt: skip
    budget = RetryBudget(ratio=0.1, floor=0.1)
    pipeline = Pipeline(
        "llm",
        Fallback(cached_answer, on=Exception),
        Retry(max_retries=RETRIES, delay=0.1, jitter="full", budget=budget),
        breaker,
    )

    @pipeline
    async def ask(question: str) -> str:
        return await plain_ask(client, question)

    return Lane(key, label, client, ask, _no_streams(client), guarded=True, breaker=breaker)


def limited(key: str, label: str, client: AsyncOpenAI, timeout: float) -> Lane:
    """Make the lane with an adaptive limit: what the server can't do in time is not sent to it."""
    limit = AdaptiveLimit("aimd", limit=8, timeout=timeout / 2, name="llm")

    @fallback(cached_answer, on=Exception)
    @limit
    async def ask(question: str) -> str:
        return await plain_ask(client, question)

    return Lane(key, label, client, ask, _no_streams(client), guarded=True, limit=limit)


def _no_streams(client: AsyncOpenAI) -> Callable[[str], AsyncIterator[str]]:
    def stream(question: str) -> AsyncIterator[str]:
        return plain_stream(client, question)

    return stream
