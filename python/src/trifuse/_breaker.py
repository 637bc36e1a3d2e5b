# SPDX-License-Identifier: MIT OR Apache-2.0
"""The circuit breaker as people hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from trifuse import _fields, _options
from trifuse._contexts import GuardedBlock
from trifuse._core import ffi, lib
from trifuse._declared import Declared, declare, new_error, refused
from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._guards import call_plainly
from trifuse._listeners import CallListener, Listeners, RefusalListener, TransitionListener
from trifuse._options import GuardFields, Options
from trifuse._runs import CO_SPECIAL, run_function
from trifuse._steering import Steering

if TYPE_CHECKING:
    from types import TracebackType

    from trifuse._registry import CircuitBreakerRegistry
    from trifuse._typing import Guarded

P = ParamSpec("P")
R = TypeVar("R")


class BreakerFields(_fields.ConfigFields, GuardFields, total=False):
    """All keyword arguments of a breaker."""

    on_transition: TransitionListener
    on_refused: RefusalListener
    on_call: CallListener


class CircuitBreaker(Steering):
    """Stops calls to a dependency that fails, and lets a few through to see whether it is back.

    Args:
        name: what it guards, such as ``"payments"``. One breaker per dependency.
        preset: ``"default"``, ``"adaptive"``, ``"aggressive"``, ``"conservative"``, ``"llm"``,
            ``"critical"``, ``"normal"``, ``"batch"``, ``"payment"``, ``"user"`` or
            ``"recommendation"``; the other arguments change it.
        registry: where it is known by its name; None: nowhere. A name that is known there with the
            same settings gives the same breaker; with other settings: ConfigurationError.
        fields: the settings (see :class:`Config`; durations in seconds or as timedelta), the
            founding names ``failure_threshold``, ``timeout`` (how long it stays open) and
            ``min_calls``, and what belongs to the guard: ``failure_on``, ``ignore``,
            ``failure_if``, ``fallback``, ``fallback_value``, ``fallback_on``, ``idle_timeout``,
            ``thread``, ``respect_retry_after``, ``quota_open_duration``, and the listeners ``on_transition``,
            ``on_refused``, ``on_call``.

    It is a decorator (``@breaker``), a context manager (``with``, ``async with``) and has
    :meth:`call`. Everything may be used from any number of threads and tasks.

    Raises:
        ConfigurationError: for a bad setting; nothing is made then.
    """

    __slots__ = ()
    kind = "circuit_breaker"
    settings = _fields.NAMES | {
        "preset",
        "idle_timeout",
        "thread",
        "respect_retry_after",
        "quota_open_duration",
    }

    def __new__(  # noqa: PYI034 - it may be one that is known already
        cls,
        name: str,
        preset: str | None = None,
        *,
        registry: CircuitBreakerRegistry | None = ...,  # type: ignore[assignment]
        **fields: Unpack[BreakerFields],
    ) -> CircuitBreaker:
        """Give the breaker of this name, new or known already."""
        from trifuse._registry import CircuitBreakerRegistry
        from trifuse._registry import registry as default_registry

        home = default_registry if registry is ... else registry  # type: ignore[comparison-overlap]
        if home is not None and not isinstance(home, CircuitBreakerRegistry):
            raise ConfigurationError("registry", home, "a CircuitBreakerRegistry, or None")
        settings, guard, listeners = split(fields)
        declared, options = declare(preset, settings), _options.make_options(guard)
        if home is None:
            return make(cls, name, declared, options, None, listeners)
        return home._obtain(cls, name, declared, options, listeners, compare_options=True)

    def __repr__(self) -> str:
        """Show name and state."""
        return f"<CircuitBreaker {self.name!r} {self.state}>"

    def __call__(self, fn: Callable[P, R], /) -> Guarded[P, R]:
        """Decorate a function: each call of it goes through this breaker."""
        from trifuse._kinds import guard

        guarded: Guarded[P, R] = guard(self, self._options, fn)
        return guarded

    def call(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function of any kind through the breaker: ``await`` it if you would without.

        Raises RefusedError when the call is not made (for coroutine functions when awaited,
        for generators at the first item), and what the function raises.
        """
        code = getattr(fn, "__code__", None)
        options = self._options
        if code is None or code.co_flags & CO_SPECIAL:
            from trifuse._kinds import run

            result: R = run(self, options, fn, args, kwargs)
        elif options.plain:
            result = call_plainly(self, options, fn, args, kwargs)
        else:
            result = run_function(self, options, fn, args, kwargs)
        return result

    def __enter__(self) -> GuardedBlock:
        """Admit a block of code, whose time is judged afterwards. Raises RefusedError."""
        return self._entered().enter(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report how the block ended."""
        self._entered().exit(error)

    async def __aenter__(self) -> GuardedBlock:
        """Admit a block of code and enforce request_timeout on it. Raises RefusedError."""
        return self._entered().enter(self, limited=True)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report how the block ended; raises RequestTimeoutError if its time was over."""
        self._entered().exit(error)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by name: the other process must have made its own breaker of that name."""
        from trifuse._registry import registry, restore

        if self._registry is not registry or registry.get(self.name) is not self:
            raise TrifuseError(
                f"circuit breaker {self.name!r} cannot be pickled: only a breaker in "
                "trifuse.registry is found again by its name in another process"
            )
        return restore, (self.name,)

    def _guard(self, fn: Any) -> Any:
        from trifuse._kinds import guard_by_kind

        return guard_by_kind(self, self._options, fn)


def split(fields: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Divide keyword arguments into settings, what belongs to the guard, and listeners."""
    parts: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {})
    for name, value in fields.items():
        place = 1 if name in _options.NAMES else 2 if name in Listeners.__slots__ else 0
        parts[place][name] = value
    return parts


def make(
    cls: type[CircuitBreaker],
    name: str,
    declared: Declared,
    options: Options,
    registry: CircuitBreakerRegistry | None,
    listeners: dict[str, Any],
) -> CircuitBreaker:
    """Make a breaker. Raises ConfigurationError."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError("name", name, "a text that is not empty")
    memory = _made(declared, name)
    breaker = object.__new__(cls)
    breaker.name, breaker._options = name, options
    breaker._memory = breaker._slot = memory
    breaker._registry, breaker._written, breaker._extra = registry, declared, None
    for kind, listener in listeners.items():
        breaker._own_listeners().add(kind, listener)
    breaker._take(declared)
    return breaker


def _made(declared: Declared, name: str) -> Any:
    """Give the block of memory that the breaker lives in.

    It is an object that the garbage collector takes no part in: whatever order it finalizes a
    cycle in, the memory is there for as long as anybody can reach the breaker.
    """
    config, error, result = declared.seeded(), new_error(), ffi.new("int *")
    size = lib.trifuse_py_size(config, error, result)
    if result[0] == lib.TRIFUSE_OK:
        memory = ffi.new("uint64_t[]", size // 8)
        result[0] = lib.trifuse_py_open(memory, size, config, error)
    if result[0] == lib.TRIFUSE_ERROR_CONFIG:
        raise refused(error, declared.fields)
    if result[0] != lib.TRIFUSE_OK:
        raise TrifuseError(f"circuit breaker {name!r} cannot be made: error {result[0]}")
    return memory
