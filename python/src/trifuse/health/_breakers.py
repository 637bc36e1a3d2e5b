# SPDX-License-Identifier: MIT OR Apache-2.0
"""Circuit breakers as components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trifuse._values import State
from trifuse.health._results import CheckResult, Status

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker

LISTED = 100
_CUT_OFF = {State.OPEN: "open", State.FORCED_OPEN: "forced open", State.HALF_OPEN: "half-open"}
_ODD = {State.DISABLED: "disabled: nothing is guarded", State.METRICS_ONLY: "only watching: never opens"}


def breaker_results(
    breakers: Mapping[str, CircuitBreaker], critical: frozenset[str]
) -> Iterable[tuple[CheckResult, bool]]:
    """Give each breaker as a component, and whether it is critical.

    With more than LISTED of them only those that are not closed are told, LISTED at most, and one
    line says how many there are.
    """
    known = list(breakers.values())
    found = [(_result(breaker, critical), breaker.name in critical) for breaker in known]
    missing = critical - {breaker.name for breaker in known}
    if len(found) > LISTED:
        cut_off = [pair for pair in found if pair[0].status is not Status.HEALTHY]
        worst = sorted(cut_off, key=lambda pair: not pair[1])[:LISTED]
        status = Status.DEGRADED if cut_off else Status.HEALTHY
        said = f"{len(cut_off)} of {len(found)} are not closed"
        found = [*worst, (CheckResult("circuit_breakers", status, said), False)]
    yield from found
    for name in sorted(missing):
        yield CheckResult(f"circuit_breaker:{name}", Status.HEALTHY, "not used yet"), True


def _result(breaker: CircuitBreaker, critical: frozenset[str]) -> CheckResult:
    state, name = breaker.state, f"circuit_breaker:{breaker.name}"
    if state in _CUT_OFF:
        lost = breaker.name in critical and state is not State.HALF_OPEN
        return CheckResult(name, Status.UNHEALTHY if lost else Status.DEGRADED, _CUT_OFF[state])
    return CheckResult(name, Status.HEALTHY, _ODD.get(state, "closed"))
