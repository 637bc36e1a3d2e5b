# SPDX-License-Identifier: MIT OR Apache-2.0
"""A text as OpenAI's API would have sent it: whole, and as the events of a stream."""

from __future__ import annotations

from typing import Any

_ID = "fallback"


def chat(text: str, model: str, created: int) -> dict[str, Any]:
    """Make a chat completion."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {"id": _ID, "object": "chat.completion", "created": created, "model": model, "choices": [choice]}


def chat_events(text: str, model: str, created: int) -> list[dict[str, Any]]:
    """Make the chunks of a chat completion."""
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        ({"content": text}, None),
        ({}, "stop"),
    ]
    return [
        {
            "id": _ID, "object": "chat.completion.chunk", "created": created, "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}],
        }
        for delta, reason in deltas
    ]  # fmt: skip


def completion(text: str, model: str, created: int, reason: str = "stop") -> dict[str, Any]:
    """Make a completion of the old style."""
    choice = {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}
    return {"id": _ID, "object": "text_completion", "created": created, "model": model, "choices": [choice]}


def completion_events(text: str, model: str, created: int) -> list[dict[str, Any]]:
    """Make the chunks of a completion."""
    return [completion(text, model, created)]


def response(text: str, model: str, created: int, status: str = "completed") -> dict[str, Any]:
    """Make a response."""
    done = status == "completed"
    return {
        "id": _ID, "object": "response", "created_at": created, "model": model, "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": False,
        "temperature": None, "tool_choice": "none", "tools": [], "top_p": None,
        "output": [_item(text, "completed")] if done else [],
    }  # fmt: skip


def _item(text: str, status: str) -> dict[str, Any]:
    content = [_part(text)] if status == "completed" else []
    return {"id": _ID, "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def response_events(text: str, model: str, created: int) -> list[dict[str, Any]]:
    """Make the events of a response."""
    place = {"item_id": _ID, "output_index": 0, "content_index": 0}
    begun = response(text, model, created, "in_progress")
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _item(text, "in_progress")},
        {"type": "response.content_part.added", **place, "part": _part("")},
        {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []},
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": _part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": _item(text, "completed")},
        {"type": "response.completed", "response": response(text, model, created)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
