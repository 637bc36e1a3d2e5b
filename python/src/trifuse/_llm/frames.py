# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guarded stream is made of inside: frames, and the account of what was delivered."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trifuse._llm.formats import StreamFormat

MOST_TEXT = 4_000_000
"""Characters of delivered text that are kept for the error and for resuming."""
MOST_EVENTS = 100_000
"""Delivered events that are kept for resuming."""


class Frame:
    """Events that go through the policies as one item.

    The first frame of an attempt holds everything up to and including the first content, so that what
    policies do before the first item they do before the first content. Then each event is a frame.

    Attributes:
        events: the client's own events, in order.
        content: whether one of them is content.
        withheld: whether the stream is over, and ended so that it says nothing about the service.
    """

    __slots__ = ("content", "events", "withheld")

    def __init__(self, events: list[Any], *, content: bool, withheld: bool = False) -> None:
        """Take the events."""
        self.events = events
        self.content = content
        self.withheld = withheld

    def __repr__(self) -> str:
        """Show how much it holds, never what."""
        return f"Frame({len(self.events)} events, content={self.content})"


class Delivered:
    """The account of what the consumer of a stream was given."""

    __slots__ = ("_length", "_parts", "characters", "content", "count", "events", "fmt")

    def __init__(self, fmt: StreamFormat | None, *, keep_events: bool) -> None:
        """Begin with nothing; events are kept where somebody will ask for them."""
        self.fmt = fmt
        self.count = self.characters = 0
        self.content = False
        self._parts: list[str] | None = []
        self.events: list[Any] | None = [] if keep_events else None

    def add(self, event: Any, *, content: bool) -> None:
        """Note an event that is being given."""
        self.count += 1
        self.content = self.content or content
        if self.events is not None:
            if len(self.events) < MOST_EVENTS:
                self.events.append(event)
            else:
                self.events = None
        text = self.fmt.text_of(event) if content and self.fmt is not None else ""
        if text:
            self.characters += len(text)
            if self.characters > MOST_TEXT:
                self._parts = None
            elif self._parts is not None:
                self._parts.append(text)

    @property
    def text(self) -> str | None:
        """All the text; None if it was too long to keep."""
        if self._parts is None:
            return None
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def tell(self, error: BaseException) -> None:
        """Say on an error what was delivered before it: numbers as a note, the text as an attribute."""
        if not self.content or getattr(error, "delivered_events", 0) == self.count:
            return
        events = "1 event" if self.count == 1 else f"{self.count} events"
        with contextlib.suppress(Exception):  # an error that cannot be written to
            error.delivered_events = self.count  # type: ignore[attr-defined]
            error.delivered_text = self.text  # type: ignore[attr-defined]
            error.add_note(f"the stream had delivered {events} with {self.characters} characters of text")
