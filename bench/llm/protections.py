# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same client without protection, with what people write today, and with trifuse: equal numbers."""

from __future__ import annotations

import itertools
from datetime import timedelta

import aiobreaker
import httpx2
import openai
import pybreaker
import tenacity
from trifuse import registry
from trifuse.contrib.openai import protect
from trifuse.testing.chaos import ChaosServer

ASKED = [{"role": "user", "content": "Hi"}]
ATTEMPTS = 3
FAILURES = 5
"""In a row, then the circuit opens."""
OPEN = 2.0
"""Seconds."""
LIMIT = 1.0
"""Seconds that a call may take; the clients of the peers get it as their timeout."""
WAIT, LONGEST = 0.5, 8.0
PASSING = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
MISTAKES = [
    openai.BadRequestError,
    openai.AuthenticationError,
    openai.PermissionDeniedError,
    openai.NotFoundError,
    openai.UnprocessableEntityError,
]
_numbers = itertools.count()


def again():
    """Retries as tenacity's and OpenAI's documentation show them."""
    return tenacity.retry(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=WAIT, max=LONGEST),
        retry=tenacity.retry_if_exception_type(PASSING),
        reraise=True,
    )


class Async:
    """An asynchronous client; ``create`` is what an application calls."""

    def __init__(self, server: ChaosServer, kind: str) -> None:
        self._http = httpx2.AsyncClient(verify=False, limits=httpx2.Limits(max_connections=1000))
        client = openai.AsyncOpenAI(base_url=server.openai_url, api_key="k", http_client=self._http)
        self.breaker = None
        self._name = f"compared-{next(_numbers)}-"
        if kind == "none":
            self._create = client.with_options(timeout=600).chat.completions.create
        elif kind == "peers":
            self._create = self._with_peers(client.with_options(max_retries=0, timeout=LIMIT))
        else:
            self._create = ours(client, self._name).chat.completions.create
            self.breaker = registry[self._name]

    def _with_peers(self, client):
        self.breaker = aiobreaker.CircuitBreaker(
            fail_max=FAILURES, timeout_duration=timedelta(seconds=OPEN), exclude=MISTAKES
        )

        @again()
        @self.breaker
        async def create(**body):
            return await client.chat.completions.create(**body)

        return create

    async def ask(self, **body) -> str:
        """Give the text of the answer; raises what an application would see."""
        given = await self._create(model="m", messages=ASKED, **body)
        if not body.get("stream"):
            return text_of(given)
        return "".join([text_of_event(event) async for event in given])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        forget(self._name)


class Sync:
    """A synchronous client."""

    def __init__(self, server: ChaosServer, kind: str) -> None:
        self._http = httpx2.Client(verify=False)
        client = openai.OpenAI(base_url=server.openai_url, api_key="k", http_client=self._http)
        self.breaker = None
        self._name = f"compared-{next(_numbers)}-"
        if kind == "none":
            self._create = client.with_options(timeout=600).chat.completions.create
        elif kind == "peers":
            self._create = self._with_peers(client.with_options(max_retries=0, timeout=LIMIT))
        else:
            self._create = ours(client, self._name).chat.completions.create
            self.breaker = registry[self._name]

    def _with_peers(self, client):
        self.breaker = pybreaker.CircuitBreaker(fail_max=FAILURES, reset_timeout=OPEN, exclude=MISTAKES)

        @again()
        @self.breaker
        def create(**body):
            return client.chat.completions.create(**body)

        return create

    def ask(self, **body) -> str:
        """Give the text of the answer; raises what an application would see."""
        given = self._create(model="m", messages=ASKED, **body)
        return "".join(map(text_of_event, given)) if body.get("stream") else text_of(given)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        forget(self._name)


def forget(name: str) -> None:
    """Let the breakers of a client go."""
    for known in [known for known in registry if known.startswith(name)]:
        registry.remove(known)


def ours(client, name):
    """Give the client protected by trifuse."""
    return protect(
        client,
        name=name,
        request_timeout=LIMIT,
        idle=LIMIT,
        retry={"max_retries": ATTEMPTS - 1, "delay": WAIT, "max_delay": LONGEST, "jitter": "full"},
        consecutive_failures=FAILURES,
        failure_rate_threshold=1.0,
        minimum_calls=1_000,
        open_duration=OPEN,
    )


def state_of(breaker) -> str:
    """The state of any of the breakers, in the same words."""
    if breaker is None:
        return "no breaker"
    state = getattr(breaker, "current_state", None) or breaker.state
    name = getattr(state, "name", state)
    return str(name).lower().replace("-", "_").replace("_", "-")


def text_of(answer) -> str:
    """The text, or of what is no answer its type."""
    return answer.choices[0].message.content if hasattr(answer, "choices") else f"a {type(answer).__name__}"


def text_of_event(event) -> str:
    """The text of one event of a stream."""
    return (event.choices[0].delta.content or "") if event.choices else ""
