# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-12.
"""The RAG example: what its users get while each of its services is really down, and all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import sqlite3
import sys
import threading
import time

import httpx
import psycopg
import pytest
from servers import ChromaServer, PostgresServer
from trifuse import CircuitBreakerRegistry
from trifuse.testing.chaos import ChaosServer, reset, status, stream

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples" / "rag"))

from rag.app import create_app
from rag.demo import demo
from rag.model import rule
from rag.search import DOCUMENTS, Source
from rag.settings import Settings
from rag.store import Store

# chromadb leaves sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
QUESTION = "What does a circuit breaker do with calls?"
ANSWER = ["It stops ", "calls to what fails."]
BY_RULE = rule([Source("breakers", DOCUMENTS["breakers"])])
NO_ANSWER = rule([])


class Services:
    """The three servers, which can really be stopped."""

    def __init__(self):
        self.chroma, self.postgres = ChromaServer(), PostgresServer()
        self.model = ChaosServer()
        self.up()

    def up(self):
        if self.chroma.process is None:
            self.chroma.start()
        if self.postgres.process is None:
            self.postgres.start()
        self.model.default = stream(*ANSWER)

    def down(self, *names):
        if "search" in names:
            self.chroma.kill()
        if "database" in names:
            self.postgres.stop()
        if "model" in names:
            self.model.default = status(500)

    def saved(self):
        with psycopg.connect(self.postgres.dsn) as connection:
            return connection.execute("SELECT question, answer, sources FROM answers").fetchall()


@pytest.fixture(scope="module")
def started():
    services = Services()
    with services.model:
        yield services
    services.chroma.remove()
    services.postgres.remove()


@pytest.fixture
def services(started):
    started.up()
    with psycopg.connect(started.postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS answers")
    return started


class Client:
    """Asks the application, and tells what its user gets."""

    def __init__(self, services, http, breakers):
        self.services, self.breakers, self._http = services, breakers, http

    async def ask(self, question=QUESTION):
        reply = await self._http.post("/ask", json={"question": question})
        assert reply.status_code == 200
        events = [line.split("\n") for line in reply.text.strip().split("\n\n")]
        pairs = [
            (kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in events
        ]
        assert [kind for kind, _ in pairs][:: len(pairs) - 1] == ["sources", "done"]
        return pairs[0][1], "".join(data for kind, data in pairs if kind == "text"), pairs[-1][1]

    async def health(self):
        reply = await self._http.get("/health")
        told = reply.json()
        assert reply.status_code == 200
        bad = {each["name"] for each in told["checks"] if each["status"] != "healthy"}
        return told["status"], {
            part for part in ("search", "model", "database") if any(part in name for name in bad)
        }

    def calls(self):
        """Give the calls that really reached for each service: what its breaker has counted."""
        taken = {part: self.breakers[part].snapshot() for part in ("search", "database")}
        return {part: each.successes + each.failures for part, each in taken.items()}


def run(services, main, **changes):
    async def inner():
        breakers = CircuitBreakerRegistry()
        settings = Settings(
            **{
                "model_url": services.model.openai_url, "api_key": "none", "chroma": ("127.0.0.1", services.chroma.port),
                "database": services.postgres.dsn, "limits": (1.0, 1.0, 1.0), "registry": breakers,
                "breaker": {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 0.3},
                **changes,
            }
        )  # fmt: skip
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rag") as http,
        ):
            await main(Client(services, http, breakers))

    asyncio.run(inner())


def test_with_everything_up_the_answer_has_its_sources_is_streamed_and_saved(services):
    async def main(client):
        sources, text, done = await client.ask()
        assert "breakers" in sources
        assert text == "".join(ANSWER)
        assert done == {"down": [], "complete": True, "saved": True, "waiting": 0}
        assert await client.health() == ("healthy", set())
        told = services.model.requests[-1].body["messages"]
        assert DOCUMENTS["breakers"] in told[0]["content"]

    run(services, main)
    assert services.saved() == [(QUESTION, "".join(ANSWER), json.dumps(["breakers", "bulkheads"]))]


OUTAGES = {
    "search": ((), "".join(ANSWER), True),
    "model": (("breakers", "bulkheads"), BY_RULE, True),
    "database": (("breakers", "bulkheads"), "".join(ANSWER), False),
}


@pytest.mark.parametrize("down", OUTAGES)
def test_with_one_service_down_the_user_gets_all_that_the_others_can_give(services, down):
    sources, text, saved = OUTAGES[down]

    async def main(client):
        await client.ask()
        services.down(down)
        before = len(services.model.requests)
        for number in range(1, 5):
            got = await client.ask()
            assert got == (list(sources), text, {"down": [down], "complete": True, "saved": saved,
                                                 "waiting": 0 if saved else number})  # fmt: skip
        assert await client.health() == ("degraded", {down})
        reached = client.calls()
        assert reached == {"search": 3 if down == "search" else 5, "database": 3 if down == "database" else 5}
        # Two attempts open the breaker of the model: the other three questions do not reach it.
        assert len(services.model.requests) - before == (2 if down == "model" else 4)
        services.up()
        await asyncio.sleep(0.35)
        got = await client.ask()
        assert got == (
            ["breakers", "bulkheads"],
            "".join(ANSWER),
            {"down": [], "complete": True, "saved": True, "waiting": 0},
        )
        assert await client.health() == ("healthy", set())

    run(services, main)
    assert len(services.saved()) == 6  # those that waited are saved as well


def test_with_everything_down_there_is_still_an_answer_and_all_is_found_again(services):
    async def main(client):
        services.down("search", "model", "database")
        for number in range(1, 4):
            assert await client.ask() == ([], NO_ANSWER, {"down": ["search", "model", "database"], "complete": True,
                                                          "saved": False, "waiting": number})  # fmt: skip
        assert await client.health() == ("degraded", {"search", "model", "database"})
        services.up()
        await asyncio.sleep(0.35)
        assert (await client.ask())[1:] == (
            "".join(ANSWER),
            {"down": [], "complete": True, "saved": True, "waiting": 0},
        )
        assert await client.health() == ("healthy", set())

    run(services, main)
    assert [row[1] for row in services.saved()] == [NO_ANSWER] * 3 + ["".join(ANSWER)]


def test_an_answer_that_is_cut_off_is_said_to_be_and_is_not_saved(services):
    async def main(client):
        services.model.script(stream("It stops ", then=reset()))
        sources, text, done = await client.ask()
        assert (sources, text) == (["breakers", "bulkheads"], "It stops ")
        assert done == {"down": ["model"], "complete": False, "saved": False, "waiting": 0}
        assert client.calls()["database"] == 0

    run(services, main)


def test_a_search_that_hangs_holds_up_neither_this_answer_for_long_nor_the_loop(services):
    async def main(client):
        await client.ask()
        with services.chroma.hanging():
            began = time.monotonic()
            answers = await asyncio.gather(*(client.ask() for _ in range(10)))
            assert time.monotonic() - began < 3
        assert all(
            got[0] == [] and got[1] == "".join(ANSWER) and got[2]["down"] == ["search"] for got in answers
        )

    run(services, main)


def test_embedded_and_with_sqlite_it_needs_no_server_but_the_model(services, tmp_path):
    place = tmp_path / "answers.db"

    async def main(client):
        assert (await client.ask())[2]["saved"]
        place.unlink()
        place.mkdir()  # in place of a disk that is gone
        for _ in range(3):
            assert (await client.ask())[2]["down"] == ["database"]
        place.rmdir()
        await asyncio.sleep(0.35)
        assert (await client.ask())[2] == {"down": [], "complete": True, "saved": True, "waiting": 0}

    run(services, main, chroma=None, database=str(place))
    with contextlib.closing(sqlite3.connect(place)) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (4,)


def test_the_first_words_reach_the_user_while_the_model_still_speaks(services):
    import uvicorn

    services.model.default = stream("one ", "two ", "three", gap=0.3)
    settings = Settings(
        model_url=services.model.openai_url, api_key="none", chroma=("127.0.0.1", services.chroma.port),
        database=services.postgres.dsn, registry=CircuitBreakerRegistry(),
    )  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        came = {}
        with httpx.stream("POST", f"http://127.0.0.1:{port}/ask", json={"question": QUESTION}) as reply:
            for line in reply.iter_lines():
                came[line] = time.monotonic()
        assert came['data: "three"'] - came['data: "one "'] > 0.4
    finally:
        server.should_exit = True
        thread.join()


def test_answers_that_are_saved_at_the_same_time_are_each_saved_once(tmp_path):
    database = str(tmp_path / "answers.db")

    async def main():
        store = Store(Settings(database=database, registry=CircuitBreakerRegistry()))
        return await asyncio.gather(*(store.save((f"question {n}", "answer", "[]")) for n in range(20)))

    assert all(asyncio.run(main()))
    with contextlib.closing(sqlite3.connect(database)) as connection:
        saved = [question for (question,) in connection.execute("SELECT question FROM answers")]
    assert sorted(saved) == sorted(f"question {n}" for n in range(20))


def test_the_demo_shows_every_outage(capsys):
    shown = []
    asyncio.run(demo(shown.append))
    text = "\n".join(shown)
    assert text.count("down:") == 5
    assert text.count(NO_ANSWER) == 1
    assert text.count("Our documents say") == 1
    assert "'down': ['search', 'model', 'database']" in text
