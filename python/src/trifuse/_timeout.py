# SPDX-License-Identifier: MIT OR Apache-2.0
"""``timeout``: how long one call may take."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from trifuse import _limits
from trifuse._deadline import check, current
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError, RequestTimeoutError
from trifuse._kinds import underlying
from trifuse._options import is_cancellation
from trifuse._remaining import End, now_ns
from trifuse._time_limit import Left, TimeLimit, bypass, duration_ns, end_in, until, within
from trifuse._typing import Decorated

P = ParamSpec("P")
R = TypeVar("R")
_DEFAULT = 10
_COROUTINE = 0x80


class _Idle:
    """Who says that an item took too long."""

    __slots__ = ("_of",)

    def __init__(self, of: Timeout) -> None:
        self._of = of

    def _expired(self) -> RequestTimeoutError:
        return RequestTimeoutError(self._of.name, "idle_timeout", seconds(self._of._idle_ns))


class Timeout(TimeLimit):
    """Gives a call up when it takes too long.

    Args:
        seconds: the limit, in seconds or as timedelta; 10 by default.
        thread: run synchronous functions in a thread, so that their caller gets the timeout in
            time; what the thread then brings is dropped.
        idle_timeout: of streams, the limit from the first item on: how long each further item may
            take. The limit itself is the time to the first item.
        name: what errors call it.

    Asynchronous calls are cancelled and RequestTimeoutError (a TimeoutError) is raised, whose
    ``setting`` is ``"timeout"``; a cancellation from outside stays one. Synchronous calls cannot be
    interrupted: without ``thread`` a late result is still returned, because the work was done. What
    runs inside sees the limit as a deadline all the same, so no retry or limiter in it waits longer.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_idle_ns", "_table", "_thread")
    kind = "timeout"
    setting = "timeout"
    settings = frozenset({"seconds", "thread", "idle_timeout"})

    def __init__(
        self,
        seconds: Duration = _DEFAULT,
        *,
        thread: bool = False,
        idle_timeout: Duration | None = None,
        name: str | None = None,
    ) -> None:
        """Take the settings."""
        self._thread = bool(thread)
        self._idle_ns = 0 if idle_timeout is None else duration_ns("idle_timeout", idle_timeout, 0)
        super().__init__(seconds, name)

    def _take(self, limit: Any) -> None:
        super()._take(limit)
        self._table: Any = _limits.NO_TABLE

    def _settings(self) -> dict[str, Any]:
        return {"seconds": self._seconds, "thread": self._thread, "idle_timeout": seconds(self._idle_ns)}

    def _checked(self, changes: Any) -> None:
        type(self)(**{**self._settings(), **changes})

    def reconfigure(self, **changes: Any) -> None:
        """Change ``seconds``, ``thread`` or ``idle_timeout`` for calls that begin from now on.

        Raises ConfigurationError, and then nothing is taken.
        """
        self._checked(changes)
        if "idle_timeout" in changes:
            idle = changes["idle_timeout"]
            self._idle_ns = 0 if idle is None else duration_ns("idle_timeout", idle, 0)
        self._thread = bool(changes.get("thread", self._thread))
        if "seconds" in changes:
            self._take(changes["seconds"])

    def with_limit(self, seconds: Duration) -> Timeout:
        """Give the same timeout with another limit, such as for one call.

        ``await timeout.with_limit(2).call(fetch, url)``.
        """
        other: Timeout = type(self)(**{**self._settings(), "seconds": seconds})
        other.name = self.name
        return other

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        self._only("idle_timeout", "generators and asynchronous generators", self._idle_ns)
        return super()._guard_function(fn)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        self._only("idle_timeout", "generators and asynchronous generators", self._idle_ns)
        self._only("thread", "synchronous functions", self._thread)
        code = getattr(underlying(fn), "__code__", None)
        if code is None or not code.co_flags & _COROUTINE:
            return super()._guard_coroutine_function(fn)  # what it gives may not be fresh each time
        return self._guard_async_def(fn)

    def _guard_async_def(self, fn: Callable[..., Any]) -> Any:
        """Guard by the timer that all calls of this limit on one loop share (see _limits)."""

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if current.get() is not None:
                return await _within_both(self, fn, args, kwargs)
            table = self._table
            if table.loop is not _limits.running_loop():
                table = self._find_table()
                if table is None:
                    return await _within_both(self, fn, args, kwargs)
            task = _limits.current_task(table.loop)
            if task is None or bypass():  # without a task a callback of the loop steps it: nobody to cancel
                return await _within_both(self, fn, args, kwargs)
            before = task.cancelling()
            call = fn(*args, **kwargs) if kwargs else fn(*args)
            calls = table.calls
            calls[call] = (table.now() + table.seconds, task)
            if not table.armed:
                table.arm()
            current.set((now_ns() + self._ns, self))
            try:
                result = await call
            except BaseException as error:
                current.set(None)
                if calls.pop(call, None) is None and task.uncancel() <= before and is_cancellation(error):
                    raise self._expired() from error
                raise
            current.set(None)
            if calls.pop(call, None) is None:
                task.uncancel()
            return result

        return guarded

    def _find_table(self) -> Any:
        table = _limits.find_table(self._seconds)
        if table is not None:
            self._table = table
        return table

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        self._only("thread", "synchronous functions", self._thread)
        return super()._guard_generator_function(fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        self._only("thread", "synchronous functions", self._thread)
        return super()._guard_async_generator_function(fn)

    def _next_end(self, begun: End | None) -> Left | None:
        if begun is None:
            return end_in(self._ns, self)
        if self._idle_ns:
            return end_in(self._idle_ns, _Idle(self))
        outer = current.get()
        return None if outer is None else until(outer)

    def _only(self, field: str, what: str, value: Any) -> None:
        if value:
            raise ConfigurationError(field, self._settings()[field], f"only for {what}")


async def _within_both(limit: Timeout, fn: Any, args: Any, kwargs: Any) -> Any:
    """Await within the limit and the deadline that there is already, or where trio runs."""
    if bypass():
        return await fn(*args, **kwargs)
    check()
    return await within(end_in(limit._ns, limit), fn(*args, **kwargs))


class Decorator(Protocol):
    """Puts a timeout around a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Timeout]:
        """Decorate a function."""


@overload
def timeout(seconds: Callable[P, R], /) -> Decorated[P, R, Timeout]: ...
@overload
def timeout(
    seconds: Duration = _DEFAULT, /, *, thread: bool = False, idle_timeout: Duration | None = None,
    name: str | None = None,
) -> Decorator: ...  # fmt: skip
def timeout(seconds: Any = _DEFAULT, /, **settings: Any) -> Any:
    """Give a function of any kind a timeout: ``@timeout(10)``, or ``@timeout`` for 10 seconds.

    Takes the arguments of :class:`Timeout`, which is then the function's ``.policy``.
    """
    if callable(seconds):
        return Timeout()(seconds)
    return Timeout(seconds, **settings)
