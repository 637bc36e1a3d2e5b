# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: answers that are none, what fallbacks give in their place, and settings that do not fit together."""

from __future__ import annotations

import json
import time

import openai
import pytest
from trifuse import (
    Bulkhead,
    CircuitBreaker,
    ConfigurationError,
    Fallback,
    Pipeline,
    RequestTimeoutError,
    Retry,
    TokenBudget,
    registry,
)
from trifuse.contrib.openai import describe, protect, protection
from trifuse.testing.chaos import answer, hang, raw, status, times

ASKED = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def side(diagonal):
    return diagonal


def body(text):
    """Make a step that answers 200 with this JSON."""
    head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json"
    return raw(f"{head}\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())


@pytest.mark.parametrize("text", ["null", "[]", "123", "true", '["a"]'])
def test_json_that_is_no_answer_is_a_failure_as_a_page_is(side, text):
    side.protect()
    side.server.script(body(text))
    with pytest.raises(side.sdk.APIResponseValidationError, match="no answer"):
        side.call()
    assert side.counts == (0, 1, 0)


@pytest.mark.parametrize("text", ["{}", '{"choices": null, "content": null}'])
def test_an_answer_without_its_substance_is_retried_and_given_at_last_as_it_came(side, text):
    side.protect(retry={"max_retries": 1, "delay": 0.001})
    side.server.script(body(text), answer("real"))
    assert side.ask() == "real"
    assert side.counts == (1, 1, 0)
    side.server.script(body(text), body(text))
    given = side.call()
    assert getattr(given, "choices", None) is getattr(given, "content", None) is None
    assert side.counts == (1, 3, 0)


def test_an_empty_list_of_choices_is_an_answer(openai_side):
    openai_side.protect()
    openai_side.server.script(body('{"id": "1", "choices": [], "object": "chat.completion"}'))
    assert openai_side.call().choices == []
    assert openai_side.counts == (1, 0, 0)


def test_embeddings_without_data_are_none(openai_side):
    openai_side.protect()
    openai_side.server.script(*times(body('{"object": "list"}'), 2))
    for view in (openai_side.client.embeddings, openai_side.client.embeddings.with_raw_response):
        with pytest.raises(openai.APIResponseValidationError, match="No embedding data"):
            openai_side.run(view.create(model="e", input="x"))
    name = f"{openai_side.name}:embeddings"
    assert registry[name].snapshot().failures == 2
    registry.remove(name)


def test_a_path_without_its_first_slash_is_the_same_path(openai_side):
    side = openai_side
    side.protect()
    side.run(side.client.post("chat/completions", cast_to=object, body={"model": "m", "messages": ASKED}))
    assert side.counts == (1, 0, 0)


def asked(side, view, **extra):
    given = {} if side.provider == "openai" else {"max_tokens": 9}
    return side.view(view).create(model="m", messages=ASKED, **given, **extra)


def read(side, made):
    """Give the body of a response that is read in pieces, and what it was parsed into."""

    async def awaited():
        async with made as response:
            lines = [line async for line in response.iter_lines()]
            return lines, await response.parse()

    if side.asynchronous:
        return side.run(awaited())
    with made as response:
        return list(response.iter_lines()), response.parse()


def test_a_response_that_is_read_in_pieces_is_answered_with_a_body(side):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    lines, parsed = read(side, asked(side, "with_streaming_response"))
    assert "Sorry" in json.dumps(json.loads("".join(lines)))
    assert side.text(parsed) == "Sorry"


def test_a_stream_that_is_read_in_pieces_is_answered_with_its_events(side):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    lines, events = read(side, asked(side, "with_streaming_response", stream=True))
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert any("Sorry" in json.dumps(json.loads(each)) for each in data if each != "[DONE]")
    assert (data[-1] == "[DONE]") == (side.provider == "openai")
    assert side.pieces(events) == ["Sorry"]


def test_a_raw_response_that_a_fallback_gave_is_one_of_the_sdk(openai_side):
    side = openai_side
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    response = side.run(asked(side, "with_raw_response"))
    assert json.loads(response.text)["choices"][0]["message"]["content"] == "Sorry"
    assert str(response.http_request.url).endswith("/chat/completions")
    assert (response.status_code, response.elapsed.total_seconds()) == (200, 0)
    assert "authorization" not in response.http_request.headers


def test_an_sdk_that_makes_its_views_in_another_way_still_gives_the_answer(side, monkeypatch):
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    monkeypatch.setattr(type(side.client), "_process_response", lambda self: None)
    response = side.run(asked(side, "with_raw_response"))
    parsed = response.parse()
    assert side.text(side.run(parsed)) == "Sorry"
    with pytest.raises(AttributeError, match="a fallback answered"):
        response.text  # noqa: B018 - to look is the test


def test_an_answer_without_a_text_does_not_become_a_stream_of_nonsense(openai_side):
    tool = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [tool]}
    whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
        "index": 0, "message": message, "finish_reason": "tool_calls"}]}  # fmt: skip
    openai_side.protect(fallback=lambda **_: whole)
    openai_side.server.default = status(500)
    with pytest.raises(TypeError, match="must give a stream"):
        openai_side.stream()


