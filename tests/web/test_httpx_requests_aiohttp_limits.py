# SPDX-License-Identifier: MIT OR Apache-2.0
"""The limits of all HTTP clients' guards: places, rates, times, hosts; with the real clients."""

from __future__ import annotations

import time

import pytest
from trifuse import (
    BulkheadFullError,
    ConfigurationError,
    RateLimitedError,
    RequestTimeoutError,
    deadline,
    per,
    registry,
)
from trifuse.testing.chaos import answer, hang, raw, status

pytestmark = pytest.mark.end_to_end
DRIP = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *[b"x"] * 100, gap=0.05)
QUICK = {"retry": {"delay": 0.001}}


def to(server, code=302):
    return raw(f"HTTP/1.1 {code} Found\r\nlocation: {server.url}/there\r\ncontent-length: 0\r\n\r\n".encode())


def test_a_place_is_held_until_the_body_is_closed(client, server):
    one = client(bulkhead=1)
    server.script(DRIP)
    close = one.open(server.url)
    with pytest.raises(BulkheadFullError) as caught:
        one.get(server.url)
    assert isinstance(caught.value, one.errors)
    assert server.count == 1
    close()
    assert one.get(server.url)[0] == 200
    assert one.counts() == (1, 0, 0, 2)  # neither what was closed nor what was refused says anything
    (places,) = one.guard.hosts.places.values()
    assert places.in_flight == 0


def test_an_adaptive_limit_moves_with_what_becomes_of_requests(client, server):
    one = client(adaptive_limit={"algorithm": "aimd", "limit": 10}, retry=False)
    server.script(status(500), status(404))
    for _ in range(2):
        one.get(server.url)
    (limit,) = one.guard.hosts.places.values()
    seen = limit.snapshot()
    assert (seen.limit, seen.failures, seen.released, seen.in_flight) == (9, 1, 2, 0)


def test_a_rate_is_kept_for_each_server(client, server, other_server):
    one = client(rate_limit=per(2, minutes=1))
    assert [one.get(server.url)[0] for _ in range(2)] == [200, 200]
    with pytest.raises(RateLimitedError) as caught:
        one.get(server.url)
    assert (caught.value.requested, caught.value.available) == (1, 0)
    assert 29 < caught.value.retry_after <= 30
    assert one.get(other_server.url)[0] == 200
    assert server.count == 2


def test_a_stall_before_the_head_ends_at_the_request_timeout_and_counts(client, server):
    one = client(request_timeout=0.15, retry=False)
    server.script(hang())
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        one.get(server.url)
    assert 0.14 < time.monotonic() - began < 1.2
    assert caught.value.setting == "request_timeout"
    assert isinstance(caught.value, one.errors)
    assert one.counts() == (0, 1, 1, 0)


def test_an_attempt_that_took_too_long_is_made_again(client, server):
    one = client(request_timeout=0.15, **QUICK)
    server.script(hang())
    assert one.get(server.url)[0] == 200
    assert one.counts() == (1, 1, 1, 0)


def test_the_request_timeout_is_none_of_the_body(client, server):
    one = client(request_timeout=0.15)
    server.script(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n", *[b"x"] * 6, gap=0.05))
    assert one.get(server.url) == (200, b"xxxxxx")
    assert one.counts() == (1, 0, 0, 0)


@pytest.mark.parametrize("step", ["stall", "drip", "silence", "unsized"])
def test_the_total_time_ends_a_request_wherever_it_is(client, server, step):
    quiet = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=hang())
    unsized = raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"x", then=hang())
    one = client(total_timeout=0.2, retry=False)
    server.script({"unsized": unsized, "stall": hang(), "drip": DRIP, "silence": quiet}[step])
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        one.get(server.url)
    assert 0.19 < time.monotonic() - began < 0.7
    assert (caught.value.setting, caught.value.limit) == ("total_timeout", 0.2)
    assert isinstance(caught.value, one.errors)
    assert one.counts() == (0, 1, 1, 0)


