# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of Milvus: its methods and empty results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from trifuse.contrib._need import need
from trifuse.contrib._vector.build import Known, Library
from trifuse.contrib._vector.errors import mistake_or
from trifuse.contrib._vector.tables import READ, WRITE, Call, Method, Table

# Of collections, partitions, databases, indexes, parameters, privileges, aliases and fields; 6 is Milvus Lite's.
_CODES = {6, 100, 200, 700, 800, 1100, 1101, 1102, 1400, 1401, 1600, 1700, 1701}
# What the server and Milvus Lite say of a wrong vector under a code that means any error.
_WRONG = ("dimension mismatch", "mismatch in its core dimension", "expected dim", "vector dimension")


def _rows(_: Call) -> Any:
    return need("pymilvus.client.types", "milvus").HybridExtraList([])


def _hits(number: int) -> Any:
    data = need("pymilvus.grpc_gen.schema_pb2", "milvus").SearchResultData(
        num_queries=number, topks=[0] * number
    )
    return need("pymilvus.client.search_result", "milvus").SearchResult(data)


def _search(call: Call) -> Any:
    """Give a list for each query vector, or for each id that stands for one."""
    arguments = call.arguments()
    data, ids = arguments["data"], arguments.get("ids")
    if data is not None:
        return _hits(_queries(data))
    return _hits(len(ids) if isinstance(ids, (list, tuple)) else 1)


def _queries(data: Any) -> int:
    shape = getattr(data, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) > 1 else 1
    if isinstance(data, (list, tuple)) and data:
        return 1 if isinstance(data[0], (int, float)) else len(data)
    return 1


def _hybrid(call: Call) -> Any:
    requests = call.arguments()["reqs"]
    return _hits(_queries(requests[0].data) if requests else 1)


def _timed(method: Any, kwargs: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Give a call the time limit that pymilvus has none of by itself; it also ends its retries."""
    if seconds is None or kwargs.get("timeout") is not None:
        return kwargs
    return {**kwargs, "timeout": seconds} if _takes_timeout(method) else kwargs


def _takes_timeout(method: Callable[..., Any]) -> bool:
    return "timeout" in inspect.signature(method).parameters


_READS = """
    list_collections list_partitions list_aliases list_indexes list_databases has_collection has_partition
    describe_collection describe_alias describe_index describe_database get_collection_stats
    get_partition_stats get_load_state get_server_version get_server_type get_compaction_state
    list_users list_roles describe_user describe_role run_analyzer"""
_WRITES = """
    insert upsert delete create_collection drop_collection rename_collection create_partition drop_partition
    create_alias drop_alias alter_alias create_database drop_database drop_index truncate_collection
    add_collection_field alter_collection_field alter_collection_properties drop_collection_properties
    create_user drop_user update_password create_role drop_role grant_role revoke_role"""
_TABLE = Table(
    {
        "search": Method(empty=_search),
        "hybrid_search": Method(empty=_hybrid),
        "query": Method(empty=_rows),
        "get": Method(empty=_rows),
        **dict.fromkeys(_READS.split(), READ),
        **dict.fromkeys(_WRITES.split(), WRITE),
    },
    frozenset(
        {
            "close",
            "create_schema",
            "create_struct_field_schema",
            "prepare_index_params",
            "use_database",
            "session",
        }
    ),
    _timed,
)


def _known() -> Mapping[type, Known]:
    client = need("pymilvus", "milvus")
    return {client.MilvusClient: Known(_TABLE), client.AsyncMilvusClient: Known(_TABLE, asynchronous=True)}


_by_type = mistake_or(ValueError)


def is_mistake(error: BaseException) -> bool:
    """Tell a caller's mistake; of a vector of the wrong length by what the server says."""
    if _by_type(error):
        return True
    if type(error).__name__ != "MilvusException":
        return False
    if getattr(error, "code", None) in _CODES:
        return True
    text = str(getattr(error, "message", "")).lower()
    return any(words in text for words in _WRONG)


LIBRARY = Library("milvus", "a MilvusClient or AsyncMilvusClient", _known, is_mistake)
