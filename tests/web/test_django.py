# SPDX-License-Identifier: MIT OR Apache-2.0
"""Django under WSGI and ASGI. Its settings are the process's, so each case is a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

SETTINGS = """
import asyncio, time
import django
from django.conf import settings
from trifuse import *
from trifuse import registry
from trifuse.contrib.django import ResilienceMiddleware, by_client, by_header, by_path, health_urls
from trifuse.health import Health

def configure(**trifuse):
    settings.configure(
        DEBUG=False, SECRET_KEY="of a test", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], TRIFUSE=trifuse,
        MIDDLEWARE=["trifuse.contrib.django.ResilienceMiddleware"], LOGGING_CONFIG=None,
    )
    django.setup()

from django.http import HttpResponse
from django.urls import path

breaker = registry.breaker("payments")
limit = AdaptiveLimit("aimd", limit=20, backoff_ratio=0.5)

def pay(request):
    return HttpResponse(breaker.call(lambda: "paid"))

async def pay_async(request):
    async def paid():
        return "paid"
    return HttpResponse(await breaker.call(paid))

def slow(request):
    time.sleep(0.06)
    return HttpResponse(timeout(1)(lambda: "late")())

async def hang(request):
    await asyncio.sleep(10)

def failing(request):
    return HttpResponse("no", status=500)

def may(request):
    return "ann" if request.headers.get("x-token") == "secret" else False

urlpatterns = [
    path("pay", pay), path("pay-async", pay_async), path("slow", slow), path("hang", hang), path("failing", failing),
    *health_urls(Health(version="1.4.2"), authorize=may),
]

clients = {}  # each has an application of its own, and that its limits

def ask(way, path, **headers):
    from django.test import AsyncClient, Client
    if way not in clients:
        clients[way] = Client() if way == "sync" else AsyncClient()
    answer = clients[way].get(path, headers=headers)
    return answer if way == "sync" else asyncio.run(answer)
"""


def run(code):
    program = SETTINGS + textwrap.dedent(code) + "\nprint('done')\n"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.endswith("done\n"), ended.stderr


def test_refusals_are_503_under_wsgi_and_asgi():
    run("""
        configure()
        for way in ("sync", "async"):
            for path in ("/pay", "/pay-async"):
                breaker.reset()
                assert ask(way, path).content == b"paid"
                breaker.trip(retry_after=9)
                answer = ask(way, path)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "9"), (way, path)
                assert answer.headers["content-type"] == "application/problem+json"
    """)


def test_rates_by_key_are_429():
    run("""
        configure(rate_limit=per(1, seconds=60), key=by_header("x-user"))
        for way in ("sync", "async"):
            asked = [ask(way, "/pay", **{"x-user": way + user}).status_code for user in ("a", "a", "b")]
            assert asked == [200, 429, 200], asked
            assert ask(way, "/health").status_code == 200
    """)


def test_a_deadline_is_504_and_cancels_what_is_asynchronous():
    run("""
        configure(timeout=0.05)
        assert ask("sync", "/slow").status_code == 504
        began = time.monotonic()
        assert ask("async", "/hang").status_code == 504
        assert time.monotonic() - began < 5
    """)


def test_an_adaptive_limit_learns_and_is_left_empty():
    run("""
        configure(adaptive_limit=limit)
        for way in ("sync", "async"):
            assert ask(way, "/failing").status_code == 500
        assert (limit.limit, limit.in_flight) == (5, 0)
        bulk = [limit.try_acquire() for _ in range(5)]
        assert [ask(way, "/pay").status_code for way in ("sync", "async")] == [503, 503]
    """)


def test_a_stream_holds_its_place_until_it_is_closed():
    run("""
        from django.http import StreamingHttpResponse
        def stream(request):
            return StreamingHttpResponse(iter([b"a", b"b"]))
        urlpatterns.append(path("stream", stream))
        one = Bulkhead(1, max_queue=0)
        configure(adaptive_limit=one)
        for way in ("sync", "async"):
            answer = ask(way, "/stream")
            assert (answer.status_code, one.in_flight) == (200, 1)
            assert ask(way, "/pay").status_code == 503
            answer.close()
            answer.close()
            assert (one.in_flight, ask(way, "/pay").status_code) == (0, 200)
    """)


def test_health_and_admin_routes():
    run("""
        configure()
        from django.test import Client
        client = Client()
        assert client.get("/health").json()["version"] == "1.4.2"
        breaker.trip()
        assert client.get("/ready").status_code == 503
        assert client.get("/health/circuit-breakers").json()["payments"]["state"] == "open"
        path, right = "/admin/circuit-breakers/payments/open", {"x-token": "secret"}
        assert client.post(path).status_code == 403
        assert client.get(path, headers=right).status_code == 405
        assert client.post(path, headers=right).status_code == 200
        assert breaker.state == "forced_open"
        assert client.post("/admin/circuit-breakers/other/reset", headers=right).status_code == 404
        assert client.post("/admin/circuit-breakers/payments/reset", headers=right).status_code == 200
        assert breaker.state == "closed"
    """)


def test_bad_settings_are_refused_by_name():
    run("""
        configure()
        for given, field in (({"rate": 5}, "TRIFUSE['rate']"), ({"exempt": "/health"}, "exempt"), ({"exempt": [""]}, "exempt")):
            settings.TRIFUSE = given
            try:
                ResilienceMiddleware(lambda request: None)
            except ConfigurationError as error:
                assert error.field == field, error
            else:
                raise AssertionError(given)
        try:
            health_urls(authorize=True)
        except ConfigurationError as error:
            assert error.field == "authorize"
        else:
            raise AssertionError
    """)
