# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table: the rows of all data modules and the rules of the user, by class."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from trifuse.classify import _builtins, _databases, _http, _llm
from trifuse.classify._facts import Reader
from trifuse.classify._readers import READERS
from trifuse.classify._rows import Row, names_of
from trifuse.classify._rules import Rule

_MOST_CLASSES = 1_024


class Entry(NamedTuple):
    """What the table has for one class, the rows of the closest class first."""

    rules: tuple[Rule, ...]
    first: tuple[Row, ...]
    later: tuple[Row, ...]
    reader: Reader | None

    @property
    def known(self) -> bool:
        """Whether the class belongs to a client of the table."""
        return bool(self.first or self.later or self.reader)


def _indexed(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.name].append(row)
    return {name: tuple(several) for name, several in found.items()}


_FIRST = _indexed((*_llm.FIRST, *_http.FIRST, *_databases.FIRST))
_LATER = _indexed((*_llm.ROWS, *_http.ROWS, *_databases.ROWS, *_builtins.ROWS))
_EXACT = _indexed(_builtins.EXACT)


class Table:
    """The rows and certain rules; immutable, but for what it remembers of classes it has met."""

    __slots__ = ("_entries", "rules")

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        """Take the rules, the first to be asked first."""
        self.rules = rules
        self._entries: dict[type, Entry] = {}

    def entry(self, cls: type[BaseException]) -> Entry:
        """Give what there is for a class."""
        found = self._entries.get(cls)
        if found is None:
            found = self._made(cls)
            if len(self._entries) >= _MOST_CLASSES:
                self._entries.clear()
            self._entries[cls] = found
        return found

    def _made(self, cls: type[BaseException]) -> Entry:
        names = [name for base in cls.__mro__ for name in names_of(base)]
        rules = tuple(rule for rule in self.rules if _may_match(rule, cls, names))
        exact = _EXACT.get(names[0], ())
        reader = next((READERS[name] for name in names if name in READERS), None)
        return Entry(rules, _rows(_FIRST, names), exact + _rows(_LATER, names), reader)


def _rows(index: dict[str, tuple[Row, ...]], names: list[str]) -> tuple[Row, ...]:
    return tuple(row for name in names for row in index.get(name, ()))


def _may_match(rule: Rule, cls: type[BaseException], names: list[str]) -> bool:
    what: Any = rule.what
    if isinstance(what, type):
        return issubclass(cls, what)
    if not isinstance(what, str):
        return True
    if what in names:
        return True
    # The name may be another one for the class: of the module it is imported from.
    module, _, name = what.rpartition(".")
    other = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    return isinstance(other, type) and other in cls.__mro__
