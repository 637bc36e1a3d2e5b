# SPDX-License-Identifier: MIT OR Apache-2.0
"""The bulkhead: at most so many calls at once."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isawaitable
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from trifuse._awaiting import PLAIN, is_plain
from trifuse._core import ffi, lib
from trifuse._durations import NEVER, Duration, seconds
from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._options import DEFAULT
from trifuse._place_guards import call_later, guard_async_items, guard_items, hold
from trifuse._place_turns import queue_settings, take_turn, take_turn_async
from trifuse._places import ConcurrencySnapshot, Place, Places, enter, leave, snapshot_of
from trifuse._structs import Kind
from trifuse._typing import Decorated
from trifuse._waiting import gives_awaitables, in_task

__all__ = ["Bulkhead", "ConcurrencySnapshot", "Place", "bulkhead"]
P = ParamSpec("P")
R = TypeVar("R")


def _start(config: Any) -> Any:
    lib.trifuse_concurrency_config_init(config, ffi.sizeof(config[0]), lib.TRIFUSE_ALGORITHM_FIXED)
    return config


KIND = Kind(
    "bulkhead", "trifuse_concurrency_config", _start, lib.trifuse_concurrency_config_check,
    lib.trifuse_py_places_size, lib.trifuse_py_places_open, frozenset(), frozenset(),
)  # fmt: skip


class Bulkhead(Places):
    """Lets at most ``limit`` calls run at once, so that a slow dependency cannot take all there is.

    Args:
        limit: how many calls may be in flight, 1 to 1,000,000.
        max_queue: how many more may wait for a place; by default none: they are refused at once.
        max_wait: how long one may wait, in seconds or as timedelta; by default as long as it takes.
        name: what it is called in refusals; by default that of the function it decorates.

    It is a decorator, a context manager (``with``, ``async with``) and has the calls
    :meth:`try_acquire`, :meth:`acquire` and :meth:`acquire_async`, which give a :class:`Place`.
    Waiting is first come, first served. A stream holds its place from the first item asked for to
    its end. Everything may be used from any number of threads and tasks.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_unheld",)
    kind = "bulkhead"
    settings = frozenset({"limit", "max_queue", "max_wait"})

    def __init__(
        self,
        limit: int = 20,
        *,
        max_queue: int = 0,
        max_wait: Duration | None = None,
        name: str | None = None,
    ) -> None:
        """Begin empty."""
        given = {"limit": limit}
        self._options = DEFAULT
        self._unheld = 0  # blocks that were entered while everything was switched off
        self._set_up(KIND, KIND.config(given), given, name)
        self._set_queue(max_queue, max_wait)

    def set_limit(self, limit: int) -> None:
        """Change the limit, at once; who is in stays in. Raises ConfigurationError."""
        self.reconfigure(limit=limit)

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change ``limit``, ``max_queue`` or ``max_wait``; calls in flight and in the queue stay.

        Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        self._checked(changes)
        if "limit" in changes:
            limit = changes["limit"]
            KIND.take(lambda error: lib.trifuse_concurrency_set_limit(self._core, limit, error), changes)
        self._set_queue(*self._queue_with(changes))
        self._settle()

    def __enter__(self) -> Self:
        """Take a place for a block of code, as :meth:`acquire`."""
        result = enter(self._memory)
        if result and not take_turn(self, self._memory, result, self._max_wait_ns):
            self._unheld += 1
        elif self._entered is not None:
            self._entered.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back. Raises TrifuseError when there was none."""
        if self._unheld:
            self._unheld -= 1
            return
        if self._entered is not None and not self._entered.leave():
            return
        waiting = leave(self._memory)
        if waiting:
            self._left(waiting)

    async def __aenter__(self) -> Self:
        """Take a place for a block of code, as :meth:`acquire_async`."""
        result = enter(self._memory)
        if result and not await take_turn_async(self, self._memory, result, self._max_wait_ns):
            self._unheld += 1
        elif self._entered is not None:
            self._entered.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back. Raises TrifuseError when there was none."""
        if self._unheld:
            self._unheld -= 1
            return
        if self._entered is not None and not self._entered.leave():
            return
        waiting = leave(self._memory)
        if waiting:
            self._left(waiting)

    def _left(self, waiting: int) -> None:
        if waiting < 0:
            raise TrifuseError(f"bulkhead {self.name!r}: a place was given back that was not taken")
        self._settle()

    def snapshot(self) -> ConcurrencySnapshot:
        """Take a picture: limit, calls in flight and waiting, totals."""
        return snapshot_of(self)

    def _queue_with(self, changes: Mapping[str, Any]) -> tuple[Any, Any]:
        old = None if self._max_wait_ns == NEVER else seconds(self._max_wait_ns)
        return changes.get("max_queue", self._max_queue), changes.get("max_wait", old)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"limit": self.limit, "max_queue": self._max_queue}
        return (
            settings if self._max_wait_ns == NEVER else {**settings, "max_wait": seconds(self._max_wait_ns)}
        )

    def _checked(self, changes: Mapping[str, Any]) -> None:
        for field, value in changes.items():
            if field not in self.settings:
                raise ConfigurationError(field, value, f"one of {', '.join(sorted(self.settings))}")
        if "limit" in changes:
            KIND.config({"limit": changes["limit"]})
        queue_settings(*self._queue_with(changes))

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        awaited = gives_awaitables(fn)

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal awaited
            memory = self._memory
            result = enter(memory)
            if result:
                if awaited and in_task():
                    return call_later(self, fn, args, kwargs)
                if not take_turn(self, memory, result, self._max_wait_ns):
                    return fn(*args, **kwargs)
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            except BaseException:
                if leave(memory) > 0:
                    self._settle()
                raise
            if type(result) not in PLAIN and not is_plain(result):
                awaited = isawaitable(result)
                return hold(Place(self, memory), result)
            if leave(memory):
                self._settle()
            return result

        return guarded

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            memory = self._memory
            result = enter(memory)
            if result and not await take_turn_async(self, memory, result, self._max_wait_ns):
                return await fn(*args, **kwargs)
            try:
                return await (fn(*args, **kwargs) if kwargs else fn(*args))
            finally:
                if leave(memory):
                    self._settle()

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guard_items(self, fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guard_async_items(self, fn)


class Decorator(Protocol):
    """Puts a function into a bulkhead and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Bulkhead]:
        """Put a function into the bulkhead."""


def bulkhead(
    limit: int = 20, *, max_queue: int = 0, max_wait: Duration | None = None, name: str | None = None
) -> Decorator:
    """Bound how many calls of a function of any kind run at once: ``@bulkhead(20, max_queue=100)``.

    The arguments are those of :class:`Bulkhead`.
    """
    return Bulkhead(limit, max_queue=max_queue, max_wait=max_wait, name=name)
