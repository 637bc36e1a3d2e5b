# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams of guarded clients: opened through the guards, and what the SDK's helpers need of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trifuse.contrib._protect import raw
from trifuse.contrib._protect.attempts import Attempt, attempt_sync, plain_async, plain_sync

if TYPE_CHECKING:
    from trifuse.contrib._protect.calls import Call
    from trifuse.contrib._protect.guards import Guard

_MODULES = {
    "OPENAI_CHAT": "formats_openai",
    "OPENAI_RESPONSES": "formats_openai",
    "ANTHROPIC_MESSAGES": "formats_anthropic",
    "": "formats",
}


def format_of(call: Call) -> Any:
    """Give the format of a call's events."""
    assert call.operation is not None
    if call.view == raw.STREAMING:
        from trifuse.contrib._protect.pieces import BODY

        return BODY
    name = call.operation.format
    return getattr(import_module(f"trifuse._llm.{_MODULES[name]}"), name or "RAW")


def _limits(call: Call, guard: Guard) -> Any:
    from trifuse._llm.limits import StreamLimits

    limits = guard.limits
    return StreamLimits(
        limits.stream_total if call.stream else limits.total, limits.first_content, limits.idle
    )


async def open_async(call: Call, guard: Guard, body: Mapping[str, Any]) -> Any:
    """Open a stream of an asynchronous client."""
    from trifuse._llm.streams import open_async as open_stream

    opened: list[Any] = []

    async def parsed(result: Any, _attempt: Attempt) -> Any:
        return await raw.stream_async(call, result, opened)

    async def opener() -> Any:
        return await plain_async(guard, call.sent, parsed)

    stream = await open_stream(
        call.policy(guard), format_of(call), opener, _limits(call, guard), resume=guard.resume, kwargs=body
    )
    return raw.given(call, stream, opened)


def open_sync(call: Call, guard: Guard, body: Mapping[str, Any]) -> Any:
    """Open a stream of a synchronous client."""
    from trifuse._llm.streams import open_sync as open_stream

    opened: list[Any] = []

    def parsed(result: Any, _attempt: Attempt) -> Any:
        return raw.stream_sync(call, result, opened)

    send = attempt_sync if guard.thread else plain_sync

    def opener() -> Any:
        return send(guard, call.sent, parsed)

    stream = open_stream(
        call.policy(guard), format_of(call), opener, _limits(call, guard), resume=guard.resume, kwargs=body
    )
    return raw.given(call, stream, opened)
