# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any other path: a small JSON answer, or lines of text as server-sent events; and which API a path is."""

from __future__ import annotations

from typing import Any

from trifuse.testing.chaos._anthropic import CountTokens, Messages
from trifuse.testing.chaos._apis import Api, data
from trifuse.testing.chaos._openai import Chat, Embeddings, Models, OpenAi
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._responses import Responses
from trifuse.testing.chaos._values import Pause, Piece, Reply, ToolCall


class Plain(OpenAi):
    """No API in particular: for clients of plain HTTP."""

    name = "plain"
    broken = b"data: {\n\n"

    def streams(self, request: Request) -> bool:
        """Whether the body or the accept header asks for it."""
        return request.stream or "text/event-stream" in request.headers.get("accept", "")

    def whole(self, request: Request, reply: Reply) -> dict[str, Any]:
        """The text and which request it answers."""
        return {"text": reply.text, "request": request.number}

    def events(self, _request: Request, _reply: Reply) -> PlainEvents:
        """Each piece as the data of an event."""
        return PlainEvents()


class PlainEvents:
    """Pieces as they are."""

    def start(self) -> bytes:
        """Nothing."""
        return b""

    def piece(self, piece: Piece) -> bytes:
        """The text of a piece."""
        if isinstance(piece, Pause):
            return b""
        if isinstance(piece, ToolCall):
            return data(piece.arguments)
        return data({"text": piece if isinstance(piece, str) else piece.text})

    def finish(self) -> bytes:
        """Nothing."""
        return b""

    def done(self) -> bytes:
        """The word that many APIs end with."""
        return b"data: [DONE]\n\n"

    def error(self, message: str, kind: str | None, code: str | None) -> bytes:
        """An error event."""
        return data({"error": {"message": message, "type": kind, "code": code}}, "error")


PLAIN = Plain()
_APIS: dict[tuple[str, str], Api] = {
    ("POST", "/chat/completions"): Chat(),
    ("POST", "/responses"): Responses(),
    ("POST", "/embeddings"): Embeddings(),
    ("GET", "/models"): Models(),
    ("POST", "/messages"): Messages(),
    ("POST", "/messages/count_tokens"): CountTokens(),
}
_ANTHROPIC_FAILURES = _APIS["POST", "/messages"]


def api_of(request: Request) -> Api | None:
    """Give the API of a request; None for a path below ``/v1`` that is none of them."""
    version, rest = request.path[:3], request.path[3:]
    if version != "/v1" or (rest and rest[0] != "/"):
        return PLAIN
    if rest.startswith("/models/"):
        rest = "/models"
    return _APIS.get((request.method, rest))


def failing_api(request: Request) -> Api:
    """Give the API whose words an error is put into where no API is spoken."""
    return _ANTHROPIC_FAILURES if "anthropic-version" in request.headers else PLAIN
