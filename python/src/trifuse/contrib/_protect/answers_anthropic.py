# SPDX-License-Identifier: MIT OR Apache-2.0
"""A text as Anthropic's API would have sent it: whole, and as the events of a stream."""

from __future__ import annotations

from typing import Any

_ID = "fallback"
_USAGE = {"input_tokens": 0, "output_tokens": 0}


def message(text: str, model: str, created: int) -> dict[str, Any]:  # noqa: ARG001 - as the others
    """Make a message."""
    return {**_empty(model), "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}


def _empty(model: str) -> dict[str, Any]:
    return {
        "id": _ID, "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": dict(_USAGE),
    }  # fmt: skip


def message_events(text: str, model: str, created: int) -> list[dict[str, Any]]:  # noqa: ARG001 - as the others
    """Make the events of a message."""
    return [
        {"type": "message_start", "message": _empty(model)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 0},
        },
        {"type": "message_stop"},
    ]  # fmt: skip
