# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measurements that need a process of their own: ``python long_run.py lag URL`` or ``rss FIRST LAST``."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import openai

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trifuse.contrib.openai import protect

from kit.measuring import Lag, resident

ASKED = [{"role": "user", "content": "Hi"}]
ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}  # fmt: skip
EVENTS = b"".join(
    b"data: " + json.dumps({
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "delta": {"content": text}}],
    }).encode() + b"\n\n"
    for text, finish in (("hel", None), ("lo", None), ("", "stop"))
) + b"data: [DONE]\n\n"  # fmt: skip
CALLS = 1000
AT_ONCE = 2
ENOUGH = 0.005
GUARD = {"rpm": 100_000_000, "tpm": 1_000_000_000, "bulkhead": 100, "fallback": ["Sorry."]}


def client(url: str, transport: Any = None, *, guarded: bool) -> openai.AsyncOpenAI:
    """A client, with all that protect has or with nothing."""
    http = httpx2.AsyncClient(verify=False, transport=transport)
    made = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=http)
    return protect(made, **GUARD) if guarded else made


async def calls(made: openai.AsyncOpenAI, count: int, *, at_once: int = 1) -> None:
    """So many calls, every fifth a stream, by so many tasks; whoever is served goes on at once."""
    left = iter(range(count))

    async def worker() -> None:
        for number in left:
            await one(made, stream=number % 5 == 0)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def one(made: openai.AsyncOpenAI, *, stream: bool) -> None:
    """One call or stream, read to its end."""
    given = await made.chat.completions.create(model="m", messages=ASKED, stream=stream)
    if stream:
        async for _ in given:
            pass


async def lag(url: str) -> dict[str, list[float]]:
    """The 99th percentile of the loop's lag while guarded calls run; where it is too long, of bare ones too."""
    found: dict[str, list[float]] = {"guarded": [], "bare": []}
    for _ in range(2):
        for name, seen in found.items():
            made = client(url, guarded=name == "guarded")
            await calls(made, 20, at_once=AT_ONCE)
            with Lag() as lag:
                await calls(made, CALLS, at_once=AT_ONCE)
            seen.append(lag.percentile(0.99))
            await made.close()
            if min(found["guarded"]) < ENOUGH:
                return found
    return found


async def answer(request: httpx2.Request) -> httpx2.Response:
    """What the service would say, without a service; the loop gets its turn, as it would."""
    await asyncio.sleep(0)
    if b'"stream":true' in request.content.replace(b" ", b""):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=EVENTS)
    return httpx2.Response(200, json=ANSWER)


async def rss(first: int, last: int) -> dict[str, int]:
    """How much memory the process gained between the first and the last so many calls."""
    made = client("http://in.memory/v1", httpx2.MockTransport(answer), guarded=True)
    await calls(made, first)
    gc.collect()
    before = resident()
    await calls(made, last - first)
    gc.collect()
    return {"calls": last - first, "grown": resident() - before}


if __name__ == "__main__":
    if sys.argv[1] == "lag":
        print(json.dumps(asyncio.run(lag(sys.argv[2]))))
    else:
        print(json.dumps(asyncio.run(rss(int(sys.argv[2]), int(sys.argv[3])))))
