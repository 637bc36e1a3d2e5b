# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the other policies cost: limiters, retries, and pipelines beside the sum of their parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import policy_subjects as others
import report
import subjects
import targets
from calls import BARE, FLOOR, fastest, nothing, nothing_async
from measure import Cost, Effort, measure, measure_async
from targets import Verdict

Found = dict[str, Cost]
ACQUIRE = "trifuse"
DECORATED = "trifuse, decorated function"
BLOCK = "trifuse, with block"


def _beside_peers(what: str, found: Mapping[str, Cost], peers: Mapping[str, Any]) -> list[Verdict]:
    best = fastest(found, peers)
    if best is None:
        return []
    name, peer = best
    figure = found[ACQUIRE].over_median / peer
    return [Verdict(f"{what} / fastest peer ({name})", figure, targets.POLICY_OF_FASTEST_PEER, "x")]


def limiter(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure a token that is granted, synchronously."""
    from trifuse import RateLimit, per_second

    limit, peers = RateLimit(per_second(others.MANY)), others.limiters()

    def block() -> None:
        with limit:
            pass

    calls = {BARE: nothing, ACQUIRE: limit.try_acquire, DECORATED: limit(nothing), BLOCK: block, **peers}
    found = measure(calls, effort)
    report.costs("Rate limit, a token granted (peers: their memory storage)", found, ACQUIRE)
    verdicts = _beside_peers("limiter", found, peers)
    report.verdicts(verdicts)
    return found, verdicts


def limiter_async(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure a token that is granted, awaited."""
    from trifuse import RateLimit, per_second

    peers: dict[str, Any] = {}

    async def make() -> dict[str, Any]:
        limit = RateLimit(per_second(others.MANY))
        peers.update(others.limiters_async())

        async def block() -> None:
            async with limit:
                pass

        ours = {ACQUIRE: limit.acquire_async, DECORATED: limit(nothing_async), BLOCK: block}
        return {BARE: nothing_async, **ours, **peers}

    found = measure_async(make, effort)
    report.costs("Rate limit, a token granted, awaited", found, ACQUIRE)
    verdicts = _beside_peers("limiter, awaited", found, peers)
    report.verdicts(verdicts)
    return found, verdicts


def retry(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure a retried function that succeeds at once."""
    from trifuse import Retry

    peers = others.retries()
    calls = {BARE: nothing, FLOOR: subjects.do_nothing(nothing), ACQUIRE: Retry()(nothing)}
    calls |= {name: guard(nothing) for name, guard in peers.items()}
    found = measure(calls, effort)
    report.costs("Retry of a call that succeeds at once", found, ACQUIRE)
    verdicts = _beside_peers("retry", found, peers)
    report.verdicts(verdicts)
    return found, verdicts


def retry_async(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure a retried coroutine function that succeeds at once."""
    from trifuse import Retry

    peers = others.retries()

    async def make() -> dict[str, Any]:
        ours = {FLOOR: subjects.do_nothing_async(nothing_async), ACQUIRE: Retry()(nothing_async)}
        return {BARE: nothing_async, **ours, **{name: guard(nothing_async) for name, guard in peers.items()}}

    found = measure_async(make, effort)
    report.costs("Retry of an awaited call that succeeds at once", found, ACQUIRE)
    verdicts = _beside_peers("retry, awaited", found, peers)
    report.verdicts(verdicts)
    return found, verdicts


def _pipelines(fn: Callable[..., Any]) -> dict[str, Any]:
    """Give each part alone around a function, and pipelines of the first 1, 2, ... of them."""
    from trifuse import Pipeline

    made = others.parts()
    alone = {f"{name} alone": part()(fn) for name, part in made.items()}
    names = list(made)
    several = {
        _title(count): Pipeline("bench", *(made[name]() for name in names[-count:]))(fn)
        for count in range(1, len(names) + 1)
    }
    return {BARE: fn, **alone, **several}


def _title(count: int) -> str:
    return f"pipeline of the innermost {count}"


def _beside_parts(what: str, found: Mapping[str, Cost]) -> list[Verdict]:
    alone = [cost.over_median for name, cost in found.items() if name.endswith(" alone")]
    return [
        Verdict(
            f"{what}: pipeline of {count} / sum of its parts",
            found[_title(count)].over_median / sum(alone[-count:]),
            targets.PIPELINE_OF_ITS_PARTS,
            "x",
        )
        for count in range(1, len(alone) + 1)
    ]


def pipeline(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure pipelines of one to six policies beside the sum of their parts."""
    found = measure(_pipelines(nothing), effort)
    report.costs("Pipelines: a call that succeeds", found, _title(1))
    verdicts = _beside_parts("sync", found)
    report.verdicts(verdicts)
    return found, verdicts


def pipeline_async(effort: Effort) -> tuple[Found, list[Verdict]]:
    """Measure pipelines of one to six policies around a coroutine function."""

    async def make() -> dict[str, Any]:
        return _pipelines(nothing_async)

    found = measure_async(make, effort)
    report.costs("Pipelines: an awaited call that succeeds", found, _title(1))
    verdicts = _beside_parts("async", found)
    report.verdicts(verdicts)
    return found, verdicts
