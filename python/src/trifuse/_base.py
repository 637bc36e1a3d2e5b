# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a breaker is made of, and what the rooms of this package ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trifuse import _limits
from trifuse._contexts import Contexts
from trifuse._core import ffi, lib
from trifuse._declared import Declared
from trifuse._listeners import Listeners
from trifuse._locks import Lock
from trifuse._options import Options
from trifuse._permits import NOTIFY, TIMED, announce, handle_of, new_event, now_ns
from trifuse._policy import Policy

if TYPE_CHECKING:
    from trifuse._registry import CircuitBreakerRegistry


# For what a breaker gets when it is first asked for: two threads must get the same.
_making = Lock()


class _Extra:
    """What few breakers have; apart, because memory per breaker counts."""

    __slots__ = ("contexts", "declared", "listeners")

    def __init__(self) -> None:
        self.contexts: Contexts | None = None
        self.declared: Declared | None = None
        self.listeners: Listeners | None = None


class Base(Policy):
    """The memory of a breaker and its private ways. ``_slot`` is the permit that calls share."""

    __slots__ = ("_extra", "_memory", "_options", "_registry", "_slot", "_table", "_written")
    _extra: _Extra | None
    _memory: Any
    _options: Options
    _registry: CircuitBreakerRegistry | None
    _slot: Any
    _table: _limits.Table
    _written: Declared

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
        with _making:
            if self._extra is None:
                self._extra = _Extra()
            return self._extra

    def _own_listeners(self) -> Listeners:
        extra = self._own_extra()
        with _making:
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
        extra = self._extra
        if extra is not None and extra.contexts is not None:
            return extra.contexts
        extra = self._own_extra()
        with _making:
            if extra.contexts is None:
                extra.contexts = Contexts()
            return extra.contexts
