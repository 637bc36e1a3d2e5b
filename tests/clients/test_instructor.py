# SPDX-License-Identifier: MIT OR Apache-2.0
import instructor
import openai
from proof import LanguageModel, failure
from pydantic import BaseModel
from trifuse import is_retryable
from trifuse.classify import Kind, classify
from trifuse.testing import chaos


class Answer(BaseModel):
    text: str


ASKED = {
    "model": "gpt",
    "messages": [{"role": "user", "content": "hi"}],
    "response_model": Answer,
    "max_retries": 0,
}


class TestInstructor(LanguageModel):
    def settings(self, server):
        return {"base_url": server.openai_url, "api_key": "k", "max_retries": 0, "timeout": self.limit}

    def ask(self, server):
        with openai.OpenAI(**self.settings(server)) as client:
            return instructor.from_openai(client, mode=instructor.Mode.JSON).chat.completions.create(**ASKED)

    async def ask_async(self, server):
        async with openai.AsyncOpenAI(**self.settings(server)) as client:
            return await instructor.from_openai(client, mode=instructor.Mode.JSON).chat.completions.create(
                **ASKED
            )

    def test_a_call_that_works_is_a_success(self, server):
        server.default = chaos.answer('{"text": "hello"}')
        super().test_a_call_that_works_is_a_success(server)

    def test_an_answer_that_does_not_fit_is_a_failure_that_may_be_retried(self, server):
        server.default = chaos.answer('{"other": 1}')
        error, breaker = failure(lambda: self.ask(server))
        assert classify(error).kind is Kind.unknown
        assert is_retryable(error)
        assert breaker.snapshot().failures == 1

    def test_an_answer_that_was_cut_off_is_a_matter_of_length(self, server):
        server.default = chaos.answer('{"te', finish_reason="length")
        error, breaker = failure(lambda: self.ask(server))
        assert classify(error).kind is Kind.context_length
        assert breaker.snapshot().ignored == 1
