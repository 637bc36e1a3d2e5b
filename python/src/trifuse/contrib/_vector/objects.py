# SPDX-License-Identifier: MIT OR Apache-2.0
"""An object in front of a client's: the same to its users, with guards around what asks a server.

The client's own methods go on calling each other directly, so nothing is guarded twice.
"""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN001, ANN002, ANN003, ANN202

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from trifuse.contrib._vector.guards import Guards
from trifuse.contrib._vector.methods import make_method
from trifuse.contrib._vector.sources import Lazy, Source
from trifuse.contrib._vector.tables import NotConnectedError, Table, is_asynchronous

_DELEGATED = (
    "__len__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__next__", "__call__",
    "__enter__", "__exit__", "__aiter__", "__anext__", "__aenter__", "__aexit__", "__bool__", "__str__",
)  # fmt: skip
_OWN = ("describe", "policies", "circuit_breaker")
_classes: dict[tuple[type, bool], type] = {}


class Behind(NamedTuple):
    """What stands behind a guarded object.

    Attributes:
        kind: the class it stands for.
        source: where the object comes from.
        table: what is known of the class.
        guards: the policies.
        open: guards what a method opens, such as a collection; None if nothing does.
        twin: its methods are awaited though those of the object are not, so it is not of that class.
        what: the library, for people.
        notes: what a library's own methods keep here.
    """

    kind: type
    source: Source
    table: Table
    guards: Guards
    open: Callable[[Any, Guards], Any] | None
    twin: bool
    what: str
    notes: dict[str, Any]

    @property
    def asynchronous(self) -> bool:
        """Whether the object's own methods are awaited."""
        return self.guards.way.awaited and not self.twin


class Guard:
    """A guarded object. What it has no guard for is the client's own."""

    _trifuse: Behind

    def __init__(self, behind: Behind) -> None:
        """Keep what stands behind."""
        object.__setattr__(self, "_trifuse", behind)

    def __getattr__(self, name: str) -> Any:
        """Give a guarded method, or what the object has."""
        behind = self._trifuse
        method = behind.table.methods.get(name)
        if method is not None and hasattr(behind.kind, name):
            guarded = (
                make_method(behind, name, method) if method.make is None else method.make(behind, self, name)
            )
            object.__setattr__(self, name, guarded)
            return guarded
        if name in _OWN and not hasattr(behind.kind, name):
            return _own(self, name)
        if name.startswith("__") and not hasattr(behind.kind, name):
            raise AttributeError(f"{behind.kind.__qualname__!r} object has no attribute {name!r}")
        if name == "close" and behind.source.last() is None:
            return (
                _nothing_async
                if behind.guards.way.awaited and is_asynchronous(behind.kind, name)
                else _nothing
            )
        found = getattr(target_of(self), name)
        if not inspect.ismethod(found):
            return found
        if behind.twin and name not in behind.table.local:
            return functools.partial(_in_thread, behind, found)
        return _same(self, found)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the object."""
        setattr(target_of(self), name, value)

    def __delattr__(self, name: str) -> None:
        """Delete it from the object."""
        delattr(target_of(self), name)

    def __dir__(self) -> list[str]:
        """List what the object has."""
        return sorted({*dir(self._trifuse.kind), *_OWN})

    def __repr__(self) -> str:
        """Show the object, and what guards it."""
        behind = self._trifuse
        shown = (
            repr(behind.source.get())
            if behind.source.ready()
            else f"{behind.kind.__qualname__}, not connected"
        )
        return f"<guarded by {behind.guards.settings.name!r}: {shown}>"

    def __eq__(self, other: object) -> bool:
        """Compare the objects; one that is made when it is needed is equal to itself only."""
        if self is other or _is_lazy(self) or _is_lazy(other):
            return self is other
        return bool(target_of(self) == (target_of(other) if isinstance(other, Guard) else other))

    def __hash__(self) -> int:
        """Give the object's hash. Raises TypeError where it has none."""
        return object.__hash__(self) if _is_lazy(self) else hash(target_of(self))

    def __copy__(self) -> Guard:
        """Give itself: it is shared, as clients are."""
        return self

    def __deepcopy__(self, memo: object) -> Guard:
        """Give itself: it is shared, as clients are."""
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        """Refuse to be pickled: what its policies count is of its process."""
        raise TypeError("a guarded object cannot be pickled: let the other process guard its own")


