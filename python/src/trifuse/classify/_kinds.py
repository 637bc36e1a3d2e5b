# SPDX-License-Identifier: MIT OR Apache-2.0
"""The kinds of error, and what policies do with each."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from trifuse._values import RefusalReason

Outcome = Literal["failure", "timeout", "ignored"]


class Kind(StrEnum):
    """What an error says about the service that was called.

    ``outcome`` is how a circuit breaker counts it, ``retryable`` whether a retry makes the call
    again; each unless the policy is told otherwise.
    """

    transient = "transient"
    """The service or the way to it failed: 500, 502, a refused or reset connection."""
    rate_limited = "rate_limited"
    """Too many requests (429): later it works again."""
    quota_spent = "quota_spent"
    """A paid or daily allowance is used up: no retry helps."""
    overloaded = "overloaded"
    """The service is too busy for anybody: 503, 529."""
    timeout = "timeout"
    """No answer in time: 408, 504, a time limit of the client or of ours."""
    caller = "caller"
    """The request is wrong, not the service: 400, 401, 403, 404, 413, 422."""
    context_length = "context_length"
    """The prompt, or the answer, is longer than the model takes."""
    content_filter = "content_filter"
    """Refused for what the prompt or the answer says."""
    local = "local"
    """It did not leave this process: its own connection pool is full, it has no file handle left."""
    cancelled = "cancelled"
    """Given up by the caller."""
    refused = "refused"
    """Not made: a policy of trifuse refused it."""
    unknown = "unknown"
    """None of these, as far as can be told."""

    @property
    def outcome(self) -> Outcome:
        """How a breaker counts it: ``"failure"``, ``"timeout"`` or ``"ignored"``."""
        if self is Kind.timeout:
            return "timeout"
        return "failure" if self in _FAILURES else "ignored"

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self in _RETRYABLE


_FAILURES = frozenset(
    {Kind.transient, Kind.rate_limited, Kind.quota_spent, Kind.overloaded, Kind.timeout, Kind.unknown}
)
_OPEN = frozenset({RefusalReason.OPEN, RefusalReason.HALF_OPEN_LIMIT, RefusalReason.FORCED_OPEN})
_RETRYABLE = (_FAILURES - {Kind.quota_spent}) | {Kind.local}


class Classified(NamedTuple):
    """What an error was found to be.

    Attributes:
        kind: the :class:`Kind`.
        status: the HTTP status it carries, 400 to 599; None if none.
        code: the first code or type that it carries (``"insufficient_quota"``, ``"57014"``,
            ``"UNAVAILABLE"``), of a refusal its reason; None if none.
        retry_after: seconds that the server said to wait, 0 for now; None if it did not say.
        by: what decided, for people: ``"status 429"``, ``"code insufficient_quota"``,
            ``"class httpx.PoolTimeout"``, ``"rule mylib.Busy"``; empty for unknown.
    """

    kind: Kind
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    by: str = ""

    @property
    def outcome(self) -> Outcome:
        """As of the kind; but that another breaker refused is a failure: what it guards is down."""
        return counted(self.kind, self.code)


def counted(kind: Kind, reason: str | None) -> Outcome:
    """Give how a breaker counts a kind; of a refusal it is the reason that decides."""
    return "failure" if kind is Kind.refused and reason in _OPEN else kind.outcome
