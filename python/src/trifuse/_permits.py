# SPDX-License-Identifier: MIT OR Apache-2.0
"""Admission and reports: between the guards and the core.

A ``slot`` is a ``trifuse_py_call *`` of the core module (see shim.h): the permit that all calls of
one closed generation share, or one call's own. ``told`` is what the core's shim answered: a number
that is 0 when there is nothing to tell anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trifuse import _events
from trifuse._core import ffi, lib
from trifuse._durations import seconds, seconds_or_none
from trifuse._errors import REFUSALS, RefusedError
from trifuse._listeners import log, log_transition, suspect
from trifuse._listeners import tell as tell_listeners
from trifuse._options import FAILURE, IGNORED, SUCCESS, TIMEOUT, Options, kind_of
from trifuse._retry_after import opening_ns
from trifuse._values import OUTCOMES, Outcome

if TYPE_CHECKING:
    from trifuse._base import Base
    from trifuse._fallback import Answered
    from trifuse.classify import Kind

OWNED: int = lib.TRIFUSE_PY_OWNED
PROBE: int = lib.TRIFUSE_PY_PROBE
UNJUDGED: int = lib.TRIFUSE_PY_UNJUDGED
TIMED: int = lib.TRIFUSE_PY_TIMED
NOTIFY: int = lib.TRIFUSE_PY_NOTIFY
_LATE: int = lib.TRIFUSE_PY_TOLD_LATE
_TOLD_NOTIFY: int = lib.TRIFUSE_PY_TOLD_NOTIFY
_OUTCOME_SHIFT: int = lib.TRIFUSE_PY_TOLD_OUTCOME_SHIFT
_EVENT_SHIFT: int = lib.TRIFUSE_PY_TOLD_EVENT_SHIFT

enter = lib.trifuse_py_enter
enter_timed = lib.trifuse_py_enter_timed
success = lib.trifuse_py_success
success_timed = lib.trifuse_py_success_timed
now_ns = lib.trifuse_py_now
handle_of = lib.trifuse_py_handle_of
_begin = lib.trifuse_py_begin
_finish = lib.trifuse_py_finish
_renew = lib.trifuse_py_renew
_bypass = lib.trifuse_py_bypass
_CALL = ffi.typeof("trifuse_py_call *")
_EVENT = ffi.typeof("trifuse_breaker_event *")
_EVENT_SIZE = ffi.sizeof("trifuse_breaker_event")
_new = ffi.new
_DEBUG = 10
_spare: list[Any] = []
"""Slots of refused calls, to be used again."""


def new_event() -> Any:
    """Give an empty event for the core to fill."""
    event = _new(_EVENT)
    event.struct_size = _EVENT_SIZE
    return event


def admit_timed(breaker: Base) -> Any:
    """Admit a synchronous call, timed; None when everything is switched off.

    Raises RefusedError.
    """
    if _bypass():
        return None
    if handle_of(breaker._slot).flags & NOTIFY:
        return ask(breaker, OWNED)
    slot = ask(breaker, 0)
    if slot.flags & PROBE:
        slot.flags |= OWNED
    else:
        breaker._slot = slot
    return slot


def admit_shared(breaker: Base) -> Any:
    """Admit an asynchronous call; None when everything is switched off. Raises RefusedError."""
    if _bypass():
        return None
    if handle_of(breaker._slot).flags:
        return ask(breaker, OWNED | UNJUDGED)
    slot = ask(breaker, 0)
    if slot.flags & PROBE:
        slot.flags |= OWNED | UNJUDGED
    else:
        slot.started_ns = 0
        breaker._slot = slot
    return slot


def admit_own(breaker: Base, options: Options, flags: int) -> OwnCall | None:
    """Admit one call with a permit of its own; None when everything is switched off."""
    return None if _bypass() else OwnCall(breaker, options, ask(breaker, OWNED | flags, quiet=True))


def ask(breaker: Base, flags: int, *, quiet: bool = False) -> Any:
    """Ask the core for a call. ``quiet``: the caller tells the on_call listeners of a refusal."""
    try:
        slot = _spare.pop()
    except IndexError:
        slot = _new(_CALL)
    slot.handle = handle_of(breaker._slot)
    slot.flags = flags
    told = _begin(slot)
    if told:
        tell_transition(breaker, told)
    result = slot.result
    if result == 0:
        return slot
    # No local holds the error: it would hold itself, through its traceback and this frame.
    raise _refused(breaker, slot, result, quiet=quiet)


def _refused(breaker: Base, slot: Any, result: int, *, quiet: bool) -> RefusedError:
    error = REFUSALS[result](breaker.name, seconds_or_none(slot.retry_after_ns))
    _spare.append(slot)
    _tell_refusal(breaker, error)
    if not quiet:
        tell_refused_call(breaker, error)
    return error


def _tell_refusal(breaker: Base, error: RefusedError) -> None:
    debug = log().isEnabledFor(_DEBUG)
    own, shared = breaker._listeners, breaker._registry
    if debug:
        log().debug("circuit breaker %r refused a call (%s)", breaker.name, error.reason)
    if (own is None or not own.on_refused) and (shared is None or not shared._listeners.on_refused):
        return
    refusal = _events.Refusal(breaker.name, error.reason, error.retry_after)
    for listeners in breaker._all_listeners():
        tell_listeners(breaker.name, listeners.on_refused, refusal)


def tell_refused_call(breaker: Base, error: RefusedError, answered: Answered | None = None) -> None:
    """Tell the on_call listeners of a refused call."""
    if handle_of(breaker._slot).flags & NOTIFY:
        _tell_call(breaker, Outcome.REFUSED, 0, error, answered, late=False)


def failed(breaker: Base, slot: Any, error: BaseException, options: Options, timed: int) -> None:
    """Report what a call raised, tell whom it concerns, and obey a Retry-After."""
    outcome, kind = options.judge(error)
    told = _finish(slot, outcome, timed)
    if told:
        tell(breaker, told, slot, error)
    if outcome in {FAILURE, TIMEOUT} and not told & _LATE:
        obey_retry_after(breaker, options, error, kind)
    suspect(breaker.name, error)


def timed_out(breaker: Base, slot: Any, error: BaseException | None) -> None:
    """Report that the request timeout ended a call."""
    told = _finish(slot, TIMEOUT, 0)
    if told:
        tell(breaker, told, slot, error)


def obey_retry_after(breaker: Base, options: Options, subject: object, kind: Kind | None = None) -> None:
    """Trip for as long as an error or response says, when it does; of a spent quota else for its setting.

    The refusal of another policy is an estimate of ours and no server's word.
    """
    if isinstance(subject, RefusedError):
        return
    wait = opening_ns(subject) if options.respect_retry_after else 0
    if not wait and options.quota_ns and isinstance(subject, Exception):
        wait = options.quota_ns if (kind or kind_of(subject)) == "quota_spent" else 0
    if wait:
        breaker._trip(wait)


def tell(breaker: Base, told: int, slot: Any, error: BaseException | None = None) -> None:
    """Tell listeners what a report brought about."""
    if told >> _EVENT_SHIFT:
        tell_transition(breaker, told)
    if told & _TOLD_NOTIFY:
        outcome = OUTCOMES[told >> _OUTCOME_SHIFT & 0xF]
        late = bool(told & _LATE)
        _tell_call(breaker, outcome, slot.duration_ns, error, None, late=late)


def tell_transition(breaker: Base, told: int) -> None:
    """Tell listeners of the transition that ``told`` points to."""
    event = _new(_EVENT)
    lib.trifuse_py_event(told, event)
    announce(breaker, event)


def announce(breaker: Base, event: Any) -> None:
    """Tell the log and the listeners of a transition, if the event holds one."""
    if not event.flags & lib.TRIFUSE_EVENT_TRANSITION:
        return
    transition = _events.transition(breaker.name, event)
    log_transition(transition)
    for listeners in breaker._all_listeners():
        tell_listeners(breaker.name, listeners.on_transition, transition)


def _tell_call(
    breaker: Base,
    outcome: Outcome,
    duration_ns: int,
    error: BaseException | None,
    answered: Answered | None,
    *,
    late: bool,
) -> None:
    level, fallback = (answered.level, answered.fallback) if answered else (None, None)
    event = _events.Call(breaker.name, outcome, seconds(duration_ns), late, error, level, fallback)
    for listeners in breaker._all_listeners():
        tell_listeners(breaker.name, listeners.on_call, event)


class OwnCall:
    """One admitted call whose permit can be reported once, and comes back on every path."""

    __slots__ = ("_error", "_options", "_slot", "_told", "breaker")

    def __init__(self, breaker: Base, options: Options, slot: Any) -> None:
        """Take over the slot of an admitted call."""
        self.breaker = breaker
        self._options = options
        self._slot = slot
        self._told = 0
        self._error: BaseException | None = None

    def finish(self, outcome: int, error: BaseException | None = None) -> bool:
        """Report an outcome; False if it was late or the call was reported before."""
        slot = self._slot
        if slot is None or self._told < 0:
            return False
        self._told = -1
        told = _finish(slot, outcome, 1)
        self._told = -1 - told
        if told & _TOLD_NOTIFY:
            self._error = error
        if told >> _EVENT_SHIFT:
            tell_transition(self.breaker, told)
        return not told & _LATE

    def notify(self, answered: Answered | None = None) -> None:
        """Tell the on_call listeners, once the call was reported and perhaps answered."""
        told = -1 - self._told
        if self._told < 0 and told & _TOLD_NOTIFY:
            self._told = -1
            error, self._error = self._error, None
            outcome, late = OUTCOMES[told >> _OUTCOME_SHIFT & 0xF], bool(told & _LATE)
            duration = self._slot.duration_ns
            _tell_call(self.breaker, outcome, duration, error, answered, late=late)

    def returned(self, result: object) -> None:
        """Report what the call returned."""
        outcome = self._options.outcome_of_result(result)
        if self.finish(outcome) and outcome != SUCCESS:
            obey_retry_after(self.breaker, self._options, result)

    def raised(self, error: BaseException, outcome: int | None = None) -> None:
        """Report what the call raised; by classification unless the outcome is known."""
        outcome, kind = self._options.judge(error) if outcome is None else (outcome, None)
        if self.finish(outcome, error) and outcome in {FAILURE, TIMEOUT}:
            obey_retry_after(self.breaker, self._options, error, kind)
        suspect(self.breaker.name, error)

    def unjudged(self) -> None:
        """From now on a time limit is enforced, so the duration is not held against the call."""
        self._slot.flags |= UNJUDGED

    def renew(self) -> None:
        """Extend the lease, if the call is a probe."""
        if self._slot.flags & PROBE:
            _renew(self._slot)

    def __del__(self) -> None:
        """Give an unreported permit back."""
        if getattr(self, "_told", -1) >= 0:
            self.finish(IGNORED)
            self.notify()


def take_over(breaker: Base, options: Options, slot: Any, *, timed: bool) -> OwnCall:
    """Give a call that was admitted on a shared permit one of its own.

    ``timed``: the call was admitted by enter_timed or admit_timed.
    """
    if ffi.typeof(slot) is _CALL and slot.flags & OWNED:
        return OwnCall(breaker, options, slot)
    slot = ffi.cast(_CALL, slot)
    own = _new(_CALL)
    own.handle, own.permit, own.flags = slot.handle, slot.permit, slot.flags | OWNED | UNJUDGED
    own.started_ns = slot.started_ns if timed else now_ns()
    if timed:
        slot.started_ns = 0
    return OwnCall(breaker, options, own)
