# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of psycopg's connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trifuse._errors import UnsupportedError
from trifuse.contrib._need import need
from trifuse.contrib._vector.build import Known, Library
from trifuse.contrib._vector.errors import mistake_or
from trifuse.contrib._vector.pg_calls import ALSO, TransactionLostError, make_cursor, make_end, make_execute
from trifuse.contrib._vector.pg_transactions import make_transaction
from trifuse.contrib._vector.tables import Method, Table

_LOCAL = """
    close fileno xid add_notice_handler remove_notice_handler add_notify_handler remove_notify_handler
    cancel cancel_safe connect wait"""
_TABLE = Table(
    {
        "execute": Method(empty=lambda _: [], make=make_execute),
        "cursor": Method(make=make_cursor),
        "commit": Method(write=True, make=make_end),
        "rollback": Method(write=True, make=make_end),
        "transaction": Method(write=True, make=make_transaction),
    },
    frozenset(_LOCAL.split()),
    also=ALSO,
)


def _lost(connection: Any) -> bool:
    return bool(connection.closed)


def _known() -> Mapping[type, Known]:
    library = need("psycopg", "pgvector")
    if not hasattr(library.Connection, "cancel_safe"):  # without it queries would not end in time
        raise UnsupportedError(
            "pgvector", "protect", "install psycopg 3.2 or later, which can cancel queries"
        )
    return {
        library.Connection: Known(_TABLE, dead=_lost),
        library.AsyncConnection: Known(_TABLE, asynchronous=True, dead=_lost),
    }


LIBRARY = Library(
    "pgvector", "a Connection or AsyncConnection of psycopg", _known, mistake_or(TransactionLostError)
)
