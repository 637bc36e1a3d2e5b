# SPDX-License-Identifier: MIT OR Apache-2.0
"""``deadline``: how long what runs inside may take in all."""

from __future__ import annotations

from typing import Any

from trifuse._durations import Duration
from trifuse._remaining import check, current, remaining, remaining_ns
from trifuse._time_limit import TimeLimit

__all__ = ["Deadline", "check", "current", "deadline", "remaining", "remaining_ns"]


class Deadline(TimeLimit):
    """What :func:`deadline` gives: a context manager, a decorator, and ``call()``."""

    __slots__ = ()
    kind = "deadline"
    setting = "deadline"
    _least = 0

    def __init__(self, seconds: Duration, *, name: str | None = None) -> None:
        """Take the time in seconds or as timedelta; 0 has passed at once."""
        super().__init__(seconds, name)

    def reconfigure(self, **changes: Any) -> None:
        """Change ``seconds``, for what begins from now on."""
        self._checked(changes)
        if "seconds" in changes:
            self._take(changes["seconds"])


def deadline(seconds: Duration, *, name: str | None = None) -> Deadline:
    """Give what runs inside so many seconds (or a timedelta) in all.

    ``with deadline(5): ...``, ``async with deadline(5): ...``, ``@deadline(5)``. Policies inside
    never wait past it: a retry whose delay would, gives up with the error that it has; a limit
    refuses; what a retry or timeout would call after it is not called, and RequestTimeoutError is
    raised, whose ``setting`` is ``"deadline"``. Deadlines inside one another only tighten. Tasks and
    threads that are started with a copy of the context have the deadline too.

    In a task, blocks (``with`` and ``async with`` are the same there) and decorated asynchronous
    functions are cancelled at the deadline. Synchronous code cannot be interrupted: what runs goes
    on, and the next of them raises. A stream has one deadline for all of its items.

    Raises ConfigurationError for what is no duration.
    """
    return Deadline(seconds, name=name)
