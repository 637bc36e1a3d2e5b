# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of Chroma: its methods, empty results and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trifuse._listeners import log
from trifuse.contrib._need import need
from trifuse.contrib._vector.build import Known, Library
from trifuse.contrib._vector.errors import mistake_or
from trifuse.contrib._vector.tables import OPEN, OPEN_WRITE, READ, WRITE, Call, Method, Plan, Table

_COLUMNS = ("documents", "metadatas", "embeddings", "uris", "distances")
_SEARCHED = ("documents", "embeddings", "metadatas", "scores")
_VECTORS, _TEXTS, _IMAGES, _URIS = "query_embeddings", "query_texts", "query_images", "query_uris"
# Positional arguments in their order.
_QUERY = (_VECTORS, _TEXTS, _IMAGES, _URIS, "ids", "n_results", "where", "where_document", "include")
_INSERT = ("ids", "embeddings", "metadatas", "documents", "images", "uris")


def _records(include: Any, columns: tuple[str, ...], empty: Callable[[str], Any], ids: Any) -> dict[str, Any]:
    asked = list(include)
    result = {"ids": ids, "included": asked, "data": empty("data") if "data" in asked else None}
    return {**result, **{column: empty(column) if column in asked else None for column in columns}}


def _no_vectors() -> Any:
    return need("numpy", "chromadb").array([])


def empty_get(call: Call) -> dict[str, Any]:
    """Give what ``get`` gives when nothing is found, with the columns that were asked for."""
    include = (
        call.arguments()["include"] if call.method == "get" else ("metadatas", "documents", "embeddings")
    )
    return _records(
        include, _COLUMNS[:-1], lambda column: _no_vectors() if column == "embeddings" else [], []
    )


def empty_query(call: Call) -> dict[str, Any]:
    """Give what ``query`` gives when nothing is found: a list for each query."""
    arguments = call.arguments()
    number = _queries(arguments)

    def empty(column: str) -> list[Any]:
        return [_no_vectors() if column == "embeddings" else [] for _ in range(number)]

    return _records(arguments["include"], _COLUMNS, empty, [[] for _ in range(number)])


def _queries(arguments: Mapping[str, Any]) -> int:
    """Count the queries of a call, as Chroma tells one from several."""
    vectors = arguments[_VECTORS]
    if vectors is not None:
        one = not len(vectors) or not hasattr(vectors[0], "__len__")
        return 1 if one else len(vectors)
    for field in (_TEXTS, _IMAGES, _URIS):
        given = arguments[field]
        if given is not None:
            return len(given) if isinstance(given, list) else 1
    return 1


def empty_search(call: Call) -> Any:
    """Give what ``search`` gives when nothing is found: a list for each search."""
    searches = call.arguments()["searches"]
    number = len(searches) if isinstance(searches, list) else 1
    columns: dict[str, Any] = {column: [[] for _ in range(number)] for column in _SEARCHED}
    select: list[list[str]] = [[] for _ in range(number)]
    return need("chromadb.api.types", "chromadb").SearchResult(
        ids=[[] for _ in range(number)], **columns, select=select
    )


