# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: corners that a change could break without anybody noticing."""

from __future__ import annotations

import contextlib
import io
import pathlib
import socket
import subprocess
import sys
import threading
import time

import httpx2
import openai
import pytest
from pydantic import BaseModel
from trifuse import CircuitBreakerOpenError, RequestTimeoutError, RetriesExhausted, Retry
from trifuse.contrib._protect.attempts import attempt_sync
from trifuse.contrib._protect.bodies import sendable
from trifuse.contrib.openai import protect, protection
from trifuse.testing import disabled
from trifuse.testing.chaos import ChaosServer, answer, drip, hang, quota, status

ASKED = [{"role": "user", "content": "Hi"}]
ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def side(diagonal):
    return diagonal


class City(BaseModel):
    name: str


def parse(side):
    return side.run(side.client.chat.completions.parse(model="m", messages=ASKED, response_format=City))


def test_a_spent_quota_is_not_retried_and_opens_the_circuit_for_long(side):
    side.protect(retry=2, quota_open_duration=120)
    side.server.default = quota()
    with pytest.raises(side.sdk.APIStatusError):
        side.call()
    assert len(side.server.requests) == 1
    with pytest.raises(CircuitBreakerOpenError) as caught:
        side.call()
    assert 110 < caught.value.retry_after <= 120


def test_a_copy_of_a_protected_client_ends_calls_in_time_too(side, wait_until):
    side.protect(request_timeout=0.25)
    side.server.script(drip(20))
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        side.call(side.client.with_options(timeout=60).copy())
    assert time.monotonic() - begun < 1.5
    wait_until(lambda: side.server.requests[0].left)


def test_a_call_in_a_thread_is_ended_there_as_well(chaos_server, wait_until):
    chaos_server.script(drip(20))
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url) as made:
        client = protect(made, registry=None, thread=True, request_timeout=0.25, retry=None)
        with pytest.raises(RequestTimeoutError):
            client.chat.completions.create(model="m", messages=ASKED)
        wait_until(lambda: chaos_server.requests[0].left)


def test_a_connection_that_was_used_before_is_ended_in_time_too(side, wait_until):
    side.protect(request_timeout=0.25)
    side.server.script(answer("first"), hang())
    assert side.ask() == "first"
    with pytest.raises(RequestTimeoutError):
        side.call()
    wait_until(lambda: side.server.requests[1].left)


def test_a_page_that_is_named_by_its_whole_address_is_guarded(side):
    side.protect()
    side.run(side.client.get(f"{side.server.url}/v1/models", cast_to=object))
    assert side.module.describe(side.client)["seen_unguarded"] == []


def test_a_body_that_is_used_up_when_it_is_sent_is_sent_once(openai_side):
    side = openai_side
    side.protect(retry=2)
    side.server.default = status(500)
    content = pieces() if side.asynchronous else io.BytesIO(BODY)
    with pytest.raises(openai.InternalServerError):
        side.run(side.client.post("/chat/completions", content=content, cast_to=object))
    assert len(side.server.requests) == 1
    assert side.counts == (0, 1, 0)


BODY = b'{"model": "m", "messages": []}'


async def pieces():
    yield BODY


def test_a_text_that_is_of_the_form_asked_for_is_parsed(openai_side):
    side = openai_side
    side.protect(fallback='{"name": "Oslo"}')
    side.server.default = status(500)
    assert parse(side).choices[0].message.parsed == City(name="Oslo")


def test_a_text_that_is_not_is_given_as_it_is(openai_side):
    side = openai_side
    side.protect(fallback="Sorry")
    side.server.default = status(500)
    assert side.text(parse(side)) == "Sorry"


def test_an_answer_that_ran_out_of_length_is_not_counted_when_it_is_parsed(openai_side):
    side = openai_side
    side.protect(retry=2)
    side.server.default = answer("{", finish_reason="length")
    with pytest.raises(openai.LengthFinishReasonError):
        parse(side)
    assert len(side.server.requests) == 1
    assert side.counts == (0, 0, 1)


