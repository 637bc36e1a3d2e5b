# SPDX-License-Identifier: MIT OR Apache-2.0
"""The judgement: user's rules, then codes and status, then the class, then what it was raised from."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

from trifuse._errors import (
    ConfigurationError,
    RefusedError,
    RequestTimeoutError,
    RetriesExhausted,
    TrifuseError,
    UnsupportedError,
)
from trifuse._listeners import log
from trifuse._retry_after import retry_after, told_ns
from trifuse.classify import _builtins
from trifuse.classify._facts import Facts, read
from trifuse.classify._general import FIRM, TEXTS, WEAK, of_status
from trifuse.classify._kinds import Classified, Kind, Outcome, counted
from trifuse.classify._rows import Row
from trifuse.classify._rules import Rule, table
from trifuse.classify._table import Entry

_MOST, _FORBIDDEN = 64, 403
_INNER = ("source", "reason", "orig", "original_exception")


class Found(NamedTuple):
    """A judgement; ``facts`` are those of the error that decided, ``reason`` that of a refusal of ours."""

    kind: Kind
    by: str = ""
    facts: Facts | None = None
    reason: str | None = None


_UNKNOWN = Found(Kind.unknown)
_asking: ContextVar[bool] = ContextVar("trifuse.classify.asking", default=False)
"""Whether a function of the user is being asked: what it classifies itself is not for it to decide."""


def kind_of(error: BaseException) -> Kind:
    """Give the kind of an error. Never raises."""
    return verdict(error)[0]


def verdict(error: BaseException) -> tuple[Kind, Outcome]:
    """Give the kind of an error and how a breaker counts it. Never raises."""
    try:
        found = _judge(error, set())
        return found.kind, counted(found.kind, found.reason)
    except Exception:  # noqa: BLE001 - the call's own error must come through, whatever it is made of
        return Kind.unknown, "failure"


def classify(error: BaseException) -> Classified:
    """Tell what an error says about the service that was called.

    Asked in this order: the rules of :func:`add`; codes, types and the status that the error
    carries; its class and the classes that it derives from, by name; what it was raised from. A
    group is what its first member is that counts as a failure. Nothing is imported, no argument of
    the call is looked at, and it never raises; any thread or task may call it.
    """
    try:
        found = _judge(error, set())
        facts = found.facts
        status, code = (facts.status, facts.code) if facts else (None, found.reason)
        return Classified(found.kind, status, code, retry_after(error), found.by)
    except Exception:  # noqa: BLE001 - as above
        return Classified(Kind.unknown)


def _judge(error: BaseException, seen: set[int]) -> Found:
    if not isinstance(error, Exception):
        return Found(Kind.cancelled, f"class {_name(error)}")
    seen.add(id(error))
    if isinstance(error, TrifuseError):
        return _of_ours(error, seen)
    entry = table().entry(type(error))
    for rule in entry.rules:
        kind = _ruled(rule, error)
        if kind is not None:
            return Found(kind, f"rule {rule}", Facts(error, entry.reader, known=entry.known))
    if isinstance(error, ExceptionGroup):
        return _of_group(error, seen)
    facts = Facts(error, entry.reader, known=entry.known)
    return (
        _by_first_rows(error, facts, entry, seen)
        or _by_what_it_says(facts, entry)
        or _by_class(error, facts, entry, seen)
    )


def _by_first_rows(error: Exception, facts: Facts, entry: Entry, seen: set[int]) -> Found | None:
    for row in entry.first:
        if not row.fits(facts):
            continue
        if row.kind is not None:
            return Found(row.kind, _reason(row, facts), facts)
        found = _of_inner(error, seen, facts, wraps=True)
        if found.kind is not Kind.unknown:
            return found
    return None


def _by_what_it_says(facts: Facts, entry: Entry) -> Found | None:
    for word in facts.words:
        if word in FIRM:
            return Found(FIRM[word], f"code {word}", facts)
    if entry.known or facts.words or facts.status is not None:
        for kind, statuses, texts in TEXTS:
            if facts.status in statuses and any(text in facts.message for text in texts):
                return Found(kind, "its message", facts)
    if facts.status == _FORBIDDEN and told_ns(facts.error) is not None:
        return Found(Kind.rate_limited, f"status {facts.status} with a time to wait", facts)
    if facts.status is not None:
        return Found(of_status(facts.status), f"status {facts.status}", facts)
    for word in facts.words:
        if word in WEAK:
            return Found(WEAK[word], f"code {word}", facts)
    return None


def _by_class(error: Exception, facts: Facts, entry: Entry, seen: set[int]) -> Found:
    for row in entry.later:
        if not row.fits(facts):
            continue
        if row.kind is not None:
            return Found(row.kind, f"class {row.name}", facts)
        return _of_inner(error, seen, facts, wraps=True)
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in _builtins.NETWORK:
            return Found(Kind.transient, f"errno {error.errno}", facts)
        if error.errno in _builtins.LOCAL:
            return Found(Kind.local, f"errno {error.errno}", facts)
    return _of_inner(error, seen, facts, wraps=False)


def _of_inner(error: BaseException, seen: set[int], facts: Facts, *, wraps: bool) -> Found:
    """Judge what an error was raised from; of a wrapper also what it holds and was raised during."""
    inner: list[Any] = [error.__cause__]
    if wraps:
        inner += [*(read(error, name) for name in _INNER), error.__context__]
    for one in inner:
        if isinstance(one, Exception) and id(one) not in seen and len(seen) < _MOST:
            found = _judge(one, seen)
            if found.kind is not Kind.unknown:
                return found._replace(by=f"{found.by} within {_name(error)}")
    return Found(Kind.unknown, "", facts)


def _of_group(group: ExceptionGroup[Exception], seen: set[int]) -> Found:
    first: Found | None = None
    for error in group.exceptions:
        if len(seen) >= _MOST:
            break
        if id(error) in seen:
            continue
        found = _judge(error, seen)
        if counted(found.kind, found.reason) != "ignored":
            return found
        first = first or found
    return first or _UNKNOWN


def _of_ours(error: TrifuseError, seen: set[int]) -> Found:
    by = f"class {_name(error)}"
    if isinstance(error, RefusedError):
        return Found(Kind.refused, by, None, str(error.reason))
    if isinstance(error, RequestTimeoutError):
        return Found(Kind.timeout, by)
    if isinstance(error, (ConfigurationError, UnsupportedError)):
        return Found(Kind.caller, by)
    if hasattr(error, "_kind"):  # of a stream that ended wrongly
        code = getattr(error, "code", None)
        told = None if code is None else FIRM.get(code) or WEAK.get(code)
        return Found(told or Kind(error._kind), by if told is None else f"code {code}")
    inner = error.last_error if isinstance(error, RetriesExhausted) else error.__cause__
    if isinstance(inner, Exception) and id(inner) not in seen and len(seen) < _MOST:
        return _judge(inner, seen)
    return _UNKNOWN


def _ruled(rule: Rule, error: Exception) -> Kind | None:
    if rule.kind is not None:
        return rule.kind
    if _asking.get():
        return None
    function: Any = rule.what
    before = _asking.set(True)
    try:
        answer = function(error)
        return None if answer is None else Kind(answer)
    except Exception:  # noqa: BLE001 - as in verdict
        log().exception("a rule on errors raised or gave no kind; it has no opinion")
        return None
    finally:
        _asking.reset(before)


def _reason(row: Row, facts: Facts) -> str:
    word = next(
        (word for word in facts.words if word in row.words or word.startswith(row.prefixes or ("\0",))), None
    )
    return f"class {row.name}" if word is None else f"code {word}"


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
