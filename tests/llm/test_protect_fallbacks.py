# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: what answers in place of a call, in the types of the SDK."""

from __future__ import annotations

import pytest
from trifuse import RateLimitedError
from trifuse.testing.chaos import answer, content_filter, context_length, hang, status, stream, unauthorized


@pytest.fixture
def side(diagonal):
    return diagonal


def test_a_text_answers_in_the_type_of_the_sdk(side):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    given = side.call()
    assert type(given).__name__ in {"ChatCompletion", "Message"}
    assert side.text(given) == "Sorry"
    assert given.model == "m"
    assert side.counts == (0, 1, 0)


def test_a_text_answers_as_a_stream_of_the_sdk(side):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    events = side.stream()
    assert side.pieces(events) == ["Sorry"]
    side.close(events)


def test_a_text_answers_the_helpers_of_the_sdk(side):
    side.protect(fallback="Sorry")
    side.server.default = hang()
    side.protect(fallback="Sorry", name=f"{side.name}-2", request_timeout=0.2)
    manager = side.helper()
    helper = side.enter(manager)
    assert side.final(helper) == "Sorry"
    side.leave(manager)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_text_answers_the_raw_view(side, streamed):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    more = {} if side.provider == "openai" else {"max_tokens": 9}
    made = side.view("with_raw_response").create(model="m", messages=[], stream=streamed, **more)
    parsed = side.run(side.run(made).parse())
    assert (side.pieces(parsed) if streamed else [side.text(parsed)]) == ["Sorry"]


def test_responses_and_completions_are_answered_too(openai_side):
    side = openai_side
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    client = side.client
    assert side.run(client.responses.create(model="m", input="Hi")).output_text == "Sorry"
    helper = side.enter(client.responses.stream(model="m", input="Hi"))
    assert side.run(helper.get_final_response()).output_text == "Sorry"
    side.server.script(status(500), path="/v1/completions")
    assert side.run(client.completions.create(model="m", prompt="Hi")).choices[0].text == "Sorry"


def test_a_fallback_gets_what_was_asked_for_and_the_error(side):
    seen = {}

    def answers(error, **body):
        seen.update(body, error=error)
        return "instead"

    side.protect(fallback=answers)
    side.server.default = status(500)
    assert side.ask(metadata={"user_id": "u"}) == "instead"
    assert (seen["model"], seen["metadata"]) == ("m", {"user_id": "u"})
    assert seen["messages"] == [{"role": "user", "content": "Hi"}]
    assert isinstance(seen["error"], side.sdk.InternalServerError)


def test_a_second_model_answers_calls_and_streams(side):
    other = side.original.with_options(max_retries=0)

    def second(**body):
        return side.start(other, **{**body, "model": "second"})

    side.protect(fallback=[second, "Sorry"])
    side.server.script(status(500), answer("from second"))
    assert side.ask() == "from second"
    side.server.script(status(500), stream("from ", "second"))
    assert side.pieces(side.stream()) == ["from ", "second"]
    assert [request.body["model"] for request in side.server.requests] == ["m", "second"] * 2


def test_the_levels_are_asked_in_order(side):
    def broken(**_body):
        raise KeyError

    side.protect(fallback=[broken, lambda: "rules", "Sorry"])
    side.server.default = status(500)
    assert side.ask() == "rules"


def test_a_dictionary_answers_as_what_the_api_would_have_sent(openai_side):
    side = openai_side
    kept = answer_of("kept")
    side.protect(fallback=lambda: kept)
    side.server.default = status(500)
    assert side.ask() == "kept"
    assert side.pieces(side.stream()) == ["kept"]


def answer_of(text):
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }  # fmt: skip


def test_a_refused_call_is_answered_too(side):
    side.protect(fallback="Sorry", rpm=1, max_wait=0)
    assert side.ask() == "hello"
    assert side.ask() == "Sorry"
    assert len(side.server.requests) == 1


def test_without_a_fallback_a_refusal_is_raised(side):
    side.protect(rpm=1, max_wait=0)
    side.ask()
    with pytest.raises(RateLimitedError):
        side.ask()


def test_a_mistake_of_the_caller_is_not_covered_up(side):
    side.protect(fallback="Sorry")
    side.server.default = unauthorized()
    with pytest.raises(side.sdk.AuthenticationError):
        side.call()


def test_kinds_of_failures_have_fallbacks_of_their_own(side):
    side.protect(
        fallback={"context_length": ["Shorter"], "content_filter": ["Politer"], "default": ["Sorry"]}
    )
    reason = "content_filter" if side.provider == "openai" else "refusal"
    steps = {
        "Shorter": context_length(), "Sorry": status(500), "Politer": answer("cut", finish_reason=reason),
    }  # fmt: skip
    for expected, step in steps.items():
        side.server.script(step)
        assert side.ask() == expected
    if side.provider == "openai":
        side.server.script(content_filter())
        assert side.ask() == "Politer"


def test_embeddings_have_their_own_fallback(openai_side):
    side = openai_side
    side.protect(
        fallback="Sorry", embeddings={"fallback": lambda **body: {"data": [], "model": body["model"]}}
    )
    side.server.default = status(500)
    assert side.embed().data == []


def test_a_text_cannot_answer_where_there_is_no_text(openai_side):
    side = openai_side
    side.protect(embeddings={"fallback": "Sorry"})
    side.server.default = status(500)
    with pytest.raises(TypeError, match="a text cannot answer embeddings"):
        side.embed()


def test_fallbacks_of_the_text_do_not_answer_embeddings(openai_side):
    side = openai_side
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    with pytest.raises(side.sdk.InternalServerError):
        side.embed()
