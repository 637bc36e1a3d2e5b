# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checked by mypy, never run: a protected client keeps its type, and so does all that it gives."""

from __future__ import annotations

from typing import assert_type

from anthropic import Anthropic, AsyncAnthropic, AsyncAnthropicBedrock
from anthropic.types import Message
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, OpenAI, Stream
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from trifuse import Pipeline, Retry, TokenBudget
from trifuse.contrib import anthropic, openai

assert_type(openai.protect(OpenAI()), OpenAI)
assert_type(openai.protect(AsyncOpenAI(), preset="llm", rpm=500, tpm=90_000), AsyncOpenAI)
assert_type(openai.protect(AsyncAzureOpenAI(), name="azure", per="model"), AsyncAzureOpenAI)
assert_type(anthropic.protect(Anthropic()), Anthropic)
assert_type(anthropic.protect(AsyncAnthropicBedrock()), AsyncAnthropicBedrock)
openai.protect(OpenAI(), retry=Retry(), tokens=TokenBudget(rpm=5), bulkhead={"limit": 3}, thread=True)
openai.protect(OpenAI(), retry=None, total=30, idle=None, embeddings=False, fallback=[len, "Sorry"])
openai.protect(OpenAI(), pipeline=Pipeline("own", Retry()), open_duration=5, failure_on=OSError)

openai.protect(Anthropic())  # type: ignore[type-var]
anthropic.protect(OpenAI())  # type: ignore[type-var]
openai.protect(OpenAI(), rpm="many")  # type: ignore[arg-type]
openai.protect(OpenAI(), max_retries=3)  # type: ignore[call-arg]


def sync() -> None:
    """Calls of synchronous clients."""
    client = openai.protect(OpenAI())
    assert_type(client.chat.completions.create(model="m", messages=[]), ChatCompletion)
    chunks = client.chat.completions.create(model="m", messages=[], stream=True)
    assert_type(chunks, Stream[ChatCompletionChunk])
    assert_type(client.with_options(timeout=5), OpenAI)


async def asynchronous() -> None:
    """Calls of asynchronous clients."""
    client = openai.protect(AsyncOpenAI())
    assert_type(await client.chat.completions.create(model="m", messages=[]), ChatCompletion)
    chunks = await client.chat.completions.create(model="m", messages=[], stream=True)
    assert_type(chunks, AsyncStream[ChatCompletionChunk])
    other = anthropic.protect(AsyncAnthropic())
    assert_type(await other.messages.create(model="m", max_tokens=1, messages=[]), Message)
    assert_type(anthropic.protection(other).name, str)
    openai.describe(client)["guarded"]
