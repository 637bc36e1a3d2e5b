# SPDX-License-Identifier: MIT OR Apache-2.0
"""Headers that tell when to come back."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError
from trifuse.testing.chaos._values import duration, is_whole

SPELLINGS = ("seconds", "date", "ms")
Limit = tuple[int, int, float]


class RateLimits(NamedTuple):
    """What is left of a rate limit: of requests and of tokens each (limit, remaining, seconds to reset)."""

    requests: Limit | None
    tokens: Limit | None

    def headers(self, api: str) -> list[tuple[str, str]]:
        """As the API spells them."""
        spell = _anthropic if api.startswith("anthropic") else _openai
        found = [("requests", self.requests), ("tokens", self.tokens)]
        return [header for kind, limit in found if limit is not None for header in spell(kind, limit)]


def rate_limits(requests: Any = None, tokens: Any = None) -> RateLimits:
    """Headers that tell what is left of a rate limit.

    Args:
        requests: (limit, remaining, seconds until it is full again), or None.
        tokens: the same for tokens.
    """
    return RateLimits(_limit("requests", requests), _limit("tokens", tokens))


def _limit(name: str, value: Any) -> Limit | None:
    if value is None:
        return None
    parts = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(parts) != 3 or not is_whole(parts[0]) or not is_whole(parts[1]):  # noqa: PLR2004
        raise ConfigurationError(name, value, "(limit, remaining, seconds until reset)")
    return parts[0], parts[1], duration(name, parts[2])


def _openai(kind: str, limit: Limit) -> list[tuple[str, str]]:
    whole, left, reset = limit
    minutes, rest = divmod(reset, 60)
    text = f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s" if rest >= 1 else f"{rest * 1000:g}ms"
    return [
        (f"x-ratelimit-limit-{kind}", str(whole)),
        (f"x-ratelimit-remaining-{kind}", str(left)),
        (f"x-ratelimit-reset-{kind}", text),
    ]


def _anthropic(kind: str, limit: Limit) -> list[tuple[str, str]]:
    whole, left, reset = limit
    at = datetime.fromtimestamp(time.time() + reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        (f"anthropic-ratelimit-{kind}-limit", str(whole)),
        (f"anthropic-ratelimit-{kind}-remaining", str(left)),
        (f"anthropic-ratelimit-{kind}-reset", at),
    ]


def checked_retry_after(value: Any, spelling: str) -> Any:
    """Check a Retry-After; text is sent as it is."""
    if spelling not in SPELLINGS:
        raise ConfigurationError("retry_after_as", spelling, ", ".join(map(repr, SPELLINGS)))
    if value is None or (isinstance(value, str) and value.isprintable()):
        return value
    return duration("retry_after", value)


def retry_after_headers(value: Any, spelling: str) -> list[tuple[str, str]]:
    """The header of a checked Retry-After."""
    if value is None:
        return []
    if spelling == "ms":
        return [("retry-after-ms", value if isinstance(value, str) else f"{value * 1000:g}")]
    if isinstance(value, str):
        return [("retry-after", value)]
    if spelling == "date":
        return [("retry-after", formatdate(math.ceil(time.time() + value), usegmt=True))]
    return [("retry-after", f"{value:g}")]
