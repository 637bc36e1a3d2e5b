# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reading the stream of a synchronous client: within limits that a watcher enforces, closed on every path."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from trifuse._core import lib
from trifuse._listeners import log
from trifuse._llm.formats import format_of
from trifuse._llm.frames import Frame
from trifuse._llm.limits import NONE, thread_clock
from trifuse._llm.streams_closing import Closer, closer_of, taking
from trifuse._llm.streams_reading import Call, Closed, Reading
from trifuse._llm.watcher import Watch
from trifuse._remaining import current

_is_virtual = lib.trifuse_py_virtual


class SyncReading(Reading):
    """One attempt at the stream of a synchronous client."""

    __slots__ = ("_closed", "_closer", "_step", "_watch")

    def __init__(self, call: Call, opener: Callable[[], Any], *, resumed: bool) -> None:
        """Take the call and what opens the stream."""
        super().__init__(call, opener, call.begin(thread_clock), resumed=resumed)
        self._closed = False
        self._closer: Closer | None = None
        self._watch: Watch | None = None
        self._step: Callable[[], Any] | None = None

    def next_frame(self) -> Frame | None:
        """Read on to the next frame; None at the end. Whatever ends it closes the client's stream."""
        try:
            frame = self._read()
        except BaseException:
            self.close()
            raise
        if frame is None:
            self.close()
        return frame

    def _read(self) -> Frame | None:
        if self._done:
            return None
        if self._step is None:
            self._open()
        step = self._step
        assert step is not None
        while not self.call.finishing:
            try:
                event = self._within(step)
            except StopIteration:
                break
            except Exception as error:
                if not self.complete:
                    raise
                log().debug(
                    "%r: the stream broke off after its answer was complete: %r", self.call.name, type(error)
                )
                break
            frame = self.take(event)
            if frame is not None:
                return frame
        return self.end()

    def _open(self) -> None:
        outer = self.enter()
        try:
            with taking(self._take_closer):
                self.raw = opened = self._within(self.opener)
        finally:
            current.set(outer)
        self._closer = closer_of(opened)
        if self.call.fmt is None:
            self.call.take_format(format_of(opened))
        if not hasattr(opened, "__next__"):
            opened = iter(opened)
        self._step = opened.__next__

    def _within(self, step: Callable[[], Any]) -> Any:
        """Take one step, which is ended from outside when its time is over or somebody closes the stream."""
        budget = self.budget
        if self.call.closing:
            raise Closed
        left, setting = self.left()
        asked = budget.now()
        if left != NONE:
            self._arm(left)
        try:
            result = step()
        except BaseException as error:
            late = self._late(asked, left)
            if not isinstance(error, Exception):
                raise
            if self.call.closing:
                raise Closed from None
            if late:
                raise budget.expired(setting)._expired() from error
            raise
        finally:
            budget.spent(budget.now() - asked)
        if self._late(asked, left):
            close_sync(result if self.raw is None else None)
            raise budget.expired(setting)._expired()
        return result

    def _late(self, asked: float, left: float) -> bool:
        fired = self._watch is not None and self._watch.pause()
        return fired or self.budget.now() - asked > left

    def _arm(self, left: float) -> None:
        if _is_virtual():
            return  # real time says nothing then
        if self._watch is None:
            self._watch = Watch(self.interrupt)
        self._watch.arm(max(0.0, left))

    def _take_closer(self, closer: Closer) -> None:
        """Take what ends the opening; at once, if its time is over."""
        self._closer = closer
        if self._watch is not None and self._watch.fired:
            closer()

    def interrupt(self) -> None:
        """End the read that a thread is blocked in."""
        closer = self._closer
        if closer is not None:
            closer()

    def close(self) -> None:
        """Close the client's stream, once. What that raises is logged."""
        if not self._closed:
            self._closed = True
            if self._watch is not None:
                self._watch.cancel()
            close_sync(self.raw)


def close_sync(stream: Any) -> None:
    """Close a client's stream; what that raises is logged."""
    close = getattr(stream, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception as error:  # noqa: BLE001 - how the stream ended is what counts
        log().debug("closing a stream raised %r", type(error))


def frames_of(call: Call, opener: Callable[[], Any], *, resumed: bool) -> Any:
    """Give the generator function of one attempt, for policies to guard."""

    def frames(*_args: Any, **_kwargs: Any) -> Generator[Frame, None, None]:
        call.reading = reading = SyncReading(call, opener, resumed=resumed)
        try:
            while True:
                frame = reading.next_frame()
                if frame is None:
                    return
                yield frame
        finally:
            reading.close()

    return frames
