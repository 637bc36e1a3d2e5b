# SPDX-License-Identifier: MIT OR Apache-2.0
"""Retry-After: what a server says on an error about when to come back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from trifuse._durations import nanoseconds
from trifuse._errors import RetriesExhausted, TrifuseError
from trifuse._silent import is_silent

_SECOND = 1_000_000_000
_DAY = 86_400
_YEAR = 365 * _DAY
_MOST_CAUSES, _MOST_HEADERS = 8, 200
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms", "grpc-retry-pushback-ms")
_LIMITED = frozenset({403, 429, 503, 529})
_UNITS = {
    "d": 86_400.0,
    "h": 3_600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "ns": 1e-9,
}
_PART = r"(\d+(?:\.\d+)?)(ms|us|\u00b5s|ns|d|h|m|s)"
_EPOCH, _EPOCH_MS = 1e9, 1e12


def retry_after(subject: Any) -> float | None:
    """Give the seconds that a server said to wait; 0 is "now", None that it did not say.

    Args:
        subject: an error, a response, or headers (a mapping, or pairs).

    Looked at, in this order, of ``subject.response`` or ``subject`` itself:

    * the headers ``retry-after-ms`` and ``retry-after``: seconds, whole or not, a date of HTTP or
      RFC 3339, a time since 1970, or a duration such as ``6m0s``;
    * of a refusal for too much (429, 503, 529, 403 or no known status) the headers of rate limits,
      ``x-ratelimit-reset-*``, ``anthropic-ratelimit-*-reset`` and the like, of each kind of which
      nothing remains; the latest of them;
    * ``.retry_after`` and ``.retry_after_s``, seconds or a timedelta;
    * Google's ``retryDelay`` in the body.

    If it says nothing, what it was raised from is looked at, or during, if that has the same status. NaN, infinity, negative and past values
    count as not said; more than a year is a year. Never raises.
    """
    told = told_ns(subject)
    return None if told is None else told / _SECOND


def retry_after_ns(subject: Any) -> int:
    """Give the wait in ns; 0 when there is none, and for one of 0."""
    return told_ns(subject) or 0


def opening_ns(subject: Any) -> int:
    """Give how long a circuit opens for what a server says, in ns: its word, but a day at most.

    A header that is garbage must not cut a service off for longer than somebody looks after it.
    """
    return min(retry_after_ns(subject), _DAY * _SECOND)


def told_ns(subject: Any) -> int | None:
    """Give the wait in ns, as :func:`retry_after` does."""
    try:
        return _of_chain(subject)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything, __cause__ included
        return None


def _of_chain(subject: Any) -> int | None:
    seen: set[int] = set()
    while subject is not None and id(subject) not in seen and len(seen) < _MOST_CAUSES:
        if seen and isinstance(subject, TrifuseError) and not isinstance(subject, RetriesExhausted):
            return None  # an estimate of ours is no server's word
        seen.add(id(subject))
        if not isinstance(subject, BaseException):
            return _quietly(subject)
        silent = is_silent(subject)
        told = None if silent else _quietly(subject)
        if told is not None:
            return told
        subject = subject.__cause__ or (None if silent else _same_answer(subject))
    return None


def _same_answer(error: BaseException) -> BaseException | None:
    """Give the error during which this one was raised, if both carry the status of one answer."""
    context = error.__context__
    status = None if context is None else _status(error)
    return context if status is not None and status == _status(context) else None


def _quietly(subject: Any) -> int | None:
    try:
        return _told(subject)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything
        return None


def _told(subject: Any) -> int | None:
    headers = _headers(subject)
    if headers:
        told = _of_headers(headers, _status(subject))
        if told is not None:
            return told
    for name in ("retry_after", "retry_after_s"):
        found = _nanoseconds(_read(subject, name))
        if found:
            return found
    return _of_body(_read(subject, "details")) or _of_body(_read(subject, "body"))


def _headers(subject: Any) -> dict[str, Any]:
    """Give the headers by name in small letters; of several of a name the first.

    A subject that is neither headers nor has any may be the result of a call: it is not iterated.
    """
    found: dict[str, Any] = {}
    for name, value in _pairs(subject):
        one = value[0] if isinstance(value, list) and value else value
        found.setdefault(_text(name).lower(), _text(one))
        if len(found) == _MOST_HEADERS:
            break
    return found


def _pairs(subject: Any) -> Iterator[tuple[Any, Any]]:
    headers: Any = subject
    if not isinstance(subject, (Mapping, list, tuple)) and (
        isinstance(subject, BaseException) or hasattr(subject, "headers") or not hasattr(subject, "items")
    ):
        response = _read(subject, "response")
        if isinstance(response, Mapping):  # of botocore
            headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
        else:
            headers = _read(response, "headers")
        if headers is None:
            headers = _read(subject, "headers")
        if headers is None and callable(_read(subject, "trailing_metadata")):  # of gRPC
            headers = subject.trailing_metadata()
    items = headers.items() if hasattr(headers, "items") else headers
    for name, value in items or ():
        if isinstance(name, (str, bytes)):
            yield name, value


def _status(subject: Any) -> int | None:
    for one in (subject, _read(subject, "response")):
        for name in ("status_code", "status", "code"):
            value = _read(one, name)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def _of_headers(headers: dict[str, Any], status: int | None) -> int | None:
    for name in _MILLISECONDS:
        milliseconds = _number(headers.get(name))
        if milliseconds is not None and milliseconds > 0:
            return _nanoseconds(milliseconds / 1_000) or None
    text = headers.get("retry-after")
    number = _number(text)
    if number == 0:
        return 0
    if number is not None:
        number = _from_now(number)
    elif isinstance(text, str):
        number = _until(text) or _duration(text)
    told = _nanoseconds(number)
    if told:
        return told
    if status is not None and status not in _LIMITED:
        return None
    waits = [
        _reset(headers.get(name.replace("remaining", "reset")))
        for name, left in headers.items()
        if "ratelimit" in name.replace("-", "") and "remaining" in name and _exhausted(left)
    ]
    return max(waits, default=0) or None


def _exhausted(left: Any) -> bool:
    number = _number(left)
    return number is not None and number <= 0


def _reset(value: Any) -> int:
    """Give the ns until a limit is full again: a duration, a date, seconds, or a time since 1970."""
    number = _number(value)
    if number is None:
        return _nanoseconds(_duration(value) or _until(value)) if isinstance(value, str) else 0
    return _nanoseconds(_from_now(number))


def _from_now(number: float) -> float:
    """Give seconds as they are, and of a time since 1970 (in seconds or milliseconds) those that are left."""
    if number < _EPOCH:
        return number
    return (number / 1_000 if number >= _EPOCH_MS else number) - _now()


def _of_body(body: Any) -> int | None:
    """Give the ns of google.rpc.RetryInfo in a body of JSON."""
    if not isinstance(body, Mapping):
        return None
    error = body.get("error")
    if isinstance(error, Mapping):
        return _of_body(error)
    details = body.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, str):
            return _nanoseconds(_duration(delay)) or None
    return None


def _read(subject: Any, name: str) -> Any:
    try:
        return getattr(subject, name, None)
    except Exception:  # noqa: BLE001 - one property that raises must not hide the others
        return None


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _duration(text: str) -> float | None:
    """Give the seconds of a duration such as "1s", "6m0s", "120ms" or "1h2m3.5s"."""
    import re

    text = text.strip().lower()
    if len(text) > 64 or not re.fullmatch(f"(?:{_PART})+", text):  # noqa: PLR2004 - no duration is that long
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))


def _until(text: str) -> float | None:
    """Give the seconds to a date. The wall clock is what the server's date means."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text.strip())
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - _now()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _now() -> float:
    import time

    return time.time()


def _nanoseconds(value: Any) -> int:
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and value == math.inf:
        return 0
    ns = nanoseconds(value) if value is not None else None
    return min(ns, _YEAR * _SECOND) if ns else 0
