# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real clients of both SDKs, sync and async, talked to in one way."""

from __future__ import annotations

import asyncio
import itertools
import time

import anthropic
import httpx2
import openai
import pytest
from trifuse import registry
from trifuse.contrib import anthropic as guarded_anthropic
from trifuse.contrib import openai as guarded_openai

_numbers = itertools.count()
ASKED = [{"role": "user", "content": "Hi"}]


class Side:
    """A client of one SDK in one of its two ways, guarded once ``protect`` was called.

    ``call``, ``stream`` and ``embed`` give what the SDK's methods give, awaited where that is needed.
    """

    def __init__(self, provider, asynchronous, server, runner):
        self.provider, self.asynchronous, self.server, self._runner = provider, asynchronous, server, runner
        self.module = {"openai": guarded_openai, "anthropic": guarded_anthropic}[provider]
        self.sdk = {"openai": openai, "anthropic": anthropic}[provider]
        self.kind = getattr(self.sdk, ("Async" if asynchronous else "") + self.sdk_name)
        # One that reads no certificates: making it takes a millisecond and not a hundred.
        http = (httpx2.AsyncClient if asynchronous else httpx2.Client)(verify=False, timeout=20)
        base = server.openai_url if provider == "openai" else server.anthropic_url
        self.original = self.kind(api_key="k", base_url=base, http_client=http)
        self.client = self.original
        self.name = f"protected-{next(_numbers)}"

    @property
    def sdk_name(self):
        return {"openai": "OpenAI", "anthropic": "Anthropic"}[self.provider]

    def protect(self, **settings):
        given = {"name": self.name, "request_timeout": 2, "retry": None, **settings}
        self.client = self.module.protect(self.original, **given)
        return self.client

    @property
    def breaker(self):
        return registry[self.name]

    @property
    def counts(self):
        seen = self.breaker.snapshot()
        return seen.successes, seen.failures, seen.ignored

    def run(self, result):
        return self._runner.run(_awaited(result)) if self.asynchronous else result

    def call(self, client=None, **body):
        return self.run(self.start(client, **body))

    def start(self, client=None, **body):
        client = client or self.client
        if self.provider == "openai":
            return client.chat.completions.create(**{"model": "m", "messages": ASKED, **body})
        return client.messages.create(**{"model": "m", "max_tokens": 9, "messages": ASKED, **body})

    def text(self, answer):
        if self.provider == "openai":
            return answer.choices[0].message.content
        return "".join(block.text for block in answer.content)

    def ask(self, **body):
        return self.text(self.call(**body))

    def stream(self, **body):
        return self.call(**body, stream=True)

    def pieces(self, events):
        """Give the texts of the events of a stream, read to its end."""
        return [text for text in map(self.text_of_event, self.read(events)) if text]

    def read(self, events):
        return self.run(_all(events)) if self.asynchronous else list(events)

    def next(self, events):
        return self.run(anext(events)) if self.asynchronous else next(events)

    def close(self, events):
        return self.run(events.close())

    def text_of_event(self, event):
        if self.provider == "openai":
            return event.choices[0].delta.content if event.choices else None
        return getattr(getattr(event, "delta", None), "text", None)

    def helper(self, client=None):
        """Give the SDK's stream helper, as it is entered: ``.stream(...)``."""
        client = client or self.client
        if self.provider == "openai":
            return client.chat.completions.stream(model="m", messages=ASKED)
        return client.messages.stream(model="m", max_tokens=9, messages=ASKED)

    def final(self, stream):
        if self.provider == "openai":
            return self.text(self.run(stream.get_final_completion()))
        return self.text(self.run(stream.get_final_message()))

    def enter(self, manager):
        return self.run(manager.__aenter__() if self.asynchronous else manager.__enter__())

    def leave(self, manager):
        leaving = manager.__aexit__ if self.asynchronous else manager.__exit__
        return self.run(leaving(None, None, None))

    def view(self, which):
        client = self.client
        return getattr(client.chat.completions if self.provider == "openai" else client.messages, which)

    def embed(self, text="x"):
        return self.run(self.client.embeddings.create(model="e", input=text))

    def shut(self):
        self.run(self.original.close())


async def _awaited(result):
    return await result if hasattr(result, "__await__") else result


async def _all(events):
    return [event async for event in events]


def eventually(test, seconds=5.0):
    """Wait until something holds, such as what another thread of the server will have noticed."""
    end = time.monotonic() + seconds
    while not _holds(test):
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.002)


def _holds(test):
    try:
        return test()
    except IndexError:  # a request that the server has not seen yet
        return False


@pytest.fixture(params=["openai-sync", "openai-async", "anthropic-sync", "anthropic-async"])
def side(request, chaos_server):
    provider, way = request.param.split("-")
    yield from _sides(provider, way == "async", chaos_server)


@pytest.fixture(params=["openai-sync", "anthropic-async"])
def diagonal(request, chaos_server):
    """Each SDK and each way once: for what depends on both, but not on the two together."""
    provider, way = request.param.split("-")
    yield from _sides(provider, way == "async", chaos_server)


@pytest.fixture(params=["sync", "async"])
def openai_side(request, chaos_server):
    yield from _sides("openai", request.param == "async", chaos_server)


def _sides(provider, asynchronous, server):
    with asyncio.Runner() as runner:
        made = Side(provider, asynchronous, server, runner)
        yield made
        made.shut()


@pytest.fixture
def wait_until():
    return eventually


@pytest.fixture(autouse=True)
def no_breakers_left():
    yield
    for name in [name for name in registry if name.startswith("protected-")]:
        registry.remove(name)
