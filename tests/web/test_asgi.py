# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plain ASGI: limits, answers for what trifuse refused, health and admin routes."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest
from trifuse import (
    AdaptiveLimit,
    Bulkhead,
    CircuitBreakerOpenError,
    CircuitBreakerRegistry,
    ConfigurationError,
    KeyedRateLimits,
    RateLimit,
    Timeout,
    per,
    remaining,
)
from trifuse.contrib.asgi import HealthRoutes, Resilience, by_client, by_header, by_path
from trifuse.health import Health


async def respond(send, status=200, body=b"ok"):
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": body})


async def fine(scope, receive, send):
    await respond(send)


def raising(error):
    async def app(scope, receive, send):
        raise error() if isinstance(error, type) or callable(error) else error

    return app


def client_of(app, address="10.0.0.1"):
    transport = httpx.ASGITransport(app, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def get(app, path="/", method="GET", **settings):
    async def main():
        async with client_of(app) as client:
            return await client.request(method, path, **settings)

    return asyncio.run(main())


def open_breaker(wait=7):
    breaker = CircuitBreakerRegistry().breaker("payments")
    breaker.trip(retry_after=wait)
    return breaker


async def refused_inside(scope, receive, send):
    open_breaker().call(print)


def test_a_refusal_inside_is_503_with_retry_after_and_a_problem_that_names_nothing_private():
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


def test_a_refusal_that_does_not_know_when_to_try_again_still_says_so_in_a_second():
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


def test_a_refusal_wrapped_by_a_client_library_or_in_a_group_is_found():
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


def test_a_timeout_inside_is_504():
    async def app(scope, receive, send):
        await Timeout(0.01).call(asyncio.sleep, 10)

    answer = get(Resilience(app))
    assert (answer.status_code, answer.json()["reason"]) == (504, "timeout")


def test_other_errors_pass_and_what_has_begun_is_not_answered_twice():
    with pytest.raises(KeyError):
        get(Resilience(raising(KeyError("x"))))

    async def begun(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        open_breaker().call(print)

    with pytest.raises(Exception, match="payments"):
        get(Resilience(begun))


def test_the_rate_of_all_requests_is_limited_and_health_checks_are_exempt():
    app = Resilience(fine, rate_limit=per(2, seconds=60))

    async def main():
        async with client_of(app) as client:
            found = [
                (await client.get(path)).status_code
                for path in ("/", "/", "/", "/health", "/ready/", "/healthy")
            ]
            refused = await client.get("/")
            return found, refused

    found, refused = asyncio.run(main())
    assert found == [200, 200, 429, 200, 200, 429]
    assert 28 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["title"] == "Too Many Requests"


def test_each_key_has_a_rate_of_its_own_and_keys_are_bounded():
    app = Resilience(fine, rate_limit=per(1, seconds=60), key=by_header("X-Api-Key"), max_keys=2)

    async def main():
        async with client_of(app) as client:
            keys = ["a", "a", "b", "c", "d", "a"]
            return [(await client.get("/", headers={"x-api-key": key})).status_code for key in keys]

    assert asyncio.run(main()) == [200, 429, 200, 200, 429, 429]
    assert len(app._inbound.rates) == 2


def test_the_key_may_be_the_peer_or_the_path():
    app = Resilience(
        fine, rate_limit=per(1, seconds=60), key=lambda scope: (by_client(scope), by_path(scope))
    )

    async def ask(address, path):
        async with client_of(app, address) as client:
            return (await client.get(path)).status_code

    asked = [("10.0.0.1", "/a"), ("10.0.0.1", "/a"), ("10.0.0.2", "/a"), ("10.0.0.1", "/b")]

    async def main():
        return [await ask(*each) for each in asked]

    assert asyncio.run(main()) == [200, 429, 200, 200]


def test_the_peer_may_be_unknown():
    assert by_client({"client": None}) == ""
    assert by_header("x")({"headers": []}) == ""


async def at_once(app, count, release, headers=lambda n: {}):
    async with client_of(app) as client:
        tasks = [asyncio.create_task(client.get("/", headers=headers(n))) for n in range(count)]
        await asyncio.sleep(0.05)
        release.set()
        return [answer.status_code for answer in await asyncio.gather(*tasks)]


def test_requests_worked_at_are_bounded_and_the_rest_is_refused_at_once():
    async def main():
        release = asyncio.Event()

        async def app(scope, receive, send):
            await release.wait()
            await respond(send)

        limit = Bulkhead(3)
        statuses = await at_once(Resilience(app, adaptive_limit=limit), 10, release)
        return sorted(statuses), limit.in_flight

    assert asyncio.run(main()) == ([200] * 3 + [503] * 7, 0)


def test_each_key_has_places_of_its_own_and_idle_keys_make_room():
    async def main():
        release = asyncio.Event()

        async def app(scope, receive, send):
            await release.wait()
            await respond(send)

        guarded = Resilience(app, adaptive_limit=lambda: Bulkhead(1), key=by_header("x-user"), max_keys=2)
        users = ["a", "a", "b", "c", "d"]
        statuses = await at_once(guarded, 5, release, lambda n: {"x-user": users[n]})
        async with client_of(guarded) as client:
            again = (await client.get("/", headers={"x-user": "e"})).status_code
        return statuses, again, len(guarded._inbound.places)

    # c and d share the overflow's one place, for a and b are busy.
    assert asyncio.run(main()) == ([200, 503, 200, 200, 503], 200, 2)


def test_an_adaptive_limit_learns_from_status_and_error():
    limit = AdaptiveLimit("aimd", limit=20, backoff_ratio=0.5)

    async def failing(scope, receive, send):
        await respond(send, 500)

    get(Resilience(failing, adaptive_limit=limit))
    assert (limit.limit, limit.snapshot().failures) == (10, 1)
    with contextlib.suppress(KeyError):
        get(Resilience(raising(KeyError("x")), adaptive_limit=limit))
    assert (limit.limit, limit.in_flight) == (5, 0)
    get(Resilience(fine, adaptive_limit=limit))
    assert limit.snapshot().failures == 2


def test_a_request_has_a_deadline_that_is_504_and_that_what_it_calls_sees():
    seen = []

    async def app(scope, receive, send):
        seen.append(remaining())
        await asyncio.sleep(10)

    answer = get(Resilience(app, timeout=0.05))
    assert (answer.status_code, answer.json()["reason"]) == (504, "deadline")
    assert 0 < seen[0] <= 0.05


def test_a_client_that_leaves_gives_its_place_back():
    async def main():
        limit = Bulkhead(1)

        async def app(scope, receive, send):
            await asyncio.sleep(10)

        guarded = Resilience(app, adaptive_limit=limit)
        task = asyncio.create_task(guarded({"type": "http", "path": "/", "headers": []}, None, None))
        await asyncio.sleep(0)
        assert limit.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return limit.in_flight

    assert asyncio.run(main()) == 0


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
        ({"rate_limit": "many"}, "rate"),
        ({"rate_limit": RateLimit(5), "key": by_client}, "rate_limit"),
        ({"rate_limit": KeyedRateLimits(5)}, "rate_limit"),
        ({"adaptive_limit": 5}, "adaptive_limit"),
        ({"adaptive_limit": Bulkhead(1), "key": by_client}, "adaptive_limit"),
        ({"adaptive_limit": dict}, "adaptive_limit"),
        ({"key": "client"}, "key"),
        ({"max_keys": 0}, "max_keys"),
        ({"timeout": -1}, "seconds"),
        ({"exempt": "/health"}, "exempt"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError) as refused:
        Resilience(fine, **settings)
    assert refused.value.field == field


def test_limits_are_described():
    app = Resilience(fine, rate_limit=per(5, seconds=1), key=by_client, adaptive_limit=True, timeout=3)
    told = app.describe()
    assert told["rate_limit"]["max_keys"] == 1024
    assert told["adaptive_limit"]["max_keys"] == 1024
    assert told["deadline"]["seconds"] == 3


class TestRoutes:
    """The routes of operators."""

    def make(self, **settings):
        self.registry = CircuitBreakerRegistry()
        for name in ("payments", "openai:api.openai.com", "http://host/path"):
            self.registry.breaker(name)
        health = Health(version="1.4.2", breakers=self.registry)
        return HealthRoutes(fine, health, breakers=self.registry, **settings)

    def test_health_and_readiness(self):
        app = self.make()
        answer = get(app, "/health")
        assert answer.status_code == 200
        assert set(answer.json()) == {"status", "version", "uptime_seconds", "checks"}
        assert answer.json()["checks"][0] == {
            "name": "circuit_breaker:payments",
            "status": "healthy",
            "message": "closed",
        }
        assert get(app, "/ready").status_code == 200
        self.registry["payments"].trip()
        assert (get(app, "/health").status_code, get(app, "/ready").status_code) == (200, 503)
        assert get(app, "/health").json()["status"] == "degraded"

    def test_an_unhealthy_service_is_503_and_degraded_may_count_as_ready(self):
        app = HealthRoutes(fine, Health(checks={"database": lambda: False}, breakers=None))
        assert get(app, "/health").status_code == 503
        app = self.make(ready_when=("healthy", "degraded"))
        self.registry["payments"].trip()
        assert get(app, "/ready").status_code == 200

    def test_the_state_of_each_breaker(self):
        answer = get(self.make(), "/health/circuit-breakers")
        assert answer.json()["payments"] == self.registry["payments"].get_state()
        assert answer.headers["cache-control"] == "no-store"

    def test_head_has_no_body_and_post_is_the_applications(self):
        assert get(self.make(), "/health", "HEAD").content == b""
        assert get(self.make(), "/health", "POST").text == "ok"
        assert get(self.make(), "/other").text == "ok"

    @pytest.mark.parametrize("name", ["payments", "openai:api.openai.com", "http://host/path"])
    def test_who_is_authorised_steers_breakers(self, name, caplog):
        app = self.make(authorize=lambda scope: "ann")
        states = []
        for action in ("open", "close", "disable", "reset"):
            answer = get(app, f"/admin/circuit-breakers/{name}/{action}", "POST")
            assert answer.status_code == 200
            assert repr(name) in answer.json()["message"]
            states.append(str(self.registry[name].state))
        assert states == ["forced_open", "closed", "disabled", "closed"]
        assert "by ann" in caplog.text

    def test_an_unknown_name_is_404_and_only_post_does_anything(self):
        app = self.make(authorize=lambda scope: True)
        assert get(app, "/admin/circuit-breakers/other/reset", "POST").status_code == 404
        answer = get(app, "/admin/circuit-breakers/payments/open")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert self.registry["payments"].state == "closed"

    def test_without_a_right_nothing_is_done_or_told(self):
        async def no(scope):
            return False

        for authorize in (no, lambda scope: None):
            app = self.make(authorize=authorize)
            for name in ("payments", "other"):
                assert get(app, f"/admin/circuit-breakers/{name}/open", "POST").status_code == 403
            assert self.registry["payments"].state == "closed"

    def test_a_page_of_another_site_may_not_steer(self):
        app = self.make(authorize=lambda scope: True)
        path = "/admin/circuit-breakers/payments/open"
        assert get(app, path, "POST", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert get(app, path, "POST", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200

    def test_without_an_authorisation_there_are_no_admin_routes(self):
        assert get(self.make(), "/admin/circuit-breakers/payments/open", "POST").text == "ok"
        assert self.registry["payments"].state == "closed"

    @pytest.mark.parametrize(
        ("settings", "field"), [({"authorize": True}, "authorize"), ({"ready_when": ("fine",)}, "ready_when")]
    )
    def test_bad_settings_are_refused(self, settings, field):
        with pytest.raises(ConfigurationError) as refused:
            self.make(**settings)
        assert refused.value.field == field


def test_a_thousand_requests_at_once_never_exceed_the_limit_and_leave_nothing_behind():
    async def main():
        limit, most, now = Bulkhead(50, max_queue=1000), 0, 0

        async def app(scope, receive, send):
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            await respond(send)

        guarded = Resilience(app, adaptive_limit=limit, rate_limit=per(800, seconds=3600))
        async with client_of(guarded) as client:
            answers = await asyncio.gather(*(client.get("/") for _ in range(1000)))
        statuses = [answer.status_code for answer in answers]
        return statuses.count(200), statuses.count(429), most, limit.in_flight

    assert asyncio.run(main()) == (800, 200, 50, 0)
