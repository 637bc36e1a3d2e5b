# SPDX-License-Identifier: MIT OR Apache-2.0
"""Retry-After: what a server says on an error about when to come back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trifuse._durations import nanoseconds

_YEAR = 365 * 86_400


def retry_after_ns(subject: Any) -> int:
    """Give the wait that an error (or response) tells, in ns; 0 when it tells none.

    Looked at, in this order: the headers ``retry-after-ms`` and ``retry-after`` (seconds, whole or
    not, or a date) of ``subject.response`` or ``subject``, and ``subject.retry_after`` or
    ``subject.retry_after_s`` (seconds or timedelta). NaN, negative and past values are ignored;
    more than a year is a year.
    """
    return told_ns(subject) or 0


def told_ns(subject: Any) -> int | None:
    """Give the wait as retry_after_ns does, but None when none is told: a header of 0 means now."""
    try:
        return _told(subject)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything
        return None


def _told(subject: Any) -> int | None:
    headers = getattr(getattr(subject, "response", None), "headers", None)
    if headers is None:
        headers = getattr(subject, "headers", None)
    if headers is not None:
        told = _of_headers(headers)
        if told is not None:
            return told
    for name in ("retry_after", "retry_after_s"):
        found = _nanoseconds(getattr(subject, name, None))
        if found:
            return found
    return None


def _of_headers(headers: Any) -> int | None:
    milliseconds = _number(_header(headers, "retry-after-ms"))
    if milliseconds is not None and milliseconds > 0:
        return _nanoseconds(milliseconds / 1_000)
    text = _header(headers, "retry-after")
    number = _number(text)
    if number is not None:
        return _nanoseconds(number) if number == 0 else _nanoseconds(number) or None
    return _nanoseconds(_until(text)) or None if isinstance(text, str) else None


def _header(headers: Any, name: str) -> Any:
    value = headers.get(name)
    if value is None and isinstance(headers, Mapping):
        value = next((v for k, v in headers.items() if _text(k).lower() == name), None)
    return _text(value)


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _until(text: str) -> float:
    """Give the seconds to a date of HTTP. The wall clock is what the server's date means."""
    import time
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(text).timestamp() - time.time()


def _nanoseconds(value: Any) -> int:
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and value == math.inf:
        return 0
    ns = nanoseconds(value) if value is not None else None
    return min(ns, _YEAR * 1_000_000_000) if ns else 0
