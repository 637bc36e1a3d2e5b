# SPDX-License-Identifier: MIT OR Apache-2.0
# ruff: noqa: INP001 - a program, not a package
"""``python examples/rag --demo``, or ``python examples/rag --serve`` for the application itself."""

from __future__ import annotations

import argparse
import asyncio
import contextlib


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="rag", description=__doc__)
    parser.add_argument(
        "--demo", action="store_true", help="ask one question through all outages; needs no network"
    )
    parser.add_argument("--serve", action="store_true", help="serve the application")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--model-url", help="an OpenAI-compatible server; default: one that only plays a model"
    )
    parser.add_argument("--model", default="gpt-4o-mini")
    parser.add_argument("--chroma", metavar="HOST:PORT", help="a Chroma server; default: embedded")
    parser.add_argument(
        "--database", default="answers.db", help="a PostgreSQL connection string, or a file for SQLite"
    )
    given = parser.parse_args()
    if not given.serve:
        from rag.demo import demo

        asyncio.run(demo())
        return
    import uvicorn
    from rag.app import create_app
    from rag.settings import Settings
    from trifuse.testing.chaos import ChaosServer, stream

    with contextlib.ExitStack() as stack:
        url, key = given.model_url, None
        if url is None:
            server = stack.enter_context(ChaosServer())
            server.default = stream("This ", "is ", "no ", "model, ", "only ", "a ", "stand-in.", gap=0.1)
            url, key = server.openai_url, "none"
        host, _, port = (given.chroma or "").rpartition(":")
        settings = Settings(
            model_url=url, api_key=key, model=given.model, database=given.database,
            chroma=(host, int(port)) if given.chroma else None,
        )  # fmt: skip
        uvicorn.run(create_app(settings), host="127.0.0.1", port=given.port)


if __name__ == "__main__":
    main()
