# SPDX-License-Identifier: MIT OR Apache-2.0
"""What fallbacks leave behind: which one answered, and whether an answer is the real one.

A guard with fallbacks looks at the context when its call begins and again when that has answered by
itself. What a fallback answered in between stays to be seen, in the context and for every scope (of
a cache, say) around it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from trifuse._chains import Chain
    from trifuse.classify import Kind

ITEMS = ("__iter__",)
ASYNC_ITEMS = ("__iter__", "__aiter__")
"""How what stands in for a stream is iterated."""


class Answered(NamedTuple):
    """Which fallback answered: the breaker's or policy's name, the level from 1 on, the fallback's name."""

    name: str
    level: int
    fallback: str


last_fallback: ContextVar[Answered | None] = ContextVar("trifuse.last_fallback", default=None)
"""Of the last call in this context whose guard has a fallback: which one answered, or None."""


class Seen:
    """What answered the last call of a context: here the call itself.

    Attributes:
        owner: the guard whose call it was; None when a fallback answered.
        mark: the last answer of a fallback before it, in this context.
        deployment: of a pool.
    """

    __slots__ = ("deployment", "mark", "owner", "plain")
    degraded = False
    level = 0
    fallback: str | None = None
    kind: Kind | None = None

    def __init__(self, owner: Any, mark: Answer | None = None, deployment: str | None = None) -> None:
        """Keep what is told. ``plain``: there is nothing to it but the owner."""
        self.owner = owner
        self.mark = mark
        self.deployment = deployment
        self.plain = mark is None and deployment is None

    @property
    def name(self) -> str:
        """The name of the guard."""
        return str(self.owner.name)

    @property
    def last_degraded(self) -> Answer | None:
        """The last answer of a fallback up to this one."""
        return self.mark


class Answer(Seen):
    """The answer of a fallback."""

    __slots__ = ("fallback", "kind", "level", "name")
    degraded = True

    def __init__(
        self, name: str, level: int, fallback: str, kind: Kind | None, deployment: str | None = None
    ) -> None:
        """Keep what is told."""
        super().__init__(None, None, deployment)
        self.plain = False
        self.level, self.fallback, self.kind = level, fallback, kind
        self.name = name  # type: ignore[misc]  # a slot over the property

    @property
    def last_degraded(self) -> Answer | None:
        """Itself."""
        return self


class Scope:
    """A piece of work that wants to know whether a fallback answered anywhere within it.

    Tasks and threads that begin within it, with a copy of its context, belong to it.
    """

    __slots__ = ("degraded", "outer", "work")

    def __init__(self, work: object = None) -> None:
        """Begin within the scope of the running context; enter it by ``scope.set()``."""
        self.outer = scope.get()
        self.work = work
        self.degraded: Answer | None = None


NOTHING = Seen(None)
seen: ContextVar[Seen] = ContextVar("trifuse.last_call", default=NOTHING)
"""The last call of this context whose guard has a fallback."""

look = seen.get

scope: ContextVar[Scope | None] = ContextVar("trifuse.scope", default=None)
"""The innermost scope that runs now."""


def ended(owner: Any, before: Seen) -> None:
    """Note that a guarded call answered by itself, unless a fallback did within it.

    ``before``: what was seen when it began. To be called unless that is still seen and is of this
    owner: then there is nothing to note.
    """
    now = look()
    if now.plain and before.plain:
        seen.set(before if before.owner is owner else Seen(owner))
        return
    mark, deployment = before.last_degraded, None
    if now is not before:
        within = now.last_degraded
        if within is not None and within is not mark:
            if within is not now:
                show(within)
            return
        deployment = now.deployment
    seen.set(Seen(owner, mark, deployment))
    last_fallback.set(None)


def show(answer: Answer) -> None:
    """Let the context see the answer of a fallback."""
    seen.set(answer)
    last_fallback.set(Answered(answer.name, answer.level, str(answer.fallback)))


def note(answer: Answer) -> None:
    """Let the context see the answer of a fallback, and tell all scopes around it."""
    show(answer)
    around = scope.get()
    while around is not None:
        around.degraded = answer
        around = around.outer


def make_chain(fallback: Any, value: Any, not_given: Any, field: str = "fallback") -> Chain | None:
    """Make the chain of levels of what a guard was given; None for nothing.

    ``fallback``: a function, several of them in order of which the last may be a value, or a mapping
    of these by kind of error. Raises ConfigurationError.
    """
    empty = fallback is None or (isinstance(fallback, (list, tuple)) and not fallback)
    if empty and value is not_given:
        return None
    from trifuse._chains import Chain, levels_of

    if isinstance(fallback, dict):
        return Chain.by_kind(fallback, () if value is not_given else (value,), field)
    return Chain(levels_of(fallback, () if value is not_given else (value,), field))


def check_stream(chain: Chain | None, fields: tuple[str, str], ways: tuple[str, ...]) -> None:
    """Raise ConfigurationError for a level that cannot stand in for a stream, as far as looking at it tells.

    ``fields``: the names of the settings for functions and for the value.
    """
    if chain is not None:
        chain.check_stream(fields, ways)
