# SPDX-License-Identifier: MIT OR Apache-2.0
"""How the events of each kind of stream are read: what is content, what ends it, what is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from trifuse._errors import ConfigurationError
from trifuse._listeners import log

if TYPE_CHECKING:
    from trifuse._llm.formats_anthropic import MessagesFormat
    from trifuse._llm.formats_openai import ChatFormat, ResponsesFormat
    from trifuse._llm.usage import Usage

    OPENAI_CHAT: ChatFormat
    OPENAI_RESPONSES: ResponsesFormat
    ANTHROPIC_MESSAGES: MessagesFormat

__all__ = ["ANTHROPIC_MESSAGES", "OPENAI_CHAT", "OPENAI_RESPONSES", "RAW", "RawFormat", "StreamFormat"]

Test = Callable[[Any], bool]


@runtime_checkable
class StreamFormat(Protocol):
    """How to read the events of one kind of stream: objects of the client, or dictionaries.

    Attributes:
        name: of the format.
        has_terminal: whether a stream of this kind says that it is complete; one that ends without
            saying so was cut off.
    """

    name: str
    has_terminal: bool

    def is_content(self, event: Any) -> bool:
        """Tell whether an event delivers something: text, a tool call, a refusal, reasoning."""

    def is_terminal(self, event: Any) -> bool:
        """Tell whether an event says that the answer, or a part of it, is complete."""

    def parts_of(self, event: Any) -> tuple[Any, ...]:
        """Give the parts of the answer, such as choices, that an event is about; most have one."""

    def ended_of(self, event: Any) -> tuple[Any, ...]:
        """Give the parts of the answer that an event says are complete."""

    def reason_of(self, event: Any) -> str | None:
        """Give the reason for the end that an event gives."""

    def error_of(self, event: Any) -> Exception | None:
        """Give the error that an event tells of."""

    def usage_of(self, event: Any) -> Usage | None:
        """Give the tokens that an event accounts for."""

    def text_of(self, event: Any) -> str:
        """Give the answer's text in an event; not reasoning, not the arguments of tools."""

    def is_keep_alive(self, event: Any) -> bool:
        """Tell whether an event only says that the connection is alive."""


class Format:
    """What formats have in common: nothing is anything, and an answer has one part."""

    name = "format"
    has_terminal = True

    def is_content(self, event: Any) -> bool:  # noqa: ARG002 - as the protocol
        """Tell whether an event delivers something."""
        return False

    def is_terminal(self, event: Any) -> bool:  # noqa: ARG002 - as the protocol
        """Tell whether an event says that the answer is complete."""
        return False

    def parts_of(self, event: Any) -> tuple[Any, ...]:  # noqa: ARG002 - as the protocol
        """Give the parts of the answer that an event is about."""
        return (0,)

    def ended_of(self, event: Any) -> tuple[Any, ...]:
        """Give the parts of the answer that an event says are complete."""
        return (0,) if self.is_terminal(event) else ()

    def reason_of(self, event: Any) -> str | None:  # noqa: ARG002 - as the protocol
        """Give the reason for the end."""
        return None

    def error_of(self, event: Any) -> Exception | None:  # noqa: ARG002 - as the protocol
        """Give the error that an event tells of."""
        return None

    def usage_of(self, event: Any) -> Usage | None:
        """Give the tokens that an event accounts for."""
        from trifuse._llm.usage import usage_of

        return usage_of(event)

    def text_of(self, event: Any) -> str:  # noqa: ARG002 - as the protocol
        """Give the text in an event."""
        return ""

    def is_keep_alive(self, event: Any) -> bool:  # noqa: ARG002 - as the protocol
        """Tell whether an event only says that the connection is alive."""
        return False

    def __repr__(self) -> str:
        """Show the name."""
        return f"<stream format {self.name}>"


