# SPDX-License-Identifier: MIT OR Apache-2.0
"""Synchronous calls in a thread, so that their caller gets the timeout in time."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from trifuse._errors import RequestTimeoutError
from trifuse._listeners import log
from trifuse._permits import OwnCall
from trifuse._remaining import current, remaining


class _Job:
    """One call in its thread: a daemon, because a hung call must not keep the process alive."""

    def __init__(self, fn: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> None:
        self._work = (fn, args, kwargs)
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        fn, args, kwargs = self._work
        try:
            self.result = fn(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is raised to the caller
            self.error = error
        finally:
            del self._work
            self.done.set()


def call_in_thread(
    own: OwnCall, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Call in a thread and wait at most request_timeout, or until the deadline.

    Raises RequestTimeoutError as run_in_thread.
    """
    name, limit = own.breaker.name, own.breaker._timeout
    end, left = current.get(), remaining()
    if end is not None and left is not None and (not limit or left < limit):
        return run_in_thread(name, fn, args, kwargs, left, end[1]._expired)
    timeout = partial(RequestTimeoutError, name, "request_timeout", limit)
    return run_in_thread(name, fn, args, kwargs, limit or None, timeout)


def run_in_thread(
    name: str,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    limit: float | None,
    expired: Callable[[], BaseException],
) -> Any:
    """Run in a thread and wait at most so many seconds.

    Raises what ``expired`` gives when they are over; what the thread then brings is dropped: it
    changes nothing any more. The thread sees the context variables of the caller.
    """
    job = _Job(fn, args, kwargs)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(job.run,), name=f"trifuse-{name}", daemon=True)
    thread.start()
    if not job.done.wait(limit):
        log().warning("%r: a call goes on in its thread after its time", name)
        raise expired()
    error, job.error = job.error, None
    try:
        if error is not None:
            raise error
        return job.result
    finally:
        del error  # or it would hold itself, through its traceback and this frame
