# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of qdrant: its methods and empty results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trifuse.contrib._need import need
from trifuse.contrib._vector.build import Known, Library
from trifuse.contrib._vector.errors import mistake_or
from trifuse.contrib._vector.tables import READ, WRITE, Call, Method, Table


def _models() -> Any:
    return need("qdrant_client.http.models", "qdrant")


def _batch(call: Call) -> list[Any]:
    response = _models().QueryResponse
    return [response(points=[]) for _ in call.arguments()["requests"]]


_READS = {
    "query_points": Method(empty=lambda _: _models().QueryResponse(points=[])),
    "query_batch_points": Method(empty=_batch),
    "query_points_groups": Method(empty=lambda _: _models().GroupsResult(groups=[])),
    "search_matrix_pairs": Method(empty=lambda _: _models().SearchMatrixPairsResponse(pairs=[])),
    "search_matrix_offsets": Method(
        empty=lambda _: _models().SearchMatrixOffsetsResponse(
            offsets_row=[], offsets_col=[], scores=[], ids=[]
        )
    ),
    "scroll": Method(empty=lambda _: ([], None)),
    "count": Method(empty=lambda _: _models().CountResult(count=0)),
    "facet": Method(empty=lambda _: _models().FacetResponse(hits=[])),
    "retrieve": Method(empty=lambda _: []),
}
_PLAIN_READS = """
    get_collections get_collection collection_exists get_aliases get_collection_aliases get_optimizations info
    list_snapshots list_full_snapshots list_shard_snapshots list_shard_keys
    cluster_status cluster_telemetry collection_cluster_info"""
_WRITES = """
    upsert update_vectors delete_vectors delete set_payload overwrite_payload delete_payload clear_payload
    batch_update_points update_collection_aliases update_collection delete_collection create_collection
    recreate_collection create_payload_index delete_payload_index create_vector_name delete_vector_name
    delete_snapshot delete_full_snapshot delete_shard_snapshot create_shard_key delete_shard_key
    cluster_collection_update recover_current_peer remove_peer"""
_LOCAL = """
    close get_embedding_size list_image_models list_late_interaction_multimodal_models
    list_late_interaction_text_models list_sparse_models list_text_models"""
_TABLE = Table(
    {**_READS, **dict.fromkeys(_PLAIN_READS.split(), READ), **dict.fromkeys(_WRITES.split(), WRITE)},
    frozenset(_LOCAL.split()),
)


def _known() -> Mapping[type, Known]:
    client = need("qdrant_client", "qdrant")
    return {client.QdrantClient: Known(_TABLE), client.AsyncQdrantClient: Known(_TABLE, asynchronous=True)}


LIBRARY = Library(
    "qdrant", "a QdrantClient or AsyncQdrantClient", _known, mistake_or(ValueError, AssertionError)
)
