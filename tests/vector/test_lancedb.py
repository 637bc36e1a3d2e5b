# SPDX-License-Identifier: MIT OR Apache-2.0
"""LanceDB: queries run under guard at their end, and what stands for them has their columns."""

from __future__ import annotations

import asyncio
import shutil

import lancedb
import pyarrow as pa
import pytest
from lancedb.embeddings import TextEmbeddingFunction, get_registry, register
from lancedb.pydantic import LanceModel, Vector
from lancedb.query import AsyncQueryBase, LanceQueryBuilder
from trifuse import CircuitBreakerOpenError, ForcedOpenError, registry
from trifuse.contrib.lancedb import aprotect, describe, protect

ONE = [1.0, 2.0, 3.0]
ROWS = [{"vector": ONE, "text": "A"}, {"vector": [9.0, 9.0, 9.0], "text": "B"}]


@pytest.fixture
def place(tmp_path):
    return tmp_path / "lance"


@pytest.fixture
def table(place):
    return lancedb.connect(place).create_table("docs", data=ROWS)


QUERIES = {
    "of a vector": lambda t: t.search(ONE).limit(5),
    "of some columns": lambda t: t.search(ONE).select(["text"]).limit(5),
    "with row ids": lambda t: t.search(ONE).with_row_id(True).limit(5),
    "of no vector": lambda t: t.search().limit(5),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("query", QUERIES)
def test_an_empty_result_has_the_columns_of_a_real_one(query, table, name):
    guarded = protect(table, name=name)
    real = QUERIES[query](table).to_arrow()
    assert QUERIES[query](guarded).to_arrow() == real
    guarded.circuit_breaker.force_open()
    empty = QUERIES[query](guarded)
    assert empty.to_list() == []
    assert empty.to_arrow() == real.schema.empty_table()
    assert empty.to_batches().read_all() == real.schema.empty_table()


def test_a_query_is_one_call_made_when_its_result_is_asked_for(table, name):
    guarded = protect(table, name=name)
    query = guarded.search(ONE)
    assert isinstance(query, LanceQueryBuilder)
    query.limit(1)  # as LanceDB's own, a step changes the query
    assert guarded.circuit_breaker.snapshot().calls == 0
    assert [row["text"] for row in query.to_list()] == ["A"]
    assert [row["text"] for row in query.to_list()] == ["A"]
    assert guarded.circuit_breaker.snapshot().successes == 2
    with pytest.raises(AttributeError):
        query.nonsense  # noqa: B018 - the access is what is tested


MISTAKES = {
    "a wrong dimension": lambda t: t.search([1.0]).to_list(),
    "an unknown column": lambda t: t.search(ONE).select(["none"]).to_list(),
    "a bad filter": lambda t: t.count_rows("none = 1"),
    "a wrong row": lambda t: t.add([{"vector": [1.0], "text": "A"}]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(mistake, table, name):
    guarded = protect(table, name=name, consecutive_failures=1)
    with pytest.raises(ValueError):
        MISTAKES[mistake](guarded)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures) == (1, 0)


def test_files_that_are_gone_give_empty_results_and_open_the_breaker(table, place, quick):
    guarded = protect(table, **quick)
    shutil.rmtree(place / "docs.lance" / "data")
    for _ in range(3):
        assert guarded.search(ONE).to_list() == []
    assert guarded.circuit_breaker.state == "open"
    assert guarded.circuit_breaker.snapshot().failures == 2
    assert guarded.search(ONE).to_arrow().schema.names == ["vector", "text", "_distance"]
    with pytest.raises(CircuitBreakerOpenError):
        guarded.add(ROWS)


def test_a_connection_opens_guarded_tables(table, place, name):
    guarded = protect(lancedb.connect(place), name=name)
    opened = guarded.open_table("docs")
    assert isinstance(opened, type(table))
    assert opened.circuit_breaker is guarded.circuit_breaker
    with pytest.raises(ValueError):
        guarded.open_table("none")
    opened.circuit_breaker.force_open()
    assert opened.search(ONE).to_list() == []
    assert opened.count_rows() == 0
    assert opened.head() == pa.schema(table.schema).empty_table()
    with pytest.raises(ForcedOpenError):
        opened.delete("text = 'A'")


def test_asynchronous_tables_and_their_queries(table, place, name):
    async def main():
        bare = await (await lancedb.connect_async(place)).open_table("docs")
        guarded = protect(bare, name=name)
        query = (await guarded.search(ONE)).limit(1)
        assert isinstance(query, AsyncQueryBase)
        assert [row["text"] for row in await query.to_list()] == ["A"]
        both = guarded.query()
        near = both.nearest_to(ONE).limit(1)
        assert [row["text"] for row in await near.to_list()] == ["A"]
        assert len(await both.to_list()) == 2  # the query that it was made of has not changed
        assert guarded.circuit_breaker.snapshot().successes == 3
        guarded.circuit_breaker.force_open()
        assert await near.to_list() == []
        assert (await near.to_arrow()).schema.names == ["vector", "text", "_distance"]
        assert [batch async for batch in await both.to_batches()] in (
            [],
            [pa.RecordBatch.from_pylist([], table.schema)],
        )
        assert await guarded.count_rows() == 0

    asyncio.run(main())


def test_a_synchronous_table_is_awaited_where_its_result_is_asked_for(table, name):
    async def main():
        guarded = aprotect(table, name=name)
        assert [row["text"] for row in await guarded.search(ONE).limit(1).to_list()] == ["A"]
        assert await guarded.count_rows() == 2
        guarded.circuit_breaker.force_open()
        assert await guarded.search(ONE).to_list() == []

    asyncio.run(main())


@register("of-the-tests")
class Embedder(TextEmbeddingFunction):
    def ndims(self):
        return 2

    def generate_embeddings(self, texts):
        if BROKEN:
            raise ConnectionError("no model")
        return [[float(len(text)), 1.0] for text in texts]

    def compute_query_embeddings_with_retry(self, query, *args, **kwargs):
        return self.compute_query_embeddings(query, *args, **kwargs)


BROKEN = []


def test_the_embedding_of_a_text_has_its_own_breaker(place, name):
    made = get_registry().get("of-the-tests").create()

    class Doc(LanceModel):
        text: str = made.SourceField()
        vector: Vector(2) = made.VectorField()

    table = lancedb.connect(place).create_table("texts", schema=Doc)
    table.add([{"text": "A"}, {"text": "BBBB"}])
    guarded = protect(table, name=name, embeddings={"consecutive_failures": 2, "minimum_calls": 100})
    assert [row["text"] for row in guarded.search("xxxx").limit(1).to_list()] == ["BBBB"]
    awaited = aprotect(table, name=name + "-awaited")
    assert [row["text"] for row in asyncio.run(awaited.search("xxxx").limit(1).to_list())] == ["BBBB"]
    assert registry[f"{name}-awaited:embeddings"].snapshot().successes == 1
    BROKEN.append(1)
    try:
        for _ in range(3):
            assert guarded.search("xxxx").limit(1).to_list() == []
    finally:
        BROKEN.clear()
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.successes, taken.failures) == (1, 0)
    assert guarded.search("xxxx").limit(1).to_list() == []  # its breaker is open, the table's is not
    assert len(guarded.search([4.0, 1.0]).limit(1).to_list()) == 1


def test_work_that_takes_its_time_passes_through_and_is_listed(table, name):
    guarded = protect(table, name=name)
    told = describe(guarded)
    assert {"create_index", "optimize", "merge_insert"} <= set(told["unguarded"])
    assert told["fallback"]["search"] == ["empty"]
    guarded.optimize()
    assert guarded.circuit_breaker.snapshot().calls == 0


def test_special_methods_that_ask_the_database_are_guarded(table, place, name):
    guarded = protect(table, name=name)
    database = protect(lancedb.connect(place), name=name)
    assert (len(guarded), len(database), "docs" in database) == (2, 1, True)
    assert database["docs"].circuit_breaker is guarded.circuit_breaker
    assert guarded.circuit_breaker.snapshot().calls == 4
    guarded.circuit_breaker.force_open()
    assert (len(guarded), len(database)) == (0, 0)
    for ask in (lambda: database["docs"], lambda: "docs" in database):
        with pytest.raises(ForcedOpenError):
            ask()
    with pytest.raises(TypeError, match="event loop"):
        len(aprotect(table, name=name))
