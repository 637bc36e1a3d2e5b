# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the guards of all HTTP clients do alike, with the real clients against a server that fails as told."""

from __future__ import annotations

import pickle

import pytest
from trifuse import (
    CircuitBreakerOpenError,
    RefusedError,
    Retry,
    registry,
)
from trifuse.testing.chaos import raw, reset, status

pytestmark = pytest.mark.end_to_end
HALF = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", b"half", then=reset(after=0.05))
DRIP = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *[b"x"] * 100, gap=0.05)
QUICK = {"retry": {"delay": 0.001}}


def to(server, code=302):
    return raw(f"HTTP/1.1 {code} Found\r\nlocation: {server.url}/there\r\ncontent-length: 0\r\n\r\n".encode())


def test_a_failing_service_opens_its_circuit_and_is_left_alone(client, server):
    one = client(consecutive_failures=2, retry=False)
    server.default = status(500)
    assert [one.get(server.url)[0] for _ in range(2)] == [500, 500]
    for _ in range(3):
        with pytest.raises(CircuitBreakerOpenError) as caught:
            one.get(server.url)
    assert server.count == 2
    assert isinstance(caught.value, one.errors)
    assert 29 < caught.value.retry_after <= 30
    assert one.breaker().state == "open"
    assert one.breaker().snapshot().refused_open == 3


def test_a_refusal_is_a_plain_one_once_it_was_pickled(client, server):
    one = client(initial_state="forced_open")
    with pytest.raises(RefusedError) as caught:
        one.get(server.url)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again).__name__ == "ForcedOpenError"
    assert not isinstance(again, one.errors)
    assert str(again) == str(caught.value)
    assert again.name == one.breaker().name


def test_a_refused_connection_is_a_failure_and_raised_as_it_is(client, server):
    one = client(retry=False)
    url = server.url
    server.stop()
    with pytest.raises(one.errors) as caught:
        one.get(url)
    assert not isinstance(caught.value, RefusedError)
    assert one.counts() == (0, 1, 0, 0)


def test_mistakes_of_the_caller_are_no_outcome(client, server):
    one = client(consecutive_failures=1)
    server.script(*[status(code) for code in (400, 401, 403, 404, 422)])
    assert [one.get(server.url)[0] for _ in range(5)] == [400, 401, 403, 404, 422]
    assert one.counts() == (0, 0, 0, 5)
    assert one.get(server.url)[0] == 200
    assert one.counts() == (1, 0, 0, 5)
    assert server.count == 6


def test_each_server_has_a_breaker_of_its_own_in_the_registry(client, server, other_server):
    one = client(consecutive_failures=1, retry=False, name="api")
    server.default = status(500)
    one.get(server.url)
    one.get(other_server.url)
    assert registry[f"api[{server.url}]"].state == "open"
    assert registry[f"api[{other_server.url}]"].state == "closed"
    assert set(one.guard.describe()["hosts"]) == {server.url, other_server.url}
    assert one.guard.snapshot()[server.url]["circuit_breaker"].failures == 1


def test_a_redirect_asks_the_breaker_of_where_it_leads(client, server, other_server):
    one = client(consecutive_failures=1, retry=False)
    server.default = to(other_server)
    other_server.script(status(500))
    assert one.get(server.url)[0] == 500
    assert one.counts(server.url) == (1, 0, 0, 0)
    assert one.counts(other_server.url) == (0, 1, 0, 0)
    with pytest.raises(CircuitBreakerOpenError) as caught:
        one.get(server.url)
    assert other_server.url in caught.value.name
    assert (server.count, other_server.count) == (2, 1)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_what_may_be_sent_twice_is_sent_again_after_a_failure(client, server, method):
    one = client(**QUICK)
    server.script(status(503), status(500))
    assert one.send(method, server.url)[0] == 200
    assert server.count == 3
    assert one.counts() == (1, 2, 0, 0)


def test_a_post_is_sent_again_only_with_an_idempotency_key(client, server):
    one = client(**QUICK)
    server.script(status(503))
    assert one.send("POST", server.url, b'{"n": 1}')[0] == 503
    server.script(status(503))
    assert one.send("POST", server.url, b'{"n": 2}', {"Idempotency-Key": "k"})[0] == 200
    assert [request.body for request in server.requests] == [{"n": 1}, {"n": 2}, {"n": 2}]


def test_a_body_that_can_be_read_once_is_sent_once(client, server):
    one = client(**QUICK)
    server.script(status(503))
    items = iter([b"once"])
    content = items
    if one.library == "aiohttp":

        async def content():
            for item in items:
                yield item

        content = content()
    assert one.send("PUT", server.url, content)[0] == 503
    assert server.count == 1


def test_the_last_answer_is_given_when_there_are_no_retries_left(client, server):
    one = client(**QUICK)
    server.default = status(503)
    code, body = one.get(server.url)
    assert (code, server.count) == (503, 3)
    assert b"error" in body


def test_a_retry_around_the_client_is_the_only_one(client, server):
    one = client(**QUICK)
    server.default = status(503)
    outer = Retry(max_retries=1, delay=0.001, retry_if=lambda answered: answered[0] == 503)
    if one.asynchronous:

        async def get(url):
            send = one._send_aiohttp if one.library == "aiohttp" else one._send_async
            return await send("GET", url, None, None)

        one.call(lambda: outer.call(get, server.url))
    else:
        outer.call(one.get, server.url)
    assert server.count == 2


def test_the_server_says_when_to_come_back(client, server):
    one = client(retry={"delay": 0.001})
    server.script(status(429, headers={"retry-after": "0.15"}))
    assert one.get(server.url)[0] == 200
    first, second = (request.at for request in server.requests)
    assert 0.15 <= second - first <= 0.165 + 0.3


def test_a_server_that_wants_longer_than_that_is_not_asked_again(client, server):
    one = client(retry={"delay": 0.001, "retry_after_max": 10})
    server.script(status(429, retry_after=30))
    assert one.get(server.url)[0] == 429
    with pytest.raises(CircuitBreakerOpenError) as caught:  # the server's word opens the circuit
        one.get(server.url)
    assert 29 < caught.value.retry_after <= 30
    assert server.count == 1


def test_a_body_that_breaks_half_way_is_a_failure_and_is_not_sent_again(client, server):
    one = client(**QUICK)
    server.script(HALF)
    with pytest.raises(one.errors):
        one.get(server.url)
    assert server.count == 1
    assert one.counts() == (0, 1, 0, 0)


def test_a_body_that_is_closed_early_is_no_outcome(client, server):
    one = client()
    server.script(DRIP)
    close = one.open(server.url)
    assert one.counts() == (0, 0, 0, 0)
    close()
    assert one.counts() == (0, 0, 0, 1)


def test_an_answer_without_a_body_is_a_success_at_once(client, server):
    one = client()
    server.script(
        raw(b"HTTP/1.1 204 No Content\r\n\r\n"), raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    )
    close = one.open(server.url)
    assert one.counts() == (1, 0, 0, 0)
    close()
    close = one.open(server.url, "HEAD")
    assert one.counts() == (2, 0, 0, 0)
    close()
