# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call that is being retried: what failed, whether it is made again, and after what delay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from trifuse import _stream_guards
from trifuse._awaiting import PLAIN, is_client_stream, is_plain
from trifuse._core import ffi, lib
from trifuse._durations import NEVER, nanoseconds, seconds
from trifuse._errors import RefusedError, RequestTimeoutError, RetriesExhausted, TrifuseError
from trifuse._listeners import log, suspect, tell
from trifuse._options import ErrorTest, kind_of, matches
from trifuse._remaining import current, now_ns
from trifuse._retry_after import told_ns
from trifuse._sleep import sleep, sleep_async

if TYPE_CHECKING:
    from trifuse._retry import Retry

bypass = lib.trifuse_py_bypass
inside: ContextVar[list[Retry] | None] = ContextVar("trifuse.retry", default=None)
"""The retry that runs now; an empty list is one that has ended (its tasks may live on)."""

_STOPS = {
    lib.TRIFUSE_STOP_RETRIES: "max_retries",
    lib.TRIFUSE_STOP_DEADLINE: "deadline",
    lib.TRIFUSE_STOP_RETRY_AFTER: "retry_after",
    lib.TRIFUSE_REFUSED_RETRY_BUDGET: "budget",
}
_EXHAUSTED = frozenset(_STOPS.values())


class RetryEvent(NamedTuple):
    """What ``on_retry`` and ``on_give_up`` are told.

    Attributes:
        name: of the retry.
        attempt: how many attempts have failed.
        delay: seconds until the next one; None when there is none.
        error: what the last one raised; None if its result was not wanted.
        stopped: why there is no next one: ``"max_retries"``, ``"deadline"``, ``"retry_after"`` (the
            server wants more than ``retry_after_max``), ``"budget"``, ``"error"`` (not one that is
            retried) or ``"nested"`` (the retry around this one tries again, if any does).
    """

    name: str
    attempt: int
    delay: float | None
    error: Exception | None
    stopped: str | None


def is_retryable(error: BaseException) -> bool:
    """Tell whether it makes sense to try again after an error, as far as trifuse can tell.

    By its :class:`trifuse.classify.Kind`: False for a caller's mistake (400, 401, context length,
    content filter ...), for a spent quota, for what trifuse refused or found wrong, for the deadline,
    for retries that have given up, and for what is no Exception, such as a cancellation. Give it to
    the retry of another library: ``tenacity.retry(retry=retry_if_exception(is_retryable))``,
    ``stamina.retry(on=is_retryable)``, ``backoff.on_exception(..., giveup=lambda error: not
    is_retryable(error))``.
    """
    if not isinstance(error, Exception) or isinstance(error, (RefusedError, RetriesExhausted)):
        return False
    if isinstance(error, RequestTimeoutError):
        return error.setting != "deadline"
    kind = kind_of(error)
    return kind is None or kind.retryable


def named(test: ErrorTest, error: TrifuseError) -> bool:
    """Tell whether a test means an error of ours; ``Exception`` is too wide to mean it."""
    if isinstance(test, type):
        return issubclass(test, TrifuseError) and isinstance(error, test)
    if isinstance(test, tuple):
        return any(named(kind, error) for kind in test)
    return matches(test, error)


