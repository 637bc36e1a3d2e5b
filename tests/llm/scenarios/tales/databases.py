# SPDX-License-Identifier: MIT OR Apache-2.0
"""A vector database behind a question, and other services of the same request."""

import asyncio
import atexit
import functools
import sys
import threading
import time
from pathlib import Path

import chromadb
import httpx2
from kit.measuring import Lag
from kit.scenario import scenario
from kit.world import named
from trifuse.contrib import chromadb as guarded_chroma
from trifuse.contrib import httpx2 as guarded_httpx2
from trifuse.health import Health
from trifuse.testing.chaos import ChaosServer, answer, status

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "vector"))

from servers import ChromaServer

PLACES = [[1.0, 0.0], [0.0, 1.0]]


@functools.cache
def chroma():
    """A Chroma server with two documents, and a synchronous client's collection of them."""
    server = ChromaServer()
    atexit.register(server.remove)
    server.start()
    client = chromadb.HttpClient(port=server.port, settings=chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("docs", embedding_function=None)
    collection.add(["one", "two"], embeddings=PLACES, documents=["first", "second"])
    return server, collection


@scenario(
    "a vector database that is down gives an empty result, a degraded health, and comes back",
    server="the Chroma server is killed, and started again",
    reach=0,
    gets=[["one"], [[]] * 4, "degraded", ["one"], "healthy"],
    state="closed",
    patience=8,
)
def chroma_down(w):
    server, collection = chroma()
    protected = guarded_chroma.protect(
        collection, name=w.named(), consecutive_failures=3, minimum_calls=100, open_duration=0.2
    )
    docs = protected if w.guarded else collection
    health = Health(breakers={"chroma": w.breaker()})
    before = found(docs)
    server.kill()
    while_down = [found(docs) for _ in range(4)]
    degraded = health.report().status.value
    server.start()
    time.sleep(0.3)
    return [before, [d or [] for d in while_down], degraded, found(docs), health.report().status.value]


def found(docs):
    try:
        return docs.query(query_embeddings=[PLACES[0]], n_results=1)["ids"][0]
    except Exception as error:
        return type(error).__name__


@scenario(
    "a synchronous vector client that hangs holds up neither its asynchronous caller nor the event loop",
    server="the Chroma server stands still for 0.8 s",
    reach=0,
    gets=["in time", "the loop went on", []],
    state="closed",
    patience=8,
)
async def chroma_hangs(w):
    server, collection = chroma()
    docs = guarded_chroma.aprotect(collection, name=w.named(), request_timeout=0.3) if w.guarded else None
    with server.hanging():
        cont = threading.Timer(0.8, server.process.send_signal, [18])  # SIGCONT
        cont.start()
        began = time.monotonic()
        with Lag() as lag:
            await asyncio.sleep(0.02)
            asked = docs.query(query_embeddings=[PLACES[0]]) if docs else at_once(collection)
            result = await asked
        late = "in time" if time.monotonic() - began < 0.7 else "late"
        cont.join()
    went_on = "the loop went on" if lag.most < 0.2 else f"the loop stood still for {lag.most:.1f} s"
    return [late, went_on, result["ids"][0]]


async def at_once(collection):
    """What people write: a synchronous call in a coroutine."""
    return collection.query(query_embeddings=[PLACES[0]])


@scenario(
    "of a question that needs three services the two that work go on, and the broken one is left alone",
    server="embeddings and answers are well, saving is down",
    reach=25,
    gets=[["answered, not saved"] * 10, {"save": "open", "llm": "closed"}],
    state={"": "closed", ":embeddings": "closed"},
    patience=3,
)
async def three_services(w):
    import trifuse

    w.server.script(path="/save", default=status(503))
    client = w.openai(retry=None)
    saving = trifuse.CircuitBreaker(w.named(":save"), preset="llm", fallback=[lambda _: "not saved"])
    async with httpx2.AsyncClient(base_url=w.server.url, verify=False) as http:

        async def post(text):
            (await http.post("/save", json={"text": text})).raise_for_status()
            return "saved"

        save = w.guard(saving, post)
        got = []
        for _ in range(10):
            await client.embeddings.create(model="e", input="a question")
            text = await w.call(client)
            got.append(f"answered, {await named(save(text))}" if text == "hello" else text)
    states = {"save": saving.state.value, "llm": w.states().get("", "none")}
    return [[g.replace("HTTPStatusError", "not saved") for g in got], states]


@scenario(
    "one host that is down does not stop the others of the same HTTP client",
    server="this host answers 503, another one well",
    reach=5,
    gets=[[503] * 5 + ["CircuitBreakerOpenError"] * 15, [200] * 20],
    state=None,
)
async def hosts(w):
    w.server.default = status(503)
    with ChaosServer(default=answer()) as other:
        plain = httpx2.AsyncClient(verify=False)
        http = (
            guarded_httpx2.protect(plain, consecutive_failures=5, minimum_calls=100, retry=None)
            if w.guarded
            else plain
        )
        async with http:

            async def get(url):
                return (await http.get(url)).status_code

            down = [await named(get(w.server.url)) for _ in range(20)]
            return [down, [await named(get(other.url)) for _ in range(20)]]
