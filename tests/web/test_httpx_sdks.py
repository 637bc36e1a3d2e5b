# SPDX-License-Identifier: MIT OR Apache-2.0
"""Refusals and timeouts of a guarded transport under the real SDKs, with the retries that they have by default."""

from __future__ import annotations

import asyncio
import time

import anthropic
import httpx
import httpx2
import openai
import pytest
from trifuse import CircuitBreakerOpenError, RefusedError, RequestTimeoutError
from trifuse.contrib import httpx as guards
from trifuse.contrib import httpx2 as guards2
from trifuse.testing.chaos import hang, raw, reset, status, stream

pytestmark = pytest.mark.end_to_end
WORDS = [{"role": "user", "content": "hi"}]
QUICK = {"headers": {"retry-after-ms": "1"}}


class Sdk:
    def __init__(self, kind, server, hooks, **settings):
        self.kind = kind
        legacy = kind == "openai over httpx"
        module, self.guards = (httpx, guards) if legacy else (httpx2, guards2)
        settings = {"name": kind, "failure_rate_threshold": 1.0, "respect_retry_after": False, **settings}
        if hooks:
            given = self.guards.event_hooks(**settings)
            http = module.Client(event_hooks=given, verify=False)
            self.guard = given.guard
        else:
            http = module.Client(
                transport=self.guards.GuardedTransport(module.HTTPTransport(verify=False), **settings)
            )
            self.guard = self.guards.guard_of(http)
        if kind == "anthropic":
            self.base = anthropic.AnthropicError
            self.client = anthropic.Anthropic(api_key="k", base_url=server.anthropic_url, http_client=http)
        else:
            self.base = openai.OpenAIError
            self.client = openai.OpenAI(api_key="k", base_url=server.openai_url, http_client=http)

    def ask(self, **more):
        if self.kind == "anthropic":
            return self.client.messages.create(model="m", max_tokens=9, messages=WORDS, **more)
        return self.client.chat.completions.create(model="m", messages=WORDS, **more)

    def counts(self):
        (breaker,) = self.guard.hosts.breakers.values()
        seen = breaker.snapshot()
        return seen.successes, seen.failures, seen.ignored, seen.refused_open


@pytest.fixture(params=["openai", "openai over httpx", "anthropic"])
def sdk(request, server):
    made = []

    def make(*, hooks=False, **settings):
        made.append(Sdk(request.param, server, hooks, **settings))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


@pytest.mark.parametrize("hooks", [False, True], ids=["transport", "event hooks"])
def test_a_refusal_is_asked_for_once_and_reaches_the_caller(sdk, server, hooks):
    one = sdk(hooks=hooks, consecutive_failures=3)
    server.default = status(500, **QUICK)
    with pytest.raises(one.base):
        one.ask()
    assert server.count == 3  # its own two retries, each seen by the breaker
    began = time.monotonic()
    with pytest.raises(CircuitBreakerOpenError) as caught:
        one.ask()
    assert time.monotonic() - began < 0.3
    assert isinstance(caught.value, one.base)
    assert one.counts() == (0, 3, 0, 1)
    assert server.count == 3


def test_an_answer_with_status_503_in_place_of_a_refusal_is_not_asked_for_again_either(sdk, server):
    one = sdk(initial_state="forced_open", refusals="respond")
    with pytest.raises(one.base) as caught:
        one.ask()
    assert caught.value.status_code == 503
    refusal = caught.value.response.extensions["trifuse"]
    assert isinstance(refusal, RefusedError)
    assert refusal.name in str(caught.value)
    assert server.count == 0
    (breaker,) = one.guard.hosts.breakers.values()
    assert breaker.snapshot().refused_forced_open == 1


def test_a_timeout_of_the_guard_is_not_made_again(sdk, server):
    one = sdk(request_timeout=0.2)
    server.default = hang()
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        one.ask()
    assert time.monotonic() - began < 1
    assert isinstance(caught.value, one.base)
    assert server.count == 1


