# SPDX-License-Identifier: MIT OR Apache-2.0
"""For every ASGI application (Starlette, FastAPI, Litestar, Quart, plain): limits, answers, health routes.

::

    app = Resilience(app, rate_limit=per(100, seconds=1), key=by_client, adaptive_limit=True, timeout=10)
    app = HealthRoutes(app, Health(version="1.4.2"))

Needs no extra. WebSockets and lifespan events pass through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from trifuse._durations import Duration
from trifuse._errors import ConfigurationError, RateLimitedError
from trifuse._registry import registry as default_registry
from trifuse._values import Outcome
from trifuse.contrib._web import control
from trifuse.contrib._web.inbound import EXEMPT, SERVER_ERROR, Inbound
from trifuse.contrib._web.problem import Answer, answer_to, refusal
from trifuse.health import Health

if TYPE_CHECKING:
    from trifuse._places import Place
    from trifuse._registry import CircuitBreakerRegistry

__all__ = ["HealthRoutes", "Resilience", "by_client", "by_header", "by_path"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def by_client(scope: Scope) -> Hashable:
    """Key: the address of the peer. Behind a proxy that is the proxy: then key by a header it sets."""
    client = scope.get("client")
    return client[0] if client else ""


def by_path(scope: Scope) -> Hashable:
    """Key: the path as requested. Paths with identities in them make a key each; see max_keys."""
    path: str = scope["path"]
    return path


def by_header(name: str) -> Callable[[Scope], Hashable]:
    """Key: a header, such as ``x-api-key``. Requests without it share one key."""
    wanted = name.lower().encode("latin-1")

    def key(scope: Scope) -> Hashable:
        return next((value for header, value in scope["headers"] if header.lower() == wanted), b"").decode(
            "latin-1"
        )

    return key


class Resilience:
    """Middleware: limits what comes in, and answers for what trifuse refused or gave up inside.

    A refusal of a policy inside becomes 503 with Retry-After, a timeout 504, each with a
    problem+json body; a refusal of ``rate_limit`` here 429. What has begun to answer already goes on
    as it is. A response of 500 or more is a failure to ``adaptive_limit``.

    Args:
        app: the application.
        exempt: paths (and what is below them) that pass without limits, health checks by default.
        limits: ``rate_limit``, ``key`` (a function of the scope), ``adaptive_limit``, ``max_keys``,
            ``timeout``; see :class:`trifuse.contrib._web.inbound.Inbound`.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self,
        app: App,
        *,
        rate_limit: Any = None,
        key: Callable[[Scope], Hashable] | None = None,
        adaptive_limit: Any = None,
        max_keys: int = 1024,
        timeout: Duration | None = None,
        exempt: Collection[str] = EXEMPT,
    ) -> None:
        """Take the application and its limits."""
        self.app = app
        self._inbound = Inbound(
            rate_limit=rate_limit, key=key, adaptive_limit=adaptive_limit, max_keys=max_keys, timeout=timeout,
            exempt=exempt,
        )  # fmt: skip
        limit = self._inbound.deadline
        self._run: App = self._called if limit is None else limit(self._called)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or self._inbound.exempts(scope["path"]):
            await self.app(scope, receive, send)
            return
        sender = _Sender(send)
        try:
            await self._limited(scope, receive, sender)
        except Exception as error:
            answer = None if sender.status else answer_to(error)
            if answer is None:
                raise
            await respond(send, answer)

    async def _limited(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        rate, places = self._inbound.limits_of(scope)
        if rate is not None:
            try:
                await rate.acquire_async()
            except RateLimitedError as error:
                await respond(sender, refusal(429, error))
                return
        if places is None:
            await self._run(scope, receive, sender)
            return
        await self._placed(await places.acquire_async(), scope, receive, sender)

    async def _placed(self, place: Place, scope: Scope, receive: Receive, sender: _Sender) -> None:
        try:
            await self._run(scope, receive, sender)
        except BaseException as error:
            place.end(error)
            raise
        place.release(Outcome.FAILURE if sender.status >= SERVER_ERROR else Outcome.SUCCESS)

    async def _called(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def describe(self) -> dict[str, Any]:
        """Give the limits as plain data."""
        return self._inbound.describe()


class HealthRoutes:
    """Middleware: serves ``/health``, ``/ready``, ``/health/circuit-breakers``, and the admin routes.

    ``/health`` is 503 when the service is unhealthy, ``/ready`` unless it is healthy. With
    ``authorize``, ``POST /admin/circuit-breakers/{name}/reset`` (``open``, ``close``, ``disable``) steer a
    breaker; without it there are no such routes.

    Args:
        app: the application, which gets all other paths.
        health: what is reported; by default the breakers alone.
        authorize: a function of the scope, sync or async, that tells whether the request may steer
            breakers. A text it returns is logged as who did it; False or None: 403.
        ready_when: the statuses that count as ready; ``("healthy", "degraded")`` keeps a service with
            an open breaker in its load balancer.
        breakers: which breakers are told of and steered, ``trifuse.registry`` by default.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self,
        app: App,
        health: Health | None = None,
        *,
        authorize: Callable[[Scope], Any] | None = None,
        ready_when: Iterable[str] = ("healthy",),
        breakers: CircuitBreakerRegistry = default_registry,
    ) -> None:
        """Take the application and what is reported."""
        if authorize is not None and not callable(authorize):
            raise ConfigurationError("authorize", authorize, "a function of the scope")
        self.app = app
        self._health = control.reported(health, breakers)
        self._authorize = authorize
        self._ready_when = control.ready_statuses(ready_when)
        self._breakers = breakers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        answer = await self._answer(scope) if scope["type"] == "http" else None
        if answer is None:
            await self.app(scope, receive, send)
        else:
            await respond(send, answer, bodiless=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope) -> Answer | None:
        path: str = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")
        if path.startswith(f"{control.ADMIN}/") and self._authorize is not None:
            return await self._admin(scope, path.removeprefix(control.ADMIN))
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        if path == control.BREAKERS:
            return control.states_answer(self._breakers)
        if path == control.HEALTH:
            return control.health_answer(await self._health.report_async())
        if path == control.READY:
            return control.ready_answer(await self._health.report_async(), self._ready_when)
        return None

    async def _admin(self, scope: Scope, rest: str) -> Answer | None:
        from inspect import isawaitable

        found = control.split_action(rest)
        if found is None:
            return None
        if scope["method"] != "POST":
            return control.not_post()
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        who = None if control.from_elsewhere(headers) else self._authorize(scope)  # type: ignore[misc]
        if isawaitable(who):
            who = await who
        return control.act_answer(self._breakers, *found, who) if who else control.forbidden()


class _Sender:
    """Passes messages on, and keeps the status of what has begun."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def respond(send: Send, answer: Answer, *, bodiless: bool = False) -> None:
    """Send an answer."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
