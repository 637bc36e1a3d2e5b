# SPDX-License-Identifier: MIT OR Apache-2.0
"""A PostgreSQL for all tests that ask for one, which every test finds running."""

from __future__ import annotations

import psycopg
import pytest
from servers import PostgresServer


@pytest.fixture(scope="session")
def postgres_started():
    server = PostgresServer()
    try:
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute("CREATE TABLE docs (id int PRIMARY KEY, text text, embedding vector(3))")
            connection.execute("INSERT INTO docs VALUES (1, 'A', '[1,2,3]'), (2, 'B', '[9,9,9]')")
            connection.execute("CREATE TABLE notes (id int)")
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres(postgres_started):
    if postgres_started.process is None:
        postgres_started.start()
    return postgres_started


@pytest.fixture
def make_connection(postgres):
    made = []

    def make(**settings):
        connection = psycopg.connect(postgres.dsn, **{"autocommit": True, **settings})
        made.append(connection)
        return connection

    yield make
    for connection in made:
        connection.close()
