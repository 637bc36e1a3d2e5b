# SPDX-License-Identifier: MIT OR Apache-2.0
"""PostgreSQL with pgvector: a real server that is stopped, stands still, and is started again."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.rows import dict_row
from trifuse import CircuitBreakerOpenError, ForcedOpenError, RequestTimeoutError, UnsupportedError
from trifuse.contrib._vector.pg_statements import reads
from trifuse.contrib.pgvector import aconnect, aprotect, connect, describe, protect

NEAREST = "SELECT text FROM docs ORDER BY embedding <-> %s LIMIT 1"
ONE = "[1,2,3]"


def test_a_guarded_connection_is_one_and_reads_what_pgvector_finds(make_connection, name):
    guarded = protect(make_connection(), name=name)
    assert isinstance(guarded, psycopg.Connection)
    register_vector(guarded)
    assert guarded.execute(NEAREST, (ONE,)).fetchone() == ("A",)
    with guarded.cursor(row_factory=dict_row) as cursor:
        assert isinstance(cursor, psycopg.Cursor)
        assert list(cursor.execute("SELECT id FROM docs ORDER BY id")) == [{"id": 1}, {"id": 2}]
        assert cursor.description[0].name == "id"
        assert cursor.rowcount == 2
    vector = guarded.execute("SELECT embedding FROM docs WHERE id = 1").fetchone()[0]
    assert list(vector.to_list() if hasattr(vector, "to_list") else vector) == [1.0, 2.0, 3.0]


def test_an_open_breaker_gives_no_rows_to_reads_and_refuses_writes(make_connection, name):
    guarded = protect(make_connection(), name=name)
    guarded.circuit_breaker.force_open()
    found = guarded.execute(NEAREST, (ONE,))
    assert (found.fetchall(), found.fetchone(), found.fetchmany(3), list(found), found.rowcount) == (
        [],
        None,
        [],
        [],
        0,
    )
    for write in ("INSERT INTO notes VALUES (1)", "SELECT * FROM docs FOR UPDATE", "DELETE FROM notes"):
        with pytest.raises(ForcedOpenError):
            guarded.execute(write)
    with pytest.raises(ForcedOpenError):
        guarded.cursor().executemany("INSERT INTO notes VALUES (%s)", [(1,), (2,)])


def test_a_fallback_gives_rows_and_is_given_the_statement(make_connection, name):
    asked, kept = [], []

    def cached(query, params=None):
        asked.append((query, params))
        return [("cached",), ("too",)]

    guarded = protect(
        make_connection(),
        name=name,
        fallback={"execute": cached, "write": lambda query, params: kept.append(params) or []},
    )
    guarded.circuit_breaker.force_open()
    found = guarded.execute(NEAREST, (ONE,))
    assert (found.fetchone(), found.fetchall()) == (("cached",), [("too",)])
    assert asked == [(NEAREST, (ONE,))]
    guarded.execute("INSERT INTO notes VALUES (%s)", (1,))
    assert kept == [(1,)]


MISTAKES = [
    "SELECT embedding <-> '[1,2]' FROM docs",
    "SELECT * FROM none",
    "SELEC",
    "INSERT INTO docs VALUES (1, 'twice', NULL)",
]


@pytest.mark.parametrize("statement", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(statement, make_connection, name):
    guarded = protect(make_connection(), name=name, consecutive_failures=1)
    with pytest.raises(psycopg.Error):
        guarded.execute(statement)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures) == (1, 0)


def test_a_server_that_stops_gives_no_rows_opens_the_breaker_and_is_found_again(
    postgres, make_connection, quick
):
    guarded = connect(make_connection, **quick)
    assert guarded.execute(NEAREST, (ONE,)).fetchall() == [("A",)]
    postgres.stop()
    for _ in range(4):
        assert guarded.execute(NEAREST, (ONE,)).fetchall() == []
    assert guarded.circuit_breaker.state == "open"
    assert guarded.circuit_breaker.snapshot().failures == 2
    with pytest.raises(CircuitBreakerOpenError):
        guarded.execute("INSERT INTO notes VALUES (1)")
    postgres.start()
    time.sleep(0.25)
    assert guarded.execute(NEAREST, (ONE,)).fetchall() == [("A",)]
    assert guarded.circuit_breaker.state == "closed"


def test_a_query_that_takes_too_long_is_cancelled_at_the_server_and_the_connection_lives(
    make_connection, quick
):
    guarded = protect(make_connection(), **quick)
    backend = guarded.info.backend_pid
    began = time.monotonic()
    assert guarded.execute("SELECT pg_sleep(5)").fetchall() == []
    assert 0.4 < time.monotonic() - began < 1.5
    assert guarded.circuit_breaker.snapshot().timeouts == 1
    with pytest.raises(RequestTimeoutError):
        guarded.execute("INSERT INTO notes SELECT 1 FROM pg_sleep(5)")
    guarded.circuit_breaker.reset()
    assert guarded.execute("SELECT 1").fetchall() == [(1,)]
    assert guarded.info.backend_pid == backend


def test_a_server_that_stands_still_is_left_within_half_a_second_and_asked_by_a_new_connection(
    postgres, make_connection, quick
):
    guarded = connect(make_connection, **quick)
    guarded.execute("SELECT 1")
    with postgres.hanging(guarded.info.backend_pid):
        began = time.monotonic()
        assert guarded.execute(NEAREST, (ONE,)).fetchall() == []
        assert 0.4 < time.monotonic() - began < 2
    assert guarded.execute(NEAREST, (ONE,)).fetchall() == [("A",)]


def test_a_failed_read_of_its_own_leaves_the_connection_usable_without_autocommit(make_connection, quick):
    guarded = protect(make_connection(autocommit=False), **quick)
    assert guarded.execute("SELECT pg_sleep(5)").fetchall() == []
    assert guarded.execute("SELECT 1").fetchall() == [(1,)]
    guarded.rollback()


def test_a_cursor_of_the_server_is_guarded_while_it_fetches(make_connection, quick):
    guarded = protect(make_connection(autocommit=False), **quick)
    with guarded.cursor(name="many") as cursor:
        cursor.execute("SELECT generate_series(1, 250)")
        assert cursor.fetchone() == (1,)
        assert len(list(cursor)) == 249
    guarded.rollback()
    assert guarded.circuit_breaker.snapshot().successes >= 3


def test_an_asynchronous_connection_is_limited_even_when_the_server_stands_still(
    postgres, make_connection, quick
):
    async def main():
        guarded = connect(
            lambda: psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True),
            psycopg.AsyncConnection,
            **quick,
        )
        assert isinstance(guarded, psycopg.AsyncConnection)
        assert await (await guarded.execute(NEAREST, (ONE,))).fetchall() == [("A",)]
        async with guarded.cursor() as cursor:
            await cursor.execute("SELECT id FROM docs ORDER BY id")
            assert [row async for row in cursor] == [(1,), (2,)]
            await cursor.executemany("INSERT INTO notes VALUES (%s)", [(5,)])
        began = time.monotonic()
        assert await (await guarded.execute("SELECT pg_sleep(5)")).fetchall() == []
        with postgres.hanging(guarded.info.backend_pid):
            assert await (await guarded.execute(NEAREST, (ONE,))).fetchall() == []
            assert time.monotonic() - began < 3
        assert guarded.circuit_breaker.state == "open"
        await asyncio.sleep(0.25)
        assert await (await guarded.execute(NEAREST, (ONE,))).fetchone() == ("A",)
        call = asyncio.ensure_future(guarded.execute("SELECT pg_sleep(5)"))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert guarded.circuit_breaker.snapshot().ignored == 1
        assert await (await guarded.execute("SELECT 2")).fetchone() == (2,)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await guarded.execute("SELECT * FROM none")
        await guarded.close()

    asyncio.run(main())


@pytest.mark.parametrize("lazily", [False, True])
def test_a_synchronous_connection_is_awaited_in_threads(make_connection, quick, lazily, until):
    async def main():
        guarded = aconnect(make_connection, **quick) if lazily else aprotect(make_connection(), **quick)
        assert await (await guarded.execute(NEAREST, (ONE,))).fetchall() == [("A",)]
        async with guarded.cursor() as cursor:
            await cursor.execute("SELECT id FROM docs ORDER BY id")
            assert await cursor.fetchmany(5) == [(1,), (2,)]
        began = time.monotonic()
        assert await (await guarded.execute("SELECT pg_sleep(5)")).fetchone() is None
        assert time.monotonic() - began < 1.5
        return guarded

    guarded = asyncio.run(main())
    until(lambda: guarded.describe()["threads"]["running"] == 0)


READING = ["SELECT 1", "  select 1", "(SELECT 1)", "WITH a AS (SELECT 1) SELECT * FROM a", "-- so\nSELECT 1",
           "/* delete */ VALUES (1)", "-- it's me\nSELECT 'a'", b"SELECT 1", "SELECT 1;", sql.SQL("SELECT 1"), sql.SQL("SELECT {}").format(1)]  # fmt: skip
WRITING = ["INSERT INTO a VALUES (1)", "WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", "SELECT * FROM a FOR UPDATE",
           "SELECT 1; DELETE FROM a", "SELECT nextval('a')", "SELECT * INTO b FROM a", "CALL f()", "", "EXPLAIN ANALYZE SELECT 1",
           "SELECT pg_advisory_lock(1)", 7, None, "UPDATE a SET b = 1", "SELECT * FROM a FOR NO KEY UPDATE", "SELECT '--'; DELETE FROM a",
           "SELECT '/*'; DELETE FROM a; SELECT '*/'", "SELECT E'\\'--'; DROP TABLE a", "SELECT $$--$$; DELETE FROM a",
           "SELECT pg_notify('a', 'b')", "SELECT set_config('a', 'b', false)", "SELECT pg_terminate_backend(1)"]  # fmt: skip


def test_only_a_statement_that_surely_reads_is_a_read():
    assert [reads(statement) for statement in READING] == [True] * len(READING)
    assert [reads(statement) for statement in WRITING] == [False] * len(WRITING)


def test_a_version_that_cannot_cancel_queries_is_refused(make_connection, monkeypatch):
    connection = make_connection()
    monkeypatch.delattr(psycopg.Connection, "cancel_safe")
    with pytest.raises(UnsupportedError, match=r"psycopg 3\.2"):
        protect(connection, registry=None)
    with pytest.raises(UnsupportedError, match=r"psycopg 3\.2"):
        connect(make_connection, registry=None)


def test_describe_tells_what_passes_through(make_connection, name):
    told = describe(protect(make_connection(), name=name))
    assert {"pipeline", "notifies"} <= set(told["unguarded"])
    assert told["fallback"] == {"execute": ["empty"]}
