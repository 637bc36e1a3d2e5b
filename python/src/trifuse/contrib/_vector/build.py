# SPDX-License-Identifier: MIT OR Apache-2.0
"""``protect``, ``aprotect`` and ``connect``, by what is known of a library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError
from trifuse.contrib._vector.errors import ErrorTest, answered
from trifuse.contrib._vector.fallbacks import levels_of, make_fallback
from trifuse.contrib._vector.guards import Guards, Way
from trifuse.contrib._vector.objects import Behind, behind_of, wrap
from trifuse.contrib._vector.settings import Settings
from trifuse.contrib._vector.sources import Fixed, Lazy, Source
from trifuse.contrib._vector.tables import Table


class Known(NamedTuple):
    """One class of a library.

    Attributes:
        table: its methods.
        asynchronous: its methods are awaited.
        fresh: what is done to an object before it is used, such as giving its client a time limit.
        dead: tells that an object is of no use any more, so that ``connect`` makes another.
    """

    table: Table
    asynchronous: bool = False
    fresh: Callable[[Any, float | None], None] | None = None
    dead: Callable[[Any], bool] | None = None


class Library(NamedTuple):
    """What is known of a library.

    Attributes:
        name: of the breaker, and in descriptions.
        what: may be protected, for people.
        known: gives the classes, which imports the library.
        is_mistake: tells the caller's mistakes.
    """

    name: str
    what: str
    known: Callable[[], Mapping[type, Known]]
    is_mistake: ErrorTest

    def find(self, kind: type) -> tuple[type, Known]:
        """Give what is known of a class, or of the one it is derived from. Raises ConfigurationError."""
        known = self.known()
        for base in kind.__mro__:
            if base in known:
                return base, known[base]
        raise ConfigurationError("target", kind, self.what)


def protect(library: Library, target: Any, settings: Mapping[str, Any], *, thread: bool) -> Any:
    """Guard an object."""
    _check_flag(thread)
    kind = _kind_of(library, target)
    known = library.find(kind)[1]
    if thread and known.asynchronous:
        raise ConfigurationError("thread", thread, "only for synchronous clients")
    way = Way(awaited=known.asynchronous, threads=thread)
    guards = _guards(library, settings, way)
    return around(library, kind, Fixed(_fresh(known, target, guards)), guards)


def aprotect(library: Library, target: Any, settings: Mapping[str, Any]) -> Any:
    """Guard a synchronous object for asynchronous code."""
    kind = _kind_of(library, target)
    known = library.find(kind)[1]
    if known.asynchronous:
        raise ConfigurationError("target", target, "a synchronous client: protect() is for asynchronous ones")
    guards = _guards(library, settings, Way(awaited=True, threads=True))
    return around(library, kind, Fixed(_fresh(known, target, guards)), guards)


def connect(
    library: Library,
    make: Callable[[], Any],
    kind: type,
    settings: Mapping[str, Any],
    *,
    thread: bool,
    awaited: bool,
) -> Any:
    """Guard an object that ``make`` gives when the first call needs it."""
    _check_flag(thread)
    if not callable(make):
        raise ConfigurationError("make", make, "a function that connects and gives the object")
    known = library.find(kind)[1]
    way = Way(awaited=known.asynchronous or awaited, threads=thread or (awaited and not known.asynchronous))
    if not known.asynchronous and inspect.iscoroutinefunction(make):
        raise ConfigurationError("make", make, f"a function that is not awaited, for a {kind.__qualname__}")
    if known.asynchronous and (thread or awaited):
        raise ConfigurationError("thread", True, "only for synchronous clients")  # noqa: FBT003
    guards = _guards(library, settings, way)
    source = Lazy(
        _checked(library, make, kind), known.dead or _never, lambda target: _ready(known, target, guards)
    )
    return around(library, kind, source, guards)


def around(library: Library, kind: type, source: Source, guards: Guards) -> Any:
    """Make the guarded object."""
    known = library.find(kind)[1]
    twin = guards.way.awaited and not known.asynchronous
    _check_fallbacks(kind, known.table, guards)

    def opened(result: Any, guards: Guards) -> Any:
        if isinstance(result, (list, tuple)):
            return type(result)(opened(item, guards) for item in result)
        try:
            known = library.find(type(result))[1]
        except ConfigurationError:
            return result
        return around(library, type(result), Fixed(_fresh(known, result, guards)), guards)

    return wrap(Behind(kind, source, known.table, guards, opened, twin, library.name, {}))


def _check_fallbacks(kind: type, table: Table, guards: Guards) -> None:
    """Raise ConfigurationError for a fallback that cannot be one, before it is needed."""
    fallback = guards.settings.fallback
    if isinstance(fallback, Mapping):
        for name, method in table.methods.items():
            levels = levels_of(fallback, kind, name, method, table.names())
            if levels:
                make_fallback(levels, guards.answers, name)


def _guards(library: Library, settings: Mapping[str, Any], way: Way) -> Guards:
    made = Settings(library.name, settings, library.is_mistake, threads=way.threads)
    return Guards(made, way, answered(library.is_mistake))


def _check_flag(thread: object) -> None:
    if type(thread) is not bool:
        raise ConfigurationError("thread", thread, "True or False")


def _kind_of(library: Library, target: Any) -> type:
    if behind_of(target) is not None:
        raise ConfigurationError("target", target, f"{library.what} that is not guarded already")
    if isinstance(target, type):
        raise ConfigurationError("target", target, f"an object: {library.what}")
    return type(target)


def _checked(library: Library, make: Callable[[], Any], kind: type) -> Callable[[], Any]:
    """Let what a function gives be of the class that was promised."""

    def check(made: Any) -> Any:
        if not isinstance(made, kind) or behind_of(made) is not None:
            raise ConfigurationError(
                "make", type(made), f"a function that gives a {kind.__qualname__}, not guarded"
            )
        return made

    if not library.find(kind)[1].asynchronous:
        return lambda: check(make())

    async def made() -> Any:
        given = make()
        return check(await given if inspect.isawaitable(given) else given)

    return made


def _fresh(known: Known, target: Any, guards: Guards) -> Any:
    _ready(known, target, guards)
    return target


def _ready(known: Known, target: Any, guards: Guards) -> None:
    if known.fresh is not None:
        known.fresh(target, guards.core.breaker._timeout or None)


def _never(target: object) -> bool:  # noqa: ARG001 - as the others
    return False
