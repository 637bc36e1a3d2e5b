# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded streams: one call, one outcome at its end, with time limits on content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trifuse._llm import streams_async, streams_sync
from trifuse._llm.formats import StreamFormat
from trifuse._llm.limits import NO_LIMITS, StreamLimits
from trifuse._llm.resume import Resume, Strategy, make_resume
from trifuse._llm.streams_guarding import guard, name_of
from trifuse._llm.streams_objects import GuardedAsyncStream, GuardedStream
from trifuse._llm.streams_reading import Call
from trifuse._policy import Policy

__all__ = ["GuardedAsyncStream", "GuardedStream", "open_async", "open_sync"]


async def open_async(
    policy: Policy | None,
    fmt: StreamFormat | None,
    opener: Callable[[], Any],
    limits: StreamLimits = NO_LIMITS,
    *,
    resume: Resume | Strategy | None = None,
    allow_empty: bool = False,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> GuardedAsyncStream[Any]:
    """Open a stream under guard; returns once its first content is there, or its end.

    Args:
        policy: guards each attempt: admitted before it, one outcome at its end. None: only the limits.
        fmt: how its events are read; None: by the class of the stream.
        opener: makes the client's call, once for each attempt; its result is awaited if it can be.
        limits: time limits.
        resume: how the stream goes on if it breaks off after its first content; None: it does not.
        allow_empty: take an end without content for a success where it is an orderly one.
        args: the arguments of the call as policies and fallbacks are to see them.
        kwargs: the keyword arguments, likewise.

    Raises what the policies refuse with and what the last attempt raised, until there is content.
    """
    stream = begin_async(policy, fmt, opener, limits, resume, args, kwargs, allow_empty=allow_empty)
    return await stream._prime()


def begin_async(
    policy: Policy | None,
    fmt: StreamFormat | None,
    opener: Callable[[], Any],
    limits: StreamLimits,
    resume: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None,
    *,
    allow_empty: bool,
) -> GuardedAsyncStream[Any]:
    """Give a stream that is opened when its first event is asked for."""
    keywords = kwargs or {}
    name, again = name_of(policy, fmt), make_resume(resume)
    call = Call(name, fmt, limits, again, allow_empty=allow_empty, asked=(args, keywords))

    def start(opener: Callable[[], Any], resumed: bool) -> Any:  # noqa: FBT001 - as Start says
        frames = streams_async.frames_of(call, opener, resumed=resumed)
        return guard(policy, frames, call, resumed=resumed, asynchronous=True)(*args, **keywords)

    return GuardedAsyncStream(call, opener, start)


def open_sync(
    policy: Policy | None,
    fmt: StreamFormat | None,
    opener: Callable[[], Any],
    limits: StreamLimits = NO_LIMITS,
    *,
    resume: Resume | Strategy | None = None,
    allow_empty: bool = False,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> GuardedStream[Any]:
    """Open a stream under guard, as :func:`open_async` does.

    Its limits are enforced by closing the connection from another thread. Where there is none to close,
    as for a generator, an event that comes too late ends the stream.
    """
    stream = begin_sync(policy, fmt, opener, limits, resume, args, kwargs, allow_empty=allow_empty)
    return stream._prime()


def begin_sync(
    policy: Policy | None,
    fmt: StreamFormat | None,
    opener: Callable[[], Any],
    limits: StreamLimits,
    resume: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None,
    *,
    allow_empty: bool,
) -> GuardedStream[Any]:
    """Give a stream that is opened when its first event is asked for."""
    keywords = kwargs or {}
    name, again = name_of(policy, fmt), make_resume(resume)
    call = Call(name, fmt, limits, again, allow_empty=allow_empty, asked=(args, keywords))

    def start(opener: Callable[[], Any], resumed: bool) -> Any:  # noqa: FBT001 - as Start says
        frames = streams_sync.frames_of(call, opener, resumed=resumed)
        return guard(policy, frames, call, resumed=resumed, asynchronous=False)(*args, **keywords)

    return GuardedStream(call, opener, start)
