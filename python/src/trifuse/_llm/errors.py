# SPDX-License-Identifier: MIT OR Apache-2.0
"""The errors of streams that end wrongly without an error of their own."""

from __future__ import annotations

from typing import Any

from trifuse._errors import TrifuseError


class StreamEmptyError(TrifuseError):
    """A stream ended before it gave any content. A retry or a fallback may take over.

    Attributes:
        name: of what guards the stream.
        reason: the reason for the end that the service gave, such as ``"content_filter"``; None if it
            gave none.
        code: ``"content_filter"`` where the service withheld the answer, else None.
    """

    _kind = "transient"

    def __init__(self, name: str, reason: str | None = None) -> None:
        """Take the name, and the reason that the service gave."""
        self.name = name
        self.reason = reason
        super().__init__(name, reason)

    @property
    def code(self) -> str | None:
        """``"content_filter"`` where the service withheld the answer."""
        return "content_filter" if self.reason in WITHHELD else None

    def __str__(self) -> str:
        """Tell what is missing."""
        why = f" ({self.reason})" if self.reason else ""
        return f"the stream guarded by {self.name!r} ended without any content{why}"


class StreamInterruptedError(TrifuseError):
    """A stream broke off: its terminal event never came, or it told of an error.

    Attributes:
        name: of what guards the stream.
        why: what broke it off, in words.
        delivered_events: how many events the consumer had been given.
        delivered_text: the text in them; never part of the message. None if it was too long to keep.
        code: the code that the service gave for its error, None without one.
        cause: the error that broke it off, None where there was none.
    """

    _kind = "transient"

    def __init__(
        self,
        name: str,
        why: str = "it ended without its terminal event",
        delivered_events: int = 0,
        delivered_text: str | None = "",
        code: str | None = None,
    ) -> None:
        """Take the name, what happened, and what had been delivered."""
        self.name = name
        self.why = why
        self.delivered_events = delivered_events
        self.delivered_text = delivered_text
        self.code = code
        super().__init__(name, why, delivered_events)

    @property
    def cause(self) -> BaseException | None:
        """The error that broke it off."""
        return self.__cause__

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values that made it."""
        made_of = (self.name, self.why, self.delivered_events, self.delivered_text, self.code)
        return type(self), made_of, self.__dict__

    def __str__(self) -> str:
        """Tell what happened and how much had been delivered."""
        events = "1 event" if self.delivered_events == 1 else f"{self.delivered_events} events"
        return f"the stream guarded by {self.name!r} broke off: {self.why}, after {events}"


WITHHELD = frozenset({"content_filter", "refusal"})
"""Reasons for an end by which a service withholds its answer."""
