# SPDX-License-Identifier: MIT OR Apache-2.0
# What each event of each API is: content, the end, an error; as objects and as dictionaries.
import types

import pytest
from trifuse import StreamInterruptedError
from trifuse._llm.formats import (
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    RAW,
    StreamFormat,
    format_of,
)


def obj(value):
    """Make objects of dictionaries, as clients do."""
    if isinstance(value, dict):
        return types.SimpleNamespace(**{key: obj(each) for key, each in value.items()})
    return [obj(each) for each in value] if isinstance(value, list) else value


def choice(reason=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def block(**fields):
    return {"type": "content_block_start", "index": 0, "content_block": fields}


def delta(**fields):
    return {"type": "content_block_delta", "index": 0, "delta": fields}


CHAT = [
    (choice(role="assistant", content=""), "nothing"),
    (choice(role="assistant"), "nothing"),
    (choice(content="a"), "content"),
    (choice(refusal="no"), "content"),
    (choice(tool_calls=[{"index": 0}]), "content"),
    (choice(function_call={"name": "f"}), "content"),
    (choice(reasoning_content="hm"), "content"),
    (choice(reasoning="hm"), "content"),
    (choice(audio={"data": "x"}), "content"),
    ({"choices": [{"index": 0, "text": "a", "finish_reason": None}]}, "content"),
    (choice("stop"), "terminal"),
    (choice("length"), "terminal"),
    (choice("content_filter"), "terminal"),
    (choice("stop", content="a"), "content terminal"),
    (choice("error"), "terminal error"),
    ({"choices": [], "error": {"message": "m", "code": "c"}}, "error"),
    ({"choices": [], "usage": {"prompt_tokens": 1}}, "nothing"),
    ({"choices": [], "prompt_filter_results": []}, "nothing"),
    ({"choices": None}, "nothing"),
    ({}, "nothing"),
]
MESSAGES = [
    ({"type": "message_start", "message": {"content": []}}, "nothing"),
    ({"type": "ping"}, "ping"),
    (block(type="text", text=""), "nothing"),
    (block(type="text", text="a"), "content"),
    (block(type="thinking", thinking=""), "nothing"),
    (block(type="tool_use", name="f"), "content"),
    (block(type="redacted_thinking", data="x"), "content"),
    (delta(type="text_delta", text="a"), "content"),
    (delta(type="text_delta", text=""), "nothing"),
    (delta(type="thinking_delta", thinking="a"), "content"),
    (delta(type="input_json_delta", partial_json=""), "nothing"),
    (delta(type="input_json_delta", partial_json="{"), "content"),
    (delta(type="citations_delta", citation={}), "content"),
    ({"type": "content_block_stop", "index": 0}, "nothing"),
    ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, "nothing"),
    ({"type": "message_stop"}, "terminal"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "error"),
    ({"type": "something_new"}, "nothing"),
]
RESPONSES = [
    ({"type": "response.created"}, "nothing"),
    ({"type": "response.in_progress"}, "nothing"),
    ({"type": "response.output_item.added", "item": {"type": "message"}}, "nothing"),
    ({"type": "response.output_item.added", "item": {"type": "reasoning"}}, "nothing"),
    ({"type": "response.output_item.added", "item": {"type": "function_call"}}, "content"),
    ({"type": "response.content_part.added"}, "nothing"),
    ({"type": "response.output_text.delta", "delta": "a"}, "content"),
    ({"type": "response.output_text.delta", "delta": ""}, "nothing"),
    ({"type": "response.refusal.delta", "delta": "a"}, "content"),
    ({"type": "response.reasoning_summary_text.delta", "delta": "a"}, "content"),
    ({"type": "response.function_call_arguments.delta", "delta": "{"}, "content"),
    ({"type": "response.web_search_call.searching"}, "nothing"),
    ({"type": "response.output_text.done", "text": "a"}, "content"),
    ({"type": "response.image_generation_call.partial_image"}, "content"),
    ({"type": "response.completed", "response": {}}, "terminal"),
    (
        {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}},
        "terminal",
    ),
    ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "m"}}}, "error"),
    ({"type": "response.failed", "response": None}, "error"),
    ({"type": "error", "message": "m", "code": "c"}, "error"),
    ({"type": "keepalive"}, "ping"),
]
EVENTS = [
    *[(OPENAI_CHAT, *row) for row in CHAT],
    *[(ANTHROPIC_MESSAGES, *row) for row in MESSAGES],
    *[(OPENAI_RESPONSES, *row) for row in RESPONSES],
]


