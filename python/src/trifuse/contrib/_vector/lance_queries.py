# SPDX-License-Identifier: MIT OR Apache-2.0
"""Queries of LanceDB: built step by step, run under guard when their result is asked for."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from inspect import isawaitable, signature
from typing import TYPE_CHECKING, Any, NamedTuple

from trifuse.contrib._vector.fallbacks import levels_of
from trifuse.contrib._vector.lance_empty import EMPTY, Schema
from trifuse.contrib._vector.tables import Method, Plan, is_asynchronous

if TYPE_CHECKING:
    from trifuse.contrib._vector.objects import Behind

KNOWN = frozenset((*EMPTY, "explain_plan", "analyze_plan", "output_schema"))
# Steps that give another query; all others change theirs, and give it.
_FORKS = {"nearest_to", "nearest_to_text"}
_QUERY = "_trifuse_query"
Steps = list[tuple[str, tuple[Any, ...], dict[str, Any]]]


class _Plan(NamedTuple):
    """What a query will do: the first step is the table's, the others are the query's own."""

    behind: Behind
    schema: Schema
    kinds: tuple[type, ...]
    steps: Steps


class Query:
    """A query that has not run: its steps are noted, and ask no server."""

    def __init__(self, plan: _Plan) -> None:
        """Keep the steps so far."""
        object.__setattr__(self, "_plan", plan)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class that all queries of the library are of."""
        return self._plan.kinds[0]  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        """Give a step, or an end that runs the query under guard."""
        plan: _Plan = object.__getattribute__(self, "_plan")
        owner = next((kind for kind in plan.kinds if hasattr(kind, name)), None)
        if name.startswith("_") or owner is None:
            raise AttributeError(f"a query of lancedb has no {name!r}")
        if name in KNOWN:
            return _end(plan, name, owner)

        def step(*args: Any, **kwargs: Any) -> Any:
            noted = (name, args, kwargs)
            if name in _FORKS:
                return Query(plan._replace(steps=[*plan.steps, noted]))
            plan.steps.append(noted)
            return self

        return step

    def __repr__(self) -> str:
        """Show the steps by name."""
        plan: _Plan = object.__getattribute__(self, "_plan")
        return f"<guarded query of {plan.behind.guards.settings.name!r}: {'.'.join(step[0] for step in plan.steps)}>"


def schema_of(behind: Behind) -> Schema:
    """Give what is known of the schema of the table behind a guarded one.

    A table in a directory knows its own; of others it is known once a query has run.
    """
    schema: Schema = behind.notes.setdefault("schema", Schema())
    table = behind.source.last()
    if schema.table is None and type(table).__name__ == "LanceTable":
        with contextlib.suppress(Exception):
            schema.learn(table)
    return schema


def starts(kinds: Callable[[], tuple[type, ...]]) -> Callable[..., Any]:
    """Make the maker of a table's methods that begin a query."""

    def make(behind: Behind, guarded: Any, name: str) -> Any:  # noqa: ARG001 - as all makers
        def start(*args: Any, **kwargs: Any) -> Any:
            return Query(_Plan(behind, schema_of(behind), kinds(), [(name, args, kwargs)]))

        async def start_async(*args: Any, **kwargs: Any) -> Any:
            return start(*args, **kwargs)

        return start_async if is_asynchronous(behind.kind, name) else start

    return make


def _end(plan: _Plan, name: str, owner: type) -> Any:
    from trifuse.contrib._vector.methods import look_like

    behind, guards = plan.behind, plan.behind.guards
    empty = EMPTY.get(name)
    method = Method(
        empty=None if empty is None else lambda _: empty(plan.schema.after(plan.steps), behind.asynchronous)
    )
    levels = levels_of(guards.settings.fallback, Query, name, method, behind.table.names())
    if not behind.asynchronous:
        run = guards.guard(_run(plan, name), method, levels, _embedding(plan))
    else:
        run = guards.guard(_run_async(plan, name), method, levels, None)

    def end(*args, **kwargs):  # type: ignore[no-untyped-def]
        return run(*args, **kwargs)

    return look_like(end, getattr(owner, name))


def _run(plan: _Plan, name: str) -> Callable[..., Any]:
    source, schema, core = plan.behind.source, plan.schema, plan.behind.guards.core

    def run(*args, **kwargs):  # type: ignore[no-untyped-def]
        table = source.get()
        begun = kwargs.pop(_QUERY, None)
        query: Any = table if begun is None else begun
        for step, given, named in plan.steps[0 if begun is None else 1 :]:
            query = getattr(query, step)(*given, **named)
        end = getattr(query, name)
        result = end(*args, **_timed(end, kwargs, core.seconds()))
        schema.learn(table)
        return result

    return run


def _run_async(plan: _Plan, name: str) -> Callable[..., Any]:
    source, schema, core = plan.behind.source, plan.schema, plan.behind.guards.core

    async def run(*args, **kwargs):  # type: ignore[no-untyped-def]
        table = await source.get_async()
        query: Any = table
        for step, given, named in plan.steps:
            query = getattr(query, step)(*given, **named)
            query = await query if isawaitable(query) else query
        end = getattr(query, name)
        result = await end(*args, **_timed(end, kwargs, core.seconds()))
        await schema.learn_async(table)
        return result

    return run


def _timed(end: Any, kwargs: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Let LanceDB itself give up when the time is over."""
    if seconds is None or "timeout" in kwargs or "timeout" not in signature(end).parameters:
        return kwargs
    return {**kwargs, "timeout": timedelta(seconds=seconds)}


def _embedding(plan: _Plan) -> Callable[..., Any] | None:
    """Tell which queries LanceDB computes an embedding for, when it is begun."""
    name, given, named = plan.steps[0]
    query = given[0] if given else named.get("query")
    if name != "search" or not isinstance(query, str) or named.get("query_type", "auto") == "fts":
        return None
    behind = plan.behind
    if not getattr(behind.kind, "embedding_functions", None):
        return None

    def found(args: Any, kwargs: Any) -> Plan | None:
        table = behind.source.get()
        if not table.embedding_functions:
            return None
        return Plan(
            lambda: getattr(table, name)(*given, **named),
            lambda query: (args, {**kwargs, _QUERY: query}),
        )

    if not behind.guards.way.awaited:
        return found

    async def found_async(args: Any, kwargs: Any) -> Plan | None:
        return found(args, kwargs)

    return found_async
