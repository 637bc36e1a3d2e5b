# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-22: the check of a database.
"""The check of a database: it runs a query and leaves what it was given as it was."""

from __future__ import annotations

import asyncio
import sqlite3
from types import SimpleNamespace

import pytest
import trio
from trifuse import ConfigurationError
from trifuse.health import Health, database_check

BOTH = pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])


def health_of(checks):
    return Health(checks=checks, breakers=None)


def only(report):
    (result,) = report.checks
    return result


def reported(run, health):
    return trio.run(health.report_async) if run is trio.run else asyncio.run(health.report_async())


def test_the_database_check_runs_its_query_and_closes_what_it_opened(tmp_path):
    opened = []

    def connect():
        opened.append(sqlite3.connect(tmp_path / "x.db", check_same_thread=False))
        return opened[-1]

    assert only(health_of({"database": database_check(connect)}).report()).status == "healthy"
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
    broken = health_of({"database": database_check(connect, "SELECT * FROM missing")})
    assert only(broken.report()) == ("database", "unhealthy", "OperationalError")


def test_the_database_check_takes_a_connection_and_leaves_it_open(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    health = health_of({"database": database_check(connection)})
    assert health.report().status == "healthy"
    assert health.report().status == "healthy"
    connection.close()
    assert only(health.report()).message == "ProgrammingError"


class AsyncConnection:
    """As psycopg's: execute gives a cursor."""

    closed = 0

    async def execute(self, query):
        assert query == "SELECT 1"
        return self

    async def fetchone(self):
        return (1,)

    async def close(self):
        self.closed += 1


@BOTH
def test_the_database_check_takes_asynchronous_connections_and_functions(run):
    connection = AsyncConnection()

    async def connect():
        return connection

    health = health_of({"own": database_check(connect), "given": database_check(connection)})
    assert reported(run, health).status == "healthy"
    assert connection.closed == 1
    assert health.report().status == "healthy"


@pytest.mark.parametrize(("source", "query", "field"), [(7, "SELECT 1", "source"), (print, " ", "query")])
def test_the_database_check_refuses_what_it_cannot_ask(source, query, field):
    with pytest.raises(ConfigurationError) as refused:
        database_check(source, query)
    assert refused.value.field == field


class Psycopg:
    """As a connection of psycopg, in a transaction (2) or not (0); its ``connection`` is itself."""

    autocommit, rollbacks = False, 0

    def __init__(self, status):
        self.info = SimpleNamespace(transaction_status=status)

    connection = property(lambda self: self)

    def cursor(self):
        return self

    def execute(self, query):
        return self

    def fetchone(self):
        return (1,)

    def close(self):
        pass

    def rollback(self):
        self.rollbacks += 1


class AsyncPsycopg(AsyncConnection, Psycopg):
    """As an asynchronous connection of psycopg."""

    async def rollback(self):
        self.rollbacks += 1


@BOTH
@pytest.mark.parametrize(("status", "ended"), [(0, 2), (2, 0)])
def test_the_database_check_takes_connections_of_psycopg_and_leaves_no_transaction_that_it_began(
    run, status, ended
):
    one, other = Psycopg(status), AsyncPsycopg(status)
    health = health_of({"one": database_check(one), "other": database_check(other)})
    assert [reported(run, health).status, health.report().status] == ["healthy", "healthy"]
    assert (one.rollbacks, other.rollbacks) == (ended, ended)
