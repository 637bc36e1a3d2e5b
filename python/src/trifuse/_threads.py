# SPDX-License-Identifier: MIT OR Apache-2.0
"""Synchronous calls in a thread, so that their caller gets the timeout in time."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import Any

from trifuse._errors import RequestTimeoutError
from trifuse._listeners import log
from trifuse._permits import OwnCall


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
    """Call in a thread and wait at most request_timeout.

    Raises RequestTimeoutError when it is over; what the thread then brings is dropped: it changes
    nothing any more. The thread sees the context variables of the caller.
    """
    job = _Job(fn, args, kwargs)
    context = contextvars.copy_context()
    name = f"trifuse-{own.breaker.name}"
    thread = threading.Thread(target=context.run, args=(job.run,), name=name, daemon=True)
    thread.start()
    limit = own.breaker._timeout
    if not job.done.wait(limit or None):
        log().warning("circuit breaker %r: a call goes on in its thread after its time", own.breaker.name)
        raise RequestTimeoutError(own.breaker.name, "request_timeout", limit)
    error, job.error = job.error, None
    try:
        if error is not None:
            raise error
        return job.result
    finally:
        del error  # or it would hold itself, through its traceback and this frame
