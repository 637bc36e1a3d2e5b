# SPDX-License-Identifier: MIT OR Apache-2.0
"""What timeouts and deadlines have in common: a limit on what runs inside, told to all of it."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, ClassVar, Self

from trifuse._awaiting import PLAIN, is_plain
from trifuse._contexts import owner_now
from trifuse._core import lib
from trifuse._durations import NEVER, nanoseconds, seconds
from trifuse._errors import ConfigurationError, RequestTimeoutError
from trifuse._limits import start_once
from trifuse._options import is_cancellation
from trifuse._policy import Policy, checked_name
from trifuse._remaining import End, Setter, check, current, now_ns, tighter
from trifuse._stream_guards import (
    Plain,
    PlainAsync,
    async_generator_guard,
    generator_guard,
    go_on,
)

bypass = lib.trifuse_py_bypass
LONGEST_NS: int = lib.TRIFUSE_DURATION_MAX_NS


def duration_ns(field: str, value: Any, least: int) -> int:
    """Give a setting's nanoseconds. Raises ConfigurationError outside of least..365 days."""
    ns = nanoseconds(value)
    if ns is None or not least <= ns <= LONGEST_NS:
        lowest = "1 ns" if least else "0"
        raise ConfigurationError(field, value, f"{lowest} to 365 days (in seconds, or a timedelta)")
    return ns


Left = tuple[End, float]
"""A deadline and the seconds until then."""


def end_in(ns: int, setter: Setter) -> Left:
    """Give the deadline that is so far away, or the present one where that is earlier."""
    now, outer = now_ns(), current.get()
    at_ns = min(now + ns, NEVER - 1)
    if outer is None or at_ns < outer[0]:
        return (at_ns, setter), seconds(ns)
    return outer, seconds(max(0, outer[0] - now))


def until(end: End) -> Left:
    """Give a deadline, or the present one where that is earlier, and how far away it is."""
    end = tighter(end)
    return end, seconds(max(0, end[0] - now_ns()))


async def within(ends: Left, awaitable: Awaitable[Any]) -> Any:
    """Await until a deadline at most, which what is awaited sees. Raises the setter's error."""
    end, left = ends
    outer = current.get()
    current.set(end)
    limit = start_once(left)
    try:
        result = await awaitable
    except BaseException as error:
        if limit is not None and limit.stop(error) and is_cancellation(error):
            raise end[1]._expired() from error
        raise
    finally:
        current.set(outer)
    if limit is not None:
        limit.stop(None)
    return result


