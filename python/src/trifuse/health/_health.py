# SPDX-License-Identifier: MIT OR Apache-2.0
"""The health of a service: its checks, run side by side, and its breakers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._limits import trio_task
from trifuse._registry import registry as default_registry
from trifuse.health._breakers import breaker_results
from trifuse.health._check import Check
from trifuse.health._results import CheckResult, HealthReport, Status

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker

_MOST = 1000


class Health:
    """What a service needs, and how to find out whether it is there.

    Args:
        version: of the service; reports repeat it.
        checks: functions by name, sync or async, without arguments. A check returns nothing or True
            for healthy, False, a status (``"degraded"``), or ``(status, message)``; one that raises
            is unhealthy.
        breakers: by name, such as a CircuitBreakerRegistry; by default ``trifuse.registry``; None
            for none. One that is not closed is degraded.
        critical_breakers: names of breakers that the service is lost without: open, it is unhealthy.
        timeout: seconds (or a timedelta) that one check may take, 5 by default.

    Reports may be asked for from several threads and tasks at once.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self,
        *,
        version: str = "",
        checks: Mapping[str, Callable[[], Any]] | None = None,
        breakers: Mapping[str, CircuitBreaker] | None = default_registry,
        critical_breakers: Iterable[str] = (),
        timeout: Duration = 5,
    ) -> None:
        """Take what is known at first; add() takes more."""
        if not isinstance(version, str):
            raise ConfigurationError("version", version, "a text")
        several = isinstance(critical_breakers, Iterable) and not isinstance(critical_breakers, (str, bytes))
        critical = tuple(critical_breakers) if several else ()
        if not several or not all(isinstance(name, str) for name in critical):
            raise ConfigurationError("critical_breakers", critical_breakers, "several names, such as a list")
        if checks is not None and not isinstance(checks, Mapping):
            raise ConfigurationError("checks", checks, "functions by name, or None")
        if breakers is not None and not isinstance(breakers, Mapping):
            raise ConfigurationError("breakers", breakers, "breakers by name, such as a registry, or None")
        self.version = version
        self._began = time.monotonic()
        self._checks: dict[str, Check] = {}
        self._breakers = breakers
        self._critical = frozenset(critical)
        self._timeout = _timeout(timeout)
        for name, function in (checks or {}).items():
            self.add(name, function)

    def add(
        self,
        name: str,
        check: Callable[[], Any],
        *,
        timeout: Duration | None = None,
        critical: bool = True,
    ) -> None:
        """Add a check. One that is not ``critical`` can only degrade the service.

        Raises ConfigurationError for a name that is taken, and for what is no function.
        """
        if not isinstance(name, str) or not name or name in self._checks:
            raise ConfigurationError("name", name, "a text that no other check has")
        if not callable(check):
            raise ConfigurationError("check", check, "a function without arguments")
        if len(self._checks) >= _MOST:
            raise ConfigurationError("checks", len(self._checks) + 1, f"{_MOST} at most")
        limit = self._timeout if timeout is None else _timeout(timeout)
        self._checks[name] = Check(name, check, limit, critical=critical)

    def report(self) -> HealthReport:
        """Run all checks side by side, each in a thread, and report.

        Blocks for as long as the slowest may take; asynchronous code uses :meth:`report_async`.
        """
        checks = list(self._checks.values())
        if not checks:
            return self._report([])
        with ThreadPoolExecutor(len(checks), "trifuse-health") as pool:
            return self._report(list(zip(checks, pool.map(Check.run, checks), strict=True)))

    async def report_async(self) -> HealthReport:
        """Run all checks side by side, synchronous ones in threads, and report. For asyncio and trio."""
        checks = list(self._checks.values())
        results: dict[Check, CheckResult] = {}

        async def run(check: Check) -> None:
            results[check] = await check.run_async()

        if trio_task() is not None:
            import trio

            async with trio.open_nursery() as nursery:
                for check in checks:
                    nursery.start_soon(run, check)
        else:
            import asyncio

            async with asyncio.TaskGroup() as group:
                for check in checks:
                    group.create_task(run(check))
        # A check that is cancelled by what it waits for gives nothing.
        return self._report([(check, results.get(check) or check.cancelled()) for check in checks])

    def _report(self, results: list[tuple[Check, CheckResult]]) -> HealthReport:
        found = [(result, check.critical) for check, result in results]
        if self._breakers is not None:
            found += breaker_results(self._breakers, self._critical)
        uptime = time.monotonic() - self._began
        return HealthReport(_overall(found), self.version, uptime, tuple(result for result, _ in found))


def _overall(found: list[tuple[CheckResult, bool]]) -> Status:
    if any(critical and result.status is Status.UNHEALTHY for result, critical in found):
        return Status.UNHEALTHY
    if any(result.status is not Status.HEALTHY for result, _ in found):
        return Status.DEGRADED
    return Status.HEALTHY


def _timeout(value: Duration) -> float:
    ns = nanoseconds(value)
    if not ns or ns > 3_600_000_000_000:  # noqa: PLR2004 - an hour
        raise ConfigurationError("timeout", value, "more than 0, up to an hour (in seconds, or a timedelta)")
    return seconds(ns)
