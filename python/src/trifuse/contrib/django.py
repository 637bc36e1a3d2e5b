# SPDX-License-Identifier: MIT OR Apache-2.0
"""Django: a middleware with limits and answers, and health and admin routes; under WSGI and ASGI.

::

    # settings.py
    MIDDLEWARE = ["trifuse.contrib.django.ResilienceMiddleware", ...]
    TRIFUSE = {"rate_limit": per(100, seconds=1), "key": by_client, "timeout": 10}

    # urls.py
    urlpatterns = [*health_urls(Health(version="1.4.2"), authorize=lambda request: request.user.is_staff)]

Needs the extra ``django``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from trifuse._errors import ConfigurationError, RateLimitedError, RefusedError, RequestTimeoutError
from trifuse._registry import registry as default_registry
from trifuse._values import Outcome
from trifuse.contrib._need import need
from trifuse.contrib._web import control
from trifuse.contrib._web.inbound import SERVER_ERROR, Inbound
from trifuse.contrib._web.problem import Answer, answer_to, refusal
from trifuse.health import Health

need("django", "django")

from asgiref.sync import iscoroutinefunction, markcoroutinefunction  # noqa: E402 - after Django is known to be there
from django.conf import settings  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.urls import path as route  # noqa: E402

if TYPE_CHECKING:
    from trifuse._places import Place
    from trifuse._registry import CircuitBreakerRegistry

__all__ = ["ResilienceMiddleware", "by_client", "by_header", "by_path", "health_urls"]

_SETTINGS = frozenset({"rate_limit", "key", "adaptive_limit", "max_keys", "timeout", "exempt"})


def by_client(request: HttpRequest) -> Hashable:
    """Key: the address of the peer. Behind a proxy that is the proxy: then key by a header it sets."""
    address: str = request.META.get("REMOTE_ADDR", "")
    return address


def by_path(request: HttpRequest) -> Hashable:
    """Key: the path as requested. Paths with identities in them make a key each; see max_keys."""
    path: str = request.path
    return path


def by_header(name: str) -> Callable[[HttpRequest], Hashable]:
    """Key: a header, such as ``x-api-key``. Requests without it share one key."""
    return lambda request: request.headers.get(name, "")


class ResilienceMiddleware:
    """Limits what comes in, and answers for refusals (503 with Retry-After) and timeouts (504).

    Its settings are ``settings.TRIFUSE``, a dictionary with ``rate_limit`` (429), ``key`` (a function of
    the request), ``adaptive_limit`` (503), ``max_keys``, ``timeout`` and ``exempt``, as
    :class:`trifuse.contrib.asgi.Resilience` has them. Put it first.

    Raises:
        ConfigurationError: for a bad setting, when Django starts.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Read the settings."""
        given = dict(getattr(settings, "TRIFUSE", {}))
        for field in given.keys() - _SETTINGS:
            raise ConfigurationError(f"TRIFUSE[{field!r}]", given[field], ", ".join(sorted(_SETTINGS)))
        self._inbound = Inbound(**given)
        self._get_response = get_response
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)
        limit = self._inbound.deadline
        self._run = get_response if limit is None else limit(get_response)

    def __call__(self, request: HttpRequest) -> Any:
        """Serve a request."""
        if self._inbound.exempts(request.path):
            return self._get_response(request)
        return self._serve_async(request) if self._async else self._serve(request)

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for what a view raised, when it is ours."""
        answer = answer_to(error)
        return None if answer is None else _response(answer)

    def _serve(self, request: HttpRequest) -> HttpResponseBase:
        rate, places = self._inbound.limits_of(request)
        if rate is not None:
            try:
                rate.acquire()
            except RateLimitedError as error:
                return _response(refusal(429, error))
        try:
            if places is None:
                return self._run(request)
            place = places.acquire()
            return _held(place, lambda: self._run(request))
        except (RefusedError, RequestTimeoutError) as error:
            return _answered(error)

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        rate, places = self._inbound.limits_of(request)
        if rate is not None:
            try:
                await rate.acquire_async()
            except RateLimitedError as error:
                return _response(refusal(429, error))
        try:
            if places is None:
                return await self._run(request)
            place = await places.acquire_async()
            return await _held_async(place, self._run(request))
        except (RefusedError, RequestTimeoutError) as error:
            return _answered(error)


def _held(place: Place, serve: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        response = serve()
    except BaseException as error:
        place.end(error)
        raise
    _give_back(place, response)
    return response


async def _held_async(place: Place, served: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    try:
        response = await served
    except BaseException as error:
        place.end(error)
        raise
    _give_back(place, response)
    return response


def _give_back(place: Place, response: HttpResponseBase) -> None:
    """Give a place back, of a stream when the server closes the response."""

    def give_back() -> None:
        if place._state:
            failed = response.status_code >= SERVER_ERROR
            place.release(Outcome.FAILURE if failed else Outcome.SUCCESS)

    if response.streaming:
        response._resource_closers.append(give_back)
    else:
        give_back()


def health_urls(
    health: Health | None = None,
    *,
    authorize: Callable[[HttpRequest], Any] | None = None,
    ready_when: Iterable[str] = ("healthy",),
    breakers: CircuitBreakerRegistry = default_registry,
) -> list[Any]:
    """Give the URL patterns of ``/health``, ``/ready``, ``/health/circuit-breakers``, and the admin routes.

    Args:
        health: what is reported; by default the breakers alone.
        authorize: a function of the request that tells whether it may steer breakers (``POST
            /admin/circuit-breakers/{name}/reset``, ``open``, ``close``, ``disable``); without it there
            are no such routes. A text is logged as who did it; False or None: 403. Django's
            protection against cross-site requests holds for them.
        ready_when: the statuses that count as ready.
        breakers: which breakers are told of and steered.
    """
    if authorize is not None and not callable(authorize):
        raise ConfigurationError("authorize", authorize, "a function of the request")
    reported = control.reported(health, breakers)
    statuses = control.ready_statuses(ready_when)

    def get_health(_: HttpRequest) -> HttpResponse:
        return _response(control.health_answer(reported.report()))

    def get_ready(_: HttpRequest) -> HttpResponse:
        return _response(control.ready_answer(reported.report(), statuses))

    def get_breakers(_: HttpRequest) -> HttpResponse:
        return _response(control.states_answer(breakers))

    def post_action(request: HttpRequest, name: str, action: str) -> HttpResponse:
        if request.method != "POST":
            return _response(control.not_post())
        who = authorize(request) if authorize is not None else None
        return _response(control.act_answer(breakers, name, action, who) if who else control.forbidden())

    found: list[Any] = [
        route(pattern.lstrip("/"), view)
        for pattern, view in (
            (control.HEALTH, get_health), (control.READY, get_ready), (control.BREAKERS, get_breakers),
        )
    ]  # fmt: skip
    if authorize is not None:
        found.append(route(control.ADMIN.lstrip("/") + "/<path:name>/<str:action>", post_action))
    return found


def _answered(error: RefusedError | RequestTimeoutError) -> HttpResponse:
    """Answer for what ended the request outside of its view."""
    answer = answer_to(error)
    assert answer is not None
    return _response(answer)


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
