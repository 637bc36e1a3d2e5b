# SPDX-License-Identifier: MIT OR Apache-2.0
"""In which order a pool tries its deployments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from trifuse._durations import seconds

if TYPE_CHECKING:
    from trifuse._llm.deployment import Deployment
    from trifuse._llm.usage import Usage

STRATEGIES = ("order", "price", "latency", "weighted")
_REFUSES = 2
_UNKNOWN = 0.0


class Choice:
    """A strategy, and the chance that it takes."""

    __slots__ = ("_draw", "quantile", "strategy")

    def __init__(self, strategy: str, quantile: float, seed: int | None) -> None:
        """Take the strategy; without a seed chance is the operating system's."""
        self.strategy, self.quantile = strategy, quantile
        self._draw = Random(seed)

    def ranked(
        self, deployments: Sequence[Deployment], size: Callable[[], Usage], *, stream: bool
    ) -> list[Deployment]:
        """Give the deployments in the order in which they are to be tried.

        Those whose breaker would refuse come last: asking them costs nothing and tells why.
        """
        able: list[Deployment] = []
        unable: list[Deployment] = []
        for deployment in deployments:
            (unable if deployment.standing() == _REFUSES else able).append(deployment)
        return [*self._by_strategy(able, size, stream=stream), *unable]

    def _by_strategy(
        self, able: list[Deployment], size: Callable[[], Usage], *, stream: bool
    ) -> list[Deployment]:
        if self.strategy == "order" or len(able) < 2:  # noqa: PLR2004 - nothing to choose
            return able
        if self.strategy == "weighted":
            return self._drawn(able)
        if self.strategy == "latency":
            return self._quickest(able, stream=stream)
        usage = size()
        costs = {deployment.name: deployment.cost(usage) for deployment in able}
        ordered: list[Deployment] = []
        for cost in sorted(set(costs.values())):
            ordered += self._quickest([one for one in able if costs[one.name] == cost], stream=stream)
        return ordered

    def _quickest(self, able: list[Deployment], *, stream: bool) -> list[Deployment]:
        """Order by latency times load; the first is the better of two drawn at random, so that no herd forms."""
        scores = self._scores(able, stream=stream)
        ordered = sorted(able, key=lambda one: scores[one.name])
        if len(able) > 2:  # noqa: PLR2004 - of two the better one is the first
            drawn = self._draw.sample(able, 2)
            first = min(drawn, key=lambda one: scores[one.name])
            ordered.remove(first)
            ordered.insert(0, first)
        return ordered

    def _scores(self, able: list[Deployment], *, stream: bool) -> dict[str, tuple[float, int, float]]:
        """Score by the quantile of late times the attempts in flight.

        One of which nothing is known is tried first, by one call at a time; further calls meanwhile take
        it for as slow as the slowest.
        """
        known = {one.name: self.latency(one, stream=stream) for one in able}
        slowest = max((value for value in known.values() if value is not None), default=None)
        scores = {}
        for one in able:
            latency = known[one.name]
            if latency is None:
                latency = _UNKNOWN if slowest is None or not one.in_flight else slowest
            scores[one.name] = (latency * (one.in_flight + 1), one.in_flight, self._draw.random())
        return scores

    def latency(self, deployment: Deployment, *, stream: bool) -> float | None:
        """Give the quantile of a deployment's answers, of streams of their first content; None if not known."""
        ns = self.latency_ns(deployment, stream=stream)
        return None if ns is None else seconds(ns)

    def latency_ns(
        self, deployment: Deployment, *, stream: bool, quantile: float | None = None
    ) -> int | None:
        """Give a quantile in nanoseconds."""
        histogram = deployment.first_content if stream else deployment.latency
        return histogram.quantile_ns(self.quantile if quantile is None else quantile)

    def _drawn(self, able: list[Deployment]) -> list[Deployment]:
        """Draw one after another, each with a chance by its weight."""
        left, ordered = list(able), []
        while left:
            (chosen,) = self._draw.choices(left, [one.weight for one in left])
            left.remove(chosen)
            ordered.append(chosen)
        return ordered