class RawFormat(Format):
    """Items of any kind: each is content, and the stream is complete when it ends.

    Args:
        terminal: tells the item that says the stream is complete. With it, a stream that ends without
            one was cut off, and that item is no content.
        content: tells which items are content; the others satisfy no time limit.
        error: gives the error that an item tells of, or None.
        text: gives the text of an item; by default an item that is a ``str`` is text.
        usage: gives the :class:`Usage` that an item accounts for, or None.

    One of them that raises has nothing to say; the log has the type of the first error of each.

    Raises:
        ConfigurationError: for what is no function.
    """

    name = "raw"

    def __init__(
        self,
        *,
        terminal: Test | None = None,
        content: Test | None = None,
        error: Callable[[Any], Exception | None] | None = None,
        text: Callable[[Any], str] | None = None,
        usage: Callable[[Any], Usage | None] | None = None,
    ) -> None:
        """Take the predicates."""
        given = {"terminal": terminal, "content": content, "error": error, "text": text, "usage": usage}
        for field, function in given.items():
            if function is not None and not callable(function):
                raise ConfigurationError(field, function, "a function of an item, or None")
        self._told: set[str] = set()
        self.has_terminal = terminal is not None
        self._terminal, self._content, self._error = terminal, content, error
        self._text, self._usage = text, usage

    def __call__(self, **predicates: Any) -> RawFormat:
        """Make a raw format with predicates: ``RAW(terminal=..., content=...)``."""
        return RawFormat(**predicates)

    def is_content(self, event: Any) -> bool:
        """Tell whether an item is content."""
        if self._content is not None:
            return bool(self._asked("content", self._content, event))
        return not self.is_terminal(event)

    def is_terminal(self, event: Any) -> bool:
        """Tell whether an item says that the stream is complete."""
        return self._terminal is not None and bool(self._asked("terminal", self._terminal, event))

    def error_of(self, event: Any) -> Exception | None:
        """Give the error that an item tells of."""
        told = None if self._error is None else self._asked("error", self._error, event)
        return told if isinstance(told, Exception) else None

    def usage_of(self, event: Any) -> Usage | None:
        """Give the tokens that an item accounts for."""
        return super().usage_of(event) if self._usage is None else self._asked("usage", self._usage, event)

    def text_of(self, event: Any) -> str:
        """Give the text of an item."""
        if self._text is not None:
            event = self._asked("text", self._text, event)
        return event if isinstance(event, str) else ""

    def _asked(self, what: str, function: Callable[[Any], Any], event: Any) -> Any:
        """Ask a function of the user. Of an error the log has the type: its text may be that of the item."""
        try:
            return function(event)
        except Exception as error:  # noqa: BLE001 - the stream goes on, whatever the function does
            if what not in self._told:
                self._told.add(what)
                kind = type(error).__qualname__
                log().error("%s of a stream's format raised %s; it has nothing to say", what, kind)
            return None


def checked_format(given: Any) -> StreamFormat | None:
    """Give the setting. Raises ConfigurationError for what is no format."""
    if given is not None and (isinstance(given, type) or not isinstance(given, StreamFormat)):
        raise ConfigurationError("format", given, "a format, such as RawFormat(...), or None")
    found: StreamFormat | None = given
    return found


def get(event: Any, field: str) -> Any:
    """Give a field of an event, which is an object or a dictionary; None if it has none.

    Models of pydantic are looked into: to ask one for an attribute that it has not takes microseconds.
    """
    if type(event) is dict:
        return event.get(field)
    fields = getattr(event, "__dict__", None)
    if fields is not None and field in fields:
        return fields[field]
    if hasattr(type(event), "__pydantic_fields__"):
        extra = getattr(event, "__pydantic_extra__", None)
        return extra.get(field) if extra else None
    if isinstance(event, Mapping):
        return event.get(field)
    return getattr(event, field, None)


def kind_of(event: Any) -> str:
    """Give the ``type`` of an event; "" if it has none."""
    kind = get(event, "type")
    return kind if isinstance(kind, str) else ""


RAW = RawFormat()
_LATER = {
    "OPENAI_CHAT": "formats_openai",
    "OPENAI_RESPONSES": "formats_openai",
    "ANTHROPIC_MESSAGES": "formats_anthropic",
}


def __getattr__(name: str) -> Any:
    """Import the formats of clients when they are asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"trifuse._llm.{_LATER[name]}"), name)


def format_of(stream: Any) -> StreamFormat:
    """Give the format of a client's stream, by the names of its class and of what it gives."""
    package = type(stream).__module__.partition(".")[0]
    name = "ANTHROPIC_MESSAGES" if package == "anthropic" else None
    if package == "openai":
        gives = str(getattr(stream, "_cast_to", ""))
        name = "OPENAI_RESPONSES" if "responses" in gives and "chat" not in gives else "OPENAI_CHAT"
    found: StreamFormat = RAW if name is None else __getattr__(name)
    return found
