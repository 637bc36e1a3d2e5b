# SPDX-License-Identifier: MIT OR Apache-2.0
"""The chaos server under the real clients of OpenAI and Anthropic: types, headers, statuses."""

import json
import time
from email.utils import parsedate_to_datetime

import anthropic
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types import CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from trifuse.testing.chaos import (
    answer,
    content_filter,
    context_length,
    overloaded,
    quota,
    rate_limits,
    reasoning,
    refusal,
    status,
    stream,
    tool_call,
    unauthorized,
)

PIECES = (
    "One ",
    "two.",
    reasoning("Hm."),
    tool_call("look", {"at": 1}),
    tool_call("go"),
    "Three.",
    refusal("No."),
)
EVENTS = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "responses": TypeAdapter(ResponseStreamEvent),
    "messages": TypeAdapter(RawMessageStreamEvent),
}
WHOLE = {"chat": ChatCompletion, "responses": Response, "messages": Message}
APIS = list(WHOLE)


class TestTypes:
    def test_whole_answers_are_of_the_clients_types(self, server, call, api):
        server.default = answer(*PIECES, usage=(5, 7))
        WHOLE[api].model_validate(json.loads(call().model_dump_json(exclude_unset=True)), strict=False)

    def test_every_event_of_a_stream_is_of_the_clients_types(self, server, call, api):
        server.default = stream(*PIECES, usage=(5, 7))
        events = [event.to_dict() for event in call(stream=True)]
        assert len(events) > 6
        for event in events:
            EVENTS[api].validate_python(event)
        if api == "responses":
            assert [event["sequence_number"] for event in events] == list(range(len(events)))

    def test_the_pieces_of_an_answer_are_what_the_client_finds(self, server, calls):
        server.default = answer(*PIECES)
        message = calls["chat"]().choices[0].message
        assert (message.content, message.refusal) == ("One two.Three.", "No.")
        assert [c.function.name for c in message.tool_calls] == ["look", "go"]
        response = calls["responses"]()
        assert response.output_text == "One two.Three."
        assert [item.type for item in response.output] == [
            "message",
            "reasoning",
            "function_call",
            "function_call",
            "message",
        ]
        blocks = calls["messages"]().content
        assert [b.type for b in blocks] == ["text", "thinking", "tool_use", "tool_use", "text"]
        assert blocks[2].input == {"at": 1}

    def test_the_clients_own_helpers_put_the_events_together(self, server, calls, asked):
        server.default = stream(*PIECES, usage=(5, 7))
        with calls["anthropic"].messages.stream(model="m", max_tokens=9, messages=asked) as opened:
            message = opened.get_final_message()
        assert [b.type for b in message.content] == ["text", "thinking", "tool_use", "tool_use", "text"]
        assert (message.usage.input_tokens, message.usage.output_tokens) == (5, 7)
        with calls["openai"].responses.stream(model="m", input="Hi") as opened:
            assert opened.get_final_response().output_text == "One two.Three."
        with calls["openai"].chat.completions.stream(model="m", messages=asked) as opened:
            choice = opened.get_final_completion().choices[0]
        assert choice.message.content == "One two.Three."
        assert [c.function.arguments for c in choice.message.tool_calls] == ['{"at": 1}', "{}"]

    def test_embeddings_are_one_for_each_input_and_the_same_for_the_same(self, server, calls):
        given = calls["openai"].embeddings.create(model="e", input=["a", "b", "a"])
        CreateEmbeddingResponse.model_validate(given.to_dict())
        first, second, third = (row.embedding for row in given.data)
        assert first == third != second
        floats = calls["openai"].embeddings.create(
            model="e", input="a", dimensions=5, encoding_format="float"
        )
        assert floats.data[0].embedding == pytest.approx(first[:5])

    def test_models_are_listed_for_both_clients(self, server, calls):
        (model,) = calls["openai"].models.list()
        Model.model_validate(model.to_dict())
        assert calls["openai"].models.retrieve("some/model").id == "some/model"
        assert [m.id for m in calls["anthropic"].models.list()] == ["chaos"]

    def test_tokens_are_counted_as_the_script_says(self, server, calls, asked):
        server.default = answer(usage=(42, 1))
        assert calls["anthropic"].messages.count_tokens(model="m", messages=asked).input_tokens == 42

    def test_usage_is_told_whole_and_in_streams_where_it_is_asked_for(self, server, calls):
        server.default = answer("a b", usage=(5, 7))
        assert calls["chat"]().usage.total_tokens == 12
        assert calls["responses"]().usage.total_tokens == 12
        asked = list(calls["chat"](stream=True, stream_options={"include_usage": True}))
        assert (asked[-1].usage.prompt_tokens, asked[-1].choices) == (5, [])
        assert all(chunk.usage is None for chunk in calls["chat"](stream=True))
        assert list(calls["responses"](stream=True))[-1].response.usage.output_tokens == 7
        first, *_, delta, _stop = calls["messages"](stream=True)
        assert (first.message.usage.input_tokens, delta.usage.output_tokens) == (5, 7)

    def test_usage_may_be_missing(self, server, calls):
        server.default = answer("a", usage=False)
        assert calls["chat"]().usage is None
        assert calls["responses"]().usage is None

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("stop", ("stop", "completed", "end_turn")),
            ("length", ("length", "incomplete", "max_tokens")),
            ("content_filter", ("content_filter", "incomplete", "refusal")),
        ],
    )
    def test_the_reason_to_end_is_in_the_words_of_each_api(self, server, calls, given, told):
        server.default = answer("a", finish_reason=given)
        found = (
            calls["chat"]().choices[0].finish_reason,
            calls["responses"]().status,
            calls["messages"]().stop_reason,
        )
        assert found == told
        (*_, last) = calls["responses"](stream=True)
        assert last.type == f"response.{told[1]}"


