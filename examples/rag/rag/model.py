# SPDX-License-Identifier: MIT OR Apache-2.0
"""The language model. ModelDownError, a rule answers with what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam
from trifuse.classify import Kind, classify
from trifuse.contrib.openai import protect

from rag.search import Source
from rag.settings import Settings


class AnswerCutError(Exception):
    """The answer was cut off after its first words."""


class ModelDownError(Exception):
    """There was no answer."""


class Model:
    """Answers questions, word by word."""

    def __init__(self, settings: Settings) -> None:
        """Guard the client."""
        limit = settings.limits[1]
        self._name = settings.model
        self._bare = AsyncOpenAI(base_url=settings.model_url, api_key=settings.api_key)
        self._client = protect(
            self._bare, name="model", registry=settings.registry, request_timeout=limit, total=3 * limit, idle=limit,
            retry={"max_retries": 1, "delay": 0.1}, **settings.breaker,
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connections."""
        await self._bare.close()

    async def answer(self, question: str, sources: list[Source]) -> AsyncIterator[str]:
        """Give the answer in pieces. Raises ModelDownError before the first of them, AnswerCutError after it."""
        told = "\n".join(f"[{source.name}] {source.text}" for source in sources) or "(no sources)"
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": f"Answer from these sources:\n{told}"},
            {"role": "user", "content": question},
        ]
        begun = False
        try:
            async with await self._client.chat.completions.create(
                model=self._name, messages=messages, stream=True
            ) as stream:
                async for chunk in stream:
                    piece = chunk.choices[0].delta.content if chunk.choices else None
                    if piece:
                        begun = True
                        yield piece
        except Exception as error:
            if classify(error).kind is Kind.caller:
                raise  # the request is wrong: a mistake of this program, which nothing should hide
            raise (AnswerCutError if begun else ModelDownError)(str(error)) from error


def rule(sources: list[Source]) -> str:
    """Answer without a model."""
    if not sources:
        return "We cannot answer this right now. Please try again in a minute."
    return f"Our documents say: {sources[0].text}"
