# SPDX-License-Identifier: MIT OR Apache-2.0
"""OpenAI's responses: ``POST /v1/responses``."""

from __future__ import annotations

import time
from typing import Any

from trifuse.testing.chaos._apis import data, model_of
from trifuse.testing.chaos._openai import OpenAi
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._values import Pause, Piece, Reasoning, Refusal, Reply, ToolCall

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_PARTS = {"output_text": "text", "refusal": "refusal"}


class Responses(OpenAi):
    """Answers and their events."""

    name = "openai.responses"
    broken = b'event: response.output_text.delta\ndata: {"type": "response.output_te\n\n'

    def whole(self, request: Request, reply: Reply) -> dict[str, Any]:
        """A response."""
        output: list[dict[str, Any]] = []
        for piece in reply.told:
            kind = _kind(piece)
            if output and kind in _PARTS and output[-1]["type"] == "message":
                _add(output[-1], piece)
            else:
                output.append(_full(len(output), piece))
        if not output:
            output.append(_full(0, ""))
        return _response(request, reply, output)

    def events(self, request: Request, reply: Reply) -> ResponseEvents:
        """The events of a response."""
        return ResponseEvents(request, reply)


class ResponseEvents:
    """The events of one response, numbered."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Begin one."""
        self._request, self._reply = request, reply
        self._number = -1
        self._output: list[dict[str, Any]] = []
        self._open: str | None = None  # the kind of the part that takes deltas

    def start(self) -> bytes:
        """The response is there and empty."""
        empty = _response(self._request, self._reply, [], "in_progress")
        return self._event("created", response=empty) + self._event("in_progress", response=empty)

    def piece(self, piece: Piece) -> bytes:
        """A delta, and before it the item and part that it belongs to."""
        if isinstance(piece, Pause):
            return b""
        if isinstance(piece, ToolCall):
            return self._closed() + self._call(piece)
        if isinstance(piece, Reasoning):
            return self._closed() + self._thought(piece)
        kind = _kind(piece)
        opening = b"" if self._open == kind else self._closed() + self._opened(kind)
        text = piece if isinstance(piece, str) else piece.text
        part = self._output[-1]["content"][0]
        part[_PARTS[kind]] += text
        more: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        return opening + self._delta(f"{kind}.delta", content_index=0, delta=text, **more)

    def finish(self) -> bytes:
        """What is open is closed."""
        return self._closed()

    def done(self) -> bytes:
        """The response, complete or cut by a limit."""
        whole = _response(self._request, self._reply, self._output)
        return self._event(whole["status"], response=whole)

    def error(self, message: str, kind: str | None, code: str | None) -> bytes:
        """An error event; the kind ``failed`` makes it a failed response."""
        if kind == "failed":
            failed = _response(self._request, self._reply, self._output, "failed")
            failed["error"] = {"code": code or "server_error", "message": message}
            return self._event("failed", response=failed)
        self._number += 1
        body = {"type": "error", "code": code or kind or "server_error", "message": message, "param": None}
        return data({**body, "sequence_number": self._number}, "error")

    def _opened(self, kind: str) -> bytes:
        self._open = kind
        item = {**_full(len(self._output), ""), "status": "in_progress", "content": []}
        added = self._added(item)
        part = _part(kind, "")
        item["content"].append(part)
        return added + self._delta("content_part.added", content_index=0, part=part)

    def _closed(self) -> bytes:
        kind, self._open = self._open, None
        if kind is None:
            return b""
        item = self._output[-1]
        part = item["content"][0]
        item["status"] = "completed"
        name = _PARTS[kind]
        more: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        done = self._delta(f"{kind}.done", content_index=0, **{name: part[name]}, **more)
        return done + self._delta("content_part.done", content_index=0, part=part) + self._item("done", item)

    def _call(self, call: ToolCall) -> bytes:
        item = _full(len(self._output), call)
        added = self._added({**item, "arguments": "", "status": "in_progress"})
        self._output[-1] = item
        name = "function_call_arguments"
        parts = self._delta(f"{name}.delta", delta=call.arguments)
        parts += self._delta(f"{name}.done", arguments=call.arguments, name=call.name)
        return added + parts + self._item("done", item)

    def _thought(self, thought: Reasoning) -> bytes:
        item = _full(len(self._output), thought)
        added = self._added({**item, "summary": []})
        self._output[-1] = item
        name, part = "reasoning_summary", {"type": "summary_text", "text": ""}
        parts = self._delta(f"{name}_part.added", summary_index=0, part=part)
        parts += self._delta(f"{name}_text.delta", summary_index=0, delta=thought.text)
        parts += self._delta(f"{name}_text.done", summary_index=0, text=thought.text)
        parts += self._delta(f"{name}_part.done", summary_index=0, part={**part, "text": thought.text})
        return added + parts + self._item("done", item)

    def _added(self, item: dict[str, Any]) -> bytes:
        self._output.append(item)
        return self._item("added", item)

    def _item(self, what: str, item: dict[str, Any]) -> bytes:
        return self._event(f"output_item.{what}", output_index=len(self._output) - 1, item=item)

    def _delta(self, what: str, **fields: Any) -> bytes:
        place = {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}
        return self._event(what, **place, **fields)

    def _event(self, what: str, **fields: Any) -> bytes:
        self._number += 1
        kind = f"response.{what}"
        return data({"type": kind, "sequence_number": self._number, **fields}, kind)


def _kind(piece: Any) -> str:
    if isinstance(piece, str):
        return "output_text"
    return "refusal" if isinstance(piece, Refusal) else "item"


def _part(kind: str, text: str) -> dict[str, Any]:
    more: dict[str, Any] = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
    return {"type": kind, _PARTS[kind]: text, **more}


def _full(index: int, piece: Any) -> dict[str, Any]:
    if isinstance(piece, ToolCall):
        call = {"type": "function_call", "id": f"fc_{index}", "call_id": f"call_{index}"}
        return {**call, "name": piece.name, "arguments": piece.arguments, "status": "completed"}
    if isinstance(piece, Reasoning):
        summary = [{"type": "summary_text", "text": piece.text}]
        return {"type": "reasoning", "id": f"rs_{index}", "summary": summary}
    text = piece if isinstance(piece, str) else piece.text
    content = [_part(_kind(piece), text)]
    message = {"type": "message", "id": f"msg_{index}", "role": "assistant"}
    return {**message, "status": "completed", "content": content}


def _add(message: dict[str, Any], piece: Any) -> None:
    kind = _kind(piece)
    text = piece if isinstance(piece, str) else piece.text
    last = message["content"][-1]
    if last["type"] == kind:
        last[_PARTS[kind]] += text
    else:
        message["content"].append(_part(kind, text))


def _response(
    request: Request, reply: Reply, output: list[dict[str, Any]], status: str | None = None
) -> dict[str, Any]:
    reason = _INCOMPLETE.get(reply.reason)
    ended = status is None
    asked = request.body if isinstance(request.body, dict) else {}
    return {
        "id": f"resp_{request.number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status or ("incomplete" if reason else "completed"),
        "error": None,
        "incomplete_details": {"reason": reason} if reason and ended else None,
        "instructions": None,
        "metadata": {},
        "model": model_of(request),
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": asked.get("tools", []),
        "top_p": 1.0,
        "usage": _usage(reply.usage) if ended and reply.usage is not None else None,
    }


def _usage(usage: tuple[int, int]) -> dict[str, Any]:
    return {
        "input_tokens": usage[0],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage[1],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(usage),
    }
