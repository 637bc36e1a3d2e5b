# SPDX-License-Identifier: MIT OR Apache-2.0
"""``with_raw_response`` and ``with_streaming_response``: the SDK's views of a response."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from trifuse.contrib._protect.attempts import checked as page_checked
from trifuse.contrib._protect.attempts import reading
from trifuse.contrib._protect.pieces import AsyncBody, Body, as_body
from trifuse.contrib._protect.responses import shown
from trifuse.contrib._protect.stand_ins import Answered, AnsweredLater

if TYPE_CHECKING:
    from trifuse.contrib._protect.attempts import Attempt
    from trifuse.contrib._protect.calls import Call

RAW = "raw"
STREAMING = "streaming"
HEADER = "x-stainless-raw-response"
"""The header by which the SDK notes the view."""
_VIEWS = {"true": RAW, "raw": RAW, "stream": STREAMING}


def view_of(options: Any) -> str | None:
    """Tell which view of the response is wanted; None for none."""
    headers = options.headers
    if not isinstance(headers, dict):
        return None
    for name, value in headers.items():
        if name.lower() == HEADER and isinstance(value, str):
            return _VIEWS.get(value.lower())
    return None


def checked(response: Any, call: Call, attempt: Attempt) -> Any:
    """Parse a raw response, which keeps what it was parsed into: an answer that is none must be known."""
    attempt.response = getattr(response, "http_response", attempt.response)
    module = call.protection.provider.module
    with reading(attempt.response, module):
        parsed = response.parse()
    if inspect.isawaitable(parsed):
        return _checked_later(response, parsed, call, attempt)
    page_checked(parsed, call.cast_to, attempt, module)
    return response


async def _checked_later(response: Any, parsing: Any, call: Call, attempt: Attempt) -> Any:
    module = call.protection.provider.module
    with reading(attempt.response, module):
        parsed = await parsing
    page_checked(parsed, call.cast_to, attempt, module)
    return response


async def stream_async(call: Call, result: Any, opened: list[Any]) -> Any:
    """Give the stream of what was opened; ``opened`` keeps the SDK's view of the response."""
    if call.view is None:
        return result
    opened[:] = [result]
    if call.view == STREAMING:
        return AsyncBody(result.http_response)
    parsed = result.parse()
    return await parsed if inspect.isawaitable(parsed) else parsed


def stream_sync(call: Call, result: Any, opened: list[Any]) -> Any:
    """Give the stream of what was opened; ``opened`` keeps the SDK's view of the response."""
    if call.view is None:
        return result
    opened[:] = [result]
    return Body(result.http_response) if call.view == STREAMING else result.parse()


def given(call: Call, stream: Any, opened: list[Any]) -> Any:
    """Give the guarded stream as the caller asked for it."""
    if call.view is None or not opened:
        return shown(stream)
    response = opened[0]
    if call.view == STREAMING:
        response.http_response.stream = as_body(stream, response.http_response.stream)
        return response
    stand_in = (AnsweredLater if inspect.iscoroutinefunction(response.parse) else Answered)(shown(stream))
    response.parse = stand_in.parse
    return response
