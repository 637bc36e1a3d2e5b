# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the transports of httpx do besides: forms, threads, errors of users, everything switched off."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import httpx
import httpx2
import pytest
from trifuse import (
    CircuitBreakerOpenError,
    HalfOpenLimitError,
    RefusedError,
    RequestTimeoutError,
    RetriesExhausted,
    testing,
)
from trifuse.contrib.httpx import GuardedTransport, guard_of, protect
from trifuse.testing.chaos import answer, hang, raw, status

URL = "http://example.org/"


def only(keyed):
    (one,) = keyed.values()
    return one


def held(guard):
    """Give what is held: of the breaker, of the places."""
    from trifuse._permits import handle_of

    breaker = only(guard.hosts.breakers)
    return handle_of(breaker._memory).in_flight, only(guard.hosts.places).in_flight


def test_a_forgotten_answer_gives_its_place_back():
    def answer(_):
        return httpx.Response(200, stream=Endless())

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            yield b"x"

    with protect(httpx.Client(transport=httpx.MockTransport(answer)), bulkhead=1) as client:
        for _ in range(3):
            response = client.send(client.build_request("GET", URL), stream=True)
            del response
            gc.collect()
        assert held(guard_of(client)) == (0, 0)
        assert only(guard_of(client).hosts.breakers).snapshot().ignored == 3


def test_proxies_and_mounts_are_guarded_too(server):
    client = httpx.Client(mounts={"http://": httpx.HTTPTransport()})
    with protect(client, name="mounted", consecutive_failures=1, retry=False) as client:
        server.script(status(500))
        client.get(server.url)
        with pytest.raises(CircuitBreakerOpenError):
            client.get(server.url)
    assert server.count == 1


def test_an_answer_in_place_of_a_refusal_says_when_to_come_back():
    sending = httpx.MockTransport(lambda _: httpx.Response(503))
    with protect(
        httpx.Client(transport=sending), consecutive_failures=1, retry=False, refusals="respond"
    ) as client:
        client.get(URL)
        response = client.get(URL)
    assert response.status_code == 503
    assert 29 < float(response.headers["retry-after"]) <= 30
    assert response.json()["error"]["code"] == "open"
    assert isinstance(response.extensions["trifuse"], RefusedError)


def test_with_everything_switched_off_requests_pass():
    sending = httpx.MockTransport(lambda _: httpx.Response(500))
    with protect(httpx.Client(transport=sending), initial_state="forced_open", bulkhead=1, retry=5) as client:
        with testing.disabled():
            assert client.get(URL).status_code == 500
        with pytest.raises(RefusedError):
            client.get(URL)


def test_a_guard_may_be_shared_by_several_transports():
    sending = httpx.MockTransport(lambda _: httpx.Response(200))
    first = GuardedTransport(sending, bulkhead=1)
    second = GuardedTransport(sending, guard=first.guard)
    with httpx.Client(transport=first) as one, httpx.Client(transport=second) as other:
        one.get(URL)
        other.get(URL)
    assert first.describe() == second.describe()
    assert first.snapshot()["http://example.org:80"]["circuit_breaker"].successes == 2
    with pytest.raises(ValueError, match="nothing beside"):
        GuardedTransport(sending, guard=first.guard, bulkhead=1)


def test_the_functions_of_a_user_that_raise_are_seen_and_leave_nothing_held():
    def broken(_):
        raise LookupError("mine")

    sending = httpx.MockTransport(lambda _: httpx.Response(200))
    with protect(httpx.Client(transport=sending), key=broken) as client, pytest.raises(LookupError):
        client.get(URL)
    with protect(httpx.Client(transport=broken_transport()), name="other", bulkhead=1) as client:
        with pytest.raises(ZeroDivisionError):
            client.get(URL)
        assert held(guard_of(client)) == (0, 0)


def broken_transport():
    def fails(_):
        return 1 / 0

    return httpx.MockTransport(fails)


def test_an_error_of_ours_is_not_held_by_the_frames_that_raised_it():
    sending = httpx.MockTransport(lambda _: httpx.Response(200))
    with protect(httpx.Client(transport=sending), initial_state="forced_open") as client:
        gc.collect()
        gc.disable()
        try:
            try:
                client.get(URL)
            except RefusedError as error:
                seen = weakref.ref(error)
            assert seen() is None
        finally:
            gc.enable()


