# SPDX-License-Identifier: MIT OR Apache-2.0
"""Errors of ours that are also of a client's own types, so that its users' ``except`` catches them."""

from __future__ import annotations

from functools import lru_cache
from types import new_class
from typing import Any

from trifuse._errors import TrifuseError


def also(error: TrifuseError, *kinds: type, **attributes: Any) -> TrifuseError:
    """Give the same error as one that is of these types as well.

    It has the same values, cause and text; pickled it becomes the plain one. ``attributes`` are what
    the other types' methods look for.
    """
    wanted = tuple(kind for kind in kinds if not isinstance(error, kind))
    if not wanted:
        return error
    plain: Any = type(error)
    kind = _united(plain, wanted)
    other: TrifuseError = kind.__new__(kind)  # no __init__: those of the client's types want other arguments
    other.__dict__.update(error.__dict__)
    other.__dict__.update(attributes)
    other.args = error.args
    other.__cause__, other.__context__ = error.__cause__, error.__context__
    other.__suppress_context__ = True
    return other


@lru_cache(maxsize=256)
def _united(plain: type[TrifuseError], kinds: tuple[type, ...]) -> type[TrifuseError]:
    def reduce(self: TrifuseError) -> tuple[Any, ...]:
        return plain, self.args

    names = {
        "__reduce__": reduce, "__str__": plain.__str__, "__module__": plain.__module__,
        "__qualname__": plain.__qualname__, "__doc__": plain.__doc__,
    }  # fmt: skip
    # new_class, because grpc's types have a metaclass of their own
    united: type[TrifuseError] = new_class(
        plain.__name__, (plain, *kinds), {}, lambda body: body.update(names)
    )
    return united
