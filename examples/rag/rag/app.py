# SPDX-License-Identifier: MIT OR Apache-2.0
"""The application: ``POST /ask`` streams an answer, ``GET /health`` tells which services are down."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from trifuse.contrib.fastapi import health_router
from trifuse.health import Health

from rag.model import AnswerCutError, Model, ModelDownError, rule
from rag.search import Search
from rag.settings import Settings
from rag.store import Store


class Question(BaseModel):
    """What is asked."""

    question: str = Field(min_length=1, max_length=2000)


class Rag:
    """The three services together."""

    def __init__(self, settings: Settings) -> None:
        """Make them; none is connected to yet."""
        self.search, self.model, self.store = Search(settings), Model(settings), Store(settings)

    async def answer(self, question: str) -> AsyncIterator[tuple[str, Any]]:
        """Give what happens: ``sources``, ``text`` for each piece, at last ``done``.

        Whatever is down, there is an answer: without sources, or by a rule, or not saved yet. ``done``
        names what was down.
        """
        sources, searched = await self.search.find(question)
        down = [] if searched else ["search"]
        yield "sources", [source.name for source in sources]
        pieces, complete = [], True
        try:
            async for piece in self.model.answer(question, sources):
                pieces.append(piece)
                yield "text", piece
        except ModelDownError:
            down.append("model")
            pieces.append(rule(sources))
            yield "text", pieces[-1]
        except AnswerCutError:
            down.append("model")
            complete = False  # what was delivered cannot be taken back; the page offers to ask again
        saved = complete and await self.store.save(
            (question, "".join(pieces), json.dumps([s.name for s in sources]))
        )
        if complete and not saved:
            down.append("database")
        yield "done", {"down": down, "complete": complete, "saved": saved, "waiting": len(self.store.waiting)}

    async def close(self) -> None:
        """Close all connections."""
        await self.model.close()
        await self.store.close()


def create_app(settings: Settings) -> FastAPI:
    """Make the application."""
    rag = Rag(settings)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await rag.close()

    app = FastAPI(title="trifuse example", lifespan=life)
    app.state.rag = rag
    app.include_router(
        health_router(
            Health(breakers=settings.registry), breakers=settings.registry, ready_when=("healthy", "degraded")
        )
    )

    @app.post("/ask")
    async def ask(asked: Question) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            async for kind, data in rag.answer(asked.question):
                yield f"event: {kind}\ndata: {json.dumps(data)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app