def test_a_retry_that_says_so_tells_that_it_gave_up(side):
    side.protect(retry=Retry(max_retries=1, delay=0.001, raise_exhausted=True))
    side.server.default = status(500)
    with pytest.raises(RetriesExhausted) as caught:
        side.call()
    assert isinstance(caught.value.last_error, side.sdk.InternalServerError)


def test_attempts_share_their_key_and_bodies_are_not_changed(openai_side):
    side = openai_side
    side.protect()
    body = {"model": "m", "messages": ({"a": number} for number in range(2)), "tools": [{"x": (1, 2)}]}
    kind = openai._models.FinalRequestOptions
    made = sendable(kind.construct(method="post", url="/x", json_data=body), side.client)
    assert made.json_data["messages"] == [{"a": 0}, {"a": 1}]
    assert made.json_data["tools"] is body["tools"]
    assert made.idempotency_key
    assert made.max_retries == 0
    assert sendable(kind.construct(method="get", url="/x"), side.client).idempotency_key is None


def test_with_everything_switched_off_calls_go_through_as_they_are(side):
    side.protect(rpm=1, max_wait=0, retry=2)
    side.breaker.force_open()
    with disabled():
        assert side.ask() == side.ask() == "hello"
        side.server.script(status(500))
        with pytest.raises(side.sdk.InternalServerError):
            side.call()
    assert len(side.server.requests) == 3


def test_all_methods_that_are_said_to_be_guarded_are_there(side):
    side.protect()
    told = side.module.describe(side.client)
    known = {call for operation in protection(side.client).provider.operations for call in operation.calls}
    assert set(told["guarded"]) == known
    assert not known & set(told["passed_through"])


def test_the_example_answers_through_an_outage():
    with ChaosServer(default=status(500)) as server:
        command = [sys.executable, str(ROOT / "examples" / "llm" / "ask.py"), "--base-url", server.openai_url]
        done = subprocess.run(
            [*command, "hello", "What is a fuse?"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert "I answer from a list" in done.stdout
    assert "Please ask again in a minute." in done.stdout
    assert "(rules)" in done.stderr


@pytest.fixture
def proxy(chaos_server):
    """A proxy that passes everything on to the server; give its address."""
    target = chaos_server.url.removeprefix("http://").split(":")
    listener, open_ = socket.create_server(("127.0.0.1", 0)), []

    def pump(source, sink, cut):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data.replace(cut, b""))
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                ends = [listener.accept()[0], socket.create_connection((target[0], int(target[1])))]
                open_.extend(ends)
                for source, sink in (ends, reversed(ends)):
                    work = (source, sink, chaos_server.url.encode())
                    threads.append(threading.Thread(target=pump, args=work, daemon=True))
                    threads[-1].start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for each in (listener, *open_):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
    for thread in threads:
        thread.join(5)


def test_calls_through_a_proxy_are_ended_in_time(chaos_server, proxy, wait_until):
    chaos_server.script(drip(20), answer("between"), drip(20))
    with httpx2.Client(proxy=proxy, timeout=20) as http:
        client = openai.OpenAI(api_key="k", base_url=chaos_server.openai_url, http_client=http)
        guarded = protect(client, registry=None, request_timeout=0.25, retry=None)
        for times_out in (True, False, True):
            if not times_out:
                assert guarded.chat.completions.create(model="m", messages=[]).choices
                continue
            begun = time.monotonic()
            with pytest.raises(RequestTimeoutError):
                guarded.chat.completions.create(model="m", messages=[])
            assert time.monotonic() - begun < 1.5
    wait_until(lambda: chaos_server.requests[2].left)


def test_a_full_pool_is_told_from_a_slow_service_however_late_it_is(openai_side):
    side = openai_side
    side.protect(request_timeout=0.01)
    guard = next(guard for guard in protection(side.client).guards if guard.name == side.name)

    def send():
        time.sleep(0.03)
        raise openai.APITimeoutError(request=None) from httpx2.PoolTimeout("full")

    with pytest.raises(openai.APITimeoutError):
        attempt_sync(guard, send, lambda result, _attempt: result)
