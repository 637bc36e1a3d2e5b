# SPDX-License-Identifier: MIT OR Apache-2.0
"""The streams of OpenAI's APIs and of the many servers that speak like them: chat and responses."""

from __future__ import annotations

import sys
from typing import Any

from trifuse._llm.errors import StreamInterruptedError
from trifuse._llm.formats import Format, get, kind_of

# What a delta of a choice may deliver; reasoning under the names that other servers give it.
_DELIVERS = ("content", "tool_calls", "refusal", "function_call", "audio", "reasoning_content", "reasoning")
_NO_OUTPUT = ("message", "reasoning")


class ChatFormat(Format):
    """Chat completions, and completions of the old style."""

    name = "openai chat"

    def is_content(self, event: Any) -> bool:
        """Tell whether a choice delivers text, a tool call, a refusal or reasoning."""
        for choice in get(event, "choices") or ():
            delta = get(choice, "delta")
            if delta is not None:
                for field in _DELIVERS:
                    if get(delta, field):
                        return True
            elif get(choice, "text"):
                return True
        return False

    def is_terminal(self, event: Any) -> bool:
        """Tell whether a choice has its finish_reason."""
        return self.ended_of(event) != ()

    def parts_of(self, event: Any) -> tuple[Any, ...]:
        """Give the indexes of the choices."""
        return tuple([get(choice, "index") for choice in get(event, "choices") or ()])

    def ended_of(self, event: Any) -> tuple[Any, ...]:
        """Give the indexes of the choices that have their finish_reason."""
        choices = get(event, "choices") or ()
        return tuple([get(choice, "index") for choice in choices if get(choice, "finish_reason")])

    def reason_of(self, event: Any) -> str | None:
        """Give the finish_reason."""
        for choice in get(event, "choices") or ():
            reason = get(choice, "finish_reason")
            if reason:
                return str(reason)
        return None

    def error_of(self, event: Any) -> Exception | None:
        """Give the error of a chunk that has one, which the client has not raised itself."""
        told = get(event, "error")
        if not told and self.reason_of(event) != "error":
            return None
        return service_error(told or event)

    def text_of(self, event: Any) -> str:
        """Give the text of the first choice that has some."""
        for choice in get(event, "choices") or ():
            text = get(get(choice, "delta"), "content") or get(choice, "text")
            if isinstance(text, str) and text:
                return text
        return ""


class ResponsesFormat(Format):
    """The events of the responses API."""

    name = "openai responses"

    def is_content(self, event: Any) -> bool:
        """Tell whether an event brings a part of the output, or begins the call of a tool."""
        kind = kind_of(event)
        if kind.endswith(".delta"):
            return bool(get(event, "delta"))
        if kind == "response.output_item.added":
            return get(get(event, "item"), "type") not in _NO_OUTPUT
        return kind.endswith((".done", ".partial_image")) and kind != "response.done"

    def is_terminal(self, event: Any) -> bool:
        """Tell whether the response is completed, or was ended by a limit or a filter."""
        return kind_of(event) in {"response.completed", "response.incomplete"}

    def reason_of(self, event: Any) -> str | None:
        """Give why the response is incomplete, or ``"completed"``."""
        if not self.is_terminal(event):
            return None
        reason = get(get(get(event, "response"), "incomplete_details"), "reason")
        return str(reason or kind_of(event).removeprefix("response."))

    def error_of(self, event: Any) -> Exception | None:
        """Give the error of a response that failed; the client gives such events like any other."""
        kind = kind_of(event)
        if kind == "error":
            return service_error(get(event, "error") or event)
        if kind in {"response.failed", "response.cancelled"}:
            return service_error(get(get(event, "response"), "error") or {"message": kind}, event)
        return None

    def text_of(self, event: Any) -> str:
        """Give the text of a delta of the output."""
        text = get(event, "delta") if kind_of(event) == "response.output_text.delta" else None
        return text if isinstance(text, str) else ""

    def is_keep_alive(self, event: Any) -> bool:
        """Tell a keep-alive, which some servers send as an event."""
        return kind_of(event) in {"ping", "keepalive"}


def service_error(told: Any, body: Any = None) -> Exception:
    """Give the error that an event tells of, as the client would raise it."""
    message = str(get(told, "message") or "the stream told of an error")
    code = get(told, "code")
    openai = sys.modules.get("openai")
    if openai is None:
        return StreamInterruptedError("", message, code=None if code is None else str(code))
    fields = {name: get(told, name) for name in ("message", "type", "param", "code")}
    if fields["type"] == "error":
        fields["type"] = None
    error: Exception = openai.APIError(message, request=None, body=fields)
    error.event = told if body is None else body  # type: ignore[attr-defined]
    return error


OPENAI_CHAT = ChatFormat()
OPENAI_RESPONSES = ResponsesFormat()
