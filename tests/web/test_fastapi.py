# SPDX-License-Identifier: MIT OR Apache-2.0
"""FastAPI: an application that is protected and steered."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient
from trifuse import CircuitBreakerRegistry, ConfigurationError, Timeout, per
from trifuse.contrib.fastapi import admin_router, by_header, health_router, protect, rate_limited
from trifuse.health import Health


def operators_only(token: str = Header(default="", alias="x-token")) -> None:
    if token != "secret":
        raise HTTPException(401, "who are you?")


@pytest.fixture
def registry():
    registry = CircuitBreakerRegistry()
    for name in ("payments", "http://host/a"):
        registry.breaker(name)
    return registry


@pytest.fixture
def client(registry):
    app = FastAPI()

    @app.get("/pay")
    def pay():
        return registry["payments"].call(lambda: {"paid": True})

    @app.get("/slow")
    async def slow():
        import asyncio

        await Timeout(0.01).call(asyncio.sleep, 10)

    @app.get("/limited", dependencies=[Depends(rate_limited(per(2, seconds=60), key=by_header("x-user")))])
    async def limited():
        return "ok"

    protect(app)
    app.include_router(health_router(Health(version="1.4.2", breakers=registry), breakers=registry))
    app.include_router(admin_router(dependencies=[Depends(operators_only)], breakers=registry))
    return TestClient(app)


def test_refusals_are_503_and_timeouts_504(client, registry):
    assert client.get("/pay").json() == {"paid": True}
    registry["payments"].trip(retry_after=9)
    answer = client.get("/pay")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/slow").status_code == 504


def test_one_route_is_limited_by_key(client):
    asked = [("a", 200), ("a", 200), ("a", 429), ("b", 200)]
    assert [client.get("/limited", headers={"x-user": user}).status_code for user, _ in asked] == [
        status for _, status in asked
    ]
    assert int(client.get("/limited", headers={"x-user": "a"}).headers["retry-after"]) >= 28


def test_health_routes(client, registry):
    assert client.get("/health").json()["version"] == "1.4.2"
    assert client.get("/ready").status_code == 200
    registry["payments"].trip()
    assert client.get("/ready").status_code == 503
    assert client.get("/health/circuit-breakers").json()["payments"]["state"] == "open"


@pytest.mark.parametrize("name", ["payments", "http://host/a"])
def test_operators_steer_breakers(client, registry, name):
    path = f"/admin/circuit-breakers/{name}"
    right = {"x-token": "secret"}
    assert client.post(f"{path}/open", headers=right).json()["message"].endswith("forced open")
    assert registry[name].state == "forced_open"
    assert client.post(f"{path}/reset").status_code == 401
    assert client.post(f"{path}/reset", headers={**right, "sec-fetch-site": "cross-site"}).status_code == 403
    assert registry[name].state == "forced_open"
    assert client.post(f"{path}/reset", headers=right).status_code == 200
    assert registry[name].state == "closed"
    assert client.post(f"{path}/explode", headers=right).status_code == 404
    assert client.post("/admin/circuit-breakers/other/reset", headers=right).status_code == 404
    assert client.get(f"{path}/open", headers=right).status_code == 405


@pytest.mark.parametrize("dependencies", [[], (), None, "secret"])
def test_admin_routes_are_not_made_without_authorisation(dependencies):
    with pytest.raises(ConfigurationError, match="dependencies"):
        admin_router(dependencies=dependencies)


def test_bad_limits_are_refused_when_they_are_given_and_not_with_the_first_request():
    with pytest.raises(ConfigurationError, match="max_keys"):
        protect(FastAPI(), max_keys=0)


def test_limits_around_the_whole_application():
    app = FastAPI()

    @app.get("/")
    def root():
        return "ok"

    client = TestClient(protect(app, rate_limit=per(1, seconds=60)))
    assert [client.get("/").status_code for _ in range(2)] == [200, 429]


def test_the_routes_are_documented(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/health", "/ready", "/health/circuit-breakers"} <= paths.keys()
    assert "/admin/circuit-breakers/{name}/{action}" in paths


@pytest.mark.parametrize("module", ["fastapi", "flask", "django"])
def test_without_the_framework_the_error_says_what_to_install(module):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "try:\n"
        f"    import trifuse.contrib.{module}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f"pip install 'trifuse[{module}]'" in told
