# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules that the user adds to the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse.classify._kinds import Kind

if TYPE_CHECKING:
    from trifuse.classify._table import Table

What = str | type[BaseException] | Callable[[BaseException], "Kind | str | None"]
MOST_RULES = 1_000
_changing = Lock()
_table: Table | None = None


class Rule:
    """One rule in force, until :meth:`remove`; as a context manager, for the length of a block."""

    __slots__ = ("kind", "what")

    def __init__(self, what: What, kind: Kind | None) -> None:
        """Take what it is about; ``kind`` is None where a function tells it."""
        self.what = what
        self.kind = kind

    def remove(self) -> None:
        """Take the rule out of the table; harmless when it is gone already."""
        with _changing:
            _put(tuple(rule for rule in table().rules if rule is not self))

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self.remove()

    def __str__(self) -> str:
        """Give the name of what it is about."""
        what: Any = self.what
        if isinstance(what, str):
            return what
        return f"{getattr(what, '__module__', '?')}.{getattr(what, '__qualname__', type(what).__qualname__)}"

    def __repr__(self) -> str:
        """Show what it says."""
        return f"<rule: {self}{'' if self.kind is None else f' is {self.kind}'}>"


def table() -> Table:
    """Give the table in force."""
    global _table  # noqa: PLW0603 - made when first needed
    if _table is None:
        from trifuse.classify._table import Table

        _table = Table()
    return _table


def add(what: What, kind: Kind | str | None = None) -> Rule:
    """Add a rule of your own; rules are asked before the table, the one added last first.

    Args:
        what: a class by name, ``"mylib.Busy"`` (defined in mylib or a module below it, or imported
            there; nothing is imported to find out), a class, or a function that is given an error
            and gives its kind, or None for no opinion. Subclasses match too. A function is asked
            about every exception but those of trifuse; one that raises is logged and has no opinion.
        kind: a :class:`Kind` or its name; not with a function.

    Gives the :class:`Rule`, which has ``remove()`` and is a context manager. What is added again
    takes the place of what it was. Thread-safe; calls in progress see the old rules or the new.

    Raises:
        ConfigurationError: for what is no name, class or function, an unknown kind, or more than
            1,000 rules.
    """
    rule = Rule(_checked(what), _checked_kind(what, kind))
    with _changing:
        kept = tuple(one for one in table().rules if one.what is not what and one.what != what)
        if len(kept) >= MOST_RULES:
            raise ConfigurationError("what", what, f"at most {MOST_RULES} rules")
        _put((rule, *kept))
    return rule


def _put(rules: tuple[Rule, ...]) -> None:
    global _table  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    from trifuse.classify._table import Table

    _table = Table(rules)


def _checked(what: Any) -> What:
    if isinstance(what, str):
        parts = what.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):  # noqa: PLR2004 - module and class
            raise ConfigurationError("what", what, "the name of a class with its module, as in 'mylib.Busy'")
    elif isinstance(what, type):
        if not issubclass(what, BaseException):
            raise ConfigurationError("what", what, "a class of exceptions")
    elif not callable(what):
        raise ConfigurationError("what", what, "the name of a class, a class, or a function of the error")
    found: What = what
    return found


def _checked_kind(what: Any, kind: Any) -> Kind | None:
    if not isinstance(what, (str, type)):
        if kind is not None:
            raise ConfigurationError("kind", kind, "nothing: the function tells the kind")
        return None
    try:
        return Kind(kind)
    except ValueError:
        raise ConfigurationError("kind", kind, ", ".join(Kind)) from None
