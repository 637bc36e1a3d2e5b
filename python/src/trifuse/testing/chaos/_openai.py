# SPDX-License-Identifier: MIT OR Apache-2.0
"""OpenAI's chat completions, embeddings and models."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import time
from typing import Any
from urllib.parse import unquote

from trifuse.testing.chaos._apis import data, model_of
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._values import Pause, Piece, Reasoning, Refusal, Reply, ToolCall

_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "requests",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_DIMENSIONS = 8


class OpenAi:
    """What all of OpenAI's APIs here share."""

    name = "openai"
    keep_alive = b": keep-alive\n\n"
    broken = b'data: {"id": "chatcmpl-1", "choices": [{"index": 0, "del\n\n'

    def streams(self, request: Request) -> bool:
        """Whether the body says ``stream``."""
        return request.stream

    def failure(self, status: int, message: str, kind: str | None, code: str | None) -> dict[str, Any]:
        """An error as OpenAI writes it."""
        kind = kind or _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004
        return {"error": error_of(message, kind, code or _CODES.get(status))}


class Chat(OpenAi):
    """``POST /v1/chat/completions``."""

    name = "openai.chat"

    def whole(self, request: Request, reply: Reply) -> dict[str, Any]:
        """A chat completion."""
        calls = [_called(i, p) for i, p in enumerate(p for p in reply.told if isinstance(p, ToolCall))]
        refusals = "".join(p.text for p in reply.told if isinstance(p, Refusal))
        message: dict[str, Any] = {
            "role": "assistant",
            "content": reply.text or None,
            "refusal": refusals or None,
        }
        if thoughts := "".join(p.text for p in reply.told if isinstance(p, Reasoning)):
            message["reasoning_content"] = thoughts
        if calls:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in calls]
        elif not refusals:
            message["content"] = reply.text
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.reason}
        body = _envelope("chat.completion", request, [choice])
        return body if reply.usage is None else {**body, "usage": _usage(reply.usage)}

    def events(self, request: Request, reply: Reply) -> ChatEvents:
        """Chunks."""
        return ChatEvents(request, reply)


class ChatEvents:
    """The chunks of one completion."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Begin one."""
        self._request, self._reply, self._calls = request, reply, 0
        options = request.body.get("stream_options") if isinstance(request.body, dict) else None
        self._counts = isinstance(options, dict) and options.get("include_usage") is True

    def start(self) -> bytes:
        """The chunk that names the role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def piece(self, piece: Piece) -> bytes:
        """A chunk with a delta."""
        if isinstance(piece, ToolCall):
            self._calls += 1
            return self._chunk({"tool_calls": [_called(self._calls - 1, piece)]})
        if isinstance(piece, Pause):
            return b""
        if isinstance(piece, str):
            return self._chunk({"content": piece})
        return self._chunk({"refusal" if isinstance(piece, Refusal) else "reasoning_content": piece.text})

    def finish(self) -> bytes:
        """The chunk with the reason, and one with the usage if it was asked for."""
        last = self._chunk({}, self._reply.reason)
        if not self._counts or self._reply.usage is None:
            return last
        return last + data(
            {**_envelope("chat.completion.chunk", self._request, []), "usage": _usage(self._reply.usage)}
        )

    def done(self) -> bytes:
        """The end."""
        return b"data: [DONE]\n\n"

    def error(self, message: str, kind: str | None, code: str | None) -> bytes:
        """An error where a chunk should be."""
        return data({"error": error_of(message, kind or "server_error", code)})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = _envelope("chat.completion.chunk", self._request, [choice])
        return data({**chunk, "usage": None} if self._counts else chunk)


class Embeddings(OpenAi):
    """``POST /v1/embeddings``: vectors of 8 dimensions, or as many as are asked for, the same for the same input."""

    name = "openai.embeddings"

    def streams(self, _request: Request) -> bool:
        """Never."""
        return False

    def whole(self, request: Request, reply: Reply) -> dict[str, Any]:
        """A vector for each input."""
        asked = request.body if isinstance(request.body, dict) else {}
        given = asked.get("input", "")
        inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
        size = asked.get("dimensions", _DIMENSIONS)
        size = size if isinstance(size, int) and 0 < size <= 8192 else _DIMENSIONS  # noqa: PLR2004
        vectors = [_vector(item, size, as_text=asked.get("encoding_format") == "base64") for item in inputs]
        body: dict[str, Any] = {
            "object": "list",
            "model": model_of(request),
            "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)],
        }
        tokens = 9 if reply.usage is None else reply.usage[0]
        return {**body, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}

    def events(self, request: Request, reply: Reply) -> ChatEvents:
        """Nobody asks for them."""
        return ChatEvents(request, reply)


class Models(OpenAi):
    """``GET /v1/models`` and ``GET /v1/models/{id}``, in the words of OpenAI and of Anthropic at once."""

    name = "models"

    def streams(self, _request: Request) -> bool:
        """Never."""
        return False

    def whole(self, request: Request, _reply: Reply) -> dict[str, Any]:
        """One model, or a list of one."""
        _, _, name = request.path.partition("/models/")
        model = _model(unquote(name) or "chaos")
        return (
            model
            if name
            else {
                "object": "list",
                "data": [model],
                "has_more": False,
                "first_id": "chaos",
                "last_id": "chaos",
            }
        )

    def events(self, request: Request, reply: Reply) -> ChatEvents:
        """Nobody asks for them."""
        return ChatEvents(request, reply)


def error_of(message: str, kind: str, code: str | None) -> dict[str, Any]:
    """What stands below ``error``."""
    return {"message": message, "type": kind, "param": None, "code": code}


def _model(name: str) -> dict[str, Any]:
    anthropic = {
        "type": "model",
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
    }
    return {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "chaos", **anthropic}


def _vector(item: Any, size: int, *, as_text: bool) -> list[float] | str:
    seed = hashlib.sha256(json.dumps(item).encode()).digest()
    numbers = [(seed[i % 32] - 127.5) / 127.5 for i in range(size)]
    return base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode() if as_text else numbers


def _called(index: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _envelope(kind: str, request: Request, choices: list[Any]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request.number}",
        "object": kind,
        "created": int(time.time()),
        "model": model_of(request),
        "choices": choices,
    }
