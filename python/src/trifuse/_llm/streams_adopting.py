# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams of clients that a guarded function merely returns: guarded on to their end.

They are known by the names of their classes, so no client is imported. The stream that the function has
opened cannot be opened again: a retry around the guard calls the function again where it fails before
its first content, which is asked for before the guarded function returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._llm import streams_async, streams_sync
from trifuse._llm.formats import format_of
from trifuse._llm.limits import NO_LIMITS
from trifuse._llm.streams import GuardedAsyncStream, GuardedStream
from trifuse._llm.streams_guarding import without_chain
from trifuse._llm.streams_outside import Outside
from trifuse._llm.streams_reading import Call

if TYPE_CHECKING:
    from trifuse._options import Options
    from trifuse._permits import OwnCall

Wrap = Callable[[Any], Any]
"""Puts a guard around the frames of a stream that is open already."""


def _call(name: str, stream: Any) -> Call:
    fmt = stream._call.fmt if isinstance(stream, Outside) else None
    return Call(name, fmt or format_of(stream), NO_LIMITS, None, allow_empty=False)


def adopt_sync(name: str, stream: Any, wrap: Wrap) -> GuardedStream[Any]:
    """Guard an open stream, whose first content is asked for at once."""
    call = _call(name, stream)

    def start(opener: Any, resumed: bool) -> Any:  # noqa: FBT001 - as Start says
        return wrap(streams_sync.frames_of(call, opener, resumed=resumed)())

    return GuardedStream(call, lambda: stream, start)._prime()


def adopt_async(name: str, stream: Any, wrap: Wrap) -> GuardedAsyncStream[Any]:
    """Guard an open stream of an asynchronous client."""
    call = _call(name, stream)

    def start(opener: Any, resumed: bool) -> Any:  # noqa: FBT001 - as Start says
        return wrap(streams_async.frames_of(call, opener, resumed=resumed)())

    return GuardedAsyncStream(call, lambda: stream, start)


def is_async(stream: Any) -> bool:
    """Tell the stream of an asynchronous client."""
    return hasattr(type(stream), "__anext__")


def adopt(stream: Any, wrap: Wrap, wrap_async: Wrap) -> Any:
    """Guard an open stream of either kind by a policy that calls it by no name."""
    if is_async(stream):
        return adopt_async("", stream, wrap_async)
    return adopt_sync("", stream, wrap)


def go_on(
    own: OwnCall, options: Options, stream: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Go on with a call of a breaker that gave a stream, to its first content; the fallbacks may answer."""
    from trifuse._streams import guard_async_items, guard_items

    name = own.breaker.name
    if is_async(stream):
        return adopt_async(name, stream, lambda items: guard_async_items(own, options, items, args, kwargs))
    plain = without_chain(options)
    try:
        return adopt_sync(name, stream, lambda items: guard_items(own, plain, items, args, kwargs))
    except Exception as error:
        if options.chain is None or not options.falls_back_on(error):
            raise
        found = options.chain.answer(name, error, args, kwargs)
        if found is None:
            raise
        return found[0]


async def go_on_async(own: OwnCall, options: Options, stream: Any) -> Any:
    """Go on with an awaited call of a breaker that gave a stream, to its first content."""
    from trifuse._streams import guard_async_items, guard_items

    name, plain = own.breaker.name, without_chain(options)
    own.unjudged()
    if not is_async(stream):
        return adopt_sync(name, stream, lambda items: guard_items(own, plain, items))
    guarded = adopt_async(name, stream, lambda items: guard_async_items(own, plain, items))
    return await guarded._prime()