def test_what_is_to_be_awaited_does_not_answer_for_a_synchronous_client(chaos_server):
    class Later:
        def __await__(self):
            return iter(())

    chaos_server.default = status(500)
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url) as made:
        client = protect(made, registry=None, retry=None, fallback=lambda **_: Later())
        with pytest.raises(TypeError, match="to be awaited"):
            client.chat.completions.create(model="m", messages=ASKED)


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        ({}, 92.65),
        ({"rpm": 5, "max_wait": 10}, 122.65),
        ({"rpm": 5, "bulkhead": 5, "max_wait": 10}, 152.65),
        ({"tokens": TokenBudget(rpm=5, max_wait=100)}, 392.65),
        ({"bulkhead": Bulkhead(5), "max_wait": 10}, 92.65),
        ({"bulkhead": Bulkhead(5, max_queue=5)}, None),
        ({"rpm": 5, "bulkhead": 5, "max_wait": None}, 92.65),
    ],
    ids=str,
)
def test_the_total_leaves_each_attempt_the_time_that_it_may_wait(settings, total):
    with openai.OpenAI(api_key="k") as made:
        client = protect(made, name="waits", registry=None, **settings)
        assert describe(client)["guards"]["waits"]["limits"]["total"] == total


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"per": []}, "per"),
        ({"thread": "yes"}, "thread"),
        ({"thread": 1}, "thread"),
        ({"resume": 3}, "resume"),
        ({"fallback": {"context_lenght": "Sorry"}}, "fallback"),
        ({"fallback": {}}, "fallback"),
    ],
    ids=str,
)
def test_settings_that_would_fail_in_a_call_are_refused_at_once(settings, field):
    with openai.OpenAI(api_key="k") as made, pytest.raises(ConfigurationError) as caught:
        protect(made, registry=None, **settings)
    assert caught.value.field == field


def test_a_fallback_inside_of_an_own_pipeline_is_refused():
    with openai.OpenAI(api_key="k") as made, pytest.raises(ConfigurationError, match="only as its first"):
        protect(made, pipeline=Pipeline("inner", Retry(), Fallback("Sorry")))


def test_the_time_limit_of_an_own_breaker_ends_calls(side):
    breaker = CircuitBreaker("own breaker", registry=None, request_timeout=0.25)
    side.client = side.module.protect(side.original, name=side.name, pipeline=Pipeline("own", breaker))
    limits = side.module.describe(side.client)["guards"][side.name]["limits"]
    assert [limits[name] for name in ("request_timeout", "first_content", "idle")] == [0.25] * 3
    side.server.script(hang())
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        side.call()
    assert time.monotonic() - begun < 5
    assert breaker.snapshot().timeouts == 1


def test_limits_that_were_given_beside_an_own_pipeline_are_kept(openai_side):
    breaker = CircuitBreaker("own breaker", registry=None, request_timeout=60)
    given = {"pipeline": Pipeline("own", breaker), "api": False, "embeddings": False}
    for settings, expected in (
        ({}, [60, 60, 60]),
        ({"request_timeout": 9}, [9, 9, 9]),
        ({"first_content": 5, "idle": 7}, [60, 5, 7]),
        ({"idle": None}, [60, 60, None]),
    ):
        client = protect(openai_side.original, name="n", registry=None, **given, **settings)
        limits = describe(client)["guards"]["n"]["limits"]
        assert [limits[name] for name in ("request_timeout", "first_content", "idle")] == expected


def test_long_names_of_models_are_cut(openai_side):
    openai_side.protect(per="model", registry=None)
    openai_side.call(model="m" * 100_000)
    assert max(map(len, protection(openai_side.client).snapshot())) < 300
