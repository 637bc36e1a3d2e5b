# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a token budget learns from the server: how much is left, what the limits are, when to pause."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trifuse._durations import nanoseconds
from trifuse._errors import ConfigurationError
from trifuse._llm.ratelimit_headers import Told, headers_of, read
from trifuse._llm.token_budget_buckets import AUTO, Bucket, capacity_of, make_bucket, rate_of
from trifuse._structs import YEAR
from trifuse._waiting import now_ns

if TYPE_CHECKING:
    from trifuse._llm.token_budget import TokenBudget
    from trifuse._llm.token_budget_grant import TokenGrant
    from trifuse._llm.token_budget_values import Settings

_KINDS = (("requests", "rpm", "rpd"), ("tokens", "tpm", "tpd"))
_BY_MINUTE = {"requests": "rpm", "tokens": "tpm"}


class Learning:
    """What was learned so far.

    A response says how much was left when the server took the call on, which may be long ago; so it is held
    against what was left here when the call was granted. What is missing here since then for the same
    reason (``_shift``) is not taken twice.
    """

    __slots__ = ("_budget", "_limits", "_shift")

    def __init__(self, budget: TokenBudget) -> None:
        """Begin with what the budget was told."""
        self._budget = budget
        self._limits = budget._said.limits()
        self._shift: dict[str, int] = {}

    def limit_of(self, bucket: Bucket) -> int:
        """Give the limit in force."""
        return self._limits[bucket.field]

    def is_ours(self, grant: TokenGrant) -> bool:
        """Tell whether a grant was made in this process, and not in the one it was forked from."""
        return grant._process == os.getpid()

    def mark(self, grant: TokenGrant) -> None:
        """Note on a grant what is left now."""
        grant._at_ns = now = now_ns()
        grant._levels = self._budget._buckets.levels(now)
        if self._shift:
            grant._shift = dict(self._shift)

    def learn(self, headers: Any, grant: TokenGrant | None) -> set[str]:
        """Learn from headers; gives the kinds of which they tell what remains."""
        budget = self._budget
        told_kinds: set[str] = set()
        if not callable(getattr(headers, "get", None)):
            return told_kinds
        read_before = [(kind, fields, read(headers, kind)) for kind, *fields in _KINDS]
        with budget._queue._lock:
            for kind, fields, told in read_before:
                self._take_limit(_BY_MINUTE[kind], told.limit)
                bucket = self._meant(fields, told)
                if told.remaining is not None:
                    told_kinds.add(kind)
                    if bucket is not None and not _is_over(told, grant):
                        self._lower(bucket, told.remaining, grant)
            if told_kinds:
                budget._queue.stir()
        return told_kinds

    def learn_error(self, error: BaseException, grant: TokenGrant) -> None:
        """Learn from what a call raised: of a 429 that nothing is left, and for how long to pause."""
        if not isinstance(error, Exception):
            return
        from trifuse.classify import classify

        found = classify(error)
        told = self.learn(headers_of(error), grant)
        if found.kind != "rate_limited":
            return
        with self._budget._queue._lock:
            for kind, field, _ in _KINDS:
                bucket = self._budget._buckets.find(field)
                if kind not in told and bucket is not None:
                    self._lower(bucket, 0, None)
            self.pause(min(nanoseconds(found.retry_after or 0) or 0, YEAR))

    def pause(self, duration_ns: int) -> None:
        """Grant nothing for so long, or for as long as was said before."""
        budget = self._budget
        with budget._queue._lock:
            until = now_ns() + duration_ns
            if duration_ns and until > budget._buckets.paused_ns:
                budget._buckets.paused_ns = until
                budget._queue.stir()

    def adopt_settings(self, old: Settings, new: Settings) -> None:
        """Go over to other limits; the lock is held."""
        buckets, limits = self._budget._buckets, new.limits()
        for field in ("rpm", "tpm"):
            if getattr(new, field) == AUTO and field in self._limits:
                limits[field] = self._limits[field]
        kept = []
        for field, n in limits.items():
            bucket = buckets.find(field)
            if bucket is None:
                kept.append(make_bucket(field, n, new.burst))
                continue
            if n != self._limits[field] or new.burst != old.burst:
                bucket.limit.set_rate(rate_of(field, n), capacity_of(field, n, new.burst))
            kept.append(bucket)
        self._limits = limits
        buckets.set(tuple(kept))

    def _take_limit(self, field: str, n: int | None) -> None:
        """Set a limit that is ``"auto"`` to what the server says."""
        said = self._budget._said
        if getattr(said, field) != AUTO or not n or n == self._limits.get(field):
            return
        buckets = self._budget._buckets
        bucket = buckets.find(field)
        try:
            if bucket is None:
                buckets.set((*buckets.all, make_bucket(field, n, said.burst)))
            else:
                bucket.limit.set_rate(rate_of(field, n), capacity_of(field, n, said.burst))
                buckets.set(buckets.all)
        except ConfigurationError:
            return
        self._limits[field] = n

    def _meant(self, fields: list[str], told: Told) -> Bucket | None:
        """Give the bucket that headers are about: the one of that limit, else that of a minute."""
        found = [b for field in fields if (b := self._budget._buckets.find(field)) is not None]
        same = [bucket for bucket in found if self._limits[bucket.field] == told.limit]
        return next(iter(same or found), None)

    def _lower(self, bucket: Bucket, remaining: int, grant: TokenGrant | None) -> None:
        """Take what the server says is not there; never more than is owed already."""
        now, field = now_ns(), bucket.field
        then = None if grant is None else grant._levels.get(field)
        since = 0 if then is None or grant is None else self._shift.get(field, 0) - grant._shift.get(field, 0)
        missing = (bucket.level(now) if then is None else then) - remaining - since
        if missing > 0:
            bucket.debit(missing, now)
            self._shift[field] = self._shift.get(field, 0) + missing
            if bucket.of_tokens:
                self._budget._counts.learned += missing


def _is_over(told: Told, grant: TokenGrant | None) -> bool:
    """Tell whether all that was missing when a call began has come back since, by the server's own word."""
    return grant is not None and told.reset is not None and now_ns() - grant._at_ns >= told.reset * 1e9