class Trial:
    """The attempts of one call."""

    __slots__ = ("_call", "_nested", "_started_ns", "attempts", "delay_ns", "policy")

    def __init__(self, policy: Retry, started_ns: int, outer: list[Retry] | None) -> None:
        """Begin; ``started_ns`` is 0 where nobody needs to know."""
        self.policy = policy
        self._started_ns = started_ns
        self._nested = bool(outer) and not policy._nested
        self._call: Any = None
        self.attempts = 0
        self.delay_ns = 0

    def failed(self, error: Exception) -> bool:
        """Tell whether to try again after ``delay_ns``; raises RetriesExhausted where that is wanted."""
        if bypass():
            return False
        suspect(self.policy.name, error)
        return self._again(error, error, retried=self.policy._retries(error))

    def accepts(self, result: Any) -> bool:
        """Tell whether a result ends the call, because it is wanted or all there will be."""
        retry_if = self.policy._retry_if
        if retry_if is None or bypass() or not unwanted(retry_if, result):
            self.done()
            return True
        return not self._again(None, result, retried=True)

    def done(self) -> None:
        """Count a call that ended well."""
        if not bypass():
            lib.trifuse_retry_settle(self.policy._handle, self._retries, 1)

    @property
    def _retries(self) -> int:
        return 0 if self._call is None else self._call.retries

    def _again(self, error: Exception | None, subject: object, *, retried: bool) -> bool:
        policy = self.policy
        self.attempts += 1
        stopped: str | None = "error"
        if retried:
            stopped = "nested" if self._nested else self._asked(error, subject)
        if stopped is None:
            self._tell(policy._on_retry, error, seconds(self.delay_ns), None)
            return True
        lib.trifuse_retry_settle(policy._handle, self._retries, 0)
        self._tell(policy._on_give_up, error, None, stopped)
        if policy._raise_exhausted and stopped in _EXHAUSTED:
            raise RetriesExhausted(self.attempts, error, policy.name, None if error else subject) from error
        return False

    def _asked(self, error: Exception | None, subject: object) -> str | None:
        """Ask the core for another attempt; gives the reason when there is none."""
        policy = self.policy
        budget = policy._budget  # held: what is asked below may put another in its place
        if self._call is None:
            self._call = ffi.new("trifuse_retry_call *")
            self._call.struct_size = ffi.sizeof(self._call[0])
            lib.trifuse_retry_begin(policy._handle, self._started_ns or now_ns(), self._call)
        end = current.get()
        if end is not None:
            self._call.deadline_ns = min(self._call.deadline_ns, end[0])
        own, told = NEVER, told_ns(subject)
        if policy._delay_fn is not None and self._retries < policy._config.max_retries:
            own = own_delay(policy._delay_fn, self.attempts, error)
        delay = ffi.new("uint64_t *")
        result = lib.trifuse_retry_next(
            policy._handle, ffi.NULL if budget is None else budget._handle, self._call,
            NEVER if told is None else told, own, now_ns(), delay,
        )  # fmt: skip
        self.delay_ns = delay[0]
        return None if result == lib.TRIFUSE_OK else _STOPS[result]

    def _tell(
        self, listeners: tuple[Any, ...], error: Exception | None, delay: float | None, stopped: str | None
    ) -> None:
        if listeners:
            name = self.policy.name
            tell(name, listeners, RetryEvent(name, self.attempts, delay, error, stopped), "retry")


def own_delay(delay_fn: Callable[..., Any], attempt: int, error: Exception | None) -> int:
    """Ask the user's own delay, in ns; NEVER, for ours, when it gives None, raises or gives nonsense."""
    try:
        value = delay_fn(attempt, error)
    except Exception:  # noqa: BLE001 - the call's own error must come through
        log().exception("delay_fn raised; the delay is computed instead")
        return NEVER
    ns = None if value is None else nanoseconds(value)
    if ns is None and value is not None:
        log().error("delay_fn gave %r, which is no duration; the delay is computed instead", value)
    return NEVER if ns is None else ns


def unwanted(retry_if: Callable[[Any], bool], result: Any) -> bool:
    """Apply a predicate on results; one that raises is logged and says no."""
    try:
        return bool(retry_if(result))
    except Exception:  # noqa: BLE001 - the result is the caller's, whatever the predicate does
        log().exception("retry_if raised; the result counts as wanted")
        return False


class Inside:
    """The block in which a retry runs, so that those inside it know."""

    __slots__ = ("_mark", "outer")

    def __init__(self, policy: Retry) -> None:
        """Say that this retry runs now."""
        self.outer = inside.get()
        self._mark = [policy]
        inside.set(self._mark)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say that it has ended, also to tasks that live on."""
        self._mark.clear()
        inside.set(self.outer)


def run(trial: Trial, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Wait and call again until a result is accepted or an error is final."""
    while True:
        sleep(trial.delay_ns)
        try:
            result = fn(*args, **kwargs)
        except Exception as error:
            if not trial.failed(error):
                raise
            continue
        if type(result) not in PLAIN and not is_plain(result):
            return go_on(trial, result, fn, args, kwargs)
        if trial.accepts(result):
            return result


async def run_async(trial: Trial, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Wait and await again, as run() calls."""
    while True:
        await sleep_async(trial.delay_ns)
        try:
            result = await fn(*args, **kwargs)
        except Exception as error:
            if not trial.failed(error):
                raise
            continue
        if trial.accepts(result):
            return result


def go_on(trial: Trial, result: Any, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Go on with a call whose result is to be awaited or iterated."""
    if is_client_stream(type(result)):  # open already: what it opens with was looked at by guards inside
        return result if trial.accepts(result) else run(trial, fn, args, kwargs)
    from trifuse._retry_streams import Retried, RetriedAsync

    return _stream_guards.go_on(
        result,
        lambda items: Retried(trial, fn, args, kwargs, items),
        lambda items: RetriedAsync(trial, fn, args, kwargs, items),
        lambda awaitable: _settle(trial, awaitable, fn, args, kwargs),
    )


async def _settle(trial: Trial, first: Awaitable[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Await what a call gave, and call again while that fails."""
    with Inside(trial.policy):
        try:
            result = await first
        except Exception as error:
            if not trial.failed(error):
                raise
        else:
            if trial.accepts(result):
                return result
        del first
        return await run_async(trial, fn, args, kwargs)
