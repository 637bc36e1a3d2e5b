# SPDX-License-Identifier: MIT OR Apache-2.0
"""The circuit breaker as people hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, Unpack

from trifuse import _fields, _limits, _options, _snapshot
from trifuse._contexts import Contexts, GuardedBlock
from trifuse._core import ffi, lib
from trifuse._declared import Declared, declare, new_error, refused
from trifuse._durations import Duration, nanoseconds
from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._guards import call_plainly
from trifuse._listeners import CallListener, Listeners, RefusalListener, TransitionListener
from trifuse._options import GuardFields, Options
from trifuse._permits import NOTIFY, TIMED, announce, handle_of, new_event, now_ns
from trifuse._runs import CO_SPECIAL, run_function
from trifuse._values import STATES, State

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


class _Extra:
    """What few breakers have; apart, because memory per breaker counts."""

    __slots__ = ("contexts", "declared", "listeners")

    def __init__(self) -> None:
        self.contexts: Contexts | None = None
        self.declared: Declared | None = None
        self.listeners: Listeners | None = None


class CircuitBreaker:
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
            ``thread``, ``respect_retry_after``, and the listeners ``on_transition``,
            ``on_refused``, ``on_call``.

    It is a decorator (``@breaker``), a context manager (``with``, ``async with``) and has
    :meth:`call`. Everything may be used from any number of threads and tasks.

    Raises:
        ConfigurationError: for a bad setting; nothing is made then.
    """

    __slots__ = (
        "__weakref__", "_extra", "_memory", "_options", "_registry", "_slot", "_table", "_written", "name",
    )  # fmt: skip
    name: str
    _extra: _Extra | None
    _memory: Any
    _options: Options
    _registry: CircuitBreakerRegistry | None
    _slot: Any
    _table: _limits.Table
    _written: Declared

    def __new__(
        cls,
        name: str,
        preset: str | None = None,
        *,
        registry: CircuitBreakerRegistry | None = ...,  # type: ignore[assignment]
        **fields: Unpack[BreakerFields],
    ) -> CircuitBreaker:
        """Give the breaker of this name, new or known already."""
        from trifuse._registry import registry as default_registry

        home = default_registry if registry is ... else registry  # type: ignore[comparison-overlap]
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

    @property
    def state(self) -> State:
        """The state now. OPEN stays OPEN past its deadline until a call comes."""
        return STATES[lib.trifuse_breaker_state(self._core)]

    @property
    def generation(self) -> int:
        """A number that grows by one at every change of state and every reset."""
        return int(lib.trifuse_breaker_generation(self._core))

    @property
    def config(self) -> _fields.Config:
        """The configuration in force: automatic values resolved, durations in seconds."""
        raw = self._raw_config()
        return _fields.Config(*(_fields.read(raw, name) for name in _fields.Config._fields))

    @property
    def advice(self) -> list[tuple[str, str]]:
        """What is legal in the configuration but known to hurt: codes and reasons."""
        bits = ffi.new("uint32_t *")
        lib.trifuse_breaker_config_advise(self._written.config, bits, ffi.NULL)
        found = (1 << place for place in range(32) if bits[0] >> place & 1)
        return [
            (_text(lib.trifuse_advice_text(bit)), _text(lib.trifuse_advice_reason(bit)))
            for bit in found
        ]

    def snapshot(self) -> _snapshot.Snapshot:
        """Take a picture: state, window, rates, totals."""
        raw = ffi.new("trifuse_breaker_snapshot *")
        raw.struct_size = ffi.sizeof(raw[0])
        now = now_ns()
        lib.trifuse_breaker_get_snapshot(self._core, now, raw)
        return _snapshot.snapshot(self.name, now, raw)

    def get_state(self) -> dict[str, Any]:
        """Give the founding dictionary.

        Keys: name, state, failure_count, success_count, failure_rate (these three of the window)
        and last_failure_time (epoch seconds or None).
        """
        picture = self.snapshot()
        return {
            "name": self.name,
            "state": str(picture.state),
            "failure_count": picture.window_failed,
            "success_count": picture.window_total - picture.window_failed,
            "failure_rate": picture.failure_rate,
            "last_failure_time": picture.last_failure_time,
        }

    def trip(self, retry_after: Duration | None = None) -> None:
        """Open now: for ``retry_after`` (seconds or timedelta), else for the ordinary wait.

        OPEN already: the later deadline holds. The forced states ignore it.
        Raises ConfigurationError for what is no duration.
        """
        wait = 0 if retry_after is None else nanoseconds(retry_after)
        if wait is None or wait > lib.TRIFUSE_DURATION_MAX_NS:
            raise ConfigurationError("retry_after", retry_after, "0 to 365 days (in seconds)")
        self._trip(wait)

    def reset(self) -> None:
        """Close from any state, with an empty window; the lifetime totals stay."""
        self._steer(lib.trifuse_breaker_reset)

    def close(self) -> None:
        """As reset, but nothing happens if it is CLOSED already."""
        self._steer(lib.trifuse_breaker_close)

    def force_open(self) -> None:
        """Isolate: refuse all calls until reset() or close()."""
        self._steer(lib.trifuse_breaker_force_open)

    def disable(self) -> None:
        """Admit all calls and record nothing until reset() or close()."""
        self._steer(lib.trifuse_breaker_disable)

    def metrics_only(self) -> None:
        """Shadow mode: admit all, record, never trip, and tell when it would have opened."""
        self._steer(lib.trifuse_breaker_metrics_only)

    def reconfigure(self, **changes: Unpack[_fields.ConfigFields]) -> None:
        """Change settings; state, window, deadlines and calls in flight stay.

        Another shape of the window restarts the window. Raises ConfigurationError, and then
        nothing is taken.
        """
        written = self._written.changed(changes)
        config = written.seeded(self._raw_config().seed)
        error = new_error()
        if lib.trifuse_breaker_reconfigure(self._core, config, now_ns(), error) != lib.TRIFUSE_OK:
            raise refused(error, changes)
        extra = self._own_extra()
        if extra.declared is None:
            extra.declared = self._written
        self._take(written)

    def on_transition(self, listener: TransitionListener) -> TransitionListener:
        """Add a listener, sync or async, that is told of each :class:`Transition`."""
        self._own_listeners().add("on_transition", listener)
        return listener

    def on_refused(self, listener: RefusalListener) -> RefusalListener:
        """Add a listener, sync or async, that is told of each :class:`Refusal`."""
        self._own_listeners().add("on_refused", listener)
        return listener

    def on_call(self, listener: CallListener) -> CallListener:
        """Add a listener, sync or async, that is told of each :class:`Call`; costs every call."""
        self._own_listeners().add("on_call", listener)
        self._refresh()
        return listener

    def off(self, *listeners: Callable[..., Any]) -> None:
        """Remove listeners of this breaker; those it does not have are passed over."""
        self._own_listeners().remove(listeners)
        self._refresh()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by name: the other process must have made its own breaker of that name."""
        from trifuse._registry import registry, restore

        if self._registry is not registry or registry.get(self.name) is not self:
            raise TrifuseError(
                f"circuit breaker {self.name!r} cannot be pickled: only a breaker in "
                "trifuse.registry is found again by its name in another process"
            )
        return restore, (self.name,)

    def __copy__(self) -> CircuitBreaker:
        """Give itself: a breaker is shared, never copied."""
        return self

    def __deepcopy__(self, memo: object) -> CircuitBreaker:
        """Give itself: a breaker is shared, never copied."""
        return self

    @property
    def _core(self) -> Any:
        return handle_of(self._memory).breaker

    def _raw_config(self) -> Any:
        raw = ffi.new("trifuse_breaker_config *")
        raw.struct_size = ffi.sizeof(raw[0])
        lib.trifuse_breaker_get_config(self._core, raw)
        return raw

    def _steer(self, function: Any) -> None:
        event = new_event()
        function(self._core, now_ns(), event)
        announce(self, event)

    def _trip(self, wait_ns: int) -> None:
        event = new_event()
        lib.trifuse_breaker_trip(self._core, now_ns(), wait_ns, event)
        announce(self, event)

    def _take(self, written: Declared) -> None:
        self._written = written
        self._table = _limits.NO_TABLE
        handle = handle_of(self._memory)
        handle.timeout_ns = written.config.request_timeout_ns
        handle.cancelled_after_ns = written.config.cancelled_counts_after_ns
        self._refresh()

    def _refresh(self) -> None:
        """Say to the shim which calls need a permit of their own."""
        config = self._written.config
        timed = config.slow_call_duration_ns or config.cancelled_counts_after_ns
        told = any(listeners.on_call for listeners in self._all_listeners())
        handle_of(self._memory).flags = (TIMED if timed else 0) | (NOTIFY if told else 0)

    @property
    def _timeout(self) -> float:
        return self._written.timeout

    @property
    def _declared(self) -> Declared:
        """The configuration it was made with, whatever it was reconfigured to."""
        extra = self._extra
        return self._written if extra is None or extra.declared is None else extra.declared

    @property
    def _listeners(self) -> Listeners | None:
        return None if self._extra is None else self._extra.listeners

    def _own_extra(self) -> _Extra:
        if self._extra is None:
            self._extra = _Extra()
        return self._extra

    def _own_listeners(self) -> Listeners:
        extra = self._own_extra()
        if extra.listeners is None:
            extra.listeners = Listeners()
        return extra.listeners

    def _all_listeners(self) -> Iterator[Listeners]:
        if self._listeners is not None:
            yield self._listeners
        if self._registry is not None:
            yield self._registry._listeners

    def _find_table(self) -> _limits.Table | None:
        table = _limits.find_table(self._written.timeout)
        if table is not None:
            self._table = table
        return table

    def _entered(self) -> Contexts:
        extra = self._own_extra()
        if extra.contexts is None:
            extra.contexts = Contexts()
        return extra.contexts


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


def _text(text: Any) -> str:
    return str(ffi.string(text).decode())

