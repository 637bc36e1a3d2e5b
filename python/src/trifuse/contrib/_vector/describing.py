# SPDX-License-Identifier: MIT OR Apache-2.0
"""``describe()`` of a guarded object."""

from __future__ import annotations

from typing import Any

from trifuse.contrib._vector.fallbacks import levels_of
from trifuse.contrib._vector.objects import behind_of
from trifuse.contrib._vector.tables import unguarded


def describe(guarded: object) -> dict[str, Any]:
    """Tell what is guarded and how, as plain data.

    ``reads`` and ``writes`` are guarded; ``unguarded`` methods ask the server and pass through as they
    are; ``local`` ones ask no server. ``policies``: as they stand, the outermost first; ``fallback``:
    for each method that has one the names of its levels. Raises TypeError for what is not guarded.
    """
    behind = behind_of(guarded)
    if behind is None:
        raise TypeError(f"a {type(guarded).__qualname__} is not guarded: give what protect() has returned")
    settings, there = behind.guards.settings, [n for n in behind.table.methods if hasattr(behind.kind, n)]
    methods = {name: behind.table.methods[name] for name in sorted(there)}
    known = behind.table.names()
    chains = {n: levels_of(settings.fallback, behind.kind, n, m, known) for n, m in methods.items()}
    pool = settings.pool
    return {
        "kind": behind.what,
        "name": settings.name,
        "class": f"{behind.kind.__module__}.{behind.kind.__qualname__}",
        "awaited": behind.guards.way.awaited,
        "reads": [name for name, method in methods.items() if not method.write],
        "writes": [name for name, method in methods.items() if method.write],
        "local": sorted(name for name in behind.table.local if hasattr(behind.kind, name)),
        "unguarded": unguarded(behind.kind, behind.table),
        "fallback": {name: list(map(_named, chain)) for name, chain in chains.items() if chain},
        "policies": [policy.describe() for policy in settings.policies],
        "embeddings": settings.embeddings.describe(),
        "threads": None if pool is None else pool.snapshot()._asdict(),
    }


def _named(level: Any) -> Any:
    if isinstance(level, dict):
        return {str(kind): list(map(_named, levels or ())) for kind, levels in level.items()}
    return getattr(level, "__qualname__", type(level).__qualname__)
