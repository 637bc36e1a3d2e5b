# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of a token budget, what it counts, and its snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError
from trifuse._llm.token_budget_buckets import AUTO, FIELDS
from trifuse._llm.tokens import DEFAULT_OUTPUT_TOKENS
from trifuse._llm.usage import Usage

DEFAULT_QUEUE = 10_000
_MOST = 1 << 53


class Settings(NamedTuple):
    """What a budget was told."""

    rpm: int | str | None = None
    tpm: int | str | None = None
    rpd: int | None = None
    tpd: int | None = None
    burst: float = 1.0
    max_wait_ns: int = 0
    max_queue: int = DEFAULT_QUEUE
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS

    def limits(self) -> dict[str, int]:
        """Give the limits that are numbers."""
        return {field: n for field in FIELDS if isinstance(n := getattr(self, field), int)}


def check(settings: Settings) -> None:
    """Raise ConfigurationError for the first setting that is not allowed."""
    for field in FIELDS:
        value = getattr(settings, field)
        auto = field.endswith("m") and value == AUTO
        if value is not None and not auto and not _is_whole(value, 1):
            allowed = "a whole number, 1 or more, or None" + (', or "auto"' if field.endswith("m") else "")
            raise ConfigurationError(field, value, allowed)
    if all(getattr(settings, field) is None for field in FIELDS):
        raise ConfigurationError("rpm", None, f"a number for at least one of {', '.join(FIELDS)}")
    burst = settings.burst
    if isinstance(burst, bool) or not isinstance(burst, (int, float)) or not 0 < burst <= 1:
        raise ConfigurationError("burst", burst, "a share of a minute's worth, more than 0, at most 1")
    for field in ("max_queue", "default_output_tokens"):
        if not _is_whole(getattr(settings, field), 0):
            raise ConfigurationError(field, getattr(settings, field), "a whole number, 0 or more")


def read_estimate(tokens: Any) -> tuple[int, Usage | None]:
    """Give the number of tokens of an estimate, and input and output apart where they are told."""
    if isinstance(tokens, Usage):
        if not all(_is_whole(n, 0) for n in tokens):
            raise ConfigurationError("tokens", tokens, "whole numbers, 0 or more")
        return tokens.total, tokens
    if not _is_whole(tokens, 0):
        raise ConfigurationError("tokens", tokens, "a Usage, or a whole number, 0 or more")
    return tokens, None


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST


class Counts:
    """What a budget has counted; changed under its lock."""

    __slots__ = (
        "estimated", "granted", "in_flight", "learned", "owed", "refunded", "refused", "reserved", "settled",
        "tokens", "used",
    )  # fmt: skip

    def __init__(self) -> None:
        """Begin with nothing."""
        self.granted = self.tokens = self.refused = self.in_flight = self.reserved = 0
        self.settled = self.estimated = self.used = 0
        self.refunded = self.owed = self.learned = 0


class TokenBudgetSnapshot(NamedTuple):
    """What a token budget knows.

    Attributes:
        name: its name.
        requests_available: calls that could be made now, of the tightest limit on requests; None without one.
        tokens_available: tokens that a call could take now, of the tightest limit on tokens; None without one.
        requests_debt: calls owed: more were made than the limit allows, here or elsewhere.
        tokens_debt: tokens owed: calls took more than was estimated, here or elsewhere.
        limits: the limits in force, by name.
        paused: seconds for which nothing is granted, because the server has refused calls.
        waiting: calls that wait for their turn.
        in_flight: calls that were granted and are not settled.
        reserved: tokens that they have taken.
        granted: calls granted ever.
        granted_tokens: tokens granted ever, by estimate.
        refused: calls refused ever.
        refunded: tokens given back ever.
        owed: tokens taken beyond the estimates ever.
        learned: tokens taken because the server said that fewer are left.
        settled: calls settled ever by a usage that was told.
        estimated: tokens that those calls were estimated at.
        used: tokens that those calls used.
    """

    name: str
    requests_available: int | None
    tokens_available: int | None
    requests_debt: int
    tokens_debt: int
    limits: dict[str, int]
    paused: float
    waiting: int
    in_flight: int
    reserved: int
    granted: int
    granted_tokens: int
    refused: int
    refunded: int
    owed: int
    learned: int
    settled: int
    estimated: int
    used: int

    @property
    def estimate_error(self) -> float | None:
        """How far the estimates were off: 0.25 for a quarter too much, -0.25 too little; None if not known."""
        return self.estimated / self.used - 1 if self.used else None


def there(levels: list[int]) -> int | None:
    """Give what a call could take of the tightest of these; None without any."""
    return max(0, min(levels)) if levels else None


def owed(levels: list[int]) -> int:
    """Give the largest debt of these."""
    return max(0, -min(levels)) if levels else 0
