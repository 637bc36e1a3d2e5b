# SPDX-License-Identifier: MIT OR Apache-2.0
"""The policies around the operations of one group: made of settings, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trifuse._durations import Duration
from trifuse._errors import ConfigurationError, RequestTimeoutError
from trifuse._options import NOT_GIVEN
from trifuse._pipeline import Pipeline
from trifuse._retry import Retry
from trifuse._timeout import Timeout
from trifuse.contrib._protect.judging import Judged
from trifuse.contrib._protect.settings import RETRY, Limits, Settings

if TYPE_CHECKING:
    from trifuse._policy import Policy

_SLACK = 1.0
"""Seconds, so that the last attempt ends by its own limit and counts."""
_NEVER = 365 * 86_400.0
_ANSWERS = {"id", "object", "choices", "content", "output", "data", "results", "input_tokens"}
"""One of these an answer of the APIs always has; so that a misspelt kind of error is not taken for one."""


class Total(Timeout):
    """The limit on a call with all its attempts and waits."""

    __slots__ = ()
    setting = "total"

    def __init__(self, seconds: Duration, name: str = "") -> None:
        """Take the limit."""
        super().__init__(seconds, name=name)


class Guard:
    """What stands around the calls of one name.

    Attributes:
        name: of the breaker and the pipeline.
        fallback: the policy that answers in place of a call; None for none.
        parts: what is inside of it, the outermost first.
        budget: that of tokens, which learns from what the server says; None for none.
    """

    __slots__ = ("_policies", "budget", "fallback", "limits", "name", "parts", "resume", "thread")

    def __init__(self, name: str, settings: Settings) -> None:
        """Make the policies. Raises ConfigurationError."""
        given = settings.given
        self.name = name
        self.resume = _resume(given.get("resume"))
        self.thread = bool(given.get("thread"))
        self.parts = parts = _parts(settings, name)
        self.fallback = _fallback(settings, name)
        if parts[0].kind == "fallback":
            if self.fallback is not None:
                allowed = "not beside a pipeline that begins with one"
                raise ConfigurationError("fallback", settings.fallback, allowed)
            self.fallback = parts.pop(0)
        if any(part.kind == "fallback" for part in parts):
            raise ConfigurationError("pipeline", given["pipeline"], "a fallback only as its first policy")
        limits = _limits(settings, parts)
        self.limits = limits._replace(total=_total(settings, limits, parts))
        self.budget = next((part for part in parts if part.kind == "token_budget"), None)
        self._policies: dict[tuple[bool, bool, bool], Pipeline] = {}

    def policy(self, *, streamed: bool, once: bool, cached: bool) -> Pipeline:
        """Give what stands around the attempts of a call.

        Args:
            streamed: the limit on the whole is the stream's own.
            once: it cannot be sent twice, so there are no retries.
            cached: False for one whose result is not to be kept.
        """
        key = (streamed, once, cached)
        found = self._policies.get(key)
        if found is None:
            without = {"retry"} if once else set()
            without |= set() if cached else {"cache"}
            parts = [part for part in self.parts if part.kind not in without]
            if not streamed and self.limits.total is not None:
                parts.insert(0, Total(self.limits.total, self.name))
            found = self._policies[key] = Pipeline(self.name, *parts)
        return found

    def check(self, *, synchronous: bool) -> None:
        """Raise ConfigurationError for what a client of this way cannot have."""
        if not synchronous and self.thread:
            raise ConfigurationError("thread", True, "only for synchronous clients")  # noqa: FBT003
        for level in getattr(self.fallback, "_chain", ()) if synchronous else ():
            if level.asynchronous:
                allowed = "functions that are not awaited, for a synchronous client"
                raise ConfigurationError("fallback", level.function, allowed)

    def _expired(self) -> RequestTimeoutError:
        """Make the error of an attempt that took too long."""
        return RequestTimeoutError(self.name, "request_timeout", self.limits.attempt or 0.0)

    def snapshot(self) -> dict[str, Any]:
        """Take a picture of every part that counts something, by its kind."""
        pairs = ((part.kind, getattr(part, "snapshot", None)) for part in self._all())
        return {kind: take() for kind, take in pairs if take is not None}

    def describe(self) -> dict[str, Any]:
        """Give the policies and limits with their numbers, as plain data."""
        limits = {
            "request_timeout": self.limits.attempt, "total": self.limits.total,
            "first_content": self.limits.first_content, "idle": self.limits.idle,
            "total_of_streams": self.limits.stream_total,
        }  # fmt: skip
        told = [part.describe() for part in self._all() if not isinstance(part, Judged)]
        return {"name": self.name, "policies": told, "limits": limits, "thread": self.thread}

    def _all(self) -> list[Policy]:
        return self.parts if self.fallback is None else [self.fallback, *self.parts]


def _limits(settings: Settings, parts: list[Policy]) -> Limits:
    """Give the limits; that of an attempt is the one of the breaker of an own pipeline."""
    given, limits = settings.given, settings.limits
    own = [getattr(part, "_timeout", None) for part in parts if part.kind == "circuit_breaker"]
    least = min(filter(None, own), default=None)
    if given.get("pipeline") is None or "request_timeout" in given or least is None:
        return limits
    first = least if "first_content" not in given or limits.first_content is None else limits.first_content
    idle = limits.idle if "idle" in given else least
    return limits._replace(attempt=least, first_content=min(first, least), idle=idle)


def _total(settings: Settings, limits: Limits, parts: list[Policy]) -> float | None:
    """Give the limit on a call with all its attempts: the one that was given, or what they can take at most."""
    retry = next((part for part in parts if isinstance(part, Retry)), None)
    if limits.total is not None or limits.attempt is None or retry is None:
        return limits.total
    if settings.given.get("pipeline") is not None:
        return None
    each = limits.attempt + sum(map(_longest_wait, parts))
    if each >= _NEVER:
        return None
    longest = retry.max_total_time(each) + _SLACK
    return longest if longest < _NEVER else None


def _parts(settings: Settings, name: str) -> list[Policy]:
    given = settings.given
    own = given.get("pipeline")
    if own is not None:
        parts = list(own.policies) if isinstance(own, Pipeline) else [own]
        return [*parts, Judged()]
    retry = _retry(given.get("retry"), settings, name)
    parts = _cache(given.get("cache"))
    if retry is not None:
        parts.append(retry)
    parts += [_breaker(settings, name), Judged()]
    budget = _budget(given, name)
    if budget is not None:
        parts.append(budget)
    bulkhead = _bulkhead(given.get("bulkhead"), given["max_wait"], name)
    if bulkhead is not None:
        parts.append(bulkhead)
    return parts


def _longest_wait(part: Policy) -> float:
    """Give how long an attempt may wait for its turn at a part, in seconds."""
    if part.kind not in {"token_budget", "bulkhead"}:
        return 0.0
    told = part.describe()
    return float(told.get("max_wait", _NEVER)) if told["max_queue"] else 0.0


def _resume(value: Any) -> Any:
    if value is None:
        return None
    from trifuse._llm.resume import make_resume

    return make_resume(value)


def _cache(cache: Any) -> list[Policy]:
    if cache is None:
        return []
    from trifuse.cache import ResultCache

    if not isinstance(cache, ResultCache):
        raise ConfigurationError("cache", cache, "a ResultCache, or None")
    if cache._key is None:
        allowed = "one with a key, such as ResultCache(key='llm:{messages}', hashed=True)"
        raise ConfigurationError("cache", cache, allowed)
    return [cache]


def _breaker(settings: Settings, name: str) -> Policy:
    """Make the breaker. The limit of an attempt is ours, so that waiting for a turn is not in it."""
    from trifuse._breaker import CircuitBreaker

    fields = {**settings.breaker, "request_timeout": None}
    if "half_open_permit_ttl" not in fields:
        longest = (settings.limits.attempt or 0.0) + _number(settings.given["max_wait"])
        fields["half_open_permit_ttl"] = min(max(60.0, 2 * longest), _NEVER)
    home = {"registry": settings.given["registry"]} if "registry" in settings.given else {}
    return CircuitBreaker(name, settings.given["preset"], **home, **fields)


def _number(duration: Any) -> float:
    from trifuse._durations import nanoseconds

    ns = nanoseconds(duration) if duration is not None else 0
    if ns is None:
        raise ConfigurationError("max_wait", duration, "seconds or a timedelta")
    return ns / 1e9


def _retry(value: Any, settings: Settings, name: str) -> Policy | None:
    if value is None or value is False or value == 0:
        return None
    if isinstance(value, Retry):
        return value
    if value is True:
        value = 2
    if isinstance(value, int):
        value = {"max_retries": value}
    if not isinstance(value, Mapping):
        raise ConfigurationError("retry", value, "None, a number of retries, a dict of settings or a Retry")
    fields = {**RETRY, "max_retries": 2, "name": name, **value}
    if settings.limits.total is not None:
        fields.setdefault("max_elapsed", settings.limits.total)
    return Retry(**fields)


def _budget(given: Mapping[str, Any], name: str) -> Policy | None:
    tokens, rpm, tpm = given.get("tokens"), given.get("rpm"), given.get("tpm")
    if tokens is None and rpm is None and tpm is None:
        return None
    from trifuse._llm.token_budget import TokenBudget

    if tokens is None:
        return TokenBudget(name, rpm=rpm, tpm=tpm, max_wait=given["max_wait"])
    if not isinstance(tokens, TokenBudget):
        raise ConfigurationError("tokens", tokens, "a TokenBudget")
    if rpm is not None or tpm is not None:
        raise ConfigurationError(
            "rpm" if rpm is not None else "tpm", rpm or tpm, "not beside tokens, which has its own"
        )
    return tokens


def _bulkhead(value: Any, max_wait: Any, name: str) -> Policy | None:
    from trifuse._bulkhead import Bulkhead

    if value is None or value is False:
        return None
    if isinstance(value, Bulkhead):
        return value
    fields = {"limit": value} if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(fields, Mapping):
        raise ConfigurationError(
            "bulkhead", value, "None, a number of places, a dict of settings or a Bulkhead"
        )
    return Bulkhead(**{"max_queue": 1_000, "max_wait": max_wait, "name": name, **fields})


def _fallback(settings: Settings, name: str) -> Policy | None:
    """Make the fallback; by kind of error, which leaves mistakes of the caller to the caller."""
    given = settings.fallback
    if given is NOT_GIVEN or given is None:
        return None
    from trifuse._fallbacks import Fallback, _is_by_kind

    if isinstance(given, Fallback):
        return given
    if isinstance(given, Mapping) and not _is_by_kind(given) and not _ANSWERS & set(given):
        allowed = "fallbacks by kind of error and 'default', or an answer as the API would have sent it"
        raise ConfigurationError("fallback", given, allowed)
    by_kind = given if _is_by_kind(given) else {"default": given}
    return Fallback(by_kind=by_kind, on=settings.given.get("fallback_on"), name=name)