@pytest.mark.parametrize("as_given", [dict, obj], ids=["dictionary", "object"])
@pytest.mark.parametrize(("fmt", "event", "is_what"), EVENTS)
def test_each_event_is_what_it_is(fmt, event, is_what, as_given):
    event = as_given(event)
    found = {
        "content": fmt.is_content(event),
        "terminal": fmt.is_terminal(event),
        "error": fmt.error_of(event) is not None,
        "ping": fmt.is_keep_alive(event),
    }
    assert {name for name, is_so in found.items() if is_so} == set(is_what.split()) - {"nothing"}
    fmt.usage_of(event), fmt.reason_of(event), fmt.parts_of(event)  # never raise


@pytest.mark.parametrize("fmt", [OPENAI_CHAT, ANTHROPIC_MESSAGES, OPENAI_RESPONSES, RAW])
@pytest.mark.parametrize("event", [None, 5, "text", b"", [], {}, object()])
def test_what_is_no_event_at_all_raises_nothing(fmt, event):
    assert isinstance(fmt, StreamFormat)
    fmt.is_content(event), fmt.is_terminal(event), fmt.text_of(event), fmt.error_of(event)
    (
        fmt.usage_of(event),
        fmt.reason_of(event),
        fmt.parts_of(event),
        fmt.ended_of(event),
        fmt.is_keep_alive(event),
    )


def test_the_text_is_the_answers_and_nothing_else():
    assert OPENAI_CHAT.text_of(choice(content="a", reasoning="b")) == "a"
    assert OPENAI_CHAT.text_of(choice(reasoning="b")) == ""
    assert ANTHROPIC_MESSAGES.text_of(delta(type="text_delta", text="a")) == "a"
    assert ANTHROPIC_MESSAGES.text_of(delta(type="thinking_delta", thinking="a")) == ""
    assert OPENAI_RESPONSES.text_of({"type": "response.output_text.delta", "delta": "a"}) == "a"
    assert OPENAI_RESPONSES.text_of({"type": "response.reasoning_text.delta", "delta": "a"}) == ""


def test_the_reason_for_the_end_is_the_services():
    assert OPENAI_CHAT.reason_of(choice("length")) == "length"
    assert (
        ANTHROPIC_MESSAGES.reason_of({"type": "message_delta", "delta": {"stop_reason": "refusal"}})
        == "refusal"
    )
    incomplete = {
        "type": "response.incomplete",
        "response": {"incomplete_details": {"reason": "max_output_tokens"}},
    }
    assert OPENAI_RESPONSES.reason_of(incomplete) == "max_output_tokens"
    assert OPENAI_RESPONSES.reason_of({"type": "response.completed"}) == "completed"


def test_an_error_keeps_the_services_code():
    told = ANTHROPIC_MESSAGES.error_of(
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    )
    assert isinstance(told, StreamInterruptedError)
    assert (told.code, told.why) == ("overloaded_error", "busy")


def test_usage_is_read_from_an_event():
    assert OPENAI_CHAT.usage_of({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}) == (
        3,
        2,
    )


@pytest.mark.parametrize(
    ("module", "gives", "fmt"),
    [
        (
            "openai._streaming",
            "<class 'openai.types.chat.chat_completion_chunk.ChatCompletionChunk'>",
            OPENAI_CHAT,
        ),
        (
            "openai._streaming",
            "typing.Annotated[ResponseStreamEvent, 'openai.types.responses']",
            OPENAI_RESPONSES,
        ),
        ("anthropic._streaming", "", ANTHROPIC_MESSAGES),
        ("mine", "", RAW),
    ],
)
def test_the_format_is_known_by_the_clients_class(module, gives, fmt):
    stream = type("Stream", (), {"__module__": module, "_cast_to": gives})()
    assert format_of(stream) is fmt
