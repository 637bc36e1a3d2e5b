# SPDX-License-Identifier: MIT OR Apache-2.0
"""Flask: limits and answers for an application, health and admin routes.

::

    app = Flask(__name__)
    protect(app, rate_limit=per(100, seconds=1), key=by_client, timeout=10)
    app.register_blueprint(health_blueprint(Health(version="1.4.2"), authorize=is_operator))

Needs the extra ``flask``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError
from trifuse._registry import registry as default_registry
from trifuse.contrib._need import need
from trifuse.contrib._web import control
from trifuse.contrib._web.problem import Answer, answer_to
from trifuse.contrib.wsgi import Resilience, by_client, by_header, by_path
from trifuse.health import Health

need("flask", "flask")

from flask import Blueprint, Response, request  # noqa: E402 - after it is known to be there

if TYPE_CHECKING:
    from flask import Flask

    from trifuse._registry import CircuitBreakerRegistry

__all__ = ["by_client", "by_header", "by_path", "health_blueprint", "protect"]

A = TypeVar("A", bound="Flask")


def protect(app: A, **limits: Any) -> A:
    """Answer for refusals (503 with Retry-After) and timeouts (504), and limit what comes in.

    ``limits`` as :class:`trifuse.contrib.wsgi.Resilience` has them: ``rate_limit`` (429), ``key`` (a
    function of the environ), ``adaptive_limit`` (503), ``max_keys``, ``timeout``, ``exempt``. They
    stand around ``app.wsgi_app``. Gives the application back.

    Raises ConfigurationError for a bad setting.
    """
    guarded = Resilience(app.wsgi_app, **limits)
    app.register_error_handler(RefusedError, _answered)
    app.register_error_handler(RequestTimeoutError, _answered)
    app.wsgi_app = guarded  # type: ignore[method-assign]
    return app


def health_blueprint(
    health: Health | None = None,
    *,
    authorize: Callable[[], Any] | None = None,
    ready_when: Iterable[str] = ("healthy",),
    breakers: CircuitBreakerRegistry = default_registry,
    name: str = "trifuse",
) -> Blueprint:
    """Give the routes ``/health``, ``/ready``, ``/health/circuit-breakers``, and with ``authorize`` the admin ones.

    Args:
        health: what is reported; by default the breakers alone.
        authorize: a function without arguments, called in the request, that tells whether it may
            steer breakers (``POST /admin/circuit-breakers/{name}/reset``, ``open``, ``close``,
            ``disable``). A text is logged as who did it; False or None: 403. It may abort().
        ready_when: the statuses that count as ready.
        breakers: which breakers are told of and steered.
        name: of the blueprint.
    """
    if authorize is not None and not callable(authorize):
        raise ConfigurationError("authorize", authorize, "a function without arguments")
    reported = control.reported(health, breakers)
    statuses = control.ready_statuses(ready_when)
    blueprint = Blueprint(name, __name__)

    @blueprint.get(control.HEALTH)
    def get_health() -> Response:
        return _response(control.health_answer(reported.report()))

    @blueprint.get(control.READY)
    def get_ready() -> Response:
        return _response(control.ready_answer(reported.report(), statuses))

    @blueprint.get(control.BREAKERS)
    def get_circuit_breakers() -> Response:
        return _response(control.states_answer(breakers))

    if authorize is not None:

        @blueprint.post(control.ADMIN + "/<path:name>/<action>")
        def post_action(name: str, action: str) -> Response:
            elsewhere = control.from_elsewhere({k.lower(): v for k, v in request.headers.items()})
            who = None if elsewhere else authorize()
            return _response(control.act_answer(breakers, name, action, who) if who else control.forbidden())

    return blueprint


def _answered(error: Exception) -> Response:
    answer = answer_to(error)
    assert answer is not None
    return _response(answer)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
