# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-21.
"""Plain ASGI: answers for what trifuse refused or gave up, and what passes through."""

from __future__ import annotations

import asyncio

import pytest
from trifuse import (
    Bulkhead,
    CircuitBreakerOpenError,
    CircuitBreakerRegistry,
    ConfigurationError,
    KeyedRateLimits,
    RateLimit,
    Timeout,
    per,
)
from trifuse.contrib.asgi import HealthRoutes, Resilience, by_client


def raising(error):
    async def app(scope, receive, send):
        raise error() if isinstance(error, type) or callable(error) else error

    return app


def open_breaker(wait=7):
    breaker = CircuitBreakerRegistry().breaker("payments")
    breaker.trip(retry_after=wait)
    return breaker


async def refused_inside(scope, receive, send):
    open_breaker().call(print)


def test_a_refusal_inside_is_503_with_retry_after_and_a_problem_that_names_nothing_private(get):
    answer = get(Resilience(refused_inside))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert 6 < problem.pop("retry_after") <= 7
    assert problem == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Something that this service needs is not available. Try again in 7 s.",
        "policy": "circuit_breaker",
        "reason": "open",
    }
    assert "payments" not in answer.text


def test_a_refusal_that_does_not_know_when_to_try_again_still_says_so_in_a_second(get):
    breaker = CircuitBreakerRegistry().breaker("x")
    breaker.force_open()

    async def app(scope, receive, send):
        breaker.call(print)

    answer = get(Resilience(app))
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["retry_after"]) == (
        503,
        "1",
        None,
    )


def test_an_error_whose_cause_cannot_be_read_passes_on_as_it_is(get):
    class OddError(Exception):
        @property
        def __cause__(self):
            raise RuntimeError

    with pytest.raises(OddError):
        get(Resilience(raising(OddError)))


def test_a_refusal_wrapped_by_a_client_library_or_in_a_group_is_found(get):
    async def wrapped(scope, receive, send):
        try:
            open_breaker().call(print)
        except Exception as error:
            raise RuntimeError("connection error") from error

    async def grouped(scope, receive, send):
        async with asyncio.TaskGroup() as group:
            group.create_task(refused_inside(scope, receive, send))

    async def mixed(scope, receive, send):
        raise ExceptionGroup("mixed", [CircuitBreakerOpenError("payments"), KeyError()])

    assert get(Resilience(wrapped)).status_code == 503
    assert get(Resilience(grouped)).status_code == 503
    with pytest.raises(ExceptionGroup):
        get(Resilience(mixed))


def test_a_timeout_inside_is_504(get):
    async def app(scope, receive, send):
        await Timeout(0.01).call(asyncio.sleep, 10)

    answer = get(Resilience(app))
    assert (answer.status_code, answer.json()["reason"]) == (504, "timeout")


def test_other_errors_pass_and_what_has_begun_is_not_answered_twice(get):
    with pytest.raises(KeyError):
        get(Resilience(raising(KeyError("x"))))

    async def begun(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        open_breaker().call(print)

    with pytest.raises(Exception, match="payments"):
        get(Resilience(begun))


def test_websockets_and_lifespan_pass_through():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    guarded = HealthRoutes(Resilience(app, rate_limit=per(1, seconds=60)))
    for kind in ("websocket", "lifespan", "websocket"):
        asyncio.run(guarded({"type": kind, "path": "/"}, None, None))
    assert seen == ["websocket", "lifespan", "websocket"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"rate_limit": "many"}, "rate_limit"),
        ({"rate_limit": RateLimit(5), "key": by_client}, "rate_limit"),
        ({"rate_limit": KeyedRateLimits(5)}, "rate_limit"),
        ({"adaptive_limit": 5}, "adaptive_limit"),
        ({"adaptive_limit": Bulkhead(1), "key": by_client}, "adaptive_limit"),
        ({"adaptive_limit": dict}, "adaptive_limit"),
        ({"key": "client"}, "key"),
        ({"max_keys": 0}, "max_keys"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan"), "key": by_client}, "timeout"),
        *(
            ({"exempt": bad}, "exempt")
            for bad in ("/health", b"/health", [""], ["health"], [5], {"/health": True}, 7)
        ),
    ],
)
def test_bad_settings_are_refused_by_name(settings, field, fine):
    with pytest.raises(ConfigurationError) as refused:
        Resilience(fine, **settings)
    assert refused.value.field == field


def test_limits_are_described(fine):
    app = Resilience(fine, rate_limit=per(5, seconds=1), key=by_client, adaptive_limit=True, timeout=3)
    told = app.describe()
    assert told["rate_limit"]["max_keys"] == 1024
    assert told["adaptive_limit"]["max_keys"] == 1024
    assert told["deadline"]["seconds"] == 3
