# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: classes that say their status or code in a way of their own, and how it is read.

A reader gives statuses (numbers) and codes (texts); it may raise.
"""

from __future__ import annotations

from typing import Any

from trifuse.classify._facts import Reader

_GRPC_NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def _code(error: Any) -> tuple[object, ...]:
    return error.code, error.status if isinstance(getattr(error, "status", None), str) else None


def _called_code(error: Any) -> tuple[object, ...]:
    return (error.code(),)


def _grpc(error: Any) -> tuple[object, ...]:
    return (error.code().name,)


def _google_api(error: Any) -> tuple[object, ...]:
    status = getattr(error, "grpc_status_code", None)
    return int(error.code), getattr(status, "name", None)


def _aws(error: Any) -> tuple[object, ...]:
    answer = error.response
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode"), answer.get("Error", {}).get("Code")


def _sqlstate(error: Any) -> tuple[object, ...]:
    return (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None),)


def _weaviate(error: Any) -> tuple[object, ...]:
    number = error.status_code
    return (_GRPC_NAMES[number] if 0 < number < len(_GRPC_NAMES) else number,)


def _milvus(error: Any) -> tuple[object, ...]:
    marks = tuple(name for name in ("is_input_error", "retriable") if getattr(error, name, False))
    return (f"milvus_{int(error.code)}", *marks)


READERS: dict[str, Reader] = {
    "urllib.error.HTTPError": lambda error: (error.code,),
    "google.genai.errors.APIError": _code,
    "google.api_core.exceptions.GoogleAPICallError": _google_api,
    "grpc.RpcError": _grpc,
    "botocore.exceptions.ClientError": _aws,
    "chromadb.errors.ChromaError": _called_code,
    "psycopg.Error": _sqlstate,
    "psycopg2.Error": _sqlstate,
    "asyncpg.PostgresError": _sqlstate,
    "weaviate.exceptions.UnexpectedStatusCodeError": _weaviate,
    "pymilvus.exceptions.MilvusException": _milvus,
}
