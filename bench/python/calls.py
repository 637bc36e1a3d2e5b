# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a call costs: synchronous, asynchronous, with the request timeout, refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import report
import subjects
import targets
from measure import Cost, Effort, measure, measure_async
from targets import Verdict

OURS = "trifuse"
TIMED = "trifuse, request timeout 5 s"
UNTIMED = "trifuse, no request timeout"
BARE = "bare call"
FLOOR = "decorator that does nothing"


def nothing() -> None:
    """Be the bare call."""


async def nothing_async() -> None:
    """Be the bare awaited call."""


async def one_suspension() -> None:
    """Be a call that gives way to the loop once."""
    await asyncio.sleep(0)


def fastest(found: Mapping[str, Cost], peers: Mapping[str, Any]) -> tuple[str, float] | None:
    """Name the fastest peer, and what it costs over the bare call."""
    there = [(found[name].over_median, name) for name in peers if name in found]
    if not there:
        return None
    cost, name = min(there)
    return name, cost


def _over_bare(what: str, cost: Cost, target: float) -> Verdict:
    return Verdict(f"{what} over bare", cost.over_median, target, "ns", cost.over_least)


def _beside_peers(
    what: str, cost: Cost, found: Mapping[str, Cost], peers: Mapping[str, Any], target: float
) -> list[Verdict]:
    best = fastest(found, peers)
    if best is None:
        return []
    name, peer = best
    return [Verdict(f"{what} / fastest peer ({name})", cost.over_median / peer, target, "x")]


def sync(effort: Effort) -> tuple[dict[str, Cost], list[Verdict]]:
    """Measure the protected synchronous call that succeeds."""
    peers = subjects.peers()
    calls = {BARE: nothing, FLOOR: subjects.do_nothing(nothing), OURS: subjects.trifuse(nothing, "sync")}
    calls |= {name: guard(nothing) for name, guard in peers.items()}
    found = measure(calls, effort)
    report.costs("Synchronous call that succeeds (trifuse judges its duration too)", found, OURS)
    cost = found[OURS]
    verdicts = [_over_bare("sync", cost, targets.SYNC_NS)]
    verdicts += _beside_peers("sync", cost, found, peers, targets.OF_FASTEST_PEER)
    report.verdicts(verdicts)
    return found, verdicts


class _Service:
    def method(self) -> None:
        pass


def forms(effort: Effort) -> dict[str, Cost]:
    """Measure the forms a guard can take, for the reader; no peers, no targets."""
    from trifuse import CircuitBreaker

    breaker = CircuitBreaker("forms")

    def two(a: int, b: int = 0) -> int:
        return a + b

    guarded = subjects.trifuse(two, "forms-two")
    method = subjects.trifuse(_Service.method, "forms-method").__get__(_Service())

    def with_block() -> None:
        with breaker:
            pass

    calls: dict[str, Callable[[], Any]] = {
        BARE: nothing,
        "guarded()": subjects.trifuse(nothing, "forms"),
        "two(1, 2), bare": lambda: two(1, 2),
        "two(1, 2)": lambda: guarded(1, 2),
        "two(1, b=2), bare": lambda: two(1, b=2),
        "two(1, b=2)": lambda: guarded(1, b=2),
        "object.method()": method,
        "breaker.call(f)": lambda: breaker.call(nothing),
        "with breaker:": with_block,
    }
    found = measure(calls, effort)
    report.costs("Forms of the synchronous guard (a lambda around some of them)", found, "guarded()")
    return found


def asynchronous(effort: Effort) -> tuple[dict[str, Cost], list[Verdict]]:
    """Measure the protected awaited call, with and without the request timeout."""
    peers = subjects.peers_async()

    async def make() -> dict[str, Any]:
        return {
            BARE: nothing_async,
            FLOOR: subjects.do_nothing_async(nothing_async),
            UNTIMED: subjects.trifuse(nothing_async, "async-untimed", request_timeout=None),
            TIMED: subjects.trifuse(nothing_async, "async-timed", request_timeout=5),
        } | {name: guard(nothing_async) for name, guard in peers.items()}

    found = measure_async(make, effort)
    report.costs("Awaited call that succeeds (peers: no time limit of any kind)", found, UNTIMED)
    untimed, timed = found[UNTIMED], found[TIMED]
    verdicts = [_over_bare("async", untimed, targets.ASYNC_NS)]
    verdicts += _beside_peers("async", untimed, found, peers, targets.OF_FASTEST_PEER)
    what = "async with request timeout"
    verdicts += [_over_bare(what, timed, targets.TIMED_NS)]
    verdicts += _beside_peers(what, timed, found, peers, targets.TIMED_OF_FASTEST_PEER)
    report.verdicts(verdicts)
    return found, verdicts


def _limited(guard: Callable[[Any], Any]) -> Any:
    """Guard and limit the time as a peer's user has to: with asyncio's own timeout inside."""

    async def limited() -> None:
        async with asyncio.timeout(5):
            await one_suspension()

    return guard(limited)


def suspended(effort: Effort) -> dict[str, Cost]:
    """Measure calls that give way once, every library with a time limit; no targets."""

    async def make() -> dict[str, Any]:
        calls: dict[str, Any] = {
            BARE: one_suspension,
            FLOOR: subjects.do_nothing_async(one_suspension),
            UNTIMED: subjects.trifuse(one_suspension, "gives-way", request_timeout=None),
            TIMED: subjects.trifuse(one_suspension, "gives-way-timed", request_timeout=5),
        }
        for name, guard in subjects.peers_async().items():
            calls[f"{name} + asyncio.timeout"] = _limited(guard)
        if subjects.installed("hyx"):
            calls["hyx + its own timeout"] = subjects.hyx_timeout(one_suspension)
        return calls

    found = measure_async(make, effort)
    report.costs("Awaited call that gives way once, every library with a time limit", found, TIMED)
    return found


def _opened(guard: Callable[..., Any], name: str) -> Callable[[], Any]:
    """Give a call that is refused: the circuit was opened by real failures."""

    def fails() -> None:
        raise subjects.Outage

    guarded = guard(fails, name)
    for _ in range(30):
        with suppress(Exception):
            guarded()

    def refused() -> None:
        try:
            guarded()
        except subjects.Outage:
            raise AssertionError(f"{name} did not open") from None
        except Exception:  # noqa: BLE001 - each library has its own refusal
            pass

    refused()
    return refused


def _raise_fresh() -> None:
    try:
        raise subjects.Outage("refused")  # noqa: TRY301 - the floor of a refusal
    except subjects.Outage:
        pass


def refused(effort: Effort) -> dict[str, Cost]:
    """Measure the call that an open circuit refuses, the exception caught; no targets."""

    def open_trifuse(fn: Any, name: str) -> Any:
        guarded = subjects.trifuse(fn, name, open_duration=subjects.HOUR)
        guarded.circuit_breaker.trip(retry_after=subjects.HOUR)
        return guarded

    calls: dict[str, Callable[[], Any]] = {
        BARE: nothing,
        "raise and catch": _raise_fresh,
        OURS: _opened(open_trifuse, "refused"),
    }
    calls |= {name: _opened(guard, "refused") for name, guard in subjects.peers().items()}
    found = measure(calls, effort)
    report.costs("Call refused by an open circuit, the exception caught", found, OURS)
    return found
