# SPDX-License-Identifier: MIT OR Apache-2.0
"""One attempt: one request of an SDK, within its time, and what came back looked at."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._errors import RequestTimeoutError
from trifuse._llm.streams_closing import call_within
from trifuse._options import kind_of
from trifuse._remaining import current, now_ns
from trifuse._threads import run_in_thread
from trifuse._time_limit import end_in, within

if TYPE_CHECKING:
    from trifuse._remaining import End
    from trifuse.contrib._protect.guards import Guard

_bypass = lib.trifuse_py_bypass


class Attempt:
    """What an attempt notes while the SDK works: its response, and when it is over."""

    __slots__ = ("end", "response")

    def __init__(self, end: End | None = None) -> None:
        """Begin."""
        self.response: Any = None
        self.end = end

    def left(self) -> float | None:
        """Give the seconds until it is over; None for no limit."""
        return None if self.end is None else max(0, self.end[0] - now_ns()) / 1e9


attempt_now: ContextVar[Attempt | None] = ContextVar("trifuse.attempt", default=None)
"""The attempt whose request runs now."""


_JSON = (type(None), bool, int, float, list, dict)


class PageError(Exception):
    """Stands for an answer of HTTP 200 that is none, such as an HTML page."""


def checked(result: Any, cast_to: Any, attempt: Attempt, module: str) -> Any:
    """Give a result back. Raises the SDK's own validation error for a page, or other JSON, in place of an answer."""
    if type(result) is str and cast_to is not str:
        message = "the server answered 200 with a page that is no JSON"
    elif type(result) in _JSON and hasattr(cast_to, "model_fields"):
        message = "the server answered 200 with JSON that is no answer"
    else:
        return result
    raise invalid(message, attempt.response, module)


def invalid(message: str, response: Any, module: str) -> Exception:
    """Make the SDK's own validation error."""
    import sys

    kind = getattr(sys.modules.get(module), "APIResponseValidationError", None)
    if kind is None or response is None:
        return PageError(message)
    made: Exception = kind(response=response, body=None, message=message)
    return made


@contextlib.contextmanager
def reading(response: Any, module: str) -> Iterator[None]:
    """Let what the SDK finds wrong with an answer be its validation error.

    It has plain ones, such as for embeddings without data, that look as if the caller had done something wrong.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError) or attempt_now.get() is None:
            raise
        raise invalid(f"the answer cannot be read: {error}", response, module) from error


def learn(guard: Guard, attempt: Attempt) -> None:
    """Tell the budget what the server says of its limits; of errors it sees that itself."""
    if guard.budget is None:
        return
    headers = getattr(attempt.response, "headers", None)
    if headers is not None:
        guard.budget.learn(headers)  # type: ignore[attr-defined]


async def attempt_async(guard: Guard, send: Callable[[], Any], finish: Callable[[Any, Attempt], Any]) -> Any:
    """Make one request of an asynchronous client within the limit of an attempt.

    ``finish`` looks at what came; what it gives is awaited if it can be.
    """
    if guard.limits.attempt is None or _bypass():
        return await plain_async(guard, send, finish)
    ends = end_in(int(guard.limits.attempt * 1e9), guard)
    return await within(ends, plain_async(guard, send, finish))


async def plain_async(guard: Guard, send: Callable[[], Any], finish: Callable[[Any, Attempt], Any]) -> Any:
    """Make one request of an asynchronous client without a limit of its own."""
    attempt = Attempt(current.get())
    outer = attempt_now.get()
    attempt_now.set(attempt)
    try:
        result = finish(await send(), attempt)
        if inspect.isawaitable(result):
            result = await result
    finally:
        attempt_now.set(outer)
    learn(guard, attempt)
    return result


def attempt_sync(guard: Guard, send: Callable[[], Any], finish: Callable[[Any, Attempt], Any]) -> Any:
    """Make one request of a synchronous client, ended at the limit of an attempt or the deadline around."""
    end = current.get()
    if guard.limits.attempt is not None and not _bypass():
        end = end_in(int(guard.limits.attempt * 1e9), guard)[0]
    if end is None:
        return plain_sync(guard, send, finish)
    attempt = Attempt(end)
    left, expired = attempt.left() or 0.0, end[1]._expired
    try:
        within_time = (left, expired, lambda: _attempt_sync(guard, send, finish, attempt))
        if guard.thread:  # there too it is ended, where that can be done
            return run_in_thread(guard.name, call_within, within_time, {}, left, expired)
        return call_within(*within_time)
    except Exception as error:
        late = isinstance(error, RequestTimeoutError)
        cause = error.__cause__ if late else error
        if cause is not None and kind_of(cause) == "local":
            raise cause from cause.__cause__
        # The HTTP client's own timeouts, which are bounded by ours, may come first.
        if not late and end[0] <= now_ns():
            raise expired() from error
        raise


def plain_sync(guard: Guard, send: Callable[[], Any], finish: Callable[[Any, Attempt], Any]) -> Any:
    """Make one request of a synchronous client without a limit of its own."""
    return _attempt_sync(guard, send, finish, Attempt(current.get()))


def _attempt_sync(guard: Guard, send: Any, finish: Any, attempt: Attempt) -> Any:
    outer = attempt_now.get()
    attempt_now.set(attempt)
    try:
        result = finish(send(), attempt)
    finally:
        attempt_now.set(outer)
    learn(guard, attempt)
    return result
