# SPDX-License-Identifier: MIT OR Apache-2.0
"""Asks a model, in a way that survives its outages.

To be tried against ``trifuse chaos``:

    trifuse chaos --port 8765 --default overloaded
    python examples/llm/ask.py --base-url http://127.0.0.1:8765/v1 "What is a circuit breaker?"

Needs ``trifuse[openai]``. Without ``--base-url`` it asks OpenAI, with the key in OPENAI_API_KEY.
"""

# A program prints, and stands alone.
# ruff: noqa: INP001, T201

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from openai import AsyncOpenAI
from trifuse import last_call
from trifuse.contrib.openai import protect

PREPARED = {"hello": "Hello! I answer from a list, because the model is away."}


def rules(messages: list[dict[str, str]], **_: object) -> str:
    """Answer from a list. Raises KeyError for what is not in it, and the next level is asked."""
    return PREPARED[messages[-1]["content"].strip(" !.?").lower()]


def client_for(base_url: str | None) -> AsyncOpenAI:
    """Make the one client of the program: guarded, with a second model, rules and a last word."""
    key = os.environ.get("OPENAI_API_KEY") or ("none" if base_url else None)
    plain = AsyncOpenAI(api_key=key, base_url=base_url)
    spare = protect(plain, name="spare model", retry=None, request_timeout=5)

    async def second_model(messages: list[dict[str, str]], **body: object) -> object:
        return await spare.chat.completions.create(**{**body, "messages": messages, "model": "gpt-4o-mini"})

    return protect(
        plain,
        name="model",
        request_timeout=10,
        fallback=[second_model, rules, "The model does not answer. Please ask again in a minute."],
        rpm=500,
        tpm=90_000,
    )


async def answer(client: AsyncOpenAI, question: str) -> None:
    """Print the answer as it comes, and what gave it."""
    asked = [{"role": "user", "content": question}]
    stream = await client.chat.completions.create(model="gpt-4o", messages=asked, stream=True)
    told = last_call()
    async with stream:
        async for chunk in stream:
            print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
    print(f"\n({told.fallback if told and told.degraded else 'the model'})", file=sys.stderr)


async def main() -> None:
    """Ask each question."""
    parser = argparse.ArgumentParser(description="Ask a model.")
    parser.add_argument("--base-url", help="of the server, such as that of trifuse chaos")
    parser.add_argument("questions", nargs="*", default=["hello"], help="what to ask")
    given = parser.parse_args()
    async with client_for(given.base_url) as client:
        for question in given.questions:
            await answer(client, question)


if __name__ == "__main__":
    asyncio.run(main())
