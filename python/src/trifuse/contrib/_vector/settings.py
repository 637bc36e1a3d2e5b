# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of ``protect`` and the policies that they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trifuse import _fields
from trifuse._breaker import CircuitBreaker
from trifuse._declared import declare
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse._options import ErrorTest, matches
from trifuse._pipeline_config import class_of
from trifuse._policy import Policy
from trifuse._worker_threads import WorkerPool
from trifuse.contrib._vector.errors import classified_mistake

if TYPE_CHECKING:
    from trifuse._listeners import CallListener, RefusalListener, TransitionListener
    from trifuse._registry import CircuitBreakerRegistry

_GUARD = {
    "failure_on",
    "ignore",
    "failure_if",
    "respect_retry_after",
    "on_transition",
    "on_refused",
    "on_call",
}
_BREAKER = _fields.NAMES | _GUARD
_OWN = {
    "name",
    "preset",
    "fallback",
    "total",
    "retry",
    "rate_limit",
    "bulkhead",
    "registry",
    "embeddings",
    "pool",
}
_MAIN = {"retry": "max_retries", "rate_limit": "rate", "bulkhead": "limit"}
_pools: dict[str, WorkerPool] = {}
_making = Lock()


class ProtectSettings(_fields.ConfigFields, total=False):
    """The keyword arguments of ``protect``, ``aprotect`` and ``connect``; also those of a breaker.

    Attributes:
        name: of the circuit breaker; by default the library's, so that all guarded objects of it
            share one. Give each server its own.
        preset: of the circuit breaker, ``"default"`` by default.
        fallback: what answers for a read that was refused or failed: ``"empty"`` (the default), a
            value, functions of the call's arguments, several of these in order, None for nothing,
            or a mapping of these by method. A write has none unless the mapping names it.
        total: the longest that a call may take with all its retries, in seconds or as timedelta.
        retry: of reads: a Retry, ``max_retries``, or its settings. By default none.
        rate_limit: a RateLimit, a rate, or its settings. By default none.
        bulkhead: a Bulkhead, its limit, or its settings. By default none.
        registry: where the breakers are known; None: nowhere.
        embeddings: settings of the breaker of embedding functions; False: no breaker for them.
        pool: the worker threads; by default a pool of 16 for all objects of this name.
    """

    name: str | None
    preset: str | None
    fallback: Any
    total: Duration | None
    retry: Policy | int | Mapping[str, Any] | None
    rate_limit: Policy | str | Mapping[str, Any] | None
    bulkhead: Policy | int | Mapping[str, Any] | None
    registry: CircuitBreakerRegistry | None
    embeddings: Mapping[str, Any] | bool
    pool: WorkerPool | None
    failure_on: ErrorTest
    ignore: ErrorTest
    failure_if: Callable[[Any], bool]
    respect_retry_after: bool
    on_transition: TransitionListener
    on_refused: RefusalListener
    on_call: CallListener


