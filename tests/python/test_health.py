# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-22.
"""Health: checks side by side, each in its time, and the breakers as components."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest
import trio
from trifuse import CircuitBreaker, CircuitBreakerRegistry, ConfigurationError
from trifuse.health import CheckResult, Health, Status

_names = itertools.count()
BOTH = pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])


def health_of(checks=None, **settings):
    return Health(checks=checks, **{"breakers": None, **settings})


def only(report):
    (result,) = report.checks
    return result


def failing():
    raise ConnectionError("password=hunter2")


def test_a_service_without_checks_is_healthy_and_tells_version_and_uptime():
    report = Health(version="1.4.2", breakers=None).report()
    told = report.as_dict()
    assert told.pop("uptime_seconds") >= 0
    assert told == {"status": "healthy", "version": "1.4.2", "checks": []}


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        (None, "healthy", ""),
        (True, "healthy", ""),
        (False, "unhealthy", "the check said no"),
        ("degraded", "degraded", ""),
        ((Status.DEGRADED, "slow"), "degraded", "slow"),
        (CheckResult("other name", Status.UNHEALTHY, "gone"), "unhealthy", "gone"),
        (7, "unhealthy", "the check returned a int, not a bool, a status or (status, message)"),
        ("fine", "unhealthy", "the check returned a str, not a bool, a status or (status, message)"),
    ],
)
@BOTH
def test_what_a_check_returns_is_what_the_report_says(run, given, status, message):
    async def asked():
        return given

    health = health_of({"sync": lambda: given, "async": asked})
    expected = [
        {"name": "sync", "status": status, "message": message},
        {"name": "async", "status": status, "message": message},
    ]
    assert health.report().as_dict()["checks"] == expected
    assert reported(run, health).as_dict()["checks"] == expected


def reported(run, health):
    return trio.run(health.report_async) if run is trio.run else asyncio.run(health.report_async())


@BOTH
def test_a_check_that_raises_is_unhealthy_and_its_text_is_not_told(run, caplog):
    async def failing_async():
        failing()

    health = health_of({"sync": failing, "async": failing_async})
    for report in (health.report(), reported(run, health)):
        assert report.status == "unhealthy"
        assert [check.message for check in report.checks] == ["ConnectionError", "ConnectionError"]
    assert "health check 'sync' failed" in caplog.text


def test_a_check_that_is_cancelled_by_what_it_asks_is_unhealthy_and_the_others_are_told():
    async def cancelled():
        raise asyncio.CancelledError

    async def fine():
        await asyncio.sleep(0)

    report = asyncio.run(health_of({"pool": cancelled, "other": fine}).report_async())
    assert report.checks == (("pool", "unhealthy", "was cancelled"), ("other", "healthy", ""))


@BOTH
def test_a_check_that_hangs_is_unhealthy_in_time_and_holds_one_thread(run):
    release = threading.Event()

    async def hang():
        await (trio.sleep(60) if run is trio.run else asyncio.sleep(60))

    health = health_of({"sync": release.wait, "async": hang}, timeout=0.1)
    before = threading.active_count()
    try:
        began = time.monotonic()
        report = reported(run, health)
        assert time.monotonic() - began < 5
        assert {check.message for check in report.checks} == {"did not answer within 0.1 s"}
        again = reported(run, health)
        assert again.checks[0].message.startswith("has not answered for")
        assert sum(t.name == "trifuse-health-sync" for t in threading.enumerate()) == 1
    finally:
        release.set()
    assert threading.active_count() <= before + 2


@BOTH
def test_reports_asked_for_at_the_same_time_wait_for_the_same_run_of_a_check(run):
    runs, go = [], threading.Event()

    def slow():
        runs.append(1)
        return go.wait(10)

    health = health_of({"database": slow}, timeout=10)
    found = []

    async def report():
        found.append(await health.report_async())

    async def together():
        if run is trio.run:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(report)
                await trio.sleep(0.05)
                go.set()
        else:
            tasks = [asyncio.create_task(report()) for _ in range(3)]
            await asyncio.sleep(0.05)
            go.set()
            await asyncio.gather(*tasks)

    trio.run(together) if run is trio.run else asyncio.run(together())
    assert [report.status for report in found] == ["healthy"] * 3
    assert runs == [1]
    assert health.report().status == "healthy"
    assert runs == [1, 1]


def test_threads_that_ask_at_the_same_time_wait_for_the_same_run_of_a_check():
    runs, go, found = [], threading.Event(), []

    def slow():
        runs.append(1)
        return go.wait(10)

    health = health_of({"database": slow}, timeout=10)
    threads = [threading.Thread(target=lambda: found.append(health.report().status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not runs:
        time.sleep(0.001)
    time.sleep(0.05)
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["healthy"] * 8
    assert runs == [1]


@BOTH
def test_checks_run_side_by_side(run):
    barrier = threading.Barrier(3)
    health = health_of({f"check {n}": lambda: barrier.wait(10) is not None for n in range(3)}, timeout=10)
    assert health.report().status == "healthy"
    assert reported(run, health).status == "healthy"


def test_a_check_that_is_not_critical_only_degrades_the_service():
    health = health_of()
    health.add("mail", failing, critical=False)
    assert health.report().status == "degraded"
    health.add("database", failing)
    assert health.report().status == "unhealthy"


def test_breakers_are_components_and_one_that_is_not_closed_degrades():
    registry = CircuitBreakerRegistry()
    model, payments = (registry.breaker(name) for name in ("model", "payments"))
    health = Health(breakers=registry, critical_breakers=["payments", "later"])
    assert health.report().status == "healthy"
    model.trip()
    told = health.report()
    assert (told.status, told.checks[0]) == ("degraded", ("circuit_breaker:model", "degraded", "open"))
    assert told.checks[-1] == ("circuit_breaker:later", "healthy", "not used yet")
    payments.force_open()
    assert health.report().status == "unhealthy"
    model.disable()
    payments.reset()
    assert health.report().status == "healthy"


def test_of_very_many_breakers_the_ones_cut_off_are_listed_and_the_rest_counted():
    registry = CircuitBreakerRegistry()
    for number in range(500):
        registry.breaker(f"host {number}")
    for number in range(150):
        registry[f"host {number}"].trip()
    registry["host 149"].trip()
    report = Health(breakers=registry, critical_breakers=["host 149"]).report()
    assert report.status == "unhealthy"
    assert len(report.checks) == 101
    assert report.checks[0].name == "circuit_breaker:host 149"
    assert report.checks[-1] == ("circuit_breakers", "degraded", "150 of 500 are not closed")


def test_the_registry_is_watched_unless_said_otherwise():
    name = f"watched {next(_names)}"
    CircuitBreaker(name).trip()
    assert (
        f"circuit_breaker:{name}" in {check.name for check in Health().report().checks}
        or len(Health().report().checks) > 100
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"version": 1}, "version"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 3601}, "timeout"),
        ({"checks": {"": failing}}, "name"),
        ({"checks": {"x": 1}}, "check"),
        ({"checks": []}, "checks"),
        ({"checks": 7}, "checks"),
        ({"critical_breakers": "payments"}, "critical_breakers"),
        ({"critical_breakers": b"payments"}, "critical_breakers"),
        ({"critical_breakers": [1]}, "critical_breakers"),
        ({"critical_breakers": 7}, "critical_breakers"),
        ({"breakers": [1]}, "breakers"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError) as refused:
        Health(**settings)
    assert refused.value.field == field


def test_a_name_is_taken_once():
    health = health_of({"database": failing})
    with pytest.raises(ConfigurationError, match="name='database'"):
        health.add("database", failing)