def test_the_total_time_is_that_of_all_hops_and_attempts(client, server, other_server):
    one = client(
        total_timeout=0.8, retry={"max_retries": 50, "delay": 0.3, "strategy": "fixed", "jitter": "none"}
    )
    server.script(to(other_server))
    other_server.default = status(503)
    began = time.monotonic()
    assert one.get(server.url)[0] == 503  # no retry begins that would not end in time
    assert time.monotonic() - began < 0.9
    assert other_server.count == 3


def test_the_callers_deadline_ends_a_request_and_is_no_failure_of_the_service(client, server):
    one = client(retry=False)
    server.script(hang())
    began = time.monotonic()
    if one.asynchronous:

        async def get():
            send = one._send_aiohttp if one.library == "aiohttp" else one._send_async
            async with deadline(0.15):
                await send("GET", server.url, None, None)

        with pytest.raises(RequestTimeoutError) as caught:
            one.call(get)
    else:
        with pytest.raises(RequestTimeoutError) as caught, deadline(0.15):
            one.get(server.url)
    assert time.monotonic() - began < 1
    assert caught.value.setting == "deadline"
    assert one.counts() == (0, 0, 0, 1)


def test_a_function_may_say_what_is_a_failure(client, server):
    one = client(failure_if=lambda response: response.headers.get("x-broken") == "yes", retry=False)
    server.script(status(500), answer(headers={"x-broken": "yes"}))
    assert one.get(server.url)[0] == 500
    assert one.get(server.url)[0] == 200
    assert one.counts() == (1, 1, 0, 0)


def test_a_function_may_say_whose_policies_a_request_uses(client, server):
    one = client(key=lambda request: request.method)
    one.get(server.url)
    one.send("DELETE", server.url)
    assert list(one.guard.hosts.breakers) == ["GET", "DELETE"]


def test_no_more_hosts_than_allowed_have_policies(client, server):
    keys = iter(range(10_000))
    one = client(key=lambda _: f"h{next(keys)}", max_hosts=3, bulkhead=2, rate_limit=1000)
    for _ in range(20):
        assert one.get(server.url)[0] == 200
    hosts = one.guard.hosts
    assert list(hosts.breakers) == ["h17", "h18", "h19"]
    assert (len(hosts.rate_limits), len(hosts.places), len(registry)) == (3, 3, 3)
    assert hosts.breakers.evictions == hosts.places.evictions == 17


def test_a_client_is_guarded_once(client):
    one = client()
    with pytest.raises(ConfigurationError, match="not guarded yet"):
        one.call(lambda: one.contrib.protect(one.client))
    for asked in (one.contrib.protect, one.contrib.guard_of):
        with pytest.raises(ConfigurationError):
            asked(object())


def test_the_settings_are_told(client):
    one = client(preset="llm", rate_limit=per(10, seconds=1), bulkhead=7, total_timeout=9, name="told")
    told = one.guard.describe()
    assert told["circuit_breaker"] == {"preset": "llm", "failure_rate_threshold": 1.0}
    assert (told["name"], told["total_timeout"], told["max_hosts"]) == ("told", 9.0, 1024)
    assert told["retry"]["max_retries"] == 2
    assert told["places"]["limit"] == 7
    assert told["rate_limit"]["rate"] == {"permits": 10, "period": 1.0} or "rate" in told["rate_limit"]


def test_two_hops_that_are_each_in_time_and_together_are_not(client, server, other_server):
    one = client(total_timeout=0.3, retry=False)
    server.script(status(302, headers={"location": f"{other_server.url}/"}, after=0.2))
    other_server.script(answer(after=0.2))
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        one.get(server.url)
    assert time.monotonic() - began < 0.6
    assert caught.value.setting == "total_timeout"
    assert isinstance(caught.value, one.errors)
