# SPDX-License-Identifier: MIT OR Apache-2.0
"""The streams of Anthropic's messages API."""

from __future__ import annotations

from typing import Any

from trifuse._llm.errors import StreamInterruptedError
from trifuse._llm.formats import Format, get, kind_of

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_EMPTY_AT_FIRST = {"text": "text", "thinking": "thinking"}


class MessagesFormat(Format):
    """Events of a message, as ``messages.create(stream=True)`` and ``messages.stream()`` give them."""

    name = "anthropic messages"

    def is_content(self, event: Any) -> bool:
        """Tell whether an event brings text, thinking, a citation, or a tool's call or result."""
        kind = kind_of(event)
        if kind == "content_block_delta":
            delta = get(event, "delta")
            field = _TEXTS.get(kind_of(delta))
            return field is None or bool(get(delta, field))
        if kind == "content_block_start":
            block = get(event, "content_block")
            field = _EMPTY_AT_FIRST.get(kind_of(block))
            return field is None or bool(get(block, field))
        return False

    def is_terminal(self, event: Any) -> bool:
        """Tell whether the message is complete."""
        return kind_of(event) == "message_stop"

    def reason_of(self, event: Any) -> str | None:
        """Give the stop_reason."""
        reason = get(get(event, "delta"), "stop_reason") if kind_of(event) == "message_delta" else None
        return None if reason is None else str(reason)

    def error_of(self, event: Any) -> Exception | None:
        """Give the error of an error event; the client raises it itself, others may not."""
        if kind_of(event) != "error":
            return None
        told = get(event, "error")
        code = get(told, "type")
        why = str(get(told, "message") or "the stream told of an error")
        return StreamInterruptedError("", why, code=None if code is None else str(code))

    def text_of(self, event: Any) -> str:
        """Give the text of a delta."""
        if kind_of(event) != "content_block_delta":
            return ""
        delta = get(event, "delta")
        text = get(delta, "text") if kind_of(delta) == "text_delta" else None
        return text if isinstance(text, str) else ""

    def is_keep_alive(self, event: Any) -> bool:
        """Tell a ping."""
        return kind_of(event) == "ping"


ANTHROPIC_MESSAGES = MessagesFormat()
