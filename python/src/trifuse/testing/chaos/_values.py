# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an answer is made of, and the checks of what users write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError

_LONGEST = 86_400 * 366


class ToolCall(NamedTuple):
    """A piece of an answer: the model asks for a function."""

    name: str
    arguments: str


class Reasoning(NamedTuple):
    """A piece of an answer: what the model thinks."""

    text: str


class Refusal(NamedTuple):
    """A piece of an answer: the model says no."""

    text: str


class Pause(NamedTuple):
    """A silence between pieces, with a keep-alive each so many seconds, or none."""

    seconds: float
    keep_alive: float | None


Piece = str | ToolCall | Reasoning | Refusal | Pause


def tool_call(name: str, arguments: Mapping[str, Any] | str | None = None) -> ToolCall:
    """A piece of an answer in which the model calls a function; text is sent as it is, valid JSON or not."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError("name", name, "the name of a function")
    return ToolCall(name, arguments if isinstance(arguments, str) else json.dumps(dict(arguments or {})))


def reasoning(text: str) -> Reasoning:
    """A piece of an answer that is the model's thinking."""
    return Reasoning(_text("text", text))


def refusal(text: str) -> Refusal:
    """A piece of an answer in which the model declines."""
    return Refusal(_text("text", text))


def pause(seconds: Duration, keep_alive: Duration | None = None) -> Pause:
    """A silence in the middle of a stream; ``keep_alive`` is the time between keep-alives."""
    return Pause(duration("seconds", seconds), interval(keep_alive))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is put into the words of one API."""

    pieces: tuple[Piece, ...]
    usage: tuple[int, int] | None
    finish: str | None
    told: tuple[str | ToolCall | Reasoning | Refusal, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the pieces that are said."""
        object.__setattr__(self, "told", tuple(p for p in self.pieces if not isinstance(p, Pause)))

    @property
    def text(self) -> str:
        """All text together."""
        return "".join(p for p in self.told if isinstance(p, str))

    @property
    def reason(self) -> str:
        """Why the answer ended, in the words of OpenAI's chat completions."""
        if self.finish is not None:
            return self.finish
        return "tool_calls" if any(isinstance(p, ToolCall) for p in self.told) else "stop"


def pieces_of(pieces: tuple[Any, ...]) -> tuple[Piece, ...]:
    """Check the pieces of an answer."""
    for piece in pieces:
        if not isinstance(piece, (str, ToolCall, Reasoning, Refusal, Pause)):
            raise ConfigurationError("texts", piece, "str, tool_call(), reasoning(), refusal() or pause()")
    return pieces


def usage_of(usage: Any, pieces: tuple[Piece, ...]) -> tuple[int, int] | None:
    """Check a usage: (input, output) tokens; None counts 9 and the words, False leaves it out."""
    if usage is False:
        return None
    if usage is None:
        words = sum(len(str(p).split()) for p in pieces if not isinstance(p, Pause))
        return 9, max(words, 1)
    pair = tuple(usage) if isinstance(usage, (tuple, list)) else ()
    if len(pair) != 2 or not all(is_whole(n) for n in pair):  # noqa: PLR2004
        raise ConfigurationError("usage", usage, "(input_tokens, output_tokens), None or False")
    return pair


def is_whole(value: Any, least: int = 0) -> bool:
    """Whether it is a whole number of at least so much."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def duration(name: str, value: Any) -> float:
    """Check a duration and give it in seconds."""
    ns = nanoseconds(value)
    if ns is None or seconds(ns) > _LONGEST:
        raise ConfigurationError(name, value, "seconds or timedelta, 0 to a year")
    return seconds(ns)


def interval(value: Any, name: str = "keep_alive") -> float | None:
    """Check the time between two of something, at least a millisecond; None is never."""
    if value is None:
        return None
    checked = duration(name, value)
    if checked < 0.001:  # noqa: PLR2004
        raise ConfigurationError(name, value, "None, or at least 0.001 s")
    return checked


def headers_of(headers: Any) -> tuple[tuple[str, str], ...]:
    """Check headers; values are sent as text."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise ConfigurationError("headers", headers, "a mapping of names to values")
    pairs = tuple((str(name), str(value)) for name, value in headers.items())
    for name, value in pairs:
        if not name or not name.isascii() or any(c in name + value for c in "\r\n\0"):
            raise ConfigurationError("headers", {name: value}, "names and values without line breaks")
    return pairs


def status_of(value: Any, name: str = "status") -> int:
    """Check an HTTP status that ends a request."""
    if not is_whole(value, 200) or value > 599:  # noqa: PLR2004
        raise ConfigurationError(name, value, "a status from 200 to 599")
    return int(value)


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Check a choice."""
    if value not in allowed:
        raise ConfigurationError(name, value, ", ".join(map(repr, allowed)))
    return str(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(name, value, "a str")
    return value
