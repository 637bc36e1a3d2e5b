# SPDX-License-Identifier: MIT OR Apache-2.0
"""The routes of operators: health, readiness, the breakers and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from trifuse._errors import ConfigurationError
from trifuse._listeners import log
from trifuse.contrib._web.problem import Answer, json_answer
from trifuse.health import Health, HealthReport, Status

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker

HEALTH, READY, BREAKERS = "/health", "/ready", "/health/circuit-breakers"
ADMIN = "/admin/circuit-breakers"
ACTIONS = {"reset": "reset", "open": "force_open", "close": "close", "disable": "disable"}
"""What the last part of an admin route does: the breaker's method."""
_DONE = {"reset": "reset", "open": "forced open", "close": "closed", "disable": "disabled"}
_NOT_FOUND, _METHOD, _FORBIDDEN, _UNAVAILABLE = 404, 405, 403, 503


def health_answer(report: HealthReport) -> Answer:
    """200, or 503 when the service is unhealthy."""
    return json_answer(_UNAVAILABLE if report.status is Status.UNHEALTHY else 200, report.as_dict())


def ready_answer(report: HealthReport, ready_when: frozenset[Status]) -> Answer:
    """200 when the service is to get requests, else 503."""
    return json_answer(200 if report.status in ready_when else _UNAVAILABLE, report.as_dict())


def states_answer(breakers: Mapping[str, CircuitBreaker]) -> Answer:
    """Give the state of each breaker by name."""
    found = {}
    for name in list(breakers):
        breaker = breakers.get(name)
        if breaker is not None:
            found[name] = breaker.get_state()
    return json_answer(200, found)


def split_action(path: str) -> tuple[str, str] | None:
    """Divide what follows ADMIN into the breaker's name, which may have slashes, and the action."""
    name, slash, action = path.removeprefix("/").rpartition("/")
    return (name, action) if slash and name and action in ACTIONS else None


def act_answer(breakers: Mapping[str, CircuitBreaker], name: str, action: str, who: object = None) -> Answer:
    """Do it, log who did it, and say so; 404 for a name there is not."""
    breaker = breakers.get(name) or breakers.get(unquote(name))
    if breaker is None or action not in ACTIONS:
        return json_answer(_NOT_FOUND, {"message": f"there is no circuit breaker {name!r}"})
    getattr(breaker, ACTIONS[action])()
    by = f" by {who}" if isinstance(who, str) else ""
    log().warning("circuit breaker %r was %s by request%s", breaker.name, _DONE[action], by)
    return json_answer(200, {"message": f"circuit breaker {breaker.name!r} {_DONE[action]}"})


def forbidden() -> Answer:
    """The caller may not do that."""
    return json_answer(_FORBIDDEN, {"message": "you may not do that"})


def not_post() -> Answer:
    """Only POST changes anything."""
    answer = json_answer(_METHOD, {"message": "use POST"})
    answer.headers["allow"] = "POST"
    return answer


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell a request that a page of another site made in somebody's browser."""
    return headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def reported(health: Any, breakers: Mapping[str, CircuitBreaker]) -> Health:
    """Give what is reported: by default the breakers alone. Raises ConfigurationError."""
    if health is None:
        return Health(breakers=breakers)
    if not isinstance(health, Health):
        raise ConfigurationError("health", health, "a Health, or None")
    return health


def ready_statuses(given: Any) -> frozenset[Status]:
    """Check which statuses count as ready. Raises ConfigurationError."""
    statuses = (given,) if isinstance(given, str) else given
    try:
        return frozenset(Status(status) for status in statuses)
    except (ValueError, TypeError):
        allowed = "healthy, degraded, unhealthy, or several of them"
        raise ConfigurationError("ready_when", given, allowed) from None
