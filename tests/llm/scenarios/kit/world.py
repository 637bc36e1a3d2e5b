# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a story has: a server, clients with or without their guard, and ways to say what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from typing import Any

import anthropic
import httpx2
import openai
from trifuse import registry
from trifuse.contrib import anthropic as guarded_anthropic
from trifuse.contrib import openai as guarded_openai
from trifuse.testing.chaos import ChaosServer

ASKED = [{"role": "user", "content": "Hi"}]


class World:
    """One run of one story.

    Attributes:
        server: the chaos server.
        guarded: whether the guard is on.
        name: what the breakers of this run are called, or begin with.
        runner: of asyncio.
    """

    def __init__(self, server: ChaosServer, name: str, *, guarded: bool) -> None:
        self.server, self.name, self.guarded = server, name, guarded
        self.runner = asyncio.Runner()
        self._stack = contextlib.ExitStack()
        self._async_http: list[httpx2.AsyncClient] = []
        self._checks: list[Any] = []

    def openai(self, *, sync: bool = False, sdk_retries: int = 2, http: Any = None, **settings: Any) -> Any:
        """Give an OpenAI client, guarded with these settings if the guard is on.

        ``sdk_retries`` are the client's own, where a story would be another with them.
        """
        kind = openai.OpenAI if sync else openai.AsyncOpenAI
        client = kind(
            base_url=self.server.openai_url,
            api_key="k",
            max_retries=sdk_retries,
            http_client=self._http(sync, **(http or {})),
        )
        return self._protected(guarded_openai, client, settings)

    def anthropic(
        self, *, sync: bool = False, sdk_retries: int = 2, http: Any = None, **settings: Any
    ) -> Any:
        """Give an Anthropic client, guarded with these settings if the guard is on."""
        kind = anthropic.Anthropic if sync else anthropic.AsyncAnthropic
        client = kind(
            base_url=self.server.anthropic_url,
            api_key="k",
            max_retries=sdk_retries,
            http_client=self._http(sync, **(http or {})),
        )
        return self._protected(guarded_anthropic, client, settings)

    def plain(self) -> Any:
        """Give an OpenAI client without the guard and without retries of its own."""
        return openai.AsyncOpenAI(
            base_url=self.server.openai_url, api_key="k", http_client=self._http(False), max_retries=0
        )

    def _protected(self, module: Any, client: Any, settings: dict[str, Any]) -> Any:
        if not self.guarded:
            return client
        return module.protect(client, **{"name": self.name, **settings})

    def _http(self, sync: bool, **more: Any) -> Any:
        more = {"verify": False, "timeout": 600, "limits": httpx2.Limits(max_connections=1000), **more}
        if sync:
            return self._stack.enter_context(httpx2.Client(**more))
        made = httpx2.AsyncClient(**more)
        self._async_http.append(made)
        return made

    def held(self, then: Any) -> tuple[Any, Any]:
        """Give a step that comes when it is let go, and the function that lets go: nothing hangs on speed."""
        gone = threading.Event()

        async def step(_: Any) -> Any:
            while not gone.is_set():
                await asyncio.sleep(0.002)
            return then

        return step, gone.set

    def guard(self, policy: Any, fn: Any) -> Any:
        """Give the function guarded, if the guard is on."""
        return policy(fn) if self.guarded else fn

    def named(self, end: str = "") -> str:
        """A name for a policy of this run."""
        return f"{self.name}{end}"

    def breaker(self, end: str = "") -> Any:
        """A breaker of this run."""
        return registry[self.name + end]

    def states(self) -> dict[str, str]:
        """The states of the breakers by the ends of their names."""
        mine = (name for name in registry if name == self.name or name.startswith(f"{self.name}:"))
        return {name[len(self.name) :]: str(registry[name].state.value) for name in mine}

    def left_behind(self) -> list[str]:
        """Say what is still there that should not be: probes in flight, requests being answered, connections."""
        wrong = []
        for end in self.states():
            if in_flight := self.breaker(end).snapshot().probes_in_flight:
                wrong.append(f"{in_flight} probes of {end or 'the breaker'} are still in flight")
        self._close_clients()
        for what in ("in_flight", "open_connections"):
            try:
                self.server.wait_until(lambda what=what: getattr(self.server, what) == 0, 2)
            except TimeoutError:
                wrong.append(f"{what} is still {getattr(self.server, what)}")
        return wrong

    def _close_clients(self) -> None:
        for http in self._async_http:
            self.runner.run(http.aclose())
        self._async_http.clear()
        self._stack.close()

    def end(self) -> None:
        """Close everything."""
        self.server.stop()
        with contextlib.suppress(Exception):
            self._close_clients()
        self.runner.close()
        for end in self.states():
            registry.remove(self.name + end)

    async def ask(self, client: Any, **body: Any) -> str:
        """Give the answer's text, or the name of the error's class."""
        return await named(self.call(client, **body))

    async def ask_many(self, client: Any, times: int, **body: Any) -> list[str]:
        """One after another."""
        return [await self.ask(client, **body) for _ in range(times)]

    async def call(self, client: Any, **body: Any) -> Any:
        """Give the answer's text, or of ``stream=True`` that of all its events; raises what is raised."""
        given = self.create(client, **body)
        answer = await given if inspect.isawaitable(given) else given
        return await self.read(answer) if body.get("stream") else text_of(answer)

    def create(self, client: Any, **body: Any) -> Any:
        """Make the SDK's own call."""
        if "OpenAI" in type(client).__name__:
            return client.chat.completions.create(**{"model": "m", "messages": ASKED, **body})
        return client.messages.create(**{"model": "m", "max_tokens": 9, "messages": ASKED, **body})

    async def read(self, events: Any, into: list[str] | None = None) -> str:
        """Read a stream to its end; the texts so far are in ``into``."""
        texts = [] if into is None else into
        async for event in events:
            if text := text_of_event(event):
                texts.append(text)
        return "".join(texts)


async def named(awaitable: Any) -> Any:
    """Give the result, or the name of the error's class and what was delivered before it."""
    try:
        return await awaitable
    except Exception as error:
        return name_of(error)


def named_sync(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Give the result, or the name of the error's class and what was delivered before it."""
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        return name_of(error)


def name_of(error: Exception) -> str:
    """The name of its class and what a stream had delivered, as far as the error tells."""
    delivered = getattr(error, "delivered_text", None)
    return f"{type(error).__name__} after {delivered!r}" if delivered else type(error).__name__


def text_of(answer: Any) -> str:
    """The text of a whole answer of either SDK; of what is none, its type."""
    if hasattr(answer, "choices"):
        return answer.choices[0].message.content or ""
    if hasattr(answer, "content"):
        return "".join(block.text for block in answer.content)
    if hasattr(answer, "output_text"):
        return answer.output_text
    return answer if isinstance(answer, str) and len(answer) < 60 else type(answer).__name__


def text_of_event(event: Any) -> str:
    """The text of an event of either SDK."""
    if hasattr(event, "choices"):
        return (event.choices[0].delta.content or "") if event.choices else ""
    delta = getattr(event, "delta", None)
    return delta if isinstance(delta, str) else getattr(delta, "text", None) or ""


def took(began: float, least: float, most: float) -> str:
    """``"in time"``, or how long it took since then."""
    seconds = time.monotonic() - began
    return "in time" if least <= seconds <= most else f"after {seconds:.2f} s"
