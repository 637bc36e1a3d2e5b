# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of requests: every way to read a body, bodies that are files, adapters, time limits."""

from __future__ import annotations

import gzip
import io
import shutil
import time

import pytest
import requests
import urllib3
from trifuse import CircuitBreakerOpenError, ConfigurationError, RefusedError, RequestTimeoutError
from trifuse.contrib.requests import GuardedAdapter, guard_of, protect
from trifuse.testing.chaos import answer, hang, raw, reset, status

pytestmark = pytest.mark.end_to_end
QUIET = {"failure_rate_threshold": 1.0, "retry": False, "bulkhead": 5}
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = raw(CHUNKED, b"4\r\none\n\r\n", b"4\r\ntwo\n\r\n", b"0\r\n\r\n")
BROKEN = raw(CHUNKED, b"4\r\none\n\r\n", b"4\r\ntw", then=reset(after=0.02))
SIZED = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n", b"one\n", b"two\n")


def read_all_raw(response):
    parts = []
    while part := response.raw.read(3):
        parts.append(part)
    return b"".join(parts)


def read_into(response):
    buffer, parts = bytearray(3), []
    while count := response.raw.readinto(buffer):
        parts.append(bytes(buffer[:count]))
    return b"".join(parts)


def copied(response):
    target = io.BytesIO()
    shutil.copyfileobj(response.raw, target)
    return target.getvalue()


WAYS = {
    "content": lambda response: response.content,
    "iter_content": lambda response: b"".join(response.iter_content(3)),
    "iter_lines": lambda response: b"\n".join(response.iter_lines()) + b"\n",
    "raw.read()": lambda response: response.raw.read(),
    "raw.read(n)": read_all_raw,
    "raw.readinto": read_into,
    "raw.stream": lambda response: b"".join(response.raw.stream(3)),
    "raw lines": lambda response: b"".join(response.raw),
    "copyfileobj": copied,
    "raw.data": lambda response: response.raw.data,
}


@pytest.fixture
def session():
    with protect(requests.Session(), **QUIET) as session:
        yield session


def counts(session):
    (breaker,) = guard_of(session).hosts.breakers.values()
    (places,) = guard_of(session).hosts.places.values()
    seen = breaker.snapshot()
    return seen.successes, seen.failures, seen.ignored, places.in_flight


@pytest.mark.parametrize("step", [WHOLE, SIZED], ids=["chunked", "sized"])
@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_was_read_to_its_end_is_a_success_however_it_is_read(session, server, way, step):
    server.script(step)
    with session.get(server.url, stream=True) as response:
        assert counts(session) == (0, 0, 0, 1)
        assert WAYS[way](response) == b"one\ntwo\n"
        assert counts(session) == (1, 0, 0, 0)
    assert counts(session) == (1, 0, 0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_breaks_is_a_failure_however_it_is_read(session, server, way):
    server.script(BROKEN)
    with (
        session.get(server.url, stream=True) as response,
        pytest.raises((requests.RequestException, urllib3.exceptions.HTTPError)),
    ):
        WAYS[way](response)
    assert counts(session) == (0, 1, 0, 0)


def test_a_compressed_body_is_read_as_before(session, server):
    data = gzip.compress(b"word " * 1000)
    headers = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(data)}\r\n\r\n"
    server.script(raw(headers.encode(), data))
    assert session.get(server.url).text == "word " * 1000
    assert counts(session) == (1, 0, 0, 0)


def test_the_raw_answer_looks_like_urllib3s(session, server):
    with session.get(server.url, stream=True) as response:
        assert isinstance(response.raw, urllib3.HTTPResponse)
        assert response.raw.status == 200
        assert response.raw.headers["content-type"] == response.headers["content-type"]
    assert counts(session) == (0, 0, 1, 0)


def test_cookies_of_an_answer_are_kept(session, server):
    server.script(answer(headers={"set-cookie": "a=b"}))
    session.get(server.url)
    session.get(server.url)
    assert server.requests[-1].headers["cookie"] == "a=b"


