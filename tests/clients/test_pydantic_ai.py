# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

import openai
import pytest
from proof import LanguageModel, failure, prove
from pydantic_ai import Agent
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from trifuse.classify import Kind, classify
from trifuse.testing import chaos


class TestPydanticAI(LanguageModel):
    extra: ClassVar = {
        "408": (chaos.status(408), Kind.timeout, {}),
        "529": (chaos.status(529), Kind.overloaded, {}),
    }

    def model(self, server, name="gpt"):
        client = openai.AsyncOpenAI(
            base_url=server.openai_url, api_key="k", max_retries=0, timeout=self.limit
        )
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))

    def ask(self, server):
        return Agent(self.model(server)).run_sync("hi")

    async def ask_async(self, server):
        return await Agent(self.model(server)).run("hi")

    def both(self, server):
        two = FallbackModel(self.model(server, "one"), self.model(server, "two"))
        return Agent(two).run_sync("hi")

    def test_a_group_of_several_models_is_what_its_first_failure_is(self, server):
        server.script(chaos.unauthorized(), model="one")
        server.script(chaos.status(429), model="two")
        assert prove(lambda: self.both(server), Kind.rate_limited)

    def test_a_group_of_mistakes_is_a_mistake(self, server):
        server.default = chaos.unauthorized()
        prove(lambda: self.both(server), Kind.caller)

    @pytest.mark.parametrize(
        ("finish", "kind"), [("content_filter", Kind.content_filter), ("length", Kind.context_length)]
    )
    def test_an_answer_without_content_is_told_by_its_reason(self, server, finish, kind):
        server.default = chaos.stream(finish_reason=finish)
        error, breaker = failure(lambda: self.ask(server))
        assert classify(error).kind is kind, repr(error)
        assert breaker.snapshot().ignored == 1

    def test_an_error_of_the_user_is_the_callers(self, monkeypatch):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        prove(lambda: Agent("openai:gpt").run_sync("hi"), Kind.caller)
