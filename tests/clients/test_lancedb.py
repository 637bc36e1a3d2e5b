# SPDX-License-Identifier: MIT OR Apache-2.0
import lancedb
import pytest
from proof import prove
from trifuse.classify import Kind


@pytest.fixture
def database(tmp_path):
    database = lancedb.connect(tmp_path)
    database.create_table("t", [{"id": 1, "vector": [1.0, 2.0]}])
    return database


def test_a_bad_argument_is_the_callers(database):
    prove(lambda: database.open_table("nothing"), Kind.caller)
    prove(lambda: database.open_table("t").search([1.0, 2.0, 3.0]).to_list(), Kind.caller)
    prove(lambda: database.create_table("t", [{"id": 1}]), Kind.caller)


def test_a_bad_argument_is_the_callers_in_tasks_too(tmp_path):
    async def missing():
        await (await lancedb.connect_async(tmp_path)).open_table("nothing")

    prove(missing, Kind.caller)