def _listed(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def plan_query(collection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan | None:
    """Tell which embeddings a query needs first; None when it brings its own, or is wrong anyway."""
    given = {**dict(zip(_QUERY, args, strict=False)), **kwargs}
    asked = [field for field in _QUERY[:4] if given.get(field) is not None]
    if len(asked) != 1 or asked[0] == _VECTORS or not hasattr(collection, "_embed"):
        return None
    inputs = _inputs(collection, "uris" if asked[0] == _URIS else asked[0], _listed(given[asked[0]]))
    if inputs is None:
        return None
    rest = {field: value for field, value in given.items() if field != asked[0]}
    return Plan(
        lambda: collection._embed(input=inputs(), is_query=True),
        lambda vectors: ((), {**rest, _VECTORS: vectors}),
    )


def plan_insert(collection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan | None:
    """Tell which embeddings a write needs first; None when it brings its own."""
    given = {**dict(zip(_INSERT, args, strict=False)), **kwargs}
    asked = [field for field in ("documents", "images", "uris") if given.get(field) is not None]
    if given.get("embeddings") is not None or not asked or not hasattr(collection, "_embed"):
        return None
    field = asked[0] if asked[0] != "uris" or len(asked) == 1 else asked[1]
    inputs = _inputs(collection, field, _listed(given[field]))
    if inputs is None:
        return None
    return Plan(
        lambda: collection._embed(input=inputs()), lambda vectors: ((), {**given, "embeddings": vectors})
    )


def plan_update(collection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan | None:
    """As :func:`plan_insert`; Chroma does not embed what URIs of an update name."""
    given = {**dict(zip(_INSERT, args, strict=False)), **kwargs}
    if given.get("documents") is None and given.get("images") is None:
        return None
    return plan_insert(collection, args, kwargs)


def _inputs(collection: Any, field: str, given: list[Any]) -> Callable[[], Any] | None:
    if not given:
        return None
    if field != "uris" or isinstance(collection, type):
        return lambda: given
    loader = getattr(collection, "_data_loader", None)
    return None if loader is None else lambda: loader(uris=given)


_COLLECTION = Table(
    {
        "count": Method(empty=lambda _: 0),
        "get": Method(empty=empty_get),
        "peek": Method(empty=empty_get),
        "query": Method(empty=empty_query, prepare=plan_query),
        "search": Method(empty=empty_search),
        "get_indexing_status": READ,
        "fork_count": READ,
        "get_attached_function": READ,
        "add": Method(write=True, prepare=plan_insert),
        "upsert": Method(write=True, prepare=plan_insert),
        "update": Method(write=True, prepare=plan_update),
        "delete": WRITE,
        "modify": WRITE,
        "fork": OPEN_WRITE,
        "attach_function": WRITE,
        "detach_function": WRITE,
    },
    frozenset({"get_model"}),
)
_CLIENT = Table(
    {
        **dict.fromkeys(
            ("heartbeat", "count_collections", "get_version", "get_max_batch_size", "set_tenant"), READ
        ),
        **dict.fromkeys(("get_user_identity", "get_database", "get_tenant", "set_database"), READ),
        "list_collections": Method(empty=lambda _: [], opens=True),
        "list_databases": Method(empty=lambda _: []),
        "get_collection": OPEN,
        "get_collection_by_id": OPEN,
        "create_collection": OPEN_WRITE,
        "get_or_create_collection": OPEN_WRITE,
        **dict.fromkeys(
            ("delete_collection", "reset", "create_database", "delete_database", "create_tenant"), WRITE
        ),
    },
    frozenset({"get_settings", "clear_system_cache", "close", "from_system", "from_system_async", "create"}),
)


def _limit_collection(collection: Any, seconds: float | None) -> None:
    _limit_session(getattr(collection, "_client", None), seconds)


def _limit_client(client: Any, seconds: float | None) -> None:
    _limit_session(getattr(client, "_server", None), seconds)


def _limit_session(server: Any, seconds: float | None) -> None:
    """Give the HTTP client of a server a time limit where it has none, so that its calls end."""
    if not seconds:
        return
    session = getattr(server, "_session", None)
    timeout = getattr(session, "timeout", None)
    if timeout is not None:
        if all(getattr(timeout, field, 0) is None for field in ("connect", "read", "write", "pool")):
            session.timeout = seconds  # type: ignore[union-attr]
    elif server is None or type(server).__name__ == "FastAPI":
        log().warning(
            "this version of chromadb hides its HTTP client: calls that hang do not end, but with thread=True"
        )


def _known() -> Mapping[type, Known]:
    api = "chromadb.api"
    collection = need(f"{api}.models.Collection", "chromadb").Collection
    asynchronous = need(f"{api}.models.AsyncCollection", "chromadb").AsyncCollection
    client, async_client = need(f"{api}.client", "chromadb"), need(f"{api}.async_client", "chromadb")
    return {
        collection: Known(_COLLECTION, fresh=_limit_collection),
        asynchronous: Known(_COLLECTION, asynchronous=True),
        client.Client: Known(_CLIENT, fresh=_limit_client),
        async_client.AsyncClient: Known(_CLIENT, asynchronous=True),
    }


LIBRARY = Library(
    "chroma", "a Collection, AsyncCollection or client of chromadb", _known, mistake_or(ValueError)
)