class TimeLimit(Policy):
    """A limit in seconds on functions of all kinds, and on blocks of code."""

    __slots__ = ("_blocks", "_ns", "_seconds")
    settings = frozenset({"seconds"})
    setting: ClassVar[str]
    _least: ClassVar[int] = 1
    _thread: bool = False

    def __init__(self, limit: Any, name: str | None) -> None:
        """Take the limit. Raises ConfigurationError."""
        self.name = checked_name(name)
        self._blocks: dict[Any, list[tuple[End | None, End, Any]]] = {}
        self._take(limit)

    def _take(self, limit: Any) -> None:
        self._ns = duration_ns("seconds", limit, self._least)
        self._seconds = seconds(self._ns)

    @property
    def seconds(self) -> float:
        """The limit in seconds."""
        return self._seconds

    def _settings(self) -> dict[str, Any]:
        return {"seconds": self._seconds}

    def _expired(self) -> RequestTimeoutError:
        return RequestTimeoutError(self.name, self.setting, self._seconds)

    def _next_end(self, begun: End | None) -> Left | None:
        """Give the deadline of a stream's next step; ``begun``: that of the first, if it was."""
        return end_in(self._ns, self) if begun is None else until(begun)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if bypass():
                return fn(*args, **kwargs)
            if self._thread:
                return self._call_in_thread(fn, args, kwargs)
            outer = current.get()
            if outer is None:
                end: End = (now_ns() + self._ns, self)
            else:
                check()
                end = end_in(self._ns, self)[0]
            current.set(end)
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            finally:
                current.set(outer)
            if type(result) not in PLAIN and not is_plain(result):
                return self._go_on(result)
            return result

        return guarded

    def _call_in_thread(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        from trifuse._threads import run_in_thread

        check()
        outer, (end, left) = current.get(), end_in(self._ns, self)
        current.set(end)
        try:
            return run_in_thread(self.name, fn, args, kwargs, left, end[1]._expired)
        finally:
            current.set(outer)

    def _go_on(self, result: Any) -> Any:
        """Go on with a call whose result is to be awaited or iterated: its time begins then."""
        return go_on(
            result,
            lambda items: _Limited(self, items),
            lambda items: _LimitedAsync(self, items),
            self._settle,
        )

    async def _settle(self, awaitable: Awaitable[Any]) -> Any:
        return await within(end_in(self._ns, self), awaitable)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if bypass():
                return await fn(*args, **kwargs)
            check()
            return await within(end_in(self._ns, self), fn(*args, **kwargs))

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return generator_guard(
            lambda args, kwargs: (
                Plain(fn(*args, **kwargs)) if bypass() else _Limited(self, fn(*args, **kwargs))
            )
        )

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return async_generator_guard(
            lambda args, kwargs: (
                PlainAsync(fn(*args, **kwargs)) if bypass() else _LimitedAsync(self, fn(*args, **kwargs))
            )
        )

    def __enter__(self) -> Self:
        """Limit a block of code: what it calls sees the deadline, what it awaits is cancelled at it."""
        return self._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the block; raises RequestTimeoutError if it was cancelled because its time was over."""
        self._exit(error)

    async def __aenter__(self) -> Self:
        """Limit a block of code, which is cancelled when its time is over."""
        return self._enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the block; raises RequestTimeoutError if its time was over."""
        self._exit(error)

    def _enter(self) -> Self:
        outer, limit = current.get(), None
        end, left = end_in(self._ns, self)
        if not bypass():
            current.set(end)
            limit = start_once(left)
        self._blocks.setdefault(owner_now(), []).append((outer, end, limit))
        return self

    def _exit(self, error: BaseException | None) -> None:
        """Leave the innermost block of the running task or thread, or, left elsewhere, the last."""
        left: Any = owner_now()
        if left not in self._blocks:
            left = next(reversed(self._blocks), None)
        if left is None:
            raise RuntimeError(f"a block of a {self.kind} is left that was not entered")
        blocks = self._blocks[left]
        outer, end, limit = blocks.pop()
        if not blocks:
            self._blocks.pop(left, None)
        if current.get() is end:
            current.set(outer)
        if limit is not None and limit.stop(error) and error is not None and is_cancellation(error):
            raise end[1]._expired() from error


class _Limited:
    """The stream of a generator: its items cannot be interrupted, but none is asked for too late."""

    __slots__ = ("_begun", "_items", "_limit")

    def __init__(self, limit: TimeLimit, items: Generator[Any, Any, Any]) -> None:
        self._limit, self._items = limit, items
        self._begun: End | None = None

    def step(self, value: Any, *, throw: bool) -> Any:
        outer, ends = current.get(), self._limit._next_end(self._begun)
        if ends is not None:
            self._begun = self._begun or ends[0]
            if ends[1] <= 0:
                self._items.close()
                raise ends[0][1]._expired()
            current.set(ends[0])
        try:
            return self._items.throw(value) if throw else self._items.send(value)
        finally:
            current.set(outer)

    def close(self) -> None:
        self._items.close()


class _LimitedAsync:
    """The stream of an asynchronous generator: an item that takes too long is cancelled."""

    __slots__ = ("_begun", "_items", "_limit")

    def __init__(self, limit: TimeLimit, items: AsyncGenerator[Any, Any]) -> None:
        self._limit, self._items = limit, items
        self._begun: End | None = None

    async def step(self, value: Any, *, throw: bool) -> Any:
        ends = self._limit._next_end(self._begun)
        if ends is None:
            return await (self._items.athrow(value) if throw else self._items.asend(value))
        self._begun = self._begun or ends[0]
        if ends[1] <= 0:
            raise ends[0][1]._expired()
        return await within(ends, self._items.athrow(value) if throw else self._items.asend(value))

    async def close(self) -> None:
        await self._items.aclose()