class TestStatuses:
    @pytest.mark.parametrize(
        ("step", "of_openai", "of_anthropic"),
        [
            (unauthorized(), openai.AuthenticationError, anthropic.AuthenticationError),
            (status(403), openai.PermissionDeniedError, anthropic.PermissionDeniedError),
            (status(429), openai.RateLimitError, anthropic.RateLimitError),
            (quota(), openai.RateLimitError, anthropic.APIStatusError),
            (overloaded(), openai.InternalServerError, anthropic.OverloadedError),
            (context_length(), openai.BadRequestError, anthropic.BadRequestError),
            (content_filter(), openai.BadRequestError, anthropic.BadRequestError),
        ],
        ids=str,
    )
    def test_each_status_is_the_clients_own_error(self, server, call, api, step, of_openai, of_anthropic):
        server.default = step
        for more in ({}, {"stream": True}):
            with pytest.raises(of_anthropic if api == "messages" else of_openai):
                call(**more)

    def test_codes_and_types_are_those_of_the_apis(self, server, calls):
        told = {}
        for name, step in {"quota": quota(), "context": context_length(), "filter": content_filter()}.items():
            server.default = step
            with pytest.raises(openai.APIStatusError) as caught:
                calls["chat"]()
            told[name] = caught.value.code
        assert told == {
            "quota": "insufficient_quota",
            "context": "context_length_exceeded",
            "filter": "content_filter",
        }
        types = []
        for step in (quota(), overloaded(), status(413), status(500), status(500, type="own")):
            server.default = step
            with pytest.raises(anthropic.APIStatusError) as caught:
                calls["messages"]()
            types.append(caught.value.body["error"]["type"])
        assert types == ["billing_error", "overloaded_error", "request_too_large", "api_error", "own"]

    @pytest.mark.parametrize(
        ("more", "header", "text"),
        [
            ({"retry_after": 2}, "retry-after", "2"),
            ({"retry_after": 0.25}, "retry-after", "0.25"),
            ({"retry_after": 1.5, "retry_after_as": "ms"}, "retry-after-ms", "1500"),
            ({"retry_after": "nan"}, "retry-after", "nan"),
        ],
    )
    def test_retry_after_is_spelled_as_asked(self, server, call, api, more, header, text):
        server.default = status(429, **more)
        with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as caught:
            call()
        assert caught.value.response.headers[header] == text

    def test_a_date_is_not_before_the_time_it_stands_for(self, server, calls):
        before = time.time()
        server.default = status(429, retry_after=3, retry_after_as="date")
        with pytest.raises(openai.RateLimitError) as caught:
            calls["chat"]()
        at = parsedate_to_datetime(caught.value.response.headers["retry-after"]).timestamp()
        assert before + 3 <= at <= time.time() + 4

    def test_what_is_left_of_a_rate_limit_is_in_the_words_of_each_api(self, server, calls, asked):
        server.default = answer(limits=rate_limits(requests=(60, 59, 0.02), tokens=(90_000, 0, 75)))
        headers = calls["openai"].chat.completions.with_raw_response.create(model="m", messages=asked).headers
        assert headers["x-ratelimit-remaining-requests"] == "59"
        assert headers["x-ratelimit-reset-requests"] == "20ms"
        assert headers["x-ratelimit-reset-tokens"] == "1m15s"
        headers = (
            calls["anthropic"]
            .messages.with_raw_response.create(model="m", max_tokens=9, messages=asked)
            .headers
        )
        assert headers["anthropic-ratelimit-tokens-remaining"] == "0"
        assert headers["anthropic-ratelimit-tokens-reset"].endswith("Z")

    def test_the_clients_own_retries_are_seen(self, server):
        with openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=2) as client:
            server.default = status(500, retry_after=0.001)
            with pytest.raises(openai.InternalServerError):
                client.models.list()
        assert [r.retry_count for r in server.requests] == [0, 1, 2]
