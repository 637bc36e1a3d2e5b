# SPDX-License-Identifier: MIT OR Apache-2.0
"""How streams end when they do not end well. Each is a step too: a stream that has nothing before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trifuse.testing.chaos._steps import Answer, Status, Step

if TYPE_CHECKING:
    from trifuse.testing.chaos._apis import Events
    from trifuse.testing.chaos._exchange import Exchange, Headers


class _Ending(Step):
    async def play(self, exchange: Exchange) -> None:
        await Answer((), then=self).play(exchange)

    async def close(self, exchange: Exchange, _events: Events) -> None:
        await self.leave(exchange)

    async def cut(self, exchange: Exchange, body: bytes, headers: Headers) -> None:
        await _half(exchange, body, headers)
        await self.leave(exchange)

    async def leave(self, exchange: Exchange) -> None:
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class End(_Ending):
    """As it should be."""

    called = "end"

    async def close(self, exchange: Exchange, events: Events) -> None:
        """Send the last events."""
        exchange.end(events.finish() + events.done())

    async def cut(self, exchange: Exchange, body: bytes, headers: Headers) -> None:
        """Send the whole answer."""
        await exchange.whole(200, body, headers)

    async def leave(self, exchange: Exchange) -> None:
        """Close the connection."""
        await exchange.disconnect()


@dataclass(frozen=True, repr=False)
class ErrorEvent(_Ending):
    """An error event in a stream that began with 200; without a stream, status 500."""

    called = "error_event"

    message: str
    type: str | None = None
    code: str | None = None

    async def close(self, exchange: Exchange, events: Events) -> None:
        """Send it and end."""
        exchange.end(events.error(self.message, self.type, self.code))

    async def cut(self, exchange: Exchange, _body: bytes, _headers: Headers) -> None:
        """Answer with the error."""
        kind = None if self.type == "failed" else self.type
        await Status(500, self.message, kind, self.code).play(exchange)


@dataclass(frozen=True, repr=False)
class Truncate(_Ending):
    """A stream that ends in order, but without its last events; a body that ends too early."""

    called = "truncate"

    finished: bool = False

    async def close(self, exchange: Exchange, events: Events) -> None:
        """End; the reason for it is told or not."""
        exchange.end(events.finish() if self.finished else b"")

    async def leave(self, exchange: Exchange) -> None:
        """Close the connection."""
        await exchange.disconnect()


@dataclass(frozen=True, repr=False)
class Disconnect(_Ending):
    """The connection is closed where more should follow."""

    called = "disconnect"

    async def play(self, exchange: Exchange) -> None:
        """Close it without an answer."""
        await exchange.disconnect()

    async def leave(self, exchange: Exchange) -> None:
        """Close it."""
        await exchange.disconnect()


@dataclass(frozen=True, repr=False)
class Reset(_Ending):
    """The connection is reset."""

    called = "reset"

    after: float = 0.0

    async def play(self, exchange: Exchange) -> None:
        """Reset it without an answer."""
        await self.leave(exchange)

    async def leave(self, exchange: Exchange) -> None:
        """Reset it."""
        await exchange.rest(self.after)
        await exchange.reset()


@dataclass(frozen=True, repr=False)
class Hang(_Ending):
    """Silence, but for keep-alives where they are asked for."""

    called = "hang"

    seconds: float | None = None
    keep_alive: float | None = None

    async def play(self, exchange: Exchange) -> None:
        """Say nothing at all, or begin a stream for the keep-alives."""
        if self.keep_alive is None:
            await self.leave(exchange)
        else:
            await super().play(exchange)

    async def leave(self, exchange: Exchange) -> None:
        """Be silent, then close the connection."""
        await exchange.rest(self.seconds, self.keep_alive)
        await exchange.disconnect()

    async def cut(self, exchange: Exchange, _body: bytes, _headers: Headers) -> None:
        """Send nothing: who answers at once has not begun."""
        await self.leave(exchange)


@dataclass(frozen=True, repr=False)
class BrokenJson(_Ending):
    """JSON that is cut off, in a stream's event or in the body; HTTP itself is in order."""

    called = "broken_json"

    async def play(self, exchange: Exchange) -> None:
        """Answer so."""
        await Answer(then=self).play(exchange)

    async def close(self, exchange: Exchange, _events: Events) -> None:
        """Send it and end."""
        exchange.end(exchange.api.broken)

    async def cut(self, exchange: Exchange, body: bytes, headers: Headers) -> None:
        """Send half of the answer as if it were all."""
        await exchange.whole(200, body[: len(body) // 2], headers)


async def _half(exchange: Exchange, body: bytes, headers: Headers) -> None:
    size = ("content-length", str(len(body)))
    exchange.head(200, [*headers, ("content-type", "application/json"), size])
    await exchange.write(body[: len(body) // 2])
