# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of LanceDB: its methods, empty results and queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trifuse.contrib._need import need
from trifuse.contrib._vector import lance_queries
from trifuse.contrib._vector.build import Known, Library
from trifuse.contrib._vector.errors import mistake_or
from trifuse.contrib._vector.lance_empty import EMPTY
from trifuse.contrib._vector.tables import OPEN, OPEN_WRITE, READ, WRITE, Call, Method, Table

if TYPE_CHECKING:
    from trifuse.contrib._vector.objects import Behind


def _no_rows(call: Call) -> list[Any]:  # noqa: ARG001 - as all
    """Stand for the empty result of a method that makes its own, in descriptions."""
    return []


def _sync_queries() -> tuple[type, ...]:
    query = need("lancedb.query", "lancedb")
    return (
        query.LanceQueryBuilder, query.LanceVectorQueryBuilder, query.LanceFtsQueryBuilder,
        query.LanceHybridQueryBuilder, query.LanceEmptyQueryBuilder,
    )  # fmt: skip


def _sync_takes() -> tuple[type, ...]:
    query = need("lancedb.query", "lancedb")
    return query.BaseQueryBuilder, query.LanceTakeQueryBuilder


def _async_queries() -> tuple[type, ...]:
    query = need("lancedb.query", "lancedb")
    return (
        query.AsyncQueryBase, query.AsyncQuery, query.AsyncVectorQuery, query.AsyncFTSQuery,
        query.AsyncHybridQuery, query.AsyncTakeQuery,
    )  # fmt: skip


def _table_rows(end: str) -> Callable[..., Any]:
    """Make the maker of a table's methods that give rows: the empty result has the table's columns."""

    def make(behind: Behind, guarded: Any, name: str) -> Any:  # noqa: ARG001 - as all makers
        from trifuse.contrib._vector.methods import make_method

        schema = lance_queries.schema_of(behind)
        method = Method(empty=lambda _: EMPTY[end](schema.after([("query", (), {})]), behind.asynchronous))
        return make_method(behind, name, method)

    return make


_WRITES = """
    add update delete drop_index alter_columns update_field_metadata drop_columns restore
    set_unenforced_primary_key set_lsm_write_spec unset_lsm_write_spec replace_field_metadata"""
_READS = "index_stats stats function_errors get_lsm_write_spec get_lsm_stats tokenize fetch_blobs fetch_blob_ranges"
_COMMON = {
    "count_rows": Method(empty=lambda _: 0),
    "list_versions": Method(empty=lambda _: []),
    "list_indices": Method(empty=lambda _: []),
    "head": Method(empty=_no_rows, make=_table_rows("to_arrow")),
    "to_arrow": Method(empty=_no_rows, make=_table_rows("to_arrow")),
    "to_pandas": Method(empty=_no_rows, make=_table_rows("to_pandas")),
    **dict.fromkeys(_READS.split(), READ),
    **dict.fromkeys(_WRITES.split(), WRITE),
}
_LOCAL = frozenset(("name", "is_open", "close", "from_inner", "infer_tokenizer_configs", "blob_columns"))


def _with_queries(
    kinds: Callable[[], tuple[type, ...]], takes: Callable[[], tuple[type, ...]]
) -> dict[str, Method]:
    queries, taken = lance_queries.starts(kinds), lance_queries.starts(takes)
    found = {name: Method(empty=_no_rows, make=queries) for name in ("search", "query", "vector_search")}
    return {
        **found,
        **{name: Method(empty=_no_rows, make=taken) for name in ("take_offsets", "take_row_ids")},
    }


_SYNC = Table(
    {**_COMMON, "__len__": _COMMON["count_rows"], **_with_queries(_sync_queries, _sync_takes)},
    _LOCAL,
    None,
    lance_queries.KNOWN,
)
_ASYNC_READS = dict.fromkeys(
    ("schema", "version", "uri", "embedding_functions", "uses_v2_manifest_paths"), READ
)
_ASYNC = Table(
    {**_COMMON, **_ASYNC_READS, **_with_queries(_async_queries, _async_queries)},
    _LOCAL,
    None,
    lance_queries.KNOWN,
)

_DATABASE_WRITES = """
    create_namespace drop_namespace rename_table drop_table drop_all_tables drop_database create_view drop_view
    drop_function create_secret alter_secret drop_secret"""
_DATABASE_READS = """
    list_tables list_namespaces describe_namespace namespace_exists table_exists describe_view get_function
    list_functions list_secrets describe_secret list_views"""
_DATABASE = Table(
    {
        "table_names": Method(empty=lambda _: []),
        "__len__": Method(empty=lambda _: 0),
        "__contains__": READ,
        "__getitem__": OPEN,
        "open_table": OPEN,
        "create_table": OPEN_WRITE,
        "clone_table": OPEN_WRITE,
        **dict.fromkeys(_DATABASE_READS.split(), READ),
        **dict.fromkeys(_DATABASE_WRITES.split(), WRITE),
    },
    frozenset(("is_open", "close", "serialize", "from_inner")),
)


def _known() -> Mapping[type, Known]:
    database, table = need("lancedb.db", "lancedb"), need("lancedb.table", "lancedb")
    return {
        table.Table: Known(_SYNC),
        table.AsyncTable: Known(_ASYNC, asynchronous=True),
        database.DBConnection: Known(_DATABASE),
        database.AsyncConnection: Known(_DATABASE, asynchronous=True),
    }


LIBRARY = Library("lancedb", "a table or connection of lancedb", _known, mistake_or(ValueError))
