# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guarded stream is to its consumer, in both kinds: events again, and what the client's stream has."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any, NoReturn

from trifuse._errors import RefusedError, RequestTimeoutError
from trifuse._listeners import log
from trifuse._llm.frames import Frame
from trifuse._llm.resume import Interrupted
from trifuse._llm.streams_reading import Call

Start = Callable[[Callable[[], Any], bool], Any]
"""Gives the guarded frames of what an opener opens; the second argument: after content was delivered."""


_GENERATORS = (GeneratorType, AsyncGeneratorType)


class Outside:
    """The consumer's side of a guarded stream.

    Attributes that it has not are those of the client's stream, such as ``response``, and ``isinstance``
    takes it for one.
    """

    _items: Any = None
    _over = True

    def __init__(self, call: Call, opener: Callable[[], Any], start: Start) -> None:
        """Take the call; nothing is asked for yet."""
        self._call = call
        self._opener = opener
        self._start = start
        self._pending: deque[Any] = deque()
        self._items = None
        self._over = False
        self._asking = False
        self._broken: Exception | None = None

    def _class(self) -> type:
        raw = _raw_of(self)
        if raw is None or isinstance(raw, _GENERATORS):
            return type(self)
        found: type = raw.__class__
        return found

    __class__ = property(_class)

    def __getattr__(self, name: str) -> Any:
        """Give what the client's stream has."""
        raw = None if name.startswith("__") else _raw_of(self)
        if raw is None or isinstance(raw, _GENERATORS):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(raw, name)

    def __repr__(self) -> str:
        """Show what guards it and how far it is."""
        call = self._call
        how = "over" if self._over else "complete" if call.complete else "open"
        return f"<{type(self).__name__} {call.name!r} {how}, {call.delivered.count} events>"

    @property
    def delivered_events(self) -> int:
        """How many events the consumer was given."""
        return self._call.delivered.count

    def _too_late(self) -> bool:
        """Tell whether the total passed while the consumer had its turn."""
        budget = self._call.budget
        return budget is not None and not self._call.complete and budget.total_left() < 0

    def _total_error(self) -> RequestTimeoutError:
        budget = self._call.budget
        assert budget is not None
        error = budget.expired("total")._expired()
        self._call.delivered.tell(error)
        return error

    def _take(self, item: Any) -> bool:
        """Take what came through the policies; tells whether it was the last, and says nothing."""
        delivered = self._call.delivered
        if type(item) is not Frame:  # a fallback's
            delivered.add(item, content=True)
            self._pending.append(item)
            return False
        last = len(item.events) - 1
        for place, event in enumerate(item.events):
            delivered.add(event, content=item.content and place == last)
            self._pending.append(event)
        return item.withheld

    def _interrupted(self, error: Exception) -> Interrupted | None:
        """Tell what was delivered, if the stream may be resumed."""
        call, resume = self._call, self._call.resume
        delivered = call.delivered
        if resume is None or not delivered.content or call.resumes >= resume.max_resumes:
            return None
        if self._items is None or isinstance(error, RefusedError) or _is_total(error):
            return None
        text, events = delivered.text, delivered.events
        if text is None or events is None:
            return None
        call.resumes += 1
        return Interrupted(text, tuple(events), error, call.resumes, *call.asked)

    def _resumed(self, opener: Any, error: Exception) -> bool:
        if opener is None:
            return False
        log().info("%r: the stream is resumed after %d events", self._call.name, self._call.delivered.count)
        self._broken = error
        self._items = self._start(opener, True)  # noqa: FBT003 - as Start says
        return True

    def _cause(self, error: Exception) -> Exception:
        """Give what is raised: a resumed stream that is refused ends by what broke it off before."""
        broken, self._broken = self._broken, None
        if broken is None or not isinstance(error, RefusedError):
            return error
        with contextlib.suppress(Exception):
            broken.add_note(f"resuming the stream was refused: {type(error).__qualname__}")
        return broken

    def _raise(self, error: Exception) -> NoReturn:
        """Raise what ended the stream, with what was delivered before."""
        error = self._cause(error)
        self._call.delivered.tell(error)
        try:
            raise error
        finally:
            del error  # or it would hold itself, through its traceback and this frame

    def _strategy_failed(self, error: Exception, raised: Exception) -> None:
        # By type: its text may be that of the answer.
        log().error("%r: the resume strategy raised %s", self._call.name, type(raised).__qualname__)
        with contextlib.suppress(Exception):
            error.add_note(f"the resume strategy raised {type(raised).__qualname__}")


def _raw_of(outside: Outside) -> Any:
    """Give the client's stream; None before there is one."""
    call = outside.__dict__.get("_call")
    return None if call is None or call.reading is None else call.reading.raw


def _is_total(error: Exception) -> bool:
    return isinstance(error, RequestTimeoutError) and error.setting in {"total", "deadline"}
