# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same question with everything up, with each service down, and with all of them down. Needs no network."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable

from trifuse import CircuitBreakerRegistry
from trifuse.testing.chaos import ChaosServer, status, stream

from rag.app import Rag
from rag.settings import Settings

QUESTION = "What does a circuit breaker do with calls?"
_SERVICES = ("search", "model", "database")


async def demo(show: Callable[[str], None] = print) -> None:
    """Run it."""
    with ChaosServer() as server, tempfile.TemporaryDirectory() as directory:
        breakers = CircuitBreakerRegistry()
        rag = Rag(
            Settings(
                model_url=server.openai_url, api_key="none", database=str(pathlib.Path(directory) / "answers.db"),
                registry=breakers,
            )
        )  # fmt: skip
        await rag.search.find("Are you there?")  # connects to all that is to be there
        await rag.store.save(("warm", "up", "[]"))
        server.default = stream("It stops ", "calls to what fails.")
        for down in ((), *((one,) for one in _SERVICES), _SERVICES):
            server.default = status(500) if "model" in down else stream("It stops ", "calls to what fails.")
            for name in ("search", "database"):
                if name in down:
                    breakers[name].force_open()
                else:
                    breakers[name].reset()
            show(f"\ndown: {', '.join(down) or 'nothing'}")
            async for kind, data in rag.answer(QUESTION):
                show(f"  {kind:8}{data}")
        await rag.close()