def test_a_circuit_that_opens_between_the_sdks_retries_ends_them(sdk, server):
    one = sdk(consecutive_failures=1)
    server.default = status(500, **QUICK)
    with pytest.raises(CircuitBreakerOpenError):
        one.ask()
    assert server.count == 1


def test_the_sdks_retries_and_those_of_the_guard_do_not_multiply(sdk, server):
    one = sdk(retry={"delay": 0.001})
    server.default = status(500, **QUICK)
    with pytest.raises(one.base):
        one.client.models.list()
    assert server.count == 3


def test_a_stream_is_one_call_whose_end_counts(sdk, server):
    one = sdk()
    server.script(stream("a", "b"), stream("a", then=reset(after=0.05)), stream("a", "b", gap=0.05))
    for _ in one.ask(stream=True):
        pass
    assert one.counts() == (1, 0, 0, 0)
    with pytest.raises((one.base, httpx2.ReadError, httpx.ReadError)):
        for _ in one.ask(stream=True):
            pass
    assert one.counts() == (1, 1, 0, 0)
    events = one.ask(stream=True)
    next(iter(events))
    events.close()
    assert one.counts() == (1, 1, 1, 0)


def test_the_total_time_ends_a_stream_that_is_kept_alive(sdk, server):
    one = sdk(total_timeout=0.25)
    server.script(stream("a", then=hang(keep_alive=0.05)))
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        for _ in one.ask(stream=True):
            pass
    assert 0.24 < time.monotonic() - began < 1
    assert caught.value.setting == "total_timeout"
    assert one.counts() == (0, 1, 0, 0)


def test_hooks_see_a_connection_that_is_refused_and_one_that_breaks(server):
    hooks = guards.event_hooks(name="hooks", failure_rate_threshold=1.0)
    url = server.url
    with httpx.Client(event_hooks=hooks) as client:
        server.script(
            reset(), raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=reset(after=0.02))
        )
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                client.get(url)
        with server.down(), pytest.raises(httpx.ConnectError):
            client.get(url)
        assert client.get(url).status_code == 200
        assert client.get(url).elapsed.total_seconds() < 5
    (breaker,) = hooks.guard.hosts.breakers.values()
    seen = breaker.snapshot()
    assert (seen.successes, seen.failures, seen.ignored) == (2, 3, 0)


def test_hooks_pass_the_trace_of_a_request_on_and_follow_redirects(server, other_server):
    hooks, told = guards.event_hooks(name="hooks"), []
    location = f"location: {other_server.url}/\r\ncontent-length: 0\r\n\r\n"
    server.script(raw(b"HTTP/1.1 302 Found\r\n" + location.encode()))
    with httpx.Client(event_hooks=hooks, follow_redirects=True) as client:
        trace = {"trace": lambda name, info: told.append(name)}
        assert client.get(server.url, extensions=trace).status_code == 200
    assert told.count("http11.receive_response_headers.complete") == 2
    assert [breaker.snapshot().successes for breaker in hooks.guard.hosts.breakers.values()] == [1, 1]


def test_hooks_of_an_asynchronous_client_refuse_and_count(server):
    hooks = guards2.async_event_hooks(name="hooks", consecutive_failures=2, bulkhead=1)

    async def main():
        async with httpx2.AsyncClient(event_hooks=hooks) as client:
            server.script(status(500), reset())
            assert (await client.get(server.url)).status_code == 500
            with pytest.raises(httpx2.TransportError):
                await client.get(server.url)
            with pytest.raises(CircuitBreakerOpenError) as caught:
                await client.get(server.url)
        assert isinstance(caught.value, httpx2.HTTPError)

    asyncio.run(main())
    assert server.count == 2
    (places,) = hooks.guard.hosts.places.values()
    assert places.in_flight == 0


@pytest.mark.parametrize("field", ["retry", "total_timeout", "refusals"])
def test_hooks_refuse_what_they_cannot_do(field):
    with pytest.raises(ValueError, match="transport"):
        guards.event_hooks(**{field: 1})
