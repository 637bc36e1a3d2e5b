# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of a client's methods: which read, which write, and what an empty result looks like."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trifuse._errors import TrifuseError


class Call(NamedTuple):
    """One call of a method, as far as an empty result needs it.

    Attributes:
        kind: the class whose method it is.
        method: its name.
        args: positional arguments.
        kwargs: keyword arguments.
    """

    kind: type
    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Give all arguments by name, defaults included. Raises TypeError for what does not fit."""
        bound = inspect.signature(getattr(self.kind, self.method)).bind(None, *self.args, **self.kwargs)
        bound.apply_defaults()
        found = dict(bound.arguments)
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                found.update(found.pop(name))
        return found


class Plan(NamedTuple):
    """What is to be computed before the database is asked: embeddings.

    Attributes:
        compute: gives them; guarded by the breaker of embeddings.
        finish: makes the arguments of the call of them.
    """

    compute: Callable[[], Any]
    finish: Callable[[Any], tuple[tuple[Any, ...], dict[str, Any]]]


Empty = Callable[[Call], Any]
Prepare = Callable[[Any, tuple[Any, ...], dict[str, Any]], "Plan | None"]
Adjust = Callable[[Any, dict[str, Any], float | None], dict[str, Any]]


class Method(NamedTuple):
    """One guarded method.

    Attributes:
        empty: makes the empty result; None where nothing stands for none: then errors are raised.
        write: changes something: never repeated, never answered by an empty result.
        prepare: tells what is to be computed first, of the object; of its class, whether anything is.
        opens: the result is guarded as well: a collection of a client.
        make: makes what stands for the method, of what stands behind the object, the object and its name.
    """

    empty: Empty | None = None
    write: bool = False
    prepare: Prepare | None = None
    opens: bool = False
    make: Callable[[Any, Any, str], Any] | None = None


WRITE = Method(write=True)
READ = Method()
"""A read that nothing stands for."""
OPEN = Method(opens=True)
OPEN_WRITE = Method(write=True, opens=True)


class Table(NamedTuple):
    """What is known of one class.

    Attributes:
        methods: those that are guarded.
        local: names that ask no server, or that are the user's to call as they are.
        adjust: changes the keyword arguments of each call, by the object and the seconds it may take.
        also: names beside the methods that a mapping of fallbacks may have.
    """

    methods: Mapping[str, Method]
    local: frozenset[str] = frozenset()
    adjust: Adjust | None = None
    also: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Give the names that a mapping of fallbacks may have."""
        return self.also | self.methods.keys()


def unguarded(kind: type, table: Table) -> list[str]:
    """Give the public methods of a class that pass through without a guard."""
    known = table.methods.keys() | table.local
    return sorted(
        name
        for name in dir(kind)
        if not name.startswith("_")
        and name not in known
        and callable(inspect.getattr_static(kind, name, None))
        and not isinstance(inspect.getattr_static(kind, name), type)
    )


def is_asynchronous(kind: type, method: str) -> bool:
    """Tell whether a method gives what is to be awaited."""
    found = inspect.unwrap(getattr(kind, method))
    return inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(getattr(kind, method))


class NotConnectedError(TrifuseError, AttributeError):
    """An attribute of a guarded object was asked for that has not connected yet."""
