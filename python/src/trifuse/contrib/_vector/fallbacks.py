# SPDX-License-Identifier: MIT OR Apache-2.0
"""What answers in place of a method: its empty result, a value, a chain, or one for each method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse._fallbacks import Fallback
from trifuse.contrib._vector.tables import Call, Method

EMPTY = "empty"


def levels_of(
    fallback: Any, kind: type, name: str, method: Method, known: frozenset[str]
) -> list[Any] | None:
    """Give the levels that answer for a method; None for none: errors are raised.

    ``known``: all names of methods, which a mapping may have as keys.
    """
    if isinstance(fallback, Mapping) and _by_method(fallback, known):
        if name in fallback:
            return _levels(fallback[name], kind, name, method, given=True)
        fallback = EMPTY
    if method.write:
        return None
    return _levels(fallback, kind, name, method, given=False)


def _by_method(fallback: Mapping[Any, Any], known: frozenset[str]) -> bool:
    """Tell a mapping by method from one by kind of error. Raises ConfigurationError for neither."""
    keys = set(fallback)
    if not keys or keys <= known:
        return True
    if _by_kind(fallback):
        return False
    wrong = sorted(map(str, keys - known))
    raise ConfigurationError(
        "fallback", wrong[0], f"methods ({', '.join(sorted(known))}), or kinds of errors and 'default'"
    )


def _by_kind(fallback: Mapping[Any, Any]) -> bool:
    from trifuse.classify import Kind

    return bool(fallback) and set(fallback) <= {*Kind, "default"}


def make_fallback(levels: list[Any], on: Callable[[BaseException], bool], name: str) -> Fallback:
    """Make the policy of what :func:`levels_of` has given."""
    if len(levels) == 1 and isinstance(levels[0], Mapping) and _by_kind(levels[0]):
        return Fallback(by_kind=dict(levels[0]), on=on, name=name)
    if callable(levels[-1]):
        return Fallback(*levels, on=on, name=name)
    return Fallback(*levels[:-1], value=levels[-1], on=on, name=name)


def _levels(fallback: Any, kind: type, name: str, method: Method, *, given: bool) -> list[Any] | None:
    if fallback is None:
        return None
    if isinstance(fallback, Mapping) and _by_kind(fallback):
        chains = {key: _chain(value, kind, name, method, given=given) for key, value in fallback.items()}
        return [{key: chain for key, chain in chains.items() if chain is not None}]
    return _chain(fallback, kind, name, method, given=given)


def _chain(fallback: Any, kind: type, name: str, method: Method, *, given: bool) -> list[Any] | None:
    levels = list(fallback) if _is_chain(fallback) else [fallback]
    if not _has_empty(levels):
        return levels
    if method.empty is None:
        if given:
            raise ConfigurationError(
                f"fallback[{name!r}]", EMPTY, f"a value or function: {name} has no empty result"
            )
        levels = [level for level in levels if not _is_empty(level)]
        return levels or None
    return [_maker(method.empty, kind, name) if _is_empty(level) else level for level in levels]


def _is_chain(fallback: Any) -> bool:
    """Tell several levels in a list from a list that is the value."""
    if not isinstance(fallback, (list, tuple)) or not fallback:
        return False
    return all(callable(level) or _is_empty(level) for level in fallback[:-1]) and (
        len(fallback) > 1 or callable(fallback[0]) or _is_empty(fallback[0])
    )


def _is_empty(level: Any) -> bool:
    return isinstance(level, str) and level == EMPTY


def _has_empty(levels: list[Any]) -> bool:
    return any(map(_is_empty, levels))


def _maker(empty: Callable[[Call], Any], kind: type, name: str) -> Callable[..., Any]:
    def made(*args: Any, **kwargs: Any) -> Any:
        return empty(Call(kind, name, args, kwargs))

    made.__qualname__ = EMPTY
    return made
