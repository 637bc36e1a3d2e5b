# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a server says about its rate limits in the headers of each response.

OpenAI and those who copy it: ``x-ratelimit-limit-requests``, ``-remaining-requests``, ``-reset-requests``,
and the same of ``tokens``. Anthropic: ``anthropic-ratelimit-requests-limit``, ``-remaining``, ``-reset``,
and the same of ``tokens`` and ``input-tokens``. What is no number is as if it were not there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Told", "headers_of", "read"]

_MOST = 1 << 53
_LONGEST = 365 * 86_400.0
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_LONGEST_TEXT = 64


class Told(NamedTuple):
    """What was said of one kind, requests or tokens.

    Attributes:
        limit: how many in the period, None when not told.
        remaining: how many are left, None when not told.
        reset: seconds until all are there again, None when not told.
    """

    limit: int | None
    remaining: int | None
    reset: float | None


def headers_of(subject: Any) -> Any:
    """Give the headers of an error's response, or of a response; None where there are none."""
    try:
        response = getattr(subject, "response", None)
        headers = getattr(response, "headers", None)
        if headers is None:
            headers = getattr(subject, "headers", None)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything
        return None
    return headers if callable(getattr(headers, "get", None)) else None


def read(headers: Any, kind: str) -> Told:
    """Read what is said of ``"requests"`` or ``"tokens"``. Never raises."""
    try:
        return _read(headers, kind)
    except Exception:  # noqa: BLE001 - foreign mappings may raise anything
        return Told(None, None, None)


def _read(headers: Any, kind: str) -> Told:
    for names in _names(kind):
        limit, remaining, reset = (_text(headers, name) for name in names)
        told = Told(_whole(limit), _whole(remaining), _until(reset))
        if told.limit is not None or told.remaining is not None:
            return told
    return Told(None, None, None)


def _names(kind: str) -> list[tuple[str, ...]]:
    fields = ("limit", "remaining", "reset")
    kinds = (kind, "input-tokens") if kind == "tokens" else (kind,)
    openai = tuple(f"x-ratelimit-{field}-{kind}" for field in fields)
    return [openai, *(tuple(f"anthropic-ratelimit-{one}-{field}" for field in fields) for one in kinds)]


def _text(headers: Any, name: str) -> str | None:
    value = headers.get(name)
    if value is None and isinstance(headers, Mapping):
        value = next((v for k, v in headers.items() if _plain(k).lower() == name), None)
    value = _plain(value)
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _whole(text: str | None) -> int | None:
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return int(number) if 0 <= number <= _MOST else None


def _until(text: str | None) -> float | None:
    """Give seconds: of ``6m0s``, ``120ms``, a plain number, or a time such as ``2026-01-31T12:00:00Z``."""
    if not text:
        return None
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return _sane(sum(float(number) * _UNITS[unit] for number, unit in parts))
    try:
        return _sane(float(text))
    except ValueError:
        return _sane(_from_now(text))


def _from_now(text: str) -> float:
    """Give the seconds to a time; the wall clock is what the server's time means."""
    import time
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - time.time())


def _sane(value: float) -> float | None:
    return min(value, _LONGEST) if value >= 0 else None
