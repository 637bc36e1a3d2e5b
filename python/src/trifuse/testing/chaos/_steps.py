# SPDX-License-Identifier: MIT OR Apache-2.0
"""Steps: what the server does with one request."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from trifuse.testing.chaos._headers import RateLimits, retry_after_headers
from trifuse.testing.chaos._values import Pause, Piece, Reply

if TYPE_CHECKING:
    from trifuse.testing.chaos._apis import Events
    from trifuse.testing.chaos._exchange import Exchange, Headers


class Step:
    """What the server does with one request; made by the functions of ``trifuse.testing.chaos``."""

    called: ClassVar[str] = "step"

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Name it, and what is not as usual."""
        return f"{self.called}({', '.join(_told(self))})"


def _told(step: Any) -> Iterator[str]:
    for field in dataclasses.fields(step):
        value = getattr(step, field.name)
        if isinstance(value, Common):
            yield from _told(value)
        elif value != field.default:
            yield f"{field.name}={value!r}"


class Ending(Protocol):
    """How a stream ends, and what becomes of an answer that is no stream."""

    async def close(self, exchange: Exchange, events: Events, /) -> None:
        """End the stream after the last piece."""

    async def cut(self, exchange: Exchange, body: bytes, headers: Headers, /) -> None:
        """Answer a request that asked for no stream."""


@dataclass(frozen=True, repr=False)
class Common:
    """What every answer may have."""

    after: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    limits: RateLimits | None = None

    def all_headers(self, exchange: Exchange) -> Headers:
        """Its headers."""
        limits = [] if self.limits is None else self.limits.headers(exchange.api.name)
        return [*self.headers, *limits]


@dataclass(frozen=True, repr=False)
class Answer(Step):
    """An answer, whole or as a stream, as the request asks; or the beginning of one."""

    called = "answer"

    pieces: tuple[Piece, ...] = ("hello",)
    usage: tuple[int, int] | None = (9, 1)
    finish_reason: str | None = None
    common: Common = Common()
    first: float = 0.0
    gap: float = 0.0
    keep_alive: float | None = None
    drip: float | None = None
    then: Ending | None = None

    async def play(self, exchange: Exchange) -> None:
        """Answer."""
        reply = Reply(self.pieces, self.usage, self.finish_reason)
        await exchange.rest(self.common.after)
        if exchange.api.streams(exchange.request):
            await self._stream(exchange, exchange.api.events(exchange.request, reply))
        else:
            await self._whole(exchange, reply)

    async def _stream(self, exchange: Exchange, events: Events) -> None:
        exchange.stream(self.common.all_headers(exchange))
        if self.drip is not None:
            return await self._drip_stream(exchange, events)
        await exchange.write(events.start())
        await exchange.rest(self.first, self.keep_alive)
        for number, piece in enumerate(self.pieces):
            await self._piece(exchange, events, piece, first=number == 0)
        if self.then is not None:
            return await self.then.close(exchange, events)
        exchange.end(events.finish() + events.done())
        return None

    async def _piece(self, exchange: Exchange, events: Events, piece: Piece, *, first: bool) -> None:
        if isinstance(piece, Pause):
            return await exchange.rest(piece.seconds, piece.keep_alive)
        if self.gap and not first:
            await exchange.rest(self.gap, self.keep_alive)
        return await exchange.write(events.piece(piece))

    async def _whole(self, exchange: Exchange, reply: Reply) -> None:
        gaps = max(len(reply.told) - 1, 0) * self.gap
        await exchange.rest(self.first + gaps + sum(p.seconds for p in self.pieces if isinstance(p, Pause)))
        headers = self.common.all_headers(exchange)
        body = json.dumps(exchange.api.whole(exchange.request, reply), separators=(",", ":")).encode()
        if self.drip is not None:
            size = ("content-length", str(len(body)))
            exchange.head(200, [*headers, ("content-type", "application/json"), size])
            await exchange.drip(body, self.drip)
        elif self.then is not None:
            await self.then.cut(exchange, body, headers)
        else:
            await exchange.whole(200, body, headers)

    async def _drip_stream(self, exchange: Exchange, events: Events) -> None:
        said = b"".join(events.piece(piece) for piece in self.pieces)
        await exchange.drip(events.start() + said + events.finish() + events.done(), self.drip or 0.0)


@dataclass(frozen=True, repr=False)
class Status(Step):
    """An error with a status, in the words of the API."""

    called = "status"

    status: int
    message: str | None = None
    type: str | None = None
    code: str | None = None
    retry_after: Any = None
    retry_after_as: str = "seconds"
    common: Common = Common()

    async def play(self, exchange: Exchange) -> None:
        """Answer with the error."""
        await exchange.rest(self.common.after)
        headers = self.common.all_headers(exchange)
        headers += retry_after_headers(self.retry_after, self.retry_after_as)
        text = self.message or f"The chaos server answers {self.status}."
        body = exchange.api.failure(self.status, text, self.type, self.code)
        await exchange.json(self.status, body, headers)


@dataclass(frozen=True, repr=False)
class ByApi(Step):
    """A step that differs between OpenAI's and Anthropic's APIs."""

    name: str
    openai: Step
    anthropic: Step

    async def play(self, exchange: Exchange) -> None:
        """Do what belongs to the API of the request."""
        is_anthropic = exchange.api.name.startswith("anthropic")
        await (self.anthropic if is_anthropic else self.openai).play(exchange)

    def __repr__(self) -> str:
        """Its name."""
        return f"{self.name}()"


@dataclass(frozen=True, repr=False)
class Html(Step):
    """A web page where an answer should be, as proxies send them."""

    called = "html"

    status: int = 200
    common: Common = Common()

    async def play(self, exchange: Exchange) -> None:
        """Send it."""
        await exchange.rest(self.common.after)
        page = b"<!doctype html><html><body><h1>Be right back</h1></body></html>"
        await exchange.whole(self.status, page, self.common.all_headers(exchange), "text/html")


@dataclass(frozen=True, repr=False)
class Empty(Step):
    """Status 200, and nothing else: no event of a stream, no byte of a body."""

    called = "empty"

    common: Common = Common()

    async def play(self, exchange: Exchange) -> None:
        """Send it."""
        await exchange.rest(self.common.after)
        headers = self.common.all_headers(exchange)
        if not exchange.api.streams(exchange.request):
            return await exchange.whole(200, b"", headers)
        exchange.stream(headers)
        exchange.end()
        return None


@dataclass(frozen=True, repr=False)
class Raw(Step):
    """Bytes past HTTP, then the end of the connection."""

    called = "raw"

    chunks: tuple[bytes, ...]
    gap: float = 0.0
    then: Any = None

    async def play(self, exchange: Exchange) -> None:
        """Send them."""
        for number, chunk in enumerate(self.chunks):
            await exchange.rest(self.gap if number else 0.0)
            await exchange.raw(chunk)
        if self.then is None:
            await exchange.disconnect()
        else:
            await self.then.leave(exchange)
