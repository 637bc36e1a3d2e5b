# SPDX-License-Identifier: MIT OR Apache-2.0
"""A deployment: one of several places that can answer the same call, with its own breaker and limits."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._breaker import CircuitBreaker
from trifuse._core import ffi, lib
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._histogram import LatencyHistogram
from trifuse._llm.deployment_clients import call_of, form_of
from trifuse._llm.formats import checked_format
from trifuse._llm.limits import StreamLimits
from trifuse._llm.token_budget import TokenBudget
from trifuse._permits import now_ns
from trifuse._pipeline import Pipeline
from trifuse._policy import Policy
from trifuse._registry import registry
from trifuse._values import State

if TYPE_CHECKING:
    from trifuse._llm.formats import StreamFormat
    from trifuse._llm.usage import Usage

WINDOW = 60
# A window full of successes hides a sudden outage from a rate for half a minute; who has another place
# to go may leave sooner.
_BREAKER = {"preset": "llm", "consecutive_failures": 5}
_MOST = 1e15  # of a weight or price, so that sums stay finite
_REFUSING = frozenset({State.OPEN, State.HALF_OPEN, State.FORCED_OPEN})
Price = float | tuple[float, float]
_all: weakref.WeakSet[Deployment] = weakref.WeakSet()


class Deployment:
    """One place that can answer: a function of any kind, or a client and a model.

    Args:
        name: what it is called in the pool.
        call: a function, coroutine function, generator or asynchronous generator function, a method of a
            client; or such a client itself.
        client: a client of openai or anthropic in place of ``call``: its chat completions or messages are
            called, on a copy that does not retry by itself.
        model: what the call gets as ``model``, in place of the caller's.
        price: for a million tokens; or of input and output apart. Any unit, the same for all of a pool.
        weight: its share with the strategy ``"weighted"``.
        context: the most tokens that the model takes; a call that was too long for another may come here.
        rpm: requests a minute.
        tpm: tokens a minute.
        budget: a :class:`TokenBudget` in place of ``rpm`` and ``tpm``, perhaps shared.
        breaker: a :class:`CircuitBreaker`, or settings for one; by default the preset ``"llm"``, opened as well
            by 5 failures in a row.
        timeout: how long an attempt may take, of a stream its first content (seconds or timedelta).
        first_content: how long the first content of a stream may take.
        idle: how long each further content may take.
        format: how to read the events of its streams (``trifuse._llm.formats``); by default as the stream's
            class tells, else every item is content.
        policies: more policies for each attempt, inside the breaker and the budget.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = (
        "__weakref__", "_breaker", "_guarded", "_pipeline", "_settings", "answered", "budget", "call", "cancelled",
        "context", "failed", "first_content", "form", "format", "in_flight", "latency", "limits", "model", "name",
        "policies", "price", "refused", "weight",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        call: Any = None,
        *,
        client: Any = None,
        model: str | None = None,
        price: Price = 0.0,
        weight: float = 1.0,
        context: int | None = None,
        rpm: int | None = None,
        tpm: int | None = None,
        budget: TokenBudget | None = None,
        breaker: CircuitBreaker | Mapping[str, Any] | None = None,
        timeout: Duration | None = None,
        first_content: Duration | None = None,
        idle: Duration | None = None,
        format: StreamFormat | None = None,  # noqa: A002 - what it is
        policies: tuple[Policy, ...] = (),
    ) -> None:
        """Take the settings; the breaker is made, or found, when a pool takes the deployment."""
        if not isinstance(name, str) or not name:
            raise ConfigurationError("name", name, "a text that is not empty")
        if model is not None and (not isinstance(model, str) or not model):
            raise ConfigurationError("model", model, "a text that is not empty, or None")
        self.name, self.model = name, model
        self.call: Callable[..., Any] = call_of(call, client)
        self.price = _price(price)
        self.weight = _number("weight", weight)
        self.context = _context(context)
        self.budget = _budget(name, budget, rpm, tpm)
        self._breaker, self._settings = _breaker(breaker, timeout)
        self.limits = StreamLimits(None, first_content, idle)
        self.format = checked_format(format)
        self.policies = _policies(policies)
        self._pipeline: Pipeline | None = None
        self._guarded: Callable[..., Any] | None = None
        self.form = form_of(self.call)
        self.latency, self.first_content = LatencyHistogram(WINDOW), LatencyHistogram(WINDOW)
        self.in_flight = self.answered = self.failed = self.refused = self.cancelled = 0
        _all.add(self)

    def __repr__(self) -> str:
        """Show the name, and the breaker's state once it has one."""
        state = "" if self._breaker is None else f" {self.breaker.state}"
        return f"<Deployment {self.name!r}{state}>"

    @property
    def breaker(self) -> CircuitBreaker:
        """Its circuit breaker, once a pool has taken the deployment."""
        if self._breaker is None:
            raise ConfigurationError("deployment", self.name, "one that is part of a pool")
        return self._breaker

    @property
    def pipeline(self) -> Pipeline:
        """What guards each attempt."""
        if self._pipeline is None:
            parts = [self.breaker, *([] if self.budget is None else [self.budget]), *self.policies]
            self._pipeline = Pipeline(self.breaker.name, *parts)
        return self._pipeline

    @property
    def guarded(self) -> Callable[..., Any]:
        """What it calls, under its policies."""
        if self._guarded is None:
            self._guarded = self.pipeline._guard_called(self.call)
        return self._guarded

    def keywords(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments of an attempt."""
        return dict(kwargs) if self.model is None else {**kwargs, "model": self.model}

    def cost(self, usage: Usage) -> float:
        """Give the price of a call of such a size, in millionths."""
        return self.price[0] * usage.input_tokens + self.price[1] * usage.output_tokens

    def standing(self) -> int:
        """Tell how it stands: 0 it takes calls, 1 a probe is due, 2 its breaker would refuse."""
        state = self.breaker.state
        if state not in _REFUSING:
            return 0
        if state is State.FORCED_OPEN:
            return 2
        raw = ffi.new("trifuse_breaker_snapshot *")
        raw.struct_size = ffi.sizeof(raw[0])
        now = now_ns()
        lib.trifuse_breaker_get_snapshot(self.breaker._core, now, raw)
        if state is State.OPEN:
            return 2 if now < raw.open_until_ns else 1
        return 2 if raw.probes_in_flight >= self.breaker._written.config.half_open_max_calls else 1

    def join(self, pool: str) -> None:
        """Become part of a pool: the breaker is the one of that name in the registry."""
        if self._breaker is None:
            self._breaker = CircuitBreaker(f"{pool}/{self.name}", registry=registry, **self._settings)
        if self.budget is not None:
            self.budget._adopt(f"{pool}/{self.name}")

    def describe(self) -> dict[str, Any]:
        """Give its settings as plain data."""
        return {
            "name": self.name, "model": self.model, "price": list(self.price), "weight": self.weight,
            "context": self.context, "policies": [policy.describe() for policy in self.pipeline.policies],
        }  # fmt: skip


def _price(price: Any) -> tuple[float, float]:
    pair = price if isinstance(price, (tuple, list)) else (price, price)
    if len(pair) != 2:  # noqa: PLR2004 - of input and output
        raise ConfigurationError("price", price, "a number, or two: of input and output")
    return _number("price", pair[0], 0.0), _number("price", pair[1], 0.0)


def _number(field: str, value: Any, least: float | None = None) -> float:
    legal = isinstance(value, (int, float)) and not isinstance(value, bool) and value <= _MOST
    if not legal or not (value > 0 if least is None else value >= least):
        allowed = "a number above 0" if least is None else f"a number, {least:g} or more"
        allowed = f"{allowed}, at most {_MOST:g}"
        raise ConfigurationError(field, value, allowed)
    return float(value)


def _policies(policies: Any) -> tuple[Policy, ...]:
    found = tuple(policies) if isinstance(policies, (list, tuple)) else None
    if found is None or not all(isinstance(one, Policy) for one in found):
        raise ConfigurationError("policies", policies, "policies, in a tuple or list")
    return found


def _context(context: Any) -> int | None:
    if context is not None and (isinstance(context, bool) or not isinstance(context, int) or context < 1):
        raise ConfigurationError("context", context, "a whole number of tokens, 1 or more, or None")
    return context


def _budget(name: str, budget: Any, rpm: int | None, tpm: int | None) -> TokenBudget | None:
    if budget is None:
        return None if rpm is None and tpm is None else TokenBudget(rpm=rpm, tpm=tpm)
    if not isinstance(budget, TokenBudget) or rpm is not None or tpm is not None:
        raise ConfigurationError("budget", budget, f"a TokenBudget, and then neither rpm nor tpm ({name!r})")
    return budget


def _breaker(breaker: Any, timeout: Duration | None) -> tuple[CircuitBreaker | None, dict[str, Any]]:
    if isinstance(breaker, CircuitBreaker):
        if timeout is not None:
            raise ConfigurationError("timeout", timeout, "None: the breaker given has its request_timeout")
        return breaker, {}
    if breaker is not None and not isinstance(breaker, Mapping):
        raise ConfigurationError("breaker", breaker, "a CircuitBreaker, or settings for one")
    settings = {**_BREAKER, **(breaker or {})}
    return None, settings if timeout is None else {**settings, "request_timeout": timeout}


def _after_fork() -> None:
    """In a forked child: the attempts in flight are the parent's."""
    for deployment in list(_all):
        deployment.in_flight = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
