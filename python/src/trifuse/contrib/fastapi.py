# SPDX-License-Identifier: MIT OR Apache-2.0
"""FastAPI: limits and answers for an application, health and admin routes, limits of one route.

::

    app = FastAPI()
    protect(app, rate_limit=per(100, seconds=1), key=by_client, adaptive_limit=True, timeout=10)
    app.include_router(health_router(Health(version="1.4.2")))
    app.include_router(admin_router(dependencies=[Depends(operators_only)]))

Needs the extra ``fastapi``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from trifuse._errors import ConfigurationError, RateLimitedError
from trifuse._registry import registry as default_registry
from trifuse.contrib._need import need
from trifuse.contrib._web import control
from trifuse.contrib._web.inbound import Inbound
from trifuse.contrib._web.problem import Answer, refusal
from trifuse.contrib.asgi import Resilience, by_client, by_header, by_path
from trifuse.health import Health

need("fastapi", "fastapi")

from fastapi import APIRouter, HTTPException, Request, Response  # noqa: E402 - after it is known to be there

if TYPE_CHECKING:
    from fastapi import FastAPI

    from trifuse._registry import CircuitBreakerRegistry

__all__ = [
    "Resilience", "admin_router", "by_client", "by_header", "by_path", "health_router", "protect", "rate_limited",
]  # fmt: skip

A = TypeVar("A", bound="FastAPI")


def protect(app: A, **limits: Any) -> A:
    """Add the middleware :class:`trifuse.contrib.asgi.Resilience` to an application, and give it back.

    ``limits``: ``rate_limit``, ``key`` (a function of the ASGI scope), ``adaptive_limit``,
    ``max_keys``, ``timeout``, ``exempt``. Without any it still answers for refusals and timeouts.

    Raises ConfigurationError for a bad setting, now and not with the first request.
    """
    Resilience(app, **limits)
    app.add_middleware(Resilience, **limits)
    return app


def health_router(
    health: Health | None = None,
    *,
    prefix: str = "",
    ready_when: Iterable[str] = ("healthy",),
    breakers: CircuitBreakerRegistry = default_registry,
) -> APIRouter:
    """Give the routes ``/health``, ``/ready`` and ``/health/circuit-breakers``.

    ``/health`` is 503 when the service is unhealthy; ``/ready`` unless its status is in ``ready_when``.
    """
    reported = control.reported(health, breakers)
    statuses = control.ready_statuses(ready_when)
    router = APIRouter(prefix=prefix, tags=["health"])

    @router.get(control.HEALTH, summary="How the service is")
    async def get_health() -> Response:
        return _response(control.health_answer(await reported.report_async()))

    @router.get(control.READY, summary="Whether the service is to get requests")
    async def get_ready() -> Response:
        return _response(control.ready_answer(await reported.report_async(), statuses))

    @router.get(control.BREAKERS, summary="The state of each circuit breaker")
    async def get_circuit_breakers() -> Response:
        return _response(control.states_answer(breakers))

    return router


def admin_router(
    *,
    dependencies: Sequence[Any],
    prefix: str = "",
    breakers: CircuitBreakerRegistry = default_registry,
) -> APIRouter:
    """Give ``POST /admin/circuit-breakers/{name}/reset``, and ``open``, ``close``, ``disable``.

    Args:
        dependencies: what FastAPI runs first, such as ``[Depends(operators_only)]``, and what keeps
            everybody else out by raising HTTPException. There must be one.
        prefix: put before the routes.
        breakers: which breakers are steered.

    A name may have slashes. 404 for one there is not.

    Raises:
        ConfigurationError: without a dependency: then anybody could switch the breakers off.
    """
    if isinstance(dependencies, str) or not isinstance(dependencies, Sequence) or not dependencies:
        allowed = "at least one dependency that authorises, such as [Depends(operators_only)]"
        raise ConfigurationError("dependencies", dependencies, allowed)
    router = APIRouter(prefix=prefix, tags=["admin"], dependencies=list(dependencies))

    @router.post(control.ADMIN + "/{name:path}/{action}", summary="Steer a circuit breaker")
    async def post_action(name: str, action: str, request: Request) -> Response:
        if control.from_elsewhere(request.headers):
            return _response(control.forbidden())
        return _response(control.act_answer(breakers, name, action))

    return router


def rate_limited(
    rate: Any, *, key: Callable[[Any], Hashable] | None = by_client, max_keys: int = 1024
) -> Callable[[Request], Any]:
    """Give a dependency that limits one route: ``@app.get("/", dependencies=[Depends(rate_limited(5))])``.

    ``rate`` and ``key`` as for :func:`protect`; by default each peer address has its own limit, with
    ``key=None`` all share one. Refused: 429 with Retry-After.
    """
    inbound = Inbound(rate_limit=rate, key=key, max_keys=max_keys)

    async def limit(request: Request) -> None:
        found, _ = inbound.limits_of(request.scope)
        try:
            if found is not None:
                await found.acquire_async()
        except RateLimitedError as error:
            answer = refusal(429, error)
            headers = {"retry-after": answer.headers["retry-after"]}
            raise HTTPException(answer.status, "There were too many requests.", headers) from None

    return limit


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
