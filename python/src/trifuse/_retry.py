# SPDX-License-Identifier: MIT OR Apache-2.0
"""``retry``: calls that failed are made again, after a delay, within bounds."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar, Unpack, overload

from trifuse._awaiting import PLAIN, is_plain
from trifuse._core import ffi, lib
from trifuse._durations import NEVER, Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError, RequestTimeoutError, TrifuseError
from trifuse._objects import filled, handle, now_ns
from trifuse._options import _error_test, matches
from trifuse._policy import Policy, checked_name
from trifuse._remaining import check, current
from trifuse._retry_budget import RetryBudget
from trifuse._retry_settings import (
    FLAGS,
    KIND,
    NUMBERS,
    RetryFields,
    RetrySnapshot,
    checked_budget,
    flag,
    function,
    listeners,
    make_config,
    read,
)
from trifuse._retrying import Trial, go_on, inside, is_retryable, named, run, run_async
from trifuse._stream_guards import async_generator_guard, generator_guard
from trifuse._typing import Decorated

P = ParamSpec("P")
R = TypeVar("R")
_succeeded = lib.trifuse_py_retry_succeeded
_pay = lib.trifuse_py_retry_pay


class Retry(Policy):
    """Makes calls that failed again, after a delay that grows.

    Args:
        fields: keyword arguments, durations in seconds or as timedelta.

            ``max_retries`` (3): three retries are four attempts. ``delay`` (0.1) before the first
            retry; ``strategy`` ``"exponential"`` (times ``multiplier``, 2, for each next),
            ``"linear"`` (plus ``increment``, 0.1) or ``"fixed"``; never more than ``max_delay``
            (10). ``jitter``: ``"proportional"`` (plus up to 10 %), ``"none"``, ``"full"`` (anything
            from 0), ``"equal"`` (half of it) or ``"decorrelated"``. ``max_elapsed`` (None): no
            attempt begins later than that after the first; a deadline around counts as well.

            ``on`` (what :func:`is_retryable` says: no caller's mistake, no spent quota): which errors
            are retried: types, or a function of the error. ``ignore``: which of them are not. Refusals
            and configuration errors of trifuse itself are retried only where ``on`` names them.
            ``retry_if``: a function of the result that tells whether it is not wanted. A Retry-After that the error or result carries replaces the
            delay; one over ``retry_after_max`` (60) ends the call. ``delay_fn``: a function of the
            number of failed attempts and the error (None for a result), which gives the delay in
            place of ours, or None for ours.

            ``budget``: a :class:`RetryBudget` shared with others. ``raise_exhausted`` (False): raise
            :class:`RetriesExhausted` instead of the last error. ``nested`` (False): retry even inside
            another retry of the same task, which otherwise wins. ``on_retry``, ``on_give_up``:
            listeners, told a :class:`RetryEvent`. ``seed``: of the jitter. ``name``.

    The last error is raised as it is. Generators begin again only before their first item.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = (
        "_block", "_budget", "_config", "_delay_fn", "_handle", "_ignore", "_nested", "_on", "_on_give_up",
        "_on_retry", "_raise_exhausted", "_retry_if", "_watched",
    )  # fmt: skip
    kind = "retry"
    settings = frozenset((*NUMBERS, *FLAGS))

    def __init__(self, **fields: Unpack[RetryFields]) -> None:
        """Take the settings."""
        given: dict[str, Any] = dict(fields)
        self.name = checked_name(given.pop("name", None))
        self._on = _error_test("on", given.pop("on", None))
        self._ignore = _error_test("ignore", given.pop("ignore", None))
        self._retry_if = function("retry_if", given.pop("retry_if", None))
        self._delay_fn = function("delay_fn", given.pop("delay_fn", None))
        self._on_retry = listeners("on_retry", given.pop("on_retry", None))
        self._on_give_up = listeners("on_give_up", given.pop("on_give_up", None))
        self._raise_exhausted = flag("raise_exhausted", given.pop("raise_exhausted", False))
        self._nested = flag("nested", given.pop("nested", False))
        budget = checked_budget(given.pop("budget", None))
        self._config = make_config(given, given.pop("seed", None))
        self._block: Any = KIND.block(self._config, given)
        self._handle = handle("retry", self._block)
        self._share(budget)

    def _share(self, budget: RetryBudget | None) -> None:
        self._budget = budget
        self._watched = budget is not None or self._config.max_elapsed_ns != 0

    @property
    def budget(self) -> RetryBudget | None:
        """The budget that its retries come out of."""
        return self._budget

    def _settings(self) -> dict[str, Any]:
        return {**read(self._config), "raise_exhausted": self._raise_exhausted, "nested": self._nested}

    def _checked(self, changes: Mapping[str, Any]) -> None:
        self._changed(changes)

    def _changed(self, changes: Mapping[str, Any]) -> Any:
        """Give the configuration with changes. Raises ConfigurationError."""
        for field, value in changes.items():
            if field not in self.settings and field != "budget":
                known = ", ".join(sorted(self.settings))
                raise ConfigurationError(field, value, f"a setting that can be changed: budget, {known}")
            if field in FLAGS:
                flag(field, value)
        checked_budget(changes.get("budget"))
        numbers = {field: changes[field] for field in NUMBERS if field in changes}
        return make_config({**read(self._config), **numbers}, self._config.seed)

    def reconfigure(self, **changes: Any) -> None:
        """Change numbers, ``raise_exhausted``, ``nested`` or ``budget``.

        What was counted stays; calls in progress keep their deadline. Raises ConfigurationError, and
        then nothing is taken.
        """
        config = self._changed(changes)
        KIND.take(lambda error: lib.trifuse_retry_reconfigure(self._handle, config, error), changes)
        self._config = config
        self._raise_exhausted = changes.get("raise_exhausted", self._raise_exhausted)
        self._nested = changes.get("nested", self._nested)
        self._share(changes.get("budget", self._budget))

    def snapshot(self) -> RetrySnapshot:
        """Give what it has seen."""
        raw = filled("retry", self._block)
        return RetrySnapshot(*(getattr(raw, field) for field in RetrySnapshot._fields))

    def max_total_time(self, attempt_timeout: Duration | None = None) -> float:
        """Give the longest that a call can take, in seconds: exact, and known before it is made.

        Every attempt takes ``attempt_timeout``, and every delay is as long as it can be; without
        ``attempt_timeout`` the time of the attempts is left out. A server's Retry-After comes on top.
        """
        attempt_ns = 0 if attempt_timeout is None else nanoseconds(attempt_timeout)
        if attempt_ns is None:
            raise ConfigurationError("attempt_timeout", attempt_timeout, "seconds or a timedelta")
        total = ffi.new("uint64_t *")
        KIND.take(lambda error: lib.trifuse_retry_max_total(self._config, attempt_ns, total, error), {})
        return float("inf") if total[0] == NEVER else seconds(total[0])

    def _retries(self, error: Exception) -> bool:
        """Tell whether an error is one that is retried."""
        if self._ignore is not None and matches(self._ignore, error):
            return False
        if self._on is None:
            return isinstance(error, RequestTimeoutError) or is_retryable(error)
        if isinstance(error, TrifuseError) and not isinstance(error, RequestTimeoutError):
            return named(self._on, error)
        return matches(self._on, error)

    def _start(self) -> int:
        """Pay the first attempt in, which is none inside another retry, and note when it began."""
        budget = self._budget  # held: another thread may put one in its place
        if budget is not None and (self._nested or not inside.get()):
            _pay(budget._block)
        started: int = now_ns()
        return started

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        block, accepted = self._block, self._retry_if is None

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if current.get() is not None:
                check()
            started = self._start() if self._watched else 0
            outer = inside.get()
            mark = [self]
            inside.set(mark)
            try:
                try:
                    result = fn(*args, **kwargs) if kwargs else fn(*args)
                except Exception as error:
                    trial = Trial(self, started, outer)
                    if not trial.failed(error):
                        raise
                else:
                    if type(result) not in PLAIN and not is_plain(result):
                        return go_on(Trial(self, started, outer), result, fn, args, kwargs)
                    if accepted:
                        _succeeded(block)
                        return result
                    trial = Trial(self, started, outer)
                    if trial.accepts(result):
                        return result
                return run(trial, fn, args, kwargs)
            finally:
                mark.clear()
                inside.set(outer)

        return guarded

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        block, accepted = self._block, self._retry_if is None

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if current.get() is not None:
                check()
            started = self._start() if self._watched else 0
            outer = inside.get()
            mark = [self]
            inside.set(mark)
            try:
                try:
                    result = await (fn(*args, **kwargs) if kwargs else fn(*args))
                except Exception as error:
                    trial = Trial(self, started, outer)
                    if not trial.failed(error):
                        raise
                else:
                    if accepted:
                        _succeeded(block)
                        return result
                    trial = Trial(self, started, outer)
                    if trial.accepts(result):
                        return result
                return await run_async(trial, fn, args, kwargs)
            finally:
                mark.clear()
                inside.set(outer)

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        from trifuse._retry_streams import Retried

        self._no_result()
        return generator_guard(lambda args, kwargs: Retried(self._begin(), fn, args, kwargs))

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        from trifuse._retry_streams import RetriedAsync

        self._no_result()
        return async_generator_guard(lambda args, kwargs: RetriedAsync(self._begin(), fn, args, kwargs))

    def _no_result(self) -> None:
        if self._retry_if is not None:
            raise ConfigurationError("retry_if", self._retry_if, "only for what returns a result, no stream")

    def _begin(self) -> Trial:
        """Begin a call that is a stream."""
        check()
        return Trial(self, self._start() if self._watched else 0, inside.get())


class Decorator(Protocol):
    """Puts a retry around a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Retry]:
        """Decorate a function."""


@overload
def retry(fn: Callable[P, R], /) -> Decorated[P, R, Retry]: ...
@overload
def retry(**fields: Unpack[RetryFields]) -> Decorator: ...
def retry(fn: Any = None, /, **fields: Any) -> Any:
    """Retry a function of any kind: ``@retry(max_retries=5)``, or ``@retry`` with the defaults.

    Takes the arguments of :class:`Retry`, which is then the function's ``.policy``.
    """
    policy = Retry(**fields)
    return policy if fn is None else policy(fn)
