# SPDX-License-Identifier: MIT OR Apache-2.0
"""The streams of three APIs, of synchronous and asynchronous clients, guarded without protect."""

import asyncio

import anthropic
import httpx2
import openai
import pytest
from trifuse import CircuitBreaker
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync
from trifuse._llm.streams_closing import make_interruptible
from trifuse.testing.chaos import ChaosServer

ASKED = [{"role": "user", "content": "Hi"}]
APIS = ["chat", "responses", "messages"]


class Api:
    """One API of one SDK, in one of its two ways: opens streams, and reads them in one way."""

    def __init__(self, name, asynchronous, server, runner):
        self.name, self.asynchronous, self.server, self.runner = name, asynchronous, server, runner
        sdk, cls = (anthropic, "Anthropic") if name == "messages" else (openai, "OpenAI")
        http = (httpx2.AsyncClient if asynchronous else httpx2.Client)(verify=False, timeout=20)
        base = server.anthropic_url if name == "messages" else server.openai_url
        kind = getattr(sdk, ("Async" if asynchronous else "") + cls)
        self.sdk = sdk
        self.client = kind(api_key="k", base_url=base, http_client=http, max_retries=0)
        if not asynchronous:
            make_interruptible(self.client)
        self.breaker = CircuitBreaker(
            "api", registry=None, request_timeout=0, consecutive_failures=99, failure_rate_threshold=1.0
        )

    def opener(self):
        if self.name == "chat":
            return self.client.chat.completions.create(model="m", messages=ASKED, stream=True)
        if self.name == "responses":
            return self.client.responses.create(model="m", input="Hi", stream=True)
        return self.client.messages.create(model="m", max_tokens=9, messages=ASKED, stream=True)

    def run(self, result):
        if not self.asynchronous:
            return result
        return self.runner.run(_awaited(result))

    def open(self, policy=None, **limits):
        settings = {name: limits.pop(name) for name in ("resume",) if name in limits}
        begin = open_async if self.asynchronous else open_sync
        return self.run(begin(policy or self.breaker, None, self.opener, StreamLimits(**limits), **settings))

    def next(self, events):
        return self.run(anext(events)) if self.asynchronous else next(events)

    def text(self, events):
        if self.name == "chat":
            return "".join(c.delta.content or "" for e in events for c in e.choices)
        if self.name == "responses":
            return "".join(e.delta for e in events if e.type == "response.output_text.delta")
        return "".join(e.delta.text for e in events if e.type == "content_block_delta")

    def listed(self, events):
        return self.run(_listed(events)) if self.asynchronous else list(events)

    def read(self, events):
        """Read to the end; gives the text."""
        return self.text(self.listed(events))

    def broken_off(self, step, **limits):
        """Read a stream that breaks off; gives the text before, and the error."""
        self.server.script(step)
        got = []
        with pytest.raises(Exception) as caught:
            events = self.open(**limits)
            while True:
                got.append(self.next(events))
        return self.text(got), caught.value

    def wait_until_left(self):
        """Wait until the server has seen that the client of the last request left."""
        self.server.wait_until(lambda: self.server.requests[-1].left)

    @property
    def counts(self):
        seen = self.breaker.snapshot()
        return seen.successes, seen.failures, seen.timeouts, seen.ignored


async def _awaited(result):
    return await result


async def _listed(events):
    return [event async for event in events]


@pytest.fixture(scope="module")
def server():
    with ChaosServer() as server:
        yield server


@pytest.fixture(params=[f"{api} {way}" for api in APIS for way in ("sync", "async")])
def api(request, server):
    server.clear()
    name, way = request.param.split()
    with asyncio.Runner() as runner:
        made = Api(name, way == "async", server, runner)
        yield made
        made.run(made.client.close())
        runner.run(asyncio.sleep(0.01))