class Settings:
    """Checked settings: the policies, and what is shared by all methods."""

    __slots__ = ("breaker", "embeddings", "fallback", "inner", "name", "pool", "retry", "total")

    def __init__(
        self,
        default_name: str,
        given: Mapping[str, Any],
        mistake: Callable[[BaseException], bool],
        *,
        threads: bool,
    ) -> None:
        """Check, and make the policies. Raises ConfigurationError, TypeError for an unknown name."""
        for field in given:
            if field not in _OWN and field not in _BREAKER:
                raise TypeError(f"protect() has no setting {field!r}")
        name = default_name if given.get("name") is None else given["name"]
        self.name: str = name
        self.fallback = given.get("fallback", "empty")
        self.total = _total(given.get("total"), name)
        self.retry = _policy("retry", given.get("retry"), name)
        found = (_policy(kind, given.get(kind), name) for kind in ("rate_limit", "bulkhead"))
        self.inner = tuple(policy for policy in found if policy is not None)
        fields = {field: value for field, value in given.items() if field in _BREAKER}
        self.breaker = _breaker(name, given, fields, mistake)
        self.embeddings = Embedding(given, name)
        pool = _checked_pool(given.get("pool"))
        self.pool = (pool or shared_pool(name)) if threads else None

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies of a read in their order, but for the fallback."""
        outer = (policy for policy in (self.total, self.retry) if policy is not None)
        return (*outer, self.breaker, *self.inner)


class Ignored:
    """What a breaker ignores: mistakes, and what the user says. Equal to another one of the same."""

    __slots__ = ("_mistake", "_own")

    def __init__(self, mistake: Callable[[BaseException], bool], own: ErrorTest) -> None:
        """Take both."""
        self._mistake, self._own = mistake, own

    def __call__(self, error: BaseException) -> bool:
        """Tell whether it is ignored."""
        return self._mistake(error) or matches(self._own, error)

    def __eq__(self, other: object) -> bool:
        """Compare both."""
        return isinstance(other, Ignored) and (self._mistake, self._own) == (other._mistake, other._own)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._mistake)


class Embedding:
    """The breaker of embedding functions: made when there is something to embed, checked before."""

    __slots__ = ("_fields", "_made", "name")

    def __init__(self, given: Mapping[str, Any], name: str) -> None:
        """Check the settings. Raises ConfigurationError, TypeError for an unknown name."""
        changes = given.get("embeddings", True)
        self.name = f"{name}:embeddings"
        self._fields: dict[str, Any] | None = None
        self._made: CircuitBreaker | None = None
        if changes is False or changes is None:
            return
        if changes is not True and not isinstance(changes, Mapping):
            raise ConfigurationError("embeddings", changes, "settings of a circuit breaker, True or False")
        fields = {"preset": "llm", **({} if changes is True else changes)}
        for field in fields:
            if field not in _BREAKER and field not in {"name", "preset"}:
                raise TypeError(f"embeddings has no setting {field!r}")
        self.name = fields.pop("name", self.name)
        counted = {field: value for field, value in fields.items() if field in _fields.NAMES}
        declare(fields["preset"], counted)
        self._fields = {**fields, **({"registry": given["registry"]} if "registry" in given else {})}

    def breaker(self) -> CircuitBreaker | None:
        """Give the breaker; None without one."""
        with _making:
            if self._made is None and self._fields is not None:
                fields = {field: value for field, value in self._fields.items() if field in _BREAKER}
                self._made = _breaker(self.name, self._fields, fields, classified_mistake)
            return self._made

    def describe(self) -> dict[str, Any] | None:
        """Describe the breaker; None while there is none."""
        return None if self._made is None else self._made.describe()


def _breaker(
    name: str, given: Mapping[str, Any], fields: dict[str, Any], mistake: Callable[[BaseException], bool]
) -> CircuitBreaker:
    own = fields.pop("ignore", None)
    home = {"registry": given["registry"]} if "registry" in given else {}
    ignore = mistake if own is None else Ignored(mistake, own)
    return CircuitBreaker(name, given.get("preset"), ignore=ignore, **home, **fields)


def _total(value: Any, name: str) -> Policy | None:
    if value is None:
        return None
    from trifuse._timeout import Timeout

    try:
        return Timeout(value, name=name)
    except ConfigurationError as error:
        raise ConfigurationError("total", value, error.allowed) from None


def _policy(kind: str, value: Any, name: str) -> Policy | None:
    """Make a policy of a setting: itself, its main number, or a table of settings."""
    if value is None or value is False:
        return None
    if isinstance(value, Policy):
        if value.kind != kind:
            raise ConfigurationError(kind, value, f"a {kind}, not a {value.kind}")
        return value
    fields = dict(value) if isinstance(value, Mapping) else {} if value is True else {_MAIN[kind]: value}
    cls: Any = class_of(kind, fields)
    try:
        made: Policy = cls(**{"name": name, **fields})
    except ConfigurationError as error:
        raise ConfigurationError(f"{kind}.{error.field}", error.value, error.allowed) from None
    return made


def _checked_pool(pool: Any) -> WorkerPool | None:
    if pool is not None and not isinstance(pool, WorkerPool):
        raise ConfigurationError("pool", pool, "a WorkerPool")
    return pool


def shared_pool(name: str) -> WorkerPool:
    """Give the worker threads that all objects of a name share."""
    with _making:
        return _pools.setdefault(name, WorkerPool(name=name))
