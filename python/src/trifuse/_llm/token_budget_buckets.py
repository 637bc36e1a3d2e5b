# SPDX-License-Identifier: MIT OR Apache-2.0
"""The token buckets of a budget, taken together or not at all.

Whoever calls holds the budget's lock. What was taken from one bucket is put back at once when another
refuses: between the two nobody else takes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trifuse._core import ffi, lib
from trifuse._errors import ConfigurationError, OverCapacityError
from trifuse._rate_limit import RateLimit
from trifuse._rate_values import limiter, snapshot_of
from trifuse._rates import Rate, per

FIELDS = ("rpm", "tpm", "rpd", "tpd")
AUTO = "auto"
_OK: int = lib.TRIFUSE_OK
_OVER: int = lib.TRIFUSE_ERROR_OVER_CAPACITY
_try = lib.trifuse_limiter_try_acquire
_refund = lib.trifuse_limiter_refund
_debit = lib.trifuse_limiter_debit


class Refusal(NamedTuple):
    """Why a request cannot be granted now: for how long, which limit, what it wanted and what there was."""

    wait_ns: int
    field: str
    requested: int
    available: int


class Bucket(NamedTuple):
    """One limit: its name, whether it counts tokens, and the core's bucket."""

    field: str
    of_tokens: bool
    limit: RateLimit
    core: Any

    def share(self, tokens: int, requests: int = 1) -> int:
        """Give what such calls take of it."""
        return tokens if self.of_tokens else requests

    def level(self, now: int) -> int:
        """Give the whole tokens that are there, or owed as a negative number."""
        there = int(lib.trifuse_limiter_available(self.core, now))
        return there or -snapshot_of(self.limit).debt

    def debit(self, n: int, now: int) -> None:
        """Take n more, into debt if need be."""
        _debit(self.core, n, now)

    @property
    def capacity(self) -> int:
        """The most that one call can have."""
        return int(lib.trifuse_py_limiter_capacity(self.limit._memory))


def rate_of(field: str, n: int) -> Rate:
    """Give the rate of a limit: n a minute, or a day."""
    return per(n, minutes=1) if field.endswith("m") else per(n, days=1)


def capacity_of(field: str, n: int, burst: float) -> int:
    """Give how many may come at once: of a limit a minute the share that ``burst`` says, at least 1."""
    return max(1, int(n * burst)) if field.endswith("m") else n


def make_bucket(field: str, n: int, burst: float) -> Bucket:
    """Make the bucket of a limit, full. Raises ConfigurationError."""
    try:
        limit = RateLimit(rate_of(field, n), capacity=capacity_of(field, n, burst))
    except ConfigurationError as error:
        raise ConfigurationError(field, n, error.allowed) from None
    return Bucket(field, field.startswith("t"), limit, limiter(limit))


class Buckets:
    """All limits of a budget, and its pause.

    Attributes:
        all: the buckets.
        capacity: the most tokens that one call can have; None without a limit on tokens.
        paused_ns: until when nothing is granted.
    """

    __slots__ = ("all", "capacity", "name", "paused_ns")

    def __init__(self, name: str, buckets: tuple[Bucket, ...]) -> None:
        """Take the buckets."""
        self.name, self.paused_ns = name, 0
        self.set(buckets)

    def set(self, buckets: tuple[Bucket, ...]) -> None:
        """Go on with these buckets, or with their new rates."""
        self.all = tuple(sorted(buckets, key=lambda bucket: FIELDS.index(bucket.field)))
        self.capacity = min((bucket.capacity for bucket in self.all if bucket.of_tokens), default=None)

    def take(self, tokens: int, now: int) -> Refusal | None:
        """Take a request and its tokens from all, or from none. Raises OverCapacityError."""
        return self._ask(tokens, now, 0, 0, keep=True)

    def look_behind(self, requests: int, ahead: int, tokens: int, now: int) -> Refusal | None:
        """Tell how long a request waits behind others that have not been granted; takes nothing."""
        return self._ask(tokens, now, requests, ahead, keep=False)

    def _ask(self, tokens: int, now: int, requests: int, ahead: int, *, keep: bool) -> Refusal | None:
        wait = ffi.new("uint64_t *")
        undo: list[tuple[Any, int]] = []
        worst = Refusal(self.paused_ns - now, "paused", 1, 0) if self.paused_ns > now else None
        over = None
        for bucket in self.all:
            n, before = bucket.share(tokens), bucket.share(ahead, requests)
            n = n or min(before, 1)  # who wants none waits all the same for those who are first
            if not n:
                continue
            if before:
                _debit(bucket.core, before, now)
            result = _try(bucket.core, n, now, wait)
            undo.append((bucket.core, before + (n if result == _OK else 0)))
            if result == _OVER:
                over = bucket
            elif result != _OK and (worst is None or wait[0] > worst.wait_ns):
                available = int(lib.trifuse_limiter_available(bucket.core, now))
                worst = Refusal(int(wait[0]), bucket.field, n, available)
        if over is not None or worst is not None or not keep:
            for core, n in undo:
                if n:
                    _refund(core, n, now)
        if over is not None:
            raise OverCapacityError(self.name, over.share(tokens), over.capacity)
        return worst

    def put_back(self, tokens: int, requests: int, now: int) -> None:
        """Give back what was taken."""
        for bucket in self.all:
            n = bucket.share(tokens, requests)
            if n:
                _refund(bucket.core, n, now)

    def owe(self, tokens: int, now: int) -> None:
        """Take more tokens, into debt if need be."""
        for bucket in self.all:
            if bucket.of_tokens and tokens:
                _debit(bucket.core, tokens, now)

    def levels(self, now: int) -> dict[str, int]:
        """Give what is there of each, or owed."""
        return {bucket.field: bucket.level(now) for bucket in self.all}

    def find(self, field: str) -> Bucket | None:
        """Give one of them; None if there is no such limit."""
        return next((bucket for bucket in self.all if bucket.field == field), None)