def test_a_file_is_sent_again_from_where_it_began(server):
    with protect(requests.Session(), retry={"delay": 0.001}) as session:
        file = io.BytesIO(b"skipped" + b'{"n": 1}')
        file.seek(7)
        server.script(status(503), status(503))
        assert session.put(server.url, data=file).status_code == 200
    assert [request.body for request in server.requests] == [{"n": 1}] * 3


def test_urllib3_makes_no_requests_again_of_its_own(server):
    adapter = requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(5, status_forcelist=[503]))
    with requests.Session() as session:
        session.mount("http://", GuardedAdapter(adapter, retry=1))
        server.default = status(503)
        assert session.get(server.url).status_code == 503
    assert server.count == 2


def test_an_adapter_guards_what_it_is_mounted_for(server, other_server):
    with requests.Session() as session:
        guarding = GuardedAdapter(consecutive_failures=1, retry=False)
        session.mount(server.url, guarding)
        server.default = other_server.default = status(500)
        session.get(server.url)
        for _ in range(3):
            assert session.get(other_server.url).status_code == 500
        with pytest.raises(CircuitBreakerOpenError) as caught:
            session.get(server.url)
        assert isinstance(caught.value, requests.RequestException)
        assert caught.value.request.url.startswith(server.url)
        assert caught.value.response is None
    assert guarding.snapshot()[server.url]["circuit_breaker"].refused_open == 1
    assert guarding.describe()["hosts"] == [server.url]
    assert guarding.poolmanager is guarding.adapter.poolmanager


@pytest.mark.parametrize("timeout", [0.15, (5, 0.15), urllib3.Timeout(connect=5, read=0.15)], ids=repr)
def test_a_shorter_timeout_of_a_call_is_kept_and_is_requests_own(session, server, timeout):
    server.script(hang())
    with pytest.raises(requests.ReadTimeout) as caught:
        session.get(server.url, timeout=timeout)
    assert not isinstance(caught.value, RequestTimeoutError)
    assert counts(session) == (0, 1, 0, 0)


def test_the_guards_timeout_is_a_timeout_of_requests_as_well(server):
    with protect(requests.Session(), request_timeout=0.15, retry=False) as session:
        server.script(hang())
        began = time.monotonic()
        with pytest.raises(requests.Timeout) as caught:
            session.get(server.url, timeout=30)
        assert time.monotonic() - began < 1
    assert isinstance(caught.value, RequestTimeoutError)
    assert isinstance(caught.value, TimeoutError)


def test_the_total_time_ends_a_body_that_is_read_slowly_by_the_raw_answer(server):
    with protect(requests.Session(), total_timeout=0.2, **QUIET) as session:
        server.script(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=hang()))
        response = session.get(server.url, stream=True)
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            response.raw.read()
        assert time.monotonic() - began < 0.7
        assert counts(session) == (0, 1, 0, 0)
        response.close()


def test_an_answer_in_place_of_a_refusal(server):
    with protect(requests.Session(), initial_state="open", refusals="respond") as session:
        response = session.get(server.url)
        assert response.status_code == 503
        assert 29 < float(response.headers["retry-after"]) <= 30
        assert response.json()["error"]["code"] == "open"
        assert isinstance(response.refusal, RefusedError)
        with pytest.raises(requests.HTTPError):
            response.raise_for_status()
    assert server.count == 0


def test_hooks_and_authentication_see_what_they_saw_before(session, server):
    seen = []
    server.script(status(401), answer())
    session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
    session.auth = ("user", "secret")
    session.get(server.url)
    session.get(server.url)
    assert seen == [401, 200]
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_a_guard_is_given_alone(server):
    first = GuardedAdapter()
    with pytest.raises(ConfigurationError, match="nothing beside"):
        GuardedAdapter(guard=first.guard, bulkhead=1)
    assert GuardedAdapter(guard=first.guard).guard is first.guard
    first.close()


def test_a_body_of_which_exactly_all_was_read_is_a_success(session, server):
    server.script(SIZED)
    response = session.get(server.url, stream=True)
    assert response.raw.read(8) == b"one\ntwo\n"
    response.close()
    assert counts(session) == (1, 0, 0, 0)
