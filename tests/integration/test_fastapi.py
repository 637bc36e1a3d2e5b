# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded route functions of FastAPI: their signatures are read, and each worker's breakers work."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def shop(serve):
    return serve("-m", "shop", "1", "{port}")


def test_paths_queries_and_dependencies_reach_a_guarded_route(shop):
    answer = shop.get("/items/7?limit=3", headers={"Authorization": "ada"}).json()
    assert (answer["item"], answer["limit"], answer["who"]) == (7, 3, "ada")
    assert shop.get("/items/seven").status_code == 422
    assert shop.get("/state").json()["items"] == ["closed", 1, 0, 0]


def test_the_schema_shows_the_parameters_of_the_function_under_the_guard(shop):
    paths = shop.get("/openapi.json").json()["paths"]
    route = paths["/items/{item}"]["get"]
    assert {(p["name"], p["in"], p["required"]) for p in route["parameters"]} == {
        ("item", "path", True), ("limit", "query", False), ("authorization", "header", False),
    }  # fmt: skip
    assert route["description"] == "Find an item."
    parameters = paths["/orders/{order}"]["get"]["parameters"]
    assert [p["name"] for p in parameters] == ["order", "broken"]


def test_failures_of_a_route_open_its_circuit_and_the_client_is_told_when_to_come_again(shop):
    statuses = [shop.get("/orders/1?broken=true").status_code for _ in range(4)]
    assert statuses == [502, 502, 503, 503]
    told = shop.get("/orders/1").json()
    assert told["refused"] == "orders"
    assert 0 < told["retry_after"] <= 60
    assert shop.get("/items/1").status_code == 200


def test_each_worker_of_uvicorn_has_a_breaker_of_its_own_that_works(serve):
    client = serve("-m", "shop", "2", "{port}")
    opened, end = set(), time.monotonic() + 15
    while len(opened) < 2 and time.monotonic() < end:
        client.close()  # a new connection: any worker may take it
        with type(client)(base_url=client.base_url, timeout=5) as fresh:
            pid = fresh.get("/items/1").json()["pid"]
            if pid in opened:
                continue
            assert fresh.get("/state").json()["pid"] == pid
            assert [fresh.get("/orders/1?broken=true").status_code for _ in range(3)] == [502, 502, 503]
            assert fresh.get("/state").json()["orders"] == ["open", 0, 2, 1]
            opened.add(pid)
    assert len(opened) == 2
