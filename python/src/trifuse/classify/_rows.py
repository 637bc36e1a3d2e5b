# SPDX-License-Identifier: MIT OR Apache-2.0
"""A row of the table: a class by name, perhaps conditions, and the kind.

A class is named by a module and its own name, ``"openai.APITimeoutError"``; it may be defined in any
module below that one, so that a library can move it among its private modules. Subclasses match.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from trifuse.classify._kinds import Kind

if TYPE_CHECKING:
    from trifuse.classify._facts import Facts

WRAPPER = None
"""The kind of a class that says nothing itself: what it was made of is looked at."""


class Row(NamedTuple):
    """One row. All conditions that are given must hold.

    Attributes:
        name: of the class.
        kind: what it is; None of a wrapper.
        status: HTTP statuses, one of which the error has.
        words: codes or types, in small letters, one of which it has.
        prefixes: what one of its codes begins with.
        texts: what its message contains, in small letters.
        causes: names of classes, one of which it was raised from.
        raised_in: modules, in one of which (or below it) it was raised.
    """

    name: str
    kind: Kind | None
    status: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    raised_in: tuple[str, ...] = ()

    def fits(self, facts: Facts) -> bool:
        """Tell whether the conditions hold."""
        return (
            (not self.status or facts.status in self.status)
            and (not self.words or any(word in self.words for word in facts.words))
            and (not self.prefixes or any(word.startswith(self.prefixes) for word in facts.words))
            and (not self.texts or any(text in facts.message for text in self.texts))
            and (not self.causes or facts.raised_from(self.causes))
            and (not self.raised_in or facts.raised_in(self.raised_in))
        )


def named(kind: Kind | None, module: str, names: str) -> tuple[Row, ...]:
    """Make a row without conditions for each class of a module."""
    return tuple(Row(f"{module}.{name}", kind) for name in names.split())


def names_of(cls: type) -> tuple[str, ...]:
    """Give the names under which a class may be listed, the closest first.

    ``a.b.c.D`` is ``a.b.c.D``, ``a.b.D`` and ``a.D``.
    """
    module = getattr(cls, "__module__", None)
    name = cls.__qualname__
    if not isinstance(module, str):
        return (name,)
    parts = module.split(".")
    return tuple(f"{'.'.join(parts[:size])}.{name}" for size in range(len(parts), 0, -1))


def is_one_of(cls: type, names: Iterable[str]) -> str | None:
    """Give the first of these names that a class or one of its bases has."""
    wanted = frozenset(names)
    for base in cls.__mro__:
        for name in names_of(base):
            if name in wanted:
                return name
    return None
