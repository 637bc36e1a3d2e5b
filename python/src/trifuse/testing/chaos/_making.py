# SPDX-License-Identifier: MIT OR Apache-2.0
"""The functions that make steps, and check what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse.testing.chaos._endings import BrokenJson, Disconnect, End, ErrorEvent, Hang, Reset, Truncate
from trifuse.testing.chaos._endings import _Ending as EndingStep
from trifuse.testing.chaos._headers import RateLimits, checked_retry_after
from trifuse.testing.chaos._steps import Answer, ByApi, Common, Empty, Html, Raw, Status, Step
from trifuse.testing.chaos._values import (
    Piece,
    duration,
    headers_of,
    interval,
    pieces_of,
    status_of,
    usage_of,
)

Usage = tuple[int, int] | bool | None


def answer(
    *texts: Piece,
    usage: Usage = None,
    finish_reason: str | None = None,
    after: Duration = 0,
    headers: Mapping[str, str] | None = None,
    limits: RateLimits | None = None,
) -> Step:
    """A good answer: whole, or a stream of its pieces if the request asks for one.

    Args:
        texts: the pieces, ``"hello"`` by default: str, ``tool_call()``, ``reasoning()``, ``refusal()``, ``pause()``.
        usage: (input, output) tokens; by default 9 and the number of words; False sends none.
        finish_reason: in OpenAI's words (``"stop"``, ``"length"``, ``"content_filter"``); put into Anthropic's.
        after: seconds before the headers.
        headers: more headers.
        limits: what is left of a rate limit, by ``rate_limits()``.
    """
    pieces = pieces_of(texts or ("hello",))
    return Answer(
        pieces,
        usage_of(usage, pieces),
        _optional("finish_reason", finish_reason),
        _common(after, headers, limits),
    )


def stream(
    *texts: Piece,
    after: Duration = 0,
    first: Duration = 0,
    gap: Duration = 0,
    keep_alive: Duration | None = None,
    usage: Usage = None,
    finish_reason: str | None = None,
    then: Step | None = None,
    headers: Mapping[str, str] | None = None,
    limits: RateLimits | None = None,
) -> Step:
    """An answer in pieces, with silences, that may end badly.

    A request that asks for no stream gets the pieces as one answer after the time that the
    stream would have taken, and by ``then`` only half of it.

    Args:
        texts: the pieces; none is a stream that ends in order without content.
        after: seconds before the headers.
        first: seconds between the opening events and the first piece.
        gap: seconds between pieces.
        keep_alive: seconds between keep-alives (comments, or Anthropic's pings) in those silences.
        usage: as of ``answer``.
        finish_reason: as of ``answer``.
        then: how it ends: ``end()``, ``error_event()``, ``truncate()``, ``disconnect()``, ``reset()``,
            ``hang()`` or ``broken_json()``.
        headers: more headers.
        limits: what is left of a rate limit.
    """
    pieces = pieces_of(texts)
    if then is not None and not isinstance(then, EndingStep):
        raise ConfigurationError(
            "then", then, "end(), error_event(), truncate(), disconnect(), reset(), hang(), broken_json()"
        )
    return Answer(
        pieces,
        usage_of(usage, pieces),
        _optional("finish_reason", finish_reason),
        _common(after, headers, limits),
        duration("first", first),
        duration("gap", gap),
        interval(keep_alive),
        None,
        then,
    )


def drip(seconds: Duration, *texts: Piece, usage: Usage = None) -> Step:
    """A good answer whose body comes byte by byte and takes so many seconds."""
    pieces = pieces_of(texts or ("hello",))
    return Answer(pieces, usage_of(usage, pieces), drip=duration("seconds", seconds))


def status(
    status: int,
    /,
    *,
    retry_after: Duration | str | None = None,
    retry_after_as: str = "seconds",
    message: str | None = None,
    type: str | None = None,  # noqa: A002
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    limits: RateLimits | None = None,
    after: Duration = 0,
) -> Step:
    """An error of a status, with the body that the API of the request has for it.

    Args:
        status: 200 to 599.
        retry_after: seconds until a retry is wanted; text is sent as it is, whatever it says.
        retry_after_as: ``"seconds"``, ``"date"`` (whole seconds, rounded up) or ``"ms"`` (``retry-after-ms``).
        message: what the error says.
        type: the error's type; by default what the API says with this status.
        code: the error's code, in OpenAI's APIs.
        headers: more headers.
        limits: what is left of a rate limit.
        after: seconds before the headers.
    """
    when = checked_retry_after(retry_after, retry_after_as)
    return Status(
        status_of(status),
        _optional("message", message),
        _optional("type", type),
        _optional("code", code),
        when,
        retry_after_as,
        _common(after, headers, limits),
    )


def quota() -> Step:
    """The account has no money left: OpenAI's 429 ``insufficient_quota``, Anthropic's 402 ``billing_error``."""
    said = "You exceeded your current quota, please check your plan and billing details."
    openai = status(429, message=said, type="insufficient_quota", code="insufficient_quota")
    return ByApi("quota", openai, status(402, message=said))


def overloaded(retry_after: Duration | str | None = None) -> Step:
    """The service is overloaded: OpenAI's 503, Anthropic's 529 ``overloaded_error``."""
    openai = status(503, message="The engine is currently overloaded.", retry_after=retry_after)
    return ByApi("overloaded", openai, status(529, message="Overloaded", retry_after=retry_after))


def context_length() -> Step:
    """The prompt is too long: 400, in OpenAI's APIs with the code ``context_length_exceeded``."""
    said = "This model's maximum context length is 8192 tokens."
    openai = status(400, message=said, code="context_length_exceeded")
    return ByApi(
        "context_length", openai, status(400, message="prompt is too long: 9000 tokens > 8192 maximum")
    )


def content_filter(*texts: Piece, error: bool = True) -> Step:
    """The filter says no: an error 400, or (``error=False``) an answer whose reason to end says so."""
    if not error:
        return (
            answer(*texts, finish_reason="content_filter")
            if texts
            else stream(finish_reason="content_filter")
        )
    said = "The response was filtered."
    openai = status(400, message=said, code="content_filter")
    return ByApi("content_filter", openai, status(400, message="Output blocked by content filtering policy"))


def unauthorized() -> Step:
    """The key is wrong: 401."""
    return status(401, message="Incorrect API key provided.")


def error_event(
    message: str = "The chaos server failed.",
    type: str | None = None,  # noqa: A002
    code: str | None = None,
) -> Step:
    """An error event in a stream that began well; ``type="failed"`` is a failed response in the responses API.

    The type is ``server_error`` (OpenAI) or ``api_error`` (Anthropic) by default.
    """
    return ErrorEvent(message, _optional("type", type), _optional("code", code))


def end() -> Step:
    """The end that a stream should have."""
    return End()


def truncate(*, finished: bool = False) -> Step:
    """The stream ends, in order for HTTP, without its last event; ``finished``: but with the reason to end."""
    return Truncate(finished)


def disconnect() -> Step:
    """The connection is closed with the answer incomplete, or without one."""
    return Disconnect()


def reset(after: Duration = 0) -> Step:
    """The connection is reset (TCP RST), after some seconds."""
    return Reset(duration("after", after))


def hang(seconds: Duration | None = None, *, keep_alive: Duration | None = None) -> Step:
    """Silence for some seconds, or until the client leaves; then the connection is closed.

    As a step without ``keep_alive`` not even headers are sent; with it, a stream is begun and kept
    alive, as far as the request asks for a stream.
    """
    return Hang(None if seconds is None else duration("seconds", seconds), interval(keep_alive))


def broken_json() -> Step:
    """JSON that is cut off: the body, or the event after the pieces of a stream."""
    return BrokenJson()


def html(status: int = 200) -> Step:
    """A web page instead of an answer."""
    return Html(status_of(status))


def empty() -> Step:
    """Status 200 and an empty body, or a stream without any event."""
    return Empty()


def raw(*chunks: bytes, gap: Duration = 0, then: Step | None = None) -> Step:
    """Bytes past HTTP, with seconds between them, then the end of the connection, or ``reset()``, ``hang()``."""
    for chunk in chunks:
        if not isinstance(chunk, bytes):
            raise ConfigurationError("chunks", chunk, "bytes")
    if then is not None and not isinstance(then, (Reset, Hang, Disconnect)):
        raise ConfigurationError("then", then, "disconnect(), reset() or hang()")
    return Raw(chunks, duration("gap", gap), then)


def times(step: Step, count: int) -> tuple[Step, ...]:
    """One step for so many requests, to be unpacked: ``script(*times(status(500), 3))``."""
    return (step,) * count


def _common(after: Any, headers: Any, limits: Any) -> Common:
    if limits is not None and not isinstance(limits, RateLimits):
        raise ConfigurationError("limits", limits, "rate_limits(...) or None")
    return Common(duration("after", after), headers_of(headers), limits)


def _optional(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(name, value, "a str or None")
    return value
