# SPDX-License-Identifier: MIT OR Apache-2.0
"""An OpenAI-compatible server on loopback that can be broken, and counts what reaches it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from json import JSONDecodeError
from typing import Any, NamedTuple, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

THINKING = 0.15
"""Seconds until a healthy answer begins."""
WORK = 0.2
"""Seconds that a worker is busy with a request, where the workers are counted."""
SLOW_WORK = 0.8
_SLUGGISH = (True, False, True, True, False)
"""Which requests in a row are too slow in a brownout: three of five."""
WORDS = ("Every", "call", "that", "cannot", "succeed", "is", "one", "too", "many.")
ANSWER = " ".join(WORDS)
_BETWEEN_WORDS = 0.015


class Arrival(NamedTuple):
    """A request that reached the server: monotonic time, its API key, the condition then."""

    at: float
    key: str
    condition: str


class BreakableServer:
    """``POST /v1/chat/completions`` on a port of its own, served from a thread of its own.

    A context manager: listening once made, served while entered, closed afterwards. Set
    ``condition`` from any thread: ``errors`` answers 500 at once, ``hangs`` accepts requests and
    says nothing, ``brownout`` does so with three requests of five, everything else answers well.
    ``arrivals`` is the server's own record.

    With ``workers`` only so many requests are worked at at once, for WORK seconds each (SLOW_WORK
    while ``slow``); the others wait in a queue, and their turn comes even if the client has left.
    """

    def __init__(self, workers: int = 0, arrivals: list[Arrival] | None = None) -> None:
        """Take a free port on loopback; several servers may write one record."""
        self.condition = "healthy"
        self._workers = asyncio.Semaphore(workers) if workers else None
        self._number = 0
        self.arrivals: list[Arrival] = [] if arrivals is None else arrivals
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="trifuse-demo-server", daemon=True)

    @property
    def url(self) -> str:
        """What a client takes as its ``base_url``."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the port; open requests are dropped."""
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    async def _complete(self, request: Request) -> Response:
        condition = self.condition
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.arrivals.append(Arrival(time.monotonic(), key, condition))
        try:
            asked = await request.json()
            streaming = bool(asked.get("stream", False))
            model = str(asked["model"])
        except (JSONDecodeError, AttributeError, KeyError):
            return _error(400, "the body must be a JSON object with a model", "invalid_request_error")
        if condition == "errors":
            return _error(500, "the demo broke this server", "server_error")
        if self._workers is not None:
            return await self._work(self._workers, model)
        hang = condition == "hangs" or (condition == "brownout" and self._too_slow())
        if streaming:
            return StreamingResponse(_stream(request, model, hang=hang), media_type="text/event-stream")
        if hang:
            await _until_client_leaves(request)
            return Response(status_code=499)
        await asyncio.sleep(THINKING + _BETWEEN_WORDS * len(WORDS))
        return JSONResponse(_completion(model))

    async def _work(self, workers: asyncio.Semaphore, model: str) -> Response:
        async with workers:
            await asyncio.sleep(SLOW_WORK if self.condition == "slow" else WORK)
        return JSONResponse(_completion(model))

    def _too_slow(self) -> bool:
        self._number += 1
        return _SLUGGISH[self._number % len(_SLUGGISH)]


def _error(status: int, message: str, kind: str) -> JSONResponse:
    body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    return JSONResponse(body, status_code=status)


async def _until_client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _stream(request: Request, model: str, *, hang: bool) -> AsyncIterator[str]:
    if hang:
        await _until_client_leaves(request)
        return
    await asyncio.sleep(THINKING)
    for number, word in enumerate(WORDS):
        await asyncio.sleep(_BETWEEN_WORDS)
        yield _chunk(model, {"content": word if number == 0 else " " + word}, None)
    yield _chunk(model, {}, "stop")
    yield "data: [DONE]\n\n"


def _chunk(model: str, delta: dict[str, str], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps(_envelope('chat.completion.chunk', model, choice))}\n\n"


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": len(WORDS), "total_tokens": 9 + len(WORDS)}
    return {**_envelope("chat.completion", model, choice), "usage": usage}


def _envelope(kind: str, model: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-demo",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }
