# SPDX-License-Identifier: MIT OR Apache-2.0
"""What people and programs read of a breaker and do to it, calls apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Unpack

from trifuse import _fields, _snapshot
from trifuse._base import Base
from trifuse._core import ffi, lib
from trifuse._declared import new_error, refused
from trifuse._durations import Duration, nanoseconds
from trifuse._errors import ConfigurationError
from trifuse._listeners import CallListener, RefusalListener, TransitionListener
from trifuse._locks import Lock
from trifuse._options import DEFAULT
from trifuse._permits import now_ns
from trifuse._values import STATES, State

# The core and what the wrapper keeps beside it change together. One lock for all: breakers are many,
# reconfigurations few.
_reconfiguring = Lock()


class Steering(Base):
    """State, configuration, snapshot, control and listeners of a breaker."""

    __slots__ = ()

    @property
    def state(self) -> State:
        """The state now. OPEN stays OPEN past its deadline until a call comes."""
        number: int = lib.trifuse_breaker_state(self._core)
        return STATES[number]

    @property
    def generation(self) -> int:
        """A number that grows by one at every change of state and every reset."""
        return int(lib.trifuse_breaker_generation(self._core))

    @property
    def config(self) -> _fields.Config:
        """The configuration in force; durations in seconds, automatic values as 0."""
        raw = self._raw_config()
        return _fields.Config(*(_fields.read(raw, name) for name in _fields.Config._fields))

    @property
    def advice(self) -> list[tuple[str, str]]:
        """What is legal in the configuration but known to hurt: codes and reasons."""
        bits = ffi.new("uint32_t *")
        lib.trifuse_breaker_config_advise(self._written.config, bits, ffi.NULL)
        found = (1 << place for place in range(32) if bits[0] >> place & 1)
        return [(_text(lib.trifuse_advice_text(bit)), _text(lib.trifuse_advice_reason(bit))) for bit in found]

    def describe(self) -> dict[str, Any]:
        """Give kind, name, preset and the configuration in force, durations in seconds."""
        preset = str(self._written.preset)
        return {"kind": self.kind, "name": self.name, "preset": preset, **self.config._asdict()}

    def _settings(self) -> dict[str, Any]:
        written = {name: _plain(value) for name, value in self._written.fields.items()}
        given = {"idle_timeout": self._options.idle_timeout, "thread": self._options.thread}
        if not self._options.respect_retry_after:
            written["respect_retry_after"] = False
        if self._options.quota_ns != DEFAULT.quota_ns:
            written["quota_open_duration"] = self._options.quota_open_duration
        preset = str(self._written.preset)
        return {"preset": preset, **written, **{name: value for name, value in given.items() if value}}

    def _numbers(self) -> dict[str, Any]:
        config = self.config
        rules: dict[str, Any] = {"preset": str(self._written.preset)}
        if config.failure_rate_threshold < 1:
            rules["failure_rate_threshold"] = config.failure_rate_threshold
            rules["minimum_calls"] = config.minimum_calls
        for field in ("consecutive_failures", "failure_count_threshold", "slow_call_duration"):
            if getattr(config, field):
                rules[field] = getattr(config, field)
        ends = ("open_duration", "success_threshold", "request_timeout")
        return {**rules, **{field: getattr(config, field) for field in ends}}

    def _checked(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            if name not in _fields.NAMES:
                raise ConfigurationError(name, value, "what it was made with: it cannot be changed")
        self._written.changed(changes)

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
        with _reconfiguring:
            self._reconfigure(changes)

    def _reconfigure(self, changes: _fields.ConfigFields) -> None:
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


def _text(text: Any) -> str:
    return str(ffi.string(text).decode())


def _plain(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