class _SameClass(Guard):
    """A guarded object that is an instance of the client's class to ``isinstance``."""

    @property
    def __class__(self) -> type:
        """The class of the object."""
        return self._trifuse.kind

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a guarded object cannot be changed")


def wrap(behind: Behind) -> Any:
    """Make the guarded object."""
    key = (behind.kind, behind.twin)
    cls = _classes.get(key)
    if cls is None:
        base = Guard if behind.twin else _SameClass
        parts = {name: _special(name, behind) for name in _DELEGATED if _has_own(behind.kind, name)}
        parts |= _of_class(behind.kind, behind.table)
        cls = _classes.setdefault(key, type(f"Guarded{behind.kind.__name__}", (base,), parts))
    return cls(behind)


def behind_of(guarded: object) -> Behind | None:
    """Give what stands behind a guarded object; None for what is none."""
    return guarded._trifuse if isinstance(guarded, Guard) else None


def target_of(guarded: Any) -> Any:
    """Give the object. Raises NotConnectedError where it is still to be made by an asynchronous function."""
    behind: Behind = guarded._trifuse
    source = behind.source
    found = source.last()
    if found is not None:
        return found
    if behind.guards.way.awaited:
        raise NotConnectedError(
            f"{behind.what} {behind.guards.settings.name!r} is not connected yet: await a call"
        )
    return behind.guards.core.guard(source.get, behind.guards.way)()


def _is_lazy(found: object) -> bool:
    return isinstance(found, Guard) and isinstance(found._trifuse.source, Lazy)


def _own(guarded: Guard, name: str) -> Any:
    settings = guarded._trifuse.guards.settings
    if name == "describe":
        from trifuse.contrib._vector.describing import describe

        return functools.partial(describe, guarded)
    return settings.policies if name == "policies" else settings.breaker


def _nothing(*_: object, **__: object) -> None:
    """Close what was never made."""


async def _nothing_async(*_: object, **__: object) -> None:
    """Close what was never made."""


async def _in_thread(behind: Behind, method: Any, *args: Any, **kwargs: Any) -> Any:
    """Call what has no guard where it does not stop the event loop."""
    pool = behind.guards.settings.pool
    assert pool is not None
    return await pool.call_async(method, *args, **kwargs)


def _same(guarded: Guard, method: Any) -> Any:
    """Let a method that gives its object, such as ``__enter__``, give the guarded one."""

    @functools.wraps(method)
    def call(*args, **kwargs):  # type: ignore[no-untyped-def]
        result = method(*args, **kwargs)
        return guarded if result is method.__self__ else result

    return call


def _of_class(kind: type, table: Table) -> dict[str, Any]:
    """Give what a library may ask the type of an object for: its static and class methods."""
    found = {name: inspect.getattr_static(kind, name, None) for name in dir(kind) if not name.startswith("_")}
    return {
        name: staticmethod(getattr(kind, name))
        for name, value in found.items()
        if isinstance(value, (staticmethod, classmethod)) and name not in table.methods
    }


def _has_own(kind: type, name: str) -> bool:
    found = inspect.getattr_static(kind, name, None)
    return found is not None and found is not inspect.getattr_static(object, name, None)


def _special(name: str, behind: Behind) -> Callable[..., Any]:
    """Make a special method, such as ``__len__``: guarded where the object asks its server in it."""
    if name not in behind.table.methods:
        return _delegate(name)
    if behind.twin:

        def refused(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ARG001 - as the others
            raise TypeError(f"{name} cannot be awaited, and would hold up the event loop: use a method")

        return refused

    def guarded(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        made = vars(self).get(name) or Guard.__getattr__(self, name)
        return made(*args, **kwargs)

    return guarded


def _delegate(name: str) -> Callable[..., Any]:
    if name in {"__aenter__", "__anext__", "__aexit__"}:

        async def awaited(self, *args):  # type: ignore[no-untyped-def]
            target = target_of(self)
            result = await getattr(target, name)(*args)
            return self if result is target else result

        return awaited

    def delegated(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        target = target_of(self)
        result = getattr(target, name)(*args, **kwargs)
        return self if result is target else result

    return delegated
