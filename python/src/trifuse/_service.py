# SPDX-License-Identifier: MIT OR Apache-2.0
"""The service that has everything: breaker, timeouts, retry and fallback in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from trifuse._errors import ConfigurationError
from trifuse._options import NOT_GIVEN
from trifuse._pipeline import Pipeline

if TYPE_CHECKING:
    from types import EllipsisType

    from trifuse._breaker import CircuitBreaker
    from trifuse._policy import Policy
    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._values import State

R = TypeVar("R")
_NAME = "service"
_RETRY = {"max_retries": 3, "delay": 0.1, "max_delay": 5}
_BREAKER = {
    "consecutive_failures": 5, "failure_rate_threshold": 1.0, "success_threshold": 3, "open_duration": 30,
}  # fmt: skip
_ORDERS: dict[str, dict[str, Any]] = {
    # What is not to be measured in whole seconds by the breaker is cut off by the attempt's own limit.
    "recommended": {"timeout": {"seconds": 10}, "retry": _RETRY, "circuit_breaker": {**_BREAKER, "request_timeout": 5}},
    "founding": {
        "circuit_breaker": {**_BREAKER, "request_timeout": None},
        "timeout": {"seconds": 10}, "retry": _RETRY, "timeout_2": {"seconds": 5},
    },
}  # fmt: skip


class ResilientService(Pipeline):
    """One object that guards the calls of one service, with defaults that suit most.

    Fallback (where there is one) > 10 s in total > 3 retries from 100 ms to 5 s with jitter > a
    circuit breaker that opens after 5 failures in a row for 30 s, wants 3 successes to close and
    gives each attempt 5 s > the call.

    Args:
        name: what it guards. Without one the breaker is in no registry.
        order: ``"recommended"``, as above, or ``"founding"``: fallback > circuit breaker > 10 s in
            total > retry > 5 s each attempt > the call, where the breaker counts the outcome of all
            attempts together.
        fallback: a function (of the call's arguments, if it takes any), several in order, or a
            value, which answers when the call was refused or failed for good.
        registry: where the breaker is known; None: nowhere.
        changes: settings by part, laid over the defaults, as in :meth:`Pipeline.from_dict`:
            ``retry={"max_retries": 5}``, ``timeout=8``, ``bulkhead=20``, ``retry=False``.

    Raises:
        ConfigurationError: for a bad setting; it names the field by its path.
    """

    __slots__ = ()

    def __init__(
        self,
        name: str | None = None,
        *,
        order: Literal["recommended", "founding"] = "recommended",
        fallback: Any = NOT_GIVEN,
        registry: CircuitBreakerRegistry | EllipsisType | None = ...,
        **changes: Any,
    ) -> None:
        """Make the parts."""
        from trifuse._pipeline_config import parts_of

        if not isinstance(order, str) or order not in _ORDERS:
            raise ConfigurationError("order", order, ", ".join(_ORDERS))
        if name is None:
            name, registry = _NAME, None if registry is ... else registry
        parts = parts_of(changes, name, registry, {}, _ORDERS[order])
        if fallback is not NOT_GIVEN:
            parts.insert(0, _fallback_of(fallback, name))
        super().__init__(name, *parts)

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        """The breaker. Raises KeyError if it was left out."""
        return self["circuit_breaker"]  # type: ignore[return-value]

    @property
    def state(self) -> State:
        """The state of the breaker."""
        return self.circuit_breaker.state

    def max_total_time(self) -> float | None:
        """Give the longest that an asynchronous call can take, in seconds; None if there is no limit.

        It is known before the call is made. What a server's Retry-After adds stays within the
        total; the time of a synchronous call, which cannot be interrupted, is its own.
        """
        from trifuse._retry import Retry

        places = [place for place, policy in enumerate(self.policies) if isinstance(policy, Retry)]
        if not places:
            return min(_limits_of(self.policies), default=None)
        totals = list(_limits_of(self.policies[: places[0]]))
        attempt = min(_limits_of(self.policies[places[0] + 1 :]), default=None)
        if attempt is not None:
            totals.append(self.policies[places[0]].max_total_time(attempt))  # type: ignore[attr-defined]
        return min(totals, default=None)

    def call(self, fn: Callable[..., R], /, *args: Any, fallback: Any = NOT_GIVEN, **kwargs: Any) -> R:
        """Call a function of any kind through the service: ``await`` it if you would without.

        ``fallback``, of this call alone, is asked before the service's own.
        """
        if fallback is NOT_GIVEN:
            return super().call(fn, *args, **kwargs)
        result: R = self._with(_fallback_of(fallback, self.name))._guard(fn)(*args, **kwargs)
        return result

    def _with(self, fallback: Policy) -> Pipeline:
        """Put a fallback where it is asked before the service's own."""
        parts = list(self.policies)
        parts.insert(1 if parts[0].kind == "fallback" else 0, fallback)
        return Pipeline(self.name, *parts)


def _limits_of(policies: tuple[Policy, ...]) -> Iterator[float]:
    """Give the time limits of some parts, up to one that may wait by itself."""
    for policy in policies:
        if policy.kind in {"rate_limit", "bulkhead", "adaptive_limit"}:
            return
        limit = getattr(policy, "seconds", None) or getattr(policy, "_timeout", None)
        if limit:
            yield limit


def _fallback_of(fallback: Any, name: str) -> Policy:
    from trifuse._fallbacks import Fallback

    return Fallback(fallback, name=name)
