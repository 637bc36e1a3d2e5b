# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chains of fallbacks: levels that are asked in order, perhaps another chain for each kind of error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._errors import ConfigurationError, RefusedError, RetriesExhausted
from trifuse._fallback import ITEMS, Answered
from trifuse._fallback_level import Level, Value

if TYPE_CHECKING:
    from trifuse.classify import Kind

Levels = tuple[Level, ...]
DEFAULT = "default"
_CHAIN = "a function, or several in order, of which the last may be a value; or these by kind of error"
# What the default chain does not answer unless it is asked to: the caller alone can mend the call, or gave it up.
_CALLERS = frozenset({"caller", "context_length", "content_filter", "cancelled"})


class Why:
    """The error that is answered, and its kind, which is found out once."""

    __slots__ = ("_kind", "error")

    def __init__(self, error: BaseException) -> None:
        """Take the error."""
        self.error = error
        self._kind: Kind | None = None

    @property
    def kind(self) -> Kind:
        """What ``trifuse.classify`` says; of retries that gave up, about the last error."""
        if self._kind is None:
            from trifuse.classify import Kind, classify

            error = self.error
            if isinstance(error, RetriesExhausted) and error.last_error is not None:
                error = error.last_error
            self._kind = Kind.refused if isinstance(error, RefusedError) else classify(error).kind
        return self._kind


def kinds() -> tuple[str, ...]:
    """Give the keys that a chain by kind may have."""
    from trifuse.classify import Kind

    return (*(str(kind) for kind in Kind if kind is not Kind.cancelled), DEFAULT)


def levels_of(fallback: Any, value: tuple[Any, ...], field: str) -> Levels:
    """Make levels of a function or several, and of the value of a setting of its own, if there is one."""
    given = [] if fallback is None else list(fallback) if isinstance(fallback, (list, tuple)) else [fallback]
    if not isinstance(fallback, (list, tuple)) and given and not callable(given[0]):
        raise ConfigurationError(field, fallback, _CHAIN)
    levels = []
    for number, function in enumerate(given, 1):
        if callable(function):
            levels.append(Level(function))
        elif number == len(given) and not value:
            levels.append(Level(Value(function)))
        else:
            raise ConfigurationError(field, function, f"a function at level {number}: a value is the last")
    levels.extend(Level(Value(last)) for last in value)
    return tuple(levels)


class Chain:
    """The levels of one guard: those of the kind of error, where it has any, else the default ones."""

    __slots__ = ("_by_kind", "default", "exhausted")

    def __init__(self, default: Levels, by_kind: Mapping[str, Levels] | None = None) -> None:
        """Take the levels."""
        self.default = default
        self._by_kind = by_kind
        self.exhausted = 0

    @classmethod
    def by_kind(cls, given: Mapping[str, Any], value: tuple[Any, ...] = (), field: str = "fallback") -> Chain:
        """Make a chain of a mapping by kind. Raises ConfigurationError, which names the key."""
        allowed, made = kinds(), {}
        for key, fallback in given.items():
            if key not in allowed:
                raise ConfigurationError(f"{field}[{key!r}]", fallback, f"one of {', '.join(allowed)}")
            last = value if key == DEFAULT else ()
            several = fallback if isinstance(fallback, (list, tuple)) else [fallback]
            made[str(key)] = levels_of(several, last, f"{field}[{key!r}]")
            if not made[str(key)]:
                raise ConfigurationError(f"{field}[{key!r}]", fallback, "at least one function or value")
        if value and DEFAULT not in made:
            made[DEFAULT] = levels_of(None, value, field)
        if not made:
            raise ConfigurationError(field, given, "a chain for at least one kind of error, or a default")
        return cls(made.pop(DEFAULT, ()), made)

    def __iter__(self) -> Iterator[Level]:
        """Iterate over all levels there are."""
        for levels in self.chains().values():
            yield from levels

    def __eq__(self, other: object) -> bool:
        """Equal when all levels are."""
        return isinstance(other, Chain) and self.chains() == other.chains()

    __hash__ = None  # type: ignore[assignment]

    def chains(self) -> dict[str, Levels]:
        """Give the levels by kind of error; those of no kind are the default."""
        return {**(self._by_kind or {}), **({DEFAULT: self.default} if self.default else {})}

    def names(self) -> list[str] | dict[str, list[str]]:
        """Give the names of the levels, by kind where they are by kind."""
        if self._by_kind is None:
            return [level.name for level in self.default]
        return {kind: [level.name for level in levels] for kind, levels in self.chains().items()}

    def with_value(self, value: Any) -> Chain:
        """Give this chain with another value at its end; the counts of the other levels go on."""
        kept = self.default
        if kept and isinstance(kept[-1].function, Value):
            kept = kept[:-1]
        chain = Chain((*kept, Level(Value(value))), self._by_kind)
        chain.exhausted = self.exhausted
        return chain

    def named(self, error: BaseException) -> bool:
        """Tell whether there is a chain for just this kind of error."""
        return self._by_kind is not None and Why(error).kind in self._by_kind

    def unasked(self, error: BaseException) -> bool:
        """Tell whether an error is answered without having been asked for."""
        if self._by_kind is None:
            return True
        kind = Why(error).kind
        return kind in self._by_kind or (bool(self.default) and kind not in _CALLERS)

    def pick(self, why: Why) -> Levels:
        """Give the levels for an error."""
        return self.default if self._by_kind is None else self._by_kind.get(why.kind, self.default)

    def has_asynchronous(self, error: BaseException) -> bool:
        """Tell whether a level for this error is to be awaited."""
        return any(level.asynchronous for level in self) and any(
            level.asynchronous for level in self.pick(Why(error))
        )

    def answer(
        self, name: str, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any],
        what: str = "circuit breaker", ways: tuple[str, ...] = (),
    ) -> tuple[Any, Answered] | None:  # fmt: skip
        """Ask the levels in order. None when none answers: their errors are then attached to ``error``.

        ``ways``: what must be iterated in one of these ways; a level that gives anything else, or
        fails before its first item, has failed.
        """
        from trifuse._answering import Asking

        return Asking(self, name, error, args, kwargs, what).ask(ways)

    async def answer_async(
        self, name: str, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any],
        what: str = "circuit breaker", ways: tuple[str, ...] = (),
    ) -> tuple[Any, Answered] | None:  # fmt: skip
        """Ask the levels in order, awaiting what is to be awaited; None as answer()."""
        from trifuse._answering import Asking

        return await Asking(self, name, error, args, kwargs, what).ask_async(ways)

    def check_stream(self, fields: tuple[str, str], ways: tuple[str, ...]) -> None:
        """Raise ConfigurationError for a level that cannot stand in for a stream, as far as it shows."""
        for level in self:
            if level.asynchronous and ways is ITEMS:
                allowed = "functions that are not awaited, where a generator is guarded"
                raise ConfigurationError(fields[0], level.function, allowed)
            value = level.function
            if isinstance(value, Value) and not any(hasattr(value.value, way) for way in ways):
                allowed = "items, such as [], where a generator is guarded"
                raise ConfigurationError(fields[1], value.value, allowed)
