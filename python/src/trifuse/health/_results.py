# SPDX-License-Identifier: MIT OR Apache-2.0
"""What checks give and reports say."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple


class Status(StrEnum):
    """How a component or the service is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class CheckResult(NamedTuple):
    """How one component is.

    Attributes:
        name: of the component.
        status: a :class:`Status`.
        message: for people; empty when there is nothing to say.
    """

    name: str
    status: Status
    message: str = ""

    def as_dict(self) -> dict[str, str]:
        """Give it as plain data."""
        return {"name": self.name, "status": str(self.status), "message": self.message}


class HealthReport(NamedTuple):
    """How the service is, and what that follows from.

    Attributes:
        status: unhealthy if a critical component is; degraded if any is not healthy; else healthy.
        version: of the service, as it was given.
        uptime_seconds: since the :class:`Health` was made.
        checks: of the components, in the order they were added, breakers last.
    """

    status: Status
    version: str
    uptime_seconds: float
    checks: tuple[CheckResult, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data: status, version, uptime_seconds and checks."""
        return {
            "status": str(self.status),
            "version": self.version,
            "uptime_seconds": round(self.uptime_seconds, 3),
            "checks": [check.as_dict() for check in self.checks],
        }


def result_of(name: str, given: Any) -> CheckResult:
    """Read what a check returned; what is none of the forms is unhealthy, and says so."""
    if isinstance(given, CheckResult):
        return given._replace(name=name)
    if given is None or given is True:
        return CheckResult(name, Status.HEALTHY)
    if given is False:
        return CheckResult(name, Status.UNHEALTHY, "the check said no")
    status, message = given if isinstance(given, tuple) and len(given) == 2 else (given, "")  # noqa: PLR2004 - a pair
    if status in set(Status) and isinstance(message, str):
        return CheckResult(name, Status(status), message)
    kind = type(given).__qualname__
    return CheckResult(
        name, Status.UNHEALTHY, f"the check returned a {kind}, not a bool, a status or (status, message)"
    )
