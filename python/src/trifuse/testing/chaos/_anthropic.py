# SPDX-License-Identifier: MIT OR Apache-2.0
"""Anthropic's messages and their count of tokens."""

from __future__ import annotations

import json
from typing import Any

from trifuse.testing.chaos._apis import data, model_of
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._values import Pause, Piece, Reasoning, Refusal, Reply, ToolCall

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_DELTAS = {"text": "text_delta", "thinking": "thinking_delta", "tool_use": "input_json_delta"}


class Messages:
    """``POST /v1/messages``."""

    name = "anthropic.messages"
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'
    broken = b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'

    def streams(self, request: Request) -> bool:
        """Whether the body says ``stream``."""
        return request.stream

    def whole(self, request: Request, reply: Reply) -> dict[str, Any]:
        """A message."""
        blocks: list[dict[str, Any]] = []
        for piece in reply.told:
            block = _block(len(blocks), piece)
            if blocks and block["type"] == blocks[-1]["type"] == "text":
                blocks[-1]["text"] += block["text"]
            else:
                blocks.append(block)
        return _message(request, blocks or [_block(0, "")], _reason(reply), reply.usage)

    def events(self, request: Request, reply: Reply) -> MessageEvents:
        """The events of a message."""
        return MessageEvents(request, reply)

    def failure(self, status: int, message: str, kind: str | None, _code: str | None) -> dict[str, Any]:
        """An error as Anthropic writes it, which has no code."""
        return {**_error(message, kind or _type(status)), "request_id": "req_chaos"}


class MessageEvents:
    """The events of one message."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Begin one."""
        self._request, self._reply = request, reply
        self._index = -1
        self._open: str | None = None

    def start(self) -> bytes:
        """The message is there and empty."""
        usage = None if self._reply.usage is None else (self._reply.usage[0], 1)
        message = _message(self._request, [], None, usage)
        return data({"type": "message_start", "message": message}, "message_start")

    def piece(self, piece: Piece) -> bytes:
        """A delta, and before it its block."""
        if isinstance(piece, Pause):
            return b""
        block = _block(self._index + 1, piece)
        kind = block["type"]
        before = b"" if self._open == kind == "text" else self._closed() + self._opened(block)
        value = (
            piece.arguments
            if isinstance(piece, ToolCall)
            else block["text" if kind == "text" else "thinking"]
        )
        field = "partial_json" if kind == "tool_use" else kind
        delta = {"type": _DELTAS[kind], field: value}
        return before + data(
            {"type": "content_block_delta", "index": self._index, "delta": delta}, "content_block_delta"
        )

    def finish(self) -> bytes:
        """The reason and the usage."""
        usage = {} if self._reply.usage is None else {"output_tokens": self._reply.usage[1]}
        delta = {"stop_reason": _reason(self._reply), "stop_sequence": None}
        return self._closed() + data(
            {"type": "message_delta", "delta": delta, "usage": usage}, "message_delta"
        )

    def done(self) -> bytes:
        """The end."""
        return data({"type": "message_stop"}, "message_stop")

    def error(self, message: str, kind: str | None, _code: str | None) -> bytes:
        """An error event."""
        return data(_error(message, kind or "api_error"), "error")

    def _opened(self, block: dict[str, Any]) -> bytes:
        self._index += 1
        self._open = block["type"]
        empty: dict[str, dict[str, Any]] = {
            "text": {"text": ""},
            "thinking": {"thinking": "", "signature": ""},
            "tool_use": {"input": {}},
        }
        begun = {**block, **empty[block["type"]]}
        event = {"type": "content_block_start", "index": self._index, "content_block": begun}
        return data(event, "content_block_start")

    def _closed(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return data({"type": "content_block_stop", "index": self._index}, "content_block_stop")


class CountTokens(Messages):
    """``POST /v1/messages/count_tokens``."""

    name = "anthropic.count_tokens"

    def streams(self, _request: Request) -> bool:
        """Never."""
        return False

    def whole(self, _request: Request, reply: Reply) -> dict[str, Any]:
        """The input tokens of the usage."""
        return {"input_tokens": 9 if reply.usage is None else reply.usage[0]}


def _type(status: int) -> str:
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004


def _error(message: str, kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _reason(reply: Reply) -> str:
    if reply.finish is None and any(isinstance(p, Refusal) for p in reply.told):
        return "refusal"
    return _REASONS.get(reply.reason, reply.reason)


def _block(index: int, piece: Any) -> dict[str, Any]:
    if isinstance(piece, ToolCall):
        return {
            "type": "tool_use",
            "id": f"toolu_{index}",
            "name": piece.name,
            "input": _parsed(piece.arguments),
        }
    if isinstance(piece, Reasoning):
        return {"type": "thinking", "thinking": piece.text, "signature": "chaos"}
    return {"type": "text", "text": piece if isinstance(piece, str) else piece.text}


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _message(
    request: Request,
    blocks: list[dict[str, Any]],
    reason: str | None,
    usage: tuple[int, int] | None,
) -> dict[str, Any]:
    body = {
        "id": f"msg_{request.number}",
        "type": "message",
        "role": "assistant",
        "model": model_of(request),
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
    }
    return body if usage is None else {**body, "usage": {"input_tokens": usage[0], "output_tokens": usage[1]}}
