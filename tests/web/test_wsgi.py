# SPDX-License-Identifier: MIT OR Apache-2.0
"""WSGI, plain and Flask: limits, answers, health and admin routes."""

from __future__ import annotations

import threading
import time
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import flask
import pytest
from trifuse import (
    AdaptiveLimit,
    Bulkhead,
    CircuitBreakerOpenError,
    CircuitBreakerRegistry,
    ConfigurationError,
    per,
    remaining,
    timeout,
)
from trifuse.contrib import wsgi
from trifuse.contrib.flask import by_header, health_blueprint, protect
from trifuse.health import Health


def get(app, path="/", **environ):
    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "REMOTE_ADDR": "10.0.0.1", **environ}
    setup_testing_defaults(environ)
    told = []
    body = app(environ, lambda status, headers, exc_info=None: told.append((status, dict(headers))))
    try:
        content = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    status, headers = told[0]
    return int(status[:3]), headers, content


def fine(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]


def test_the_middleware_keeps_to_wsgi():
    for limits in ({}, {"rate_limit": 5, "adaptive_limit": True, "timeout": 1}):
        app = validator(wsgi.Resilience(validator(fine), **limits))
        assert get(app, REQUEST_METHOD="GET", QUERY_STRING="")[0] == 200


def test_refusals_inside_are_503_and_other_errors_pass():
    breaker = CircuitBreakerRegistry().breaker("payments")
    breaker.trip(retry_after=4)

    def app(environ, start_response):
        return breaker.call(fine, environ, start_response)

    status, headers, content = get(wsgi.Resilience(app))
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "4", "application/problem+json")
    assert b"payments" not in content
    with pytest.raises(ZeroDivisionError):
        get(wsgi.Resilience(lambda environ, start_response: 1 / 0))


def test_an_application_that_begins_when_it_is_iterated_is_answered_for_until_then():
    breaker, limit = CircuitBreakerRegistry().breaker("payments"), Bulkhead(1)

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/early":
            breaker.call(fine, environ, start_response)
        start_response("200 OK", [])
        yield b"begun"
        breaker.call(fine, environ, start_response)

    breaker.trip(retry_after=4)
    for limits in ({}, {"adaptive_limit": limit}, {"timeout": 5}):
        guarded = wsgi.Resilience(app, **limits)
        status, headers, content = get(guarded, "/early")
        assert (status, headers["retry-after"]) == (503, "4")
        assert b"payments" not in content
        with pytest.raises(CircuitBreakerOpenError):
            get(guarded, "/late")
        assert limit.in_flight == 0


def test_rates_by_key():
    app = wsgi.Resilience(fine, rate_limit=per(1, seconds=60), key=wsgi.by_client)
    asked = [get(app)[0], get(app)[0], get(app, REMOTE_ADDR="10.0.0.2")[0], get(app, "/health")[0]]
    assert asked == [200, 429, 200, 200]
    assert wsgi.by_header("X-User")({"HTTP_X_USER": "ann"}) == "ann"
    assert wsgi.by_path({"PATH_INFO": "/a"}) == "/a"


def test_a_place_is_held_until_the_body_is_closed():
    limit, seen = Bulkhead(1), []

    def app(environ, start_response):
        start_response("200 OK", [])
        seen.append(limit.in_flight)
        yield b"a"
        seen.append(limit.in_flight)

    guarded = wsgi.Resilience(app, adaptive_limit=limit)
    assert get(guarded)[2] == b"a"
    assert (seen, limit.in_flight) == ([1, 1], 0)
    body = guarded({"PATH_INFO": "/"}, lambda *_: None)
    assert get(guarded)[0] == 503
    body.close()
    assert get(guarded)[0] == 200


def test_failures_move_the_adaptive_limit_and_leave_no_place_taken():
    limit = AdaptiveLimit("aimd", limit=20, backoff_ratio=0.5)

    def failing(environ, start_response):
        start_response("500 Internal Server Error", [])
        return []

    def broken_body(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise ConnectionError

    get(wsgi.Resilience(failing, adaptive_limit=limit))
    with pytest.raises(ConnectionError):
        get(wsgi.Resilience(broken_body, adaptive_limit=limit))
    with pytest.raises(ZeroDivisionError):
        get(wsgi.Resilience(lambda environ, start_response: 1 / 0, adaptive_limit=limit))
    assert (limit.limit, limit.in_flight, limit.snapshot().failures) == (2, 0, 3)


def test_a_request_has_a_deadline_that_what_it_calls_sees():
    def app(environ, start_response):
        assert 0 < remaining() <= 0.05
        time.sleep(0.06)
        return timeout(1)(fine)(environ, start_response)

    assert get(wsgi.Resilience(app, timeout=0.05))[0] == 504


@pytest.fixture
def registry():
    registry = CircuitBreakerRegistry()
    registry.breaker("payments")
    registry.breaker("http://host/a")
    return registry


@pytest.fixture
def app(registry):
    app = flask.Flask(__name__)

    @app.get("/pay")
    def pay():
        return registry["payments"].call(lambda: "paid")

    @app.get("/slow")
    def slow():
        return timeout(0.01, thread=True)(threading.Event().wait)(1)

    def operators_only():
        if flask.request.headers.get("x-token") != "secret":
            flask.abort(401)
        return "ann"

    health = Health(version="1.4.2", breakers=registry)
    app.register_blueprint(health_blueprint(health, authorize=operators_only, breakers=registry))
    return app


def test_flask_answers_for_refusals_and_timeouts(app, registry):
    client = protect(app).test_client()
    assert client.get("/pay").text == "paid"
    registry["payments"].trip(retry_after=9)
    answer = client.get("/pay")
    assert (answer.status_code, answer.headers["retry-after"], answer.json["reason"]) == (503, "9", "open")
    assert client.get("/slow").status_code == 504


def test_flask_is_limited_by_key(app):
    client = protect(app, rate_limit=per(1, seconds=60), key=by_header("x-user")).test_client()
    asked = [client.get("/pay", headers={"x-user": user}).status_code for user in ("a", "a", "b")]
    assert asked == [200, 429, 200]


def test_flask_health_and_admin_routes(app, registry, caplog):
    client = app.test_client()
    assert client.get("/health").json["version"] == "1.4.2"
    registry["payments"].trip()
    assert client.get("/ready").status_code == 503
    assert client.get("/health/circuit-breakers").json["payments"]["state"] == "open"
    path, right = "/admin/circuit-breakers/http://host/a/open", {"x-token": "secret"}
    assert client.post(path).status_code == 401
    assert client.post(path, headers={**right, "sec-fetch-site": "cross-site"}).status_code == 403
    assert registry["http://host/a"].state == "closed"
    assert client.post(path, headers=right).status_code == 200
    assert registry["http://host/a"].state == "forced_open"
    assert "by ann" in caplog.text
    assert client.post("/admin/circuit-breakers/other/reset", headers=right).status_code == 404
    assert client.get(path, headers=right).status_code == 405


def test_flask_has_no_admin_routes_without_authorisation(registry):
    app = flask.Flask(__name__)
    app.register_blueprint(health_blueprint(breakers=registry))
    assert app.test_client().post("/admin/circuit-breakers/payments/open").status_code == 404
    with pytest.raises(ConfigurationError, match="authorize"):
        health_blueprint(authorize=True)
