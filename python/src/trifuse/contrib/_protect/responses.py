# SPDX-License-Identifier: MIT OR Apache-2.0
"""The response that a guarded stream shows: closing it closes the stream, as the SDK's helpers expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Nowhere:
    """Stands for the response of a stream that a fallback or a cache gave."""

    headers: Mapping[str, str] = {}
    status_code = 200
    is_closed = True

    def close(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


class Response:
    """An HTTP response, in all but that ``close`` and ``aclose`` go through the guarded stream.

    The helpers of the SDKs (``client.chat.completions.stream()``) close the response and not the
    stream that they were given.
    """

    def __init__(self, response: Any, stream: Any) -> None:
        """Take both."""
        self._response = response
        self._stream = stream

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Be taken for the response by ``isinstance``."""
        return type(self._response)

    def __getattr__(self, name: str) -> Any:
        """Give what the response has."""
        return getattr(self._response, name)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.close()


def shown(stream: Any) -> Any:
    """Give a guarded stream back that shows such a response."""
    response = getattr(stream, "response", None)
    stream.response = Nowhere() if response is None else Response(response, stream)
    return stream
