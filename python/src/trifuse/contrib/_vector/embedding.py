# SPDX-License-Identifier: MIT OR Apache-2.0
"""Embedding functions behind a breaker of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from trifuse._errors import ConfigurationError
from trifuse.contrib._vector.errors import answered, classified_mistake
from trifuse.contrib._vector.guards import Guards, Way
from trifuse.contrib._vector.objects import Behind, behind_of, wrap
from trifuse.contrib._vector.settings import ProtectSettings, Settings
from trifuse.contrib._vector.sources import Fixed
from trifuse.contrib._vector.tables import Method, Table

F = TypeVar("F", bound=Callable[..., Any])
_NAME = "embedding"
_METHODS = ("__call__", "embed_query", "embed_documents")
_LOCAL = frozenset(
    {
        "name",
        "get_config",
        "build_from_config",
        "default_space",
        "supported_spaces",
        "is_legacy",
        "validate_config",
    }
    | {"validate_config_update", "embed_with_retries"}
)


def protect_embedding(fn: F, /, **settings: Unpack[ProtectSettings]) -> F:
    """Guard an embedding function: a function of texts, or an object that is called with them.

    ``protect`` guards the embedding function of a collection by itself; this is for one that several
    collections or other code share, with settings of its own. It has no empty result: what fails
    is raised, unless ``fallback`` says otherwise.

    Args:
        fn: the function, or an EmbeddingFunction of Chroma, whose class the guarded one keeps.
        settings: see ``ProtectSettings``. The breaker is called ``"embedding"``, its preset is ``"llm"``.

    Raises:
        ConfigurationError: for a bad setting, and for what cannot be called.
    """
    if not callable(fn) or isinstance(fn, type) or behind_of(fn) is not None:
        raise ConfigurationError("fn", fn, "a function or callable object that is not guarded already")
    given: dict[str, Any] = {"preset": "llm", "embeddings": False, "fallback": None, **settings}
    made = Settings(_NAME, given, classified_mistake, threads=False)
    guards = Guards(made, Way(awaited=False, threads=False), answered(classified_mistake))
    kind = type(fn)
    if kind.__module__ == "builtins" or kind.__name__ == "function":
        plain: F = _guard_function(fn, guards, made)
        return plain
    table = Table(dict.fromkeys(_METHODS, Method()), _LOCAL)
    guarded: F = wrap(Behind(kind, Fixed(fn), table, guards, None, twin=False, what=_NAME, notes={}))
    return guarded


def _guard_function(fn: Any, guards: Guards, made: Settings) -> Any:
    import functools

    from trifuse.contrib._vector.fallbacks import levels_of

    method = Method()
    levels = levels_of(made.fallback, type(fn), "__call__", method, frozenset(_METHODS))
    guarded: Any = guards.guard(fn, method, levels, None)
    functools.update_wrapper(guarded, fn)
    guarded.policy = made.breaker
    return guarded
