# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guard adds to a call of OpenAI's client: ``python bench/llm/overhead.py``.

The transport is in memory, so what is measured is the client and the guard: CPU time of a call, the
median of interleaved rounds, and its ratio to the bare client's. A request to a real service takes
some hundred times as long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time

import httpx2
import openai
from protections import ASKED
from trifuse.contrib.openai import protect

ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}  # fmt: skip
WORDS = 20
EVERYTHING = {"rpm": 1_000_000, "tpm": 1_000_000_000, "bulkhead": 100, "fallback": ["Sorry."]}
KINDS = {"bare": None, "protect()": {}, "protect(everything)": EVERYTHING}


def events() -> bytes:
    """A stream of twenty words."""
    deltas = [({"content": "word "}, None)] * WORDS + [({}, "stop")]
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas
    ]
    return b"".join(f"data: {json.dumps(line)}\n\n".encode() for line in lines) + b"data: [DONE]\n\n"


EVENTS = events()


async def answer(request: httpx2.Request) -> httpx2.Response:
    """What the service would say."""
    await asyncio.sleep(0)
    if json.loads(request.content).get("stream"):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=EVENTS)
    return httpx2.Response(200, json=ANSWER)


def client(settings: dict | None) -> openai.AsyncOpenAI:
    """A client, guarded or not."""
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    made = openai.AsyncOpenAI(base_url="http://in.memory/v1", api_key="k", http_client=http, max_retries=0)
    return made if settings is None else protect(made, **settings)


async def call(made: openai.AsyncOpenAI) -> None:
    """One answer."""
    await made.chat.completions.create(model="m", messages=ASKED)


async def stream(made: openai.AsyncOpenAI) -> None:
    """One stream."""
    async for _ in await made.chat.completions.create(model="m", messages=ASKED, stream=True):
        pass


async def measure(what, rounds: int, calls: int) -> dict[str, float]:
    """Give microseconds of CPU time per call, by kind."""
    clients = {name: client(settings) for name, settings in KINDS.items()}
    taken: dict[str, list[float]] = {name: [] for name in KINDS}
    for number in range(rounds + 1):
        for name, made in clients.items():
            began = time.process_time()
            for _ in range(calls):
                await what(made)
            if number:  # the first round warms up
                taken[name].append((time.process_time() - began) / calls * 1e6)
    return {name: statistics.median(found) for name, found in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=100)
    given = parser.parse_args()
    for title, what in (("a call", call), (f"a stream of {WORDS} words", stream)):
        found = asyncio.run(measure(what, given.rounds, given.calls))
        print(f"\n{title}: us of CPU time")
        for name, us in found.items():
            print(f"  {name:22} {us:8.0f}   x {us / found['bare']:.2f}")


if __name__ == "__main__":
    main()
