# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: clients of vector databases, PostgreSQL, SQLite, Redis and Valkey."""

from __future__ import annotations

from trifuse.classify._http import grpc_rows
from trifuse.classify._kinds import Kind
from trifuse.classify._rows import WRAPPER, Row, named

_SQLSTATE_ERRORS = ("psycopg.Error", "psycopg2.Error", "asyncpg.PostgresError")
_SQLSTATES: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.transient, ("25006", "55p03", "55006")),  # a standby, a lock, an object in use
    (Kind.transient, ("08", "40", "57p", "58", "xx")),
    (Kind.overloaded, ("53",)),
    (Kind.caller, ("0a", "0l", "0p", "21", "22", "23", "25", "26", "28", "2b", "2d", "3", "42", "44")),
)


def _postgres(name: str) -> tuple[Row, ...]:
    return (
        Row(name, Kind.timeout, words=("57014",), texts=("timeout",)),
        Row(name, Kind.cancelled, words=("57014",)),
        Row(name, Kind.timeout, words=("25p03", "25p04", "57p05")),
        *(Row(name, kind, prefixes=prefixes) for kind, prefixes in _SQLSTATES),
    )


def _connecting(name: str) -> tuple[Row, ...]:
    """Make the rows of a connection that is refused, which has no code of SQL."""
    return (
        Row(name, Kind.overloaded, texts=("too many clients", "remaining connection slots")),
        Row(
            name, Kind.caller, texts=("authentication failed", "no pg_hba.conf entry", "no password supplied")
        ),
        Row(name, Kind.caller, texts=('" does not exist',)),
    )


def _redis_first(module: str) -> tuple[Row, ...]:
    return (
        Row(
            f"{module}.ConnectionError", Kind.local, texts=("no connection available", "too many connections")
        ),
    )


def _redis(module: str, base: str) -> tuple[Row, ...]:
    return (
        *named(Kind.timeout, module, "TimeoutError"),
        *named(Kind.transient, module, "ConnectionError InvalidResponse ReadOnlyError ClusterDownError"),
        *named(Kind.transient, module, "ClusterError TryAgainError SlotNotCoveredError AskError"),
        *named(Kind.overloaded, module, "BusyLoadingError OutOfMemoryError"),
        *named(Kind.local, module, "MaxConnectionsError"),
        *named(
            Kind.caller, module, "AuthenticationError AuthorizationError DataError ResponseError WatchError"
        ),
        *named(Kind.caller, module, "LockError PubSubError InvalidPipelineStack CrossSlotTransactionError"),
        *named(Kind.transient, module, base),
    )


_CONFLICTS = (
    "chromadb.errors.ChromaError",
    "qdrant_client.UnexpectedResponse",
    "weaviate.exceptions.UnexpectedStatusCodeError",
    "pinecone.ApiError",
    "opensearchpy.TransportError",
    "elasticsearch.ApiError",
)

FIRST = (
    *(Row(name, Kind.caller, status=(409,)) for name in _CONFLICTS),
    *named(Kind.quota_spent, "chromadb.errors", "QuotaError"),
    *named(Kind.caller, "chromadb.errors", "VersionMismatchError"),
    Row("chromadb.errors.InternalError", Kind.caller, texts=("already exists",)),
    *(row for name in _SQLSTATE_ERRORS for row in _postgres(name)),
    *(row for name in ("psycopg", "psycopg2") for row in _connecting(f"{name}.OperationalError")),
    Row("sqlite3.OperationalError", Kind.transient, texts=("locked", "busy", "disk i/o")),
    Row(
        "sqlite3.OperationalError",
        Kind.caller,
        texts=("no such", "syntax error", "already exists", "has no column"),
    ),
    *_redis_first("redis.exceptions"),
    *_redis_first("valkey.exceptions"),
    *grpc_rows("weaviate.exceptions.UnexpectedStatusCodeError"),
    Row("pymilvus.exceptions.MilvusException", Kind.caller, words=("is_input_error",)),
    Row("pymilvus.exceptions.MilvusException", Kind.rate_limited, words=("milvus_8",)),
    Row("pymilvus.exceptions.MilvusException", Kind.overloaded, words=("milvus_9",)),
    Row("pymilvus.exceptions.MilvusException", Kind.caller, words=("milvus_100", "milvus_700")),
    Row("pymilvus.exceptions.MilvusException", Kind.transient, words=("retriable",)),
)
"""Rows that are looked at before codes and statuses."""

