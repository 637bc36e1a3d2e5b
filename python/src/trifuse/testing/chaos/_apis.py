# SPDX-License-Identifier: MIT OR Apache-2.0
"""The APIs that are spoken, by path; each puts a reply into its own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._values import Piece, Reply


class Events(Protocol):
    """The events of one streamed answer, as bytes for the wire."""

    def start(self) -> bytes:
        """What comes before the first piece."""

    def piece(self, piece: Piece, /) -> bytes:
        """One piece of the answer."""

    def finish(self) -> bytes:
        """The reason why it ended, and the usage."""

    def done(self) -> bytes:
        """The event that says that nothing follows."""

    def error(self, message: str, kind: str | None, code: str | None, /) -> bytes:
        """An error in the middle."""


class Api(Protocol):
    """One API of a server."""

    name: str
    keep_alive: bytes
    broken: bytes

    def streams(self, request: Request, /) -> bool:
        """Whether the request is to be answered by a stream."""

    def whole(self, request: Request, reply: Reply, /) -> dict[str, Any]:
        """The answer at once."""

    def events(self, request: Request, reply: Reply, /) -> Events:
        """The answer as a stream."""

    def failure(self, status: int, message: str, kind: str | None, code: str | None, /) -> dict[str, Any]:
        """The body of an error."""


def data(value: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = "" if event is None else f"event: {event}\n"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return f"{head}data: {text}\n\n".encode()


def join(parts: Iterator[bytes]) -> bytes:
    """Several events together."""
    return b"".join(parts)


def model_of(request: Request, otherwise: str = "chaos") -> str:
    """The model that was asked for."""
    return request.model or otherwise
