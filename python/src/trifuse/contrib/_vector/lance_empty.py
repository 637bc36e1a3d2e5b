# SPDX-License-Identifier: MIT OR Apache-2.0
"""Empty results of LanceDB, with the columns that a query would have given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trifuse.contrib._need import need

_SCORES = {"fts": "_score", "hybrid": "_relevance_score"}


class Schema:
    """The schema of a table, as it was when it was last seen; unknown until a query has run."""

    __slots__ = ("table",)

    def __init__(self) -> None:
        """Know nothing."""
        self.table: Any = None

    def learn(self, table: Any) -> None:
        """Look at a synchronous table, once."""
        if self.table is None:
            self.table = table.schema

    async def learn_async(self, table: Any) -> None:
        """Look at an asynchronous table, once."""
        if self.table is None:
            self.table = await table.schema()

    def after(self, steps: Any) -> Any:
        """Give the schema of a query's result; an empty one while the table's is not known."""
        arrow = need("pyarrow", "lancedb")
        if self.table is None:
            return arrow.schema([])
        fields = list(self.table)
        for name, given, named in steps:
            if name == "select":
                fields = _selected(arrow, fields, given[0] if given else next(iter(named.values()), []))
        names = {field.name for field in fields}
        extra = [arrow.field(name, kind) for name, kind in _added(arrow, steps) if name not in names]
        return arrow.schema([*fields, *extra])


def _selected(arrow: Any, fields: list[Any], columns: Any) -> list[Any]:
    by_name = {field.name: field for field in fields}
    if isinstance(columns, dict):
        columns = list(columns)
    return [by_name.get(name, arrow.field(name, arrow.null())) for name in columns if isinstance(name, str)]


def _added(arrow: Any, steps: Any) -> list[tuple[str, Any]]:
    """Give the columns that a query adds to the table's."""
    first, given, named = steps[0]
    added: list[tuple[str, Any]] = []
    query = given[0] if given else named.get("query", named.get("query_vector"))
    began = {name for name, _, _ in steps}
    if (first == "search" and query is not None) or first == "vector_search" or "nearest_to" in began:
        added.append((_SCORES.get(named.get("query_type", ""), "_distance"), arrow.float32()))
    elif "nearest_to_text" in began:
        added.append(("_score", arrow.float32()))
    if "with_row_id" in began:
        added.append(("_rowid", arrow.uint64()))
    return added


def _arrow(schema: Any, _: object) -> Any:
    return schema.empty_table()


def _pandas(schema: Any, _: object) -> Any:
    return schema.empty_table().to_pandas()


def _polars(schema: Any, _: object) -> Any:
    return need("polars", "lancedb").from_arrow(schema.empty_table())


def _batches(schema: Any, asynchronous: object) -> Any:
    if asynchronous:
        return need("lancedb.arrow", "lancedb").AsyncRecordBatchReader(schema.empty_table())
    return need("pyarrow", "lancedb").RecordBatchReader.from_batches(schema, [])


EMPTY: dict[str, Callable[[Any, bool], Any]] = {
    "to_list": lambda *_: [],
    "to_arrow": _arrow,
    "to_pandas": _pandas,
    "to_df": _pandas,
    "to_polars": _polars,
    "to_pydantic": lambda *_: [],
    "to_batches": _batches,
}