ROWS = (
    *named(Kind.caller, "chromadb.errors", "ChromaError"),
    Row("qdrant_client.ResponseHandlingException", WRAPPER),
    *named(Kind.rate_limited, "qdrant_client", "ResourceExhaustedResponse"),
    *named(Kind.transient, "pymilvus.exceptions", "ConnectError MilvusUnavailableException"),
    *named(Kind.transient, "pymilvus.exceptions", "SchemaMismatchRetryableException"),
    *named(
        Kind.caller, "pymilvus.exceptions", "ParamError CollectionNotExistException IndexNotExistException"
    ),
    *named(Kind.caller, "pymilvus.exceptions", "PartitionAlreadyExistException AmbiguousIndexName"),
    *named(Kind.caller, "pymilvus.exceptions", "CannotInferSchemaException SchemaNotReadyException"),
    *named(Kind.caller, "pymilvus.exceptions", "DataTypeNotMatchException DataTypeNotSupportException"),
    *named(Kind.caller, "pymilvus.exceptions", "DataNotMatchException ConnectionNotExistException"),
    *named(Kind.caller, "pymilvus.exceptions", "ConnectionConfigException PrimaryKeyException"),
    *named(
        Kind.caller, "pymilvus.exceptions", "PartitionKeyException ClusteringKeyException AutoIDException"
    ),
    *named(
        Kind.caller, "pymilvus.exceptions", "FieldsTypeException FunctionsTypeException FieldTypeException"
    ),
    *named(Kind.caller, "pymilvus.exceptions", "InvalidConsistencyLevel ServerVersionIncompatibleException"),
    Row("pymilvus.exceptions.MilvusException", WRAPPER),
    *named(Kind.timeout, "weaviate.exceptions", "WeaviateTimeoutError"),
    *named(Kind.transient, "weaviate.exceptions", "WeaviateConnectionError WeaviateStartUpError"),
    *named(Kind.transient, "weaviate.exceptions", "WeaviateGRPCUnavailableError EmptyResponseError"),
    *named(Kind.transient, "weaviate.exceptions", "ResponseCannotBeDecodedError WeaviateRetryError"),
    *named(Kind.caller, "weaviate.exceptions", "WeaviateInvalidInputError WeaviateClosedClientError"),
    *named(Kind.caller, "weaviate.exceptions", "AuthenticationFailedError SchemaValidationError"),
    *named(Kind.caller, "weaviate.exceptions", "ObjectAlreadyExistsError WeaviateUnsupportedFeatureError"),
    *named(
        Kind.caller,
        "weaviate.exceptions",
        "WeaviateInsertInvalidPropertyError WeaviateAddInvalidPropertyError",
    ),
    Row("weaviate.exceptions.WeaviateBaseError", WRAPPER),
    *named(Kind.timeout, "pinecone", "PineconeTimeoutError"),
    *named(Kind.transient, "pinecone", "PineconeConnectionError ResponseParsingError IndexInitFailedError"),
    *named(Kind.caller, "pinecone", "PineconeValueError PineconeTypeError IndexTerminatedError"),
    *named(Kind.timeout, "opensearchpy", "ConnectionTimeout"),
    *named(Kind.transient, "opensearchpy", "ConnectionError"),
    *named(Kind.caller, "opensearchpy", "SerializationError ImproperlyConfigured OpenSearchDslException"),
    *named(Kind.timeout, "elastic_transport", "ConnectionTimeout"),
    *named(Kind.transient, "elastic_transport", "ConnectionError"),
    *named(Kind.local, "psycopg_pool", "PoolTimeout TooManyRequests PoolClosed"),
    *named(Kind.timeout, "psycopg.errors", "ConnectionTimeout"),
    *named(Kind.transient, "psycopg", "OperationalError InternalError"),
    *named(Kind.caller, "psycopg", "ProgrammingError DataError IntegrityError NotSupportedError"),
    *named(Kind.transient, "psycopg2", "OperationalError InternalError"),
    *named(Kind.caller, "psycopg2", "ProgrammingError DataError IntegrityError NotSupportedError"),
    *named(Kind.local, "sqlalchemy.exc", "TimeoutError"),
    Row("sqlalchemy.exc.StatementError", WRAPPER),
    *named(Kind.caller, "sqlite3", "ProgrammingError DataError IntegrityError NotSupportedError"),
    *_redis("redis.exceptions", "RedisError RedisClusterException"),
    *_redis("valkey.exceptions", "ValkeyError ValkeyClusterException"),
)
"""Rows that are looked at after codes and statuses."""
