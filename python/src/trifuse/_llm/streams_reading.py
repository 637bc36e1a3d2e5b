# SPDX-License-Identifier: MIT OR Apache-2.0
"""One attempt at a stream, without the reading itself: from events to frames, and how it ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from trifuse._core import lib
from trifuse._llm.errors import WITHHELD, StreamEmptyError, StreamInterruptedError
from trifuse._llm.formats import StreamFormat
from trifuse._llm.frames import Delivered, Frame
from trifuse._llm.limits import NO_LIMITS, NONE, Budget, StreamLimits
from trifuse._llm.resume import Resume
from trifuse._remaining import End, current
from trifuse._time_limit import end_in

_MOST_PREAMBLE = 10_000
_TAIL_LEAST, _TAIL_MOST = 1.0, 10.0
# The answer ended for a reason that may leave it without content: a tool's turn, or a limit on tokens.
_MAY_BE_EMPTY = frozenset({
    "length", "max_tokens", "max_output_tokens", "model_context_window_exceeded",
    "tool_calls", "function_call", "tool_use", "pause_turn",
})  # fmt: skip


class Closed(BaseException):
    """The consumer has closed the stream while an event was being read. No Exception: it is no failure."""


class Call:
    """What one guarded stream is, through all of its attempts."""

    __slots__ = (
        "allow_empty", "asked", "budget", "closing", "delivered", "finishing", "fmt", "limits", "name", "off", "reading", "resume",
        "resumes",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        fmt: StreamFormat | None,
        limits: StreamLimits,
        resume: Resume | None,
        *,
        allow_empty: bool,
        asked: tuple[tuple[Any, ...], Mapping[str, Any]] = ((), {}),
    ) -> None:
        """Begin; the format may be found out from the client's stream. ``asked``: the call's arguments."""
        self.asked = asked
        self.off = bool(lib.trifuse_py_bypass())  # every guard of the process is switched off
        self.name, self.fmt, self.resume = name, fmt, resume
        self.limits = NO_LIMITS if self.off else limits
        self.allow_empty = allow_empty
        self.budget: Budget | None = None
        self.delivered = Delivered(fmt, keep_events=resume is not None)
        self.reading: Any = None
        self.resumes = 0
        self.closing = False  # the consumer closes while it also reads
        self.finishing = False  # the consumer closes what is complete

    @property
    def complete(self) -> bool:
        """Whether the answer is complete, though the stream may go on."""
        return self.reading is not None and self.reading.complete

    def interrupt(self) -> None:
        """Close it while it is read; where a policy lets it wait, it ends with that wait."""
        self.closing = True
        reading = self.reading
        if reading is not None:
            reading.interrupt()

    def begin(self, clock: Callable[[], float]) -> Budget:
        """Let the time begin, once."""
        if self.budget is None:
            self.budget = Budget(self.limits, self.name, clock)
        return self.budget

    def take_format(self, fmt: StreamFormat) -> None:
        """Take the format that was found out."""
        self.fmt = self.delivered.fmt = fmt


class Reading:
    """What the attempts at streams of both kinds keep."""

    __slots__ = (
        "_begun", "_done", "_ended", "_preamble", "_reason", "_resumed",
        "budget", "call", "opener", "raw",
    )  # fmt: skip

    def __init__(self, call: Call, opener: Callable[[], Any], budget: Budget, *, resumed: bool) -> None:
        """Take the call and what opens the stream; ``resumed``: something was delivered before."""
        self.call, self.opener, self.budget = call, opener, budget
        self._resumed = resumed
        self.raw: Any = None
        self._preamble: list[Any] | None = []
        self._begun: set[Any] = set()
        self._ended: set[Any] = set()
        self._reason: str | None = None
        self._done = False

    @property
    def complete(self) -> bool:
        """Whether every part of the answer that has begun has ended."""
        return bool(self._ended) and self._begun <= self._ended

    def enter(self) -> End | None:
        """Begin, and let what opens the stream see the time that is left as its deadline.

        Gives the deadline to go back to. Raises RequestTimeoutError when the total is over.
        """
        budget, outer = self.budget, current.get()
        budget.attempt()
        left, setting = budget.left()
        if left <= 0:
            raise budget.expired(setting)._expired()
        if left != NONE:
            current.set(end_in(round(left * 1e9) or 1, budget.expired(setting))[0])
        return outer

    def left(self) -> tuple[float, str]:
        """Give the seconds that the next step may take, and by which setting."""
        left, setting = self.budget.left()
        if self.complete:  # what is left is the end, which must not be lost, and not be waited for long
            left = min(max(left, _TAIL_LEAST), _TAIL_MOST)
        return left, setting

    def take(self, event: Any) -> Frame | None:
        """Take an event in; gives the frame that it completes. Raises the error that it tells of."""
        if self.call.off:
            return Frame([event], content=True)
        fmt = self.call.fmt
        assert fmt is not None
        error = fmt.error_of(event)
        if error is not None:
            self._raise(error)
        content = fmt.is_content(event)
        self._note(fmt, event, content=content)
        if content:
            self.budget.content()
        if self._preamble is None:
            return Frame([event], content=content)
        if content:
            first = [event] if self._resumed else [*self._preamble, event]
            self._preamble = None
            return Frame(first, content=True)
        if len(self._preamble) < _MOST_PREAMBLE and not fmt.is_keep_alive(event):
            self._preamble.append(event)
        return None

    def _note(self, fmt: StreamFormat, event: Any, *, content: bool) -> None:
        if not fmt.has_terminal:
            return
        ended = fmt.ended_of(event)
        self._begun.update(fmt.parts_of(event))
        if ended:
            self._ended.update(ended)
        if ended or not content:
            self._reason = fmt.reason_of(event) or self._reason

    def _raise(self, error: Exception) -> None:
        if isinstance(error, StreamInterruptedError):
            error = StreamInterruptedError(
                self.call.name, error.why, self.call.delivered.count, self.call.delivered.text, error.code
            )
        with contextlib.suppress(Exception):
            if getattr(error, "request", ...) is None:
                error.request = self.raw.response.request  # type: ignore[attr-defined]
        try:
            raise error
        finally:
            del error  # or it would hold itself, through its traceback and this frame

    def end(self) -> Frame | None:
        """Take the end in; gives what is left to be given. Raises where the end is wrong."""
        if self._done:
            return None
        self._done = True
        if self.call.off:
            return None
        if self._preamble is not None:
            return self._end_without_content(self._preamble)
        if not self.complete and self.call.fmt is not None and self.call.fmt.has_terminal:
            delivered = self.call.delivered
            raise StreamInterruptedError(
                self.call.name, delivered_events=delivered.count, delivered_text=delivered.text
            )
        return Frame([], content=False, withheld=True) if self._reason in WITHHELD else None

    def _end_without_content(self, preamble: list[Any]) -> Frame | None:
        unfinished = self.call.fmt is not None and self.call.fmt.has_terminal and not self.complete
        may_be = self.call.allow_empty or self._resumed or self._reason in _MAY_BE_EMPTY
        if unfinished or not may_be or self._reason in WITHHELD:
            raise StreamEmptyError(self.call.name, self._reason)
        self._preamble = None
        return Frame(preamble, content=False) if preamble else None
