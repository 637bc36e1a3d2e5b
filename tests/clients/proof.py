# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of clients share: a failing call, its kind, and what a breaker around it makes of it."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import json as json_of
import time
from typing import ClassVar

import pytest
from trifuse import CircuitBreaker, is_retryable
from trifuse.classify import Kind, classify
from trifuse.testing import chaos

A_DAY = 86_400
QUOTA_OPEN = 600
LOOP = asyncio.new_event_loop()
"""One for all: some libraries keep a connection pool for as long as the process lives."""
atexit.register(LOOP.close)


def reply(status, body=None, **headers):
    """A step that answers any path with a status and a body of JSON, or of bytes."""
    data = body if isinstance(body, bytes) else json_of.dumps(body if body is not None else {}).encode()
    lines = {"content-type": "application/json", "content-length": len(data), "connection": "close"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = f"HTTP/1.1 {status} Told\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return chaos.raw(head.encode() + b"\r\n" + data)


def failure(call):
    """Make a call through a new breaker; give its error and the breaker."""
    breaker = CircuitBreaker("proof", registry=None, consecutive_failures=100, request_timeout=0)

    async def awaited():
        return await breaker.call(call)

    with pytest.raises(Exception) as caught:
        LOOP.run_until_complete(awaited()) if inspect.iscoroutinefunction(call) else breaker.call(call)
    return caught.value, breaker


def prove(call, kind, *, status=None, code=None, retry_after=None):
    """Assert the kind of what a call raises, what it carries, and what a breaker and a retry do with it."""
    error, breaker = failure(call)
    found = classify(error)
    shown = f"{type(error).__module__}.{type(error).__qualname__}: {str(error)[:300]} -> {found}"
    assert found.kind is Kind(kind), shown
    assert status is None or found.status == status, shown
    assert code is None or found.code == code, shown
    assert found.retry_after == (None if retry_after is None else pytest.approx(retry_after, abs=1.5)), shown
    assert is_retryable(error) is Kind(kind).retryable
    seen = breaker.snapshot()
    outcome = Kind(kind).outcome
    counts = (seen.failures, seen.timeouts, seen.ignored)
    expected = {"failure": (1, 0, 0), "timeout": (1, 1, 0), "ignored": (0, 0, 1)}[outcome]
    assert counts == expected, shown
    opens = None if outcome == "ignored" else retry_after or (QUOTA_OPEN if kind == "quota_spent" else None)
    assert seen.state == ("open" if opens else "closed"), shown
    if opens:
        assert seen.retry_after == pytest.approx(min(opens, A_DAY), abs=2)
    return error


SCENARIOS = {
    "500": (chaos.status(500), Kind.transient, {"status": 500}),
    "502": (chaos.status(502), Kind.transient, {}),
    "503": (chaos.status(503), Kind.overloaded, {}),
    "429": (chaos.status(429), Kind.rate_limited, {}),
    "429 with retry-after": (chaos.status(429, retry_after=7), Kind.rate_limited, {"retry_after": 7}),
    "quota": (chaos.quota(), Kind.quota_spent, {}),
    "context length": (chaos.context_length(), Kind.context_length, {}),
    "content filter": (chaos.content_filter(), Kind.content_filter, {}),
    "400": (chaos.status(400), Kind.caller, {}),
    "401": (chaos.unauthorized(), Kind.caller, {}),
    "403": (chaos.status(403), Kind.caller, {}),
    "404": (chaos.status(404), Kind.caller, {}),
    "422": (chaos.status(422), Kind.caller, {}),
    "reset": (chaos.reset(), Kind.transient, {}),
}
"""Of servers that speak OpenAI's or Anthropic's API: step, kind, and what else is known."""


class LanguageModel:
    """The scenarios of a client; a subclass says how it asks, in ``ask`` and perhaps ``ask_async``.

    Attributes:
        extra: scenarios of its own, or in place of those that all have.
        limit: the client's own time limit in seconds.
    """

    extra: ClassVar = {}
    limit = 20.0

    @pytest.fixture
    def server(self):
        with chaos.ChaosServer() as server:
            yield server

    def ask(self, server):
        raise NotImplementedError

    ask_async = None

    def scenario(self, server, name):
        step, kind, known = {**SCENARIOS, **self.extra}[name]
        server.default = step
        return kind, known

    def check_all(self, server, ask):
        for name in {**SCENARIOS, **self.extra}:
            kind, known = self.scenario(server, name)
            before = len(server.requests)
            try:
                prove(ask, kind, **known)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
            assert len(server.requests) == before + 1, name

    def test_what_a_failing_call_raises_is_of_the_right_kind(self, server):
        self.check_all(server, lambda: self.ask(server))

    def test_so_it_is_with_the_asynchronous_client(self, server):
        if self.ask_async is None:
            pytest.skip("this client has no asynchronous form that differs")

        async def ask():
            return await self.ask_async(server)

        self.check_all(server, ask)

    def test_a_call_that_works_is_a_success(self, server):
        breaker = CircuitBreaker("proof", registry=None)
        breaker.call(self.ask, server)
        assert breaker.snapshot().successes == 1

    def test_a_server_that_does_not_answer_is_a_timeout(self, server):
        server.default = chaos.hang(10)
        self.limit = 0.4
        before = time.monotonic()
        prove(lambda: self.ask(server), Kind.timeout)
        assert time.monotonic() - before < 8

    def test_a_port_where_nobody_listens_is_transient(self, server):
        server.stop()
        prove(lambda: self.ask(server), Kind.transient)
        server.start()
