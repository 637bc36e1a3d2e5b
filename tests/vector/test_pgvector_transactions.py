# SPDX-License-Identifier: MIT OR Apache-2.0
"""PostgreSQL: what is left of transactions when reads fail and connections are lost."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from trifuse import CircuitBreakerOpenError, ForcedOpenError, RequestTimeoutError
from trifuse.contrib.pgvector import TransactionLostError, aprotect, connect, protect


def test_inside_a_transaction_a_failed_read_is_raised_so_that_commit_cannot_undo_it_silently(
    make_connection, quick
):
    guarded = protect(make_connection(autocommit=False), **quick)
    guarded.execute("INSERT INTO notes VALUES (77)")
    with pytest.raises(RequestTimeoutError):
        guarded.execute("SELECT pg_sleep(5)")
    guarded.rollback()
    assert guarded.execute("SELECT * FROM notes WHERE id = 77").fetchall() == []
    guarded.rollback()


def test_a_transaction_that_is_lost_with_its_connection_is_not_committed_by_another_one(
    postgres, make_connection, quick
):
    guarded = connect(lambda: make_connection(autocommit=False), **{**quick, "consecutive_failures": 50})
    for end in (lambda: guarded.execute("SELECT 1"), guarded.commit):
        guarded.execute("INSERT INTO notes VALUES (78)")
        postgres.stop()
        postgres.start()
        guarded._trifuse.source.last().close()  # as psycopg finds it at the next statement
        with pytest.raises(TransactionLostError):
            end()
        assert guarded.execute("SELECT * FROM notes WHERE id = 78").fetchall() == []
        guarded.commit()


def test_transactions_find_a_server_again_and_commit_what_they_did(postgres, make_connection, quick):
    guarded = connect(make_connection, **quick, retry={"max_retries": 2, "delay": 0.001})
    with guarded.transaction():
        guarded.execute("INSERT INTO notes VALUES (90)")
        with pytest.raises(psycopg.errors.UndefinedTable), guarded.transaction():  # a savepoint
            guarded.execute("SELECT * FROM none")
    postgres.stop()
    for _ in range(3):
        with pytest.raises((psycopg.OperationalError, CircuitBreakerOpenError)), guarded.transaction():
            pytest.fail("there is no server")
    assert guarded.circuit_breaker.state == "open"
    postgres.start()
    time.sleep(0.25)
    with guarded.transaction():
        guarded.execute("INSERT INTO notes VALUES (91)")
    assert guarded.execute("SELECT id FROM notes WHERE id IN (90, 91) ORDER BY id").fetchall() == [
        (90,),
        (91,),
    ]


@pytest.mark.parametrize("statements", [0, 1])
def test_a_transaction_that_loses_its_connection_is_not_gone_on_with_on_another_one(
    postgres, make_connection, quick, statements
):
    guarded = connect(
        make_connection, **{**quick, "consecutive_failures": 50}, retry={"max_retries": 3, "delay": 0.001}
    )
    with pytest.raises(TransactionLostError), guarded.transaction():
        for _ in range(statements):
            guarded.execute("INSERT INTO notes VALUES (95)")
        postgres.stop()
        postgres.start()
        guarded._trifuse.source.last().close()
        guarded.execute("SELECT 1")
    assert guarded.execute("SELECT * FROM notes WHERE id = 95").fetchall() == []
    assert guarded.circuit_breaker.snapshot().failures == 0


@pytest.mark.parametrize("twin", [False, True])
def test_transactions_are_awaited_too(postgres, make_connection, quick, twin):
    async def main():
        if twin:
            guarded = aprotect(make_connection(), **quick)
        else:
            guarded = protect(await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True), **quick)
        async with guarded.transaction():
            await guarded.execute("INSERT INTO notes VALUES (97)")
        with pytest.raises(ZeroDivisionError):
            async with guarded.transaction():
                await guarded.execute("INSERT INTO notes VALUES (98)")
                raise ZeroDivisionError
        found = await guarded.execute("SELECT DISTINCT id FROM notes WHERE id IN (97, 98)")
        assert await found.fetchall() == [(97,)]
        await guarded.rollback()
        if not twin:
            await guarded.close()

    asyncio.run(main())


def test_a_rollback_is_never_refused(make_connection, name):
    guarded = protect(make_connection(autocommit=False), name=name)
    guarded.execute("INSERT INTO notes VALUES (96)")
    guarded.circuit_breaker.force_open()
    with pytest.raises(ForcedOpenError):
        guarded.commit()
    guarded.rollback()
    guarded.circuit_breaker.reset()
    assert guarded.execute("SELECT * FROM notes WHERE id = 96").fetchall() == []
    guarded.rollback()
