# SPDX-License-Identifier: MIT OR Apache-2.0
"""Deadlines: how long what runs now may take in all, passed down to every policy inside.

A deadline is a time of the core's clock, kept for each task in a context variable. Nested ones only
tighten. Who would wait or call asks :func:`remaining_ns` or :func:`check`.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from trifuse._core import lib
from trifuse._durations import seconds

now_ns = lib.trifuse_py_now


class Setter(Protocol):
    """Who said that it is to be over."""

    def _expired(self) -> BaseException:
        """Make the error of what is ended by the deadline."""


End = tuple[int, Setter]
"""When it is to be over, and who said so."""

current: ContextVar[End | None] = ContextVar("trifuse.deadline", default=None)
"""The deadline of what runs now."""


def remaining() -> float | None:
    """Give the seconds that are left until the deadline: 0.0 when it has passed, None without one.

    Pass it on to what has time limits of its own: ``client.get(url, timeout=remaining())``.
    """
    left = remaining_ns()
    return None if left is None else seconds(left)


def remaining_ns() -> int | None:
    """Give what is left until the deadline in nanoseconds: 0 when it has passed, None without one."""
    end = current.get()
    return None if end is None else max(0, end[0] - now_ns())


def check() -> None:
    """Raise RequestTimeoutError if the deadline has passed."""
    end = current.get()
    if end is not None and end[0] <= now_ns():
        raise end[1]._expired()


def tighter(end: End) -> End:
    """Give this deadline, or the present one where that is earlier."""
    outer = current.get()
    return end if outer is None or end[0] < outer[0] else outer
