# SPDX-License-Identifier: MIT OR Apache-2.0
"""The body of a response that is read in pieces: a stream of bytes, guarded as one call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Self

from trifuse._llm.formats import RawFormat

_EVENT = b"data:"
_PINGS = (b'"type": "ping"', b'"type":"ping"')


def _says_something(piece: Any) -> bool:
    """Tell whether a piece is more than a keep-alive: white space, a comment or a ping of a stream of events."""
    lines = [line for line in bytes(piece).split(b"\n") if line.strip()]
    if all(line.startswith((b":", b"event:", b"id:", b"retry:", _EVENT)) for line in lines):
        lines = [
            line for line in lines if line.startswith(_EVENT) and not any(ping in line for ping in _PINGS)
        ]
    return bool(lines)


BODY = RawFormat(content=_says_something)


class Body:
    """The bytes of a response as they come, of a synchronous client."""

    def __init__(self, response: Any) -> None:
        """Take the response, of which nothing was read."""
        self.response = response
        self._stream = response.stream  # whose place the guarded one takes
        self._pieces = iter(self._stream)

    def __iter__(self) -> Self:
        """Iterate."""
        return self

    def __next__(self) -> Any:
        """Give the next bytes."""
        return next(self._pieces)

    def close(self) -> None:
        """Close what the bytes come from."""
        self._stream.close()


class AsyncBody:
    """The bytes of a response as they come, of an asynchronous client."""

    def __init__(self, response: Any) -> None:
        """Take the response, of which nothing was read."""
        self.response = response
        self._stream = response.stream
        self._pieces = aiter(self._stream)

    def __aiter__(self) -> Self:
        """Iterate."""
        return self

    async def __anext__(self) -> Any:
        """Give the next bytes."""
        return await anext(self._pieces)

    async def close(self) -> None:
        """Close what the bytes come from."""
        await self._stream.aclose()


def as_body(stream: Any, original: Any) -> Any:
    """Give a guarded stream of bytes as the HTTP library's own, made from the response's stream before."""
    for kind in type(original).__mro__:
        if kind.__name__ == "AsyncByteStream":
            return _bodies(kind, _Async)(stream, original)
        if kind.__name__ == "SyncByteStream":
            return _bodies(kind, _Sync)(stream, original)
    return original


@cache
def _bodies(kind: type, made: type) -> Any:
    return type(made.__name__, (made, kind), {})


class _Sync:
    def __init__(self, stream: Any, original: Any) -> None:
        self._stream, self._original = stream, original

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
        self._original.close()


class _Async:
    def __init__(self, stream: Any, original: Any) -> None:
        self._stream, self._original = stream, original

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        await self._stream.close()
        await self._original.aclose()
