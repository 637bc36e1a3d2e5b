# SPDX-License-Identifier: MIT OR Apache-2.0
"""``guard_stream``: functions that give streams, guarded with limits on content."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._kinds import check_guardable, default_name, is_generator_function, look_like, underlying
from trifuse._llm.formats import RAW, RawFormat, StreamFormat, checked_format
from trifuse._llm.limits import StreamLimits
from trifuse._llm.resume import Resume, Strategy, make_resume
from trifuse._llm.streams import (
    GuardedAsyncStream,
    GuardedStream,
    begin_async,
    begin_sync,
    open_async,
    open_sync,
)
from trifuse._policy import Policy

P = ParamSpec("P")
T = TypeVar("T")


class StreamDecorator(Protocol):
    """Guards a function that gives a stream."""

    @overload
    def __call__(self, fn: Callable[P, AsyncGenerator[T, Any]], /) -> Callable[P, GuardedAsyncStream[T]]: ...
    @overload
    def __call__(self, fn: Callable[P, Generator[T, Any, Any]], /) -> Callable[P, GuardedStream[T]]: ...
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Callable[P, T]: ...


def guard_stream(
    policy: Policy | None = None,
    /,
    *,
    format: StreamFormat | None = None,  # noqa: A002 - what it is
    terminal: Callable[[Any], bool] | None = None,
    content: Callable[[Any], bool] | None = None,
    total: Duration | None = None,
    first_content: Duration | None = None,
    idle: Duration | None = None,
    resume: Resume | Strategy | None = None,
    allow_empty: bool = False,
) -> StreamDecorator:
    """Guard functions that give streams: generators of both kinds, and calls of clients.

    ``@guard_stream(breaker, first_content=5, idle=2)``. A generator is opened when its first item is
    asked for. A function that is awaited, or a plain one, is to give a client's stream (``create(...,
    stream=True)`` of openai or anthropic, or any iterable of its kind), and returns once its first content
    is there.

    Args:
        policy: a circuit breaker, a pipeline or another policy: each attempt is one call, with one outcome
            at its end. None: only the limits.
        format: how items are read, such as ``RawFormat(...)``; by default that of the client whose stream
            it is, and for all others every item is content.
        terminal: short for ``RawFormat(terminal=...)``: tells the item that says the stream is complete.
        content: short for ``RawFormat(content=...)``: tells which items are content.
        total: seconds from the call to the end.
        first_content: seconds until the first content of an attempt.
        idle: seconds from one content to the next, while items are asked for.
        resume: how the stream goes on if it breaks off after its first content.
        allow_empty: a stream without content that ends in order is a success; else StreamEmptyError.

    Raises:
        ConfigurationError: for bad settings, and for what is no function.
    """
    if policy is not None and not isinstance(policy, Policy):
        raise ConfigurationError("policy", policy, "a policy, such as a CircuitBreaker, or None")
    if terminal is not None or content is not None:
        if format is not None:
            raise ConfigurationError("format", format, "no format beside terminal and content")
        format = RawFormat(terminal=terminal, content=content)  # noqa: A001 - as above
    settings = _Settings(
        policy,
        checked_format(format),
        StreamLimits(total, first_content, idle),
        make_resume(resume),
        allow_empty,
    )
    return settings.decorate


class _Settings:
    """What a decorated function is guarded with."""

    def __init__(
        self,
        policy: Policy | None,
        fmt: StreamFormat | None,
        limits: StreamLimits,
        resume: Resume | None,
        allow_empty: bool,  # noqa: FBT001 - private
    ) -> None:
        self.policy, self.fmt, self.limits = policy, fmt, limits
        self.resume, self.allow_empty = resume, allow_empty

    def decorate(self, fn: Any) -> Any:
        """Guard by the kind of function."""
        check_guardable(fn)
        guarded = self._guard(fn)
        if self.policy is not None:
            self.policy._adopt(default_name(fn))
        look_like(guarded, fn)
        guarded.policy = self.policy
        return guarded

    def _guard(self, fn: Any) -> Any:
        kind = inspect.unwrap(underlying(fn))
        if inspect.isasyncgenfunction(kind):
            return self._begin(fn, begin_async)
        if is_generator_function(kind):
            return self._begin(fn, begin_sync)
        if inspect.iscoroutinefunction(kind) or inspect.iscoroutinefunction(fn):
            return self._open_async(fn)
        return self._open_sync(fn)

    def _begin(self, fn: Any, begin: Any) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return begin(
                self.policy, self.fmt or RAW, lambda: fn(*args, **kwargs), self.limits, self.resume, args, kwargs,
                allow_empty=self.allow_empty,
            )  # fmt: skip

        return guarded

    def _open_async(self, fn: Any) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return await open_async(
                self.policy, self.fmt, lambda: fn(*args, **kwargs), self.limits,
                resume=self.resume, allow_empty=self.allow_empty, args=args, kwargs=kwargs,
            )  # fmt: skip

        return guarded

    def _open_sync(self, fn: Any) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return open_sync(
                self.policy, self.fmt, lambda: fn(*args, **kwargs), self.limits,
                resume=self.resume, allow_empty=self.allow_empty, args=args, kwargs=kwargs,
            )  # fmt: skip

        return guarded