def test_many_threads_get_exactly_the_probes_that_are_allowed():
    count, lock, gate = [0], threading.Lock(), threading.Barrier(40)

    def answer(_):
        with lock:
            count[0] += 1
        gate_passed.wait(5)
        return httpx.Response(200)

    gate_passed = threading.Event()
    refused = []
    sending = httpx.MockTransport(answer)
    with protect(httpx.Client(transport=sending), initial_state="half_open", half_open_max_calls=2) as client:

        def run():
            gate.wait(5)
            try:
                client.get(URL)
            except HalfOpenLimitError as error:
                refused.append(error)
                if len(refused) == 38:
                    gate_passed.set()

        threads = [threading.Thread(target=run) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (count[0], len(refused)) == (2, 38)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_sync_or_async_client_of_the_other_module_is_refused(asynchronous):
    other = httpx2.AsyncClient() if asynchronous else httpx2.Client()
    with pytest.raises(ValueError, match="httpx"):
        protect(other)
    if not asynchronous:
        other.close()


def test_a_slow_consumer_is_no_timeout_of_the_service(server):
    with protect(httpx.Client(), request_timeout=0.1) as client:
        with client.stream("GET", server.url) as response:
            threading.Event().wait(0.2)
            response.read()
        assert only(guard_of(client).hosts.breakers).snapshot().timeouts == 0


def test_the_wait_of_a_retry_ends_with_the_total_time():
    sending = httpx.MockTransport(lambda _: httpx.Response(503))
    with testing.virtual_clock():
        retry = {"delay": 10, "strategy": "fixed", "jitter": "none", "max_retries": 9}
        with protect(httpx.Client(transport=sending), retry=retry, total_timeout=25) as client:
            assert client.get(URL).status_code == 503
            assert only(guard_of(client).hosts.breakers).snapshot().failures == 3
            assert not isinstance(client.get(URL), RequestTimeoutError)


def test_one_request_may_be_on_its_way_several_times(server):
    request = httpx.Request("GET", server.url, extensions={"timeout": {"read": 7}})
    server.default = answer(after=0.1)

    async def main():
        async with protect(httpx.AsyncClient(), request_timeout=0.3, total_timeout=5) as client:
            for _ in range(2):
                responses = await asyncio.gather(*[client.send(request) for _ in range(5)])
                assert {response.status_code for response in responses} == {200}
                await asyncio.sleep(0.25)

    asyncio.run(main())
    assert request.extensions == {"timeout": {"read": 7}}
    assert type(request.extensions["timeout"]) is dict
    assert server.count == 10


def test_exhausted_retries_tell_the_last_answer_and_hold_nothing(server):
    server.default = status(503)
    retry = {"max_retries": 1, "delay": 0.001, "raise_exhausted": True}
    with protect(httpx.Client(), retry=retry, bulkhead=1) as client:
        for _ in range(2):
            with pytest.raises(RetriesExhausted) as caught:
                client.get(server.url)
            assert caught.value.last_result.status_code == 503
            assert caught.value.last_result.is_closed
        assert held(guard_of(client)) == (0, 0)


def test_an_answer_that_comes_too_late_is_given_and_is_a_timeout():
    def slow(_):
        time.sleep(0.03)
        return httpx.Response(200)

    with protect(
        httpx.Client(transport=httpx.MockTransport(slow)), request_timeout=0.01, retry=False
    ) as client:
        assert client.get(URL).status_code == 200
        seen = only(guard_of(client).hosts.breakers).snapshot()
    assert (seen.successes, seen.failures, seen.timeouts) == (0, 1, 1)


def test_a_body_whose_connection_cannot_be_ended_ends_between_two_chunks():
    class Dripping(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(100):
                time.sleep(0.01)
                yield b"x"

    sending = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    with protect(httpx.Client(transport=sending), total_timeout=0.1) as client:
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            client.get(URL)
        assert time.monotonic() - began < 0.5


def test_a_body_that_stalls_late_ends_when_the_time_is_over_and_not_a_read_later(server):
    server.script(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", gap=0.4, then=hang()))
    with protect(httpx.Client(), total_timeout=0.5) as client:
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            client.get(server.url)
        assert 0.49 < time.monotonic() - began < 0.87


def test_a_mistake_of_the_caller_is_not_sent_again():
    sent = []

    def mistaken(request):
        sent.append(request)
        raise httpx.UnsupportedProtocol("no such thing")

    with protect(httpx.Client(transport=httpx.MockTransport(mistaken)), retry={"delay": 0.001}) as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            client.get(URL)
        assert only(guard_of(client).hosts.breakers).snapshot().ignored == 1
    assert len(sent) == 1
