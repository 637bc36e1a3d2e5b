# SPDX-License-Identifier: MIT OR Apache-2.0
"""``hedge``: a call that is slow gets a second attempt beside it, and the first success wins."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar, overload

from trifuse._awaiting import unstarted
from trifuse._core import lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse._hedging import race
from trifuse._histogram import LatencyHistogram
from trifuse._objects import filled, handle, kind_of, now_ns
from trifuse._policy import Policy, checked_name
from trifuse._typing import Decorated

P = ParamSpec("P")
R = TypeVar("R")
After = Duration | str
_KIND = kind_of("hedge", "hedge", frozenset(), frozenset({"share"}))
_AFTER = "a percentile such as 'p95' (above p0, below p100), or 1 ns to 365 days (in seconds, or a timedelta)"
_ADVICE = "its attempts run beside each other, so it needs functions that are awaited"
_SHORTEST_NS = 1_000_000
_bypass = lib.trifuse_py_bypass


class HedgeSnapshot(NamedTuple):
    """What a hedge has seen.

    Attributes:
        saved: hedges that could be made now, with the fraction.
        calls: calls that paid their share in.
        hedges: second attempts made.
        refused: second attempts that the share did not allow.
        delay: seconds after which a call would get one now; None while that is not known.
    """

    saved: float
    calls: int
    hedges: int
    refused: int
    delay: float | None


class Hedge(Policy):
    """Starts a second attempt of a call that is slow; the first success wins, the loser is cancelled.

    For calls that may be made twice, such as reads. Asynchronous functions only: generators are
    refused when decorated. Of a plain function only its first result tells that it is not to be
    awaited: that call raises ConfigurationError after it has run, and from then on the decorated
    function refuses without running it.

    Args:
        after: a percentile of the durations of late, such as ``"p95"``, or a delay in seconds or as
            timedelta. While no durations are known there is no second attempt.
        share: at most this share of all calls gets one.
        max_saved: how many may be saved up in quiet times.
        window: of the durations, in seconds or as timedelta.
        name: what it is called.

    When both fail the earlier error is raised. A cancellation from outside cancels both. What was
    recorded is ``latency``.

    Raises:
        ConfigurationError: for a bad setting, and for functions that are not awaited.
    """

    __slots__ = ("_after", "_config", "_delay_ns", "_quantile", "_saving", "_window", "latency")
    kind = "hedge"
    settings = frozenset({"after", "share", "max_saved", "window"})

    def __init__(
        self,
        after: After = "p95",
        share: float = 0.05,
        *,
        max_saved: int = 10,
        window: Duration = 60,
        name: str | None = None,
    ) -> None:
        """Begin with nothing saved and nothing known."""
        self.name = checked_name(name)
        self._after, self._delay_ns, self._quantile = _read_after(after)
        given = {"share": share, "max_saved": max_saved}
        self._config = _KIND.config(given)
        self._window = _read_window(window)
        self.latency = LatencyHistogram(self._window)
        self._make(given)

    def _make(self, given: Mapping[str, Any]) -> None:
        block = _KIND.block(self._config, given)
        # The memory and what the core calls it, in one: a call in another thread holds both or neither.
        self._saving = (block, handle("hedge", block))

    def _settings(self) -> dict[str, Any]:
        config = self._config
        return {
            "after": self._after, "share": config.share, "max_saved": config.max_saved, "window": self._window,
        }  # fmt: skip

    def _checked(self, changes: Mapping[str, Any]) -> None:
        for field, value in changes.items():
            if field not in self.settings:
                raise ConfigurationError(field, value, f"one of {', '.join(sorted(self.settings))}")
        type(self)(**{**self._settings(), **changes})

    def reconfigure(self, **changes: Any) -> None:
        """Change settings for calls that begin from now on.

        With another ``share`` or ``max_saved`` the saving begins anew, with another ``window`` the
        durations. Raises ConfigurationError, and then nothing is taken.
        """
        self._checked(changes)
        new = {**self._settings(), **changes}
        self._after, self._delay_ns, self._quantile = _read_after(new["after"])
        given = {field: new[field] for field in ("share", "max_saved")}
        if any(new[field] != getattr(self._config, field) for field in given):
            self._config = _KIND.config(given)
            self._make(given)
        if _read_window(new["window"]) != self._window:
            self._window = _read_window(new["window"])
            self.latency = LatencyHistogram(self._window)

    def snapshot(self) -> HedgeSnapshot:
        """Give what it has seen."""
        raw = filled("hedge", self._saving[0])
        delay_ns = self._delay()
        delay = None if delay_ns is None else seconds(delay_ns)
        return HedgeSnapshot(raw.saved, raw.calls, raw.hedges, raw.refused, delay)

    def _delay(self) -> int | None:
        return self._delay_ns if self._quantile is None else self.latency.quantile_ns(self._quantile)

    def _may(self) -> bool:
        """Tell whether the share allows a second attempt, and count it."""
        saving = self._saving
        return bool(lib.trifuse_hedge_try_withdraw(saving[1]) == lib.TRIFUSE_OK)

    async def _run(self, first: Awaitable[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        saving = self._saving
        lib.trifuse_hedge_deposit(saving[1])
        started, delay = now_ns(), self._delay()
        if delay is None:
            result = await first
        else:
            result = await race(self, delay, first, lambda: fn(*args, **kwargs))
        now, latency = now_ns(), self.latency
        lib.trifuse_histogram_record(latency._handle, max(0, now - started), now)
        return result

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            first = fn(*args, **kwargs)
            return await (first if _bypass() else self._run(first, fn, args, kwargs))

        return guarded

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        plain = False

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal plain
            if _bypass():
                return fn(*args, **kwargs)
            first = None if plain else fn(*args, **kwargs)
            if not isawaitable(first):
                plain = True
                self._cannot(fn, "functions whose result is not awaited", _ADVICE)
            return self._run(unstarted(first), fn, args, kwargs)

        return guarded


def _read_after(after: Any) -> tuple[str | float, int | None, float | None]:
    """Give ``after`` as it is shown, and its delay or its quantile."""
    if isinstance(after, str):
        try:
            share = float(after.removeprefix("p")) / 100
        except ValueError:
            share = 0.0
        if not after.startswith("p") or not 0 < share < 1:
            raise ConfigurationError("after", after, _AFTER)
        return after, None, share
    ns = nanoseconds(after)
    if ns is None or not 0 < ns <= lib.TRIFUSE_DURATION_MAX_NS:
        raise ConfigurationError("after", after, _AFTER)
    return seconds(ns), ns, None


def _read_window(window: Any) -> float:
    """Check the time that the latencies are kept for."""
    ns = nanoseconds(window)
    if ns is None or not _SHORTEST_NS <= ns <= lib.TRIFUSE_DURATION_MAX_NS:
        raise ConfigurationError("window", window, "1 ms to 365 days (in seconds, or a timedelta)")
    return seconds(ns)


class Decorator(Protocol):
    """Puts a hedge around a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Hedge]:
        """Decorate a function."""


@overload
def hedge(fn: Callable[P, R], /) -> Decorated[P, R, Hedge]: ...
@overload
def hedge(
    *,
    after: After = "p95",
    share: float = 0.05,
    max_saved: int = 10,
    window: Duration = 60,
    name: str | None = None,
) -> Decorator: ...
def hedge(fn: Any = None, /, **settings: Any) -> Any:
    """Hedge an asynchronous function: ``@hedge(after="p95", share=0.05)``, or ``@hedge``.

    Takes the arguments of :class:`Hedge`, which is then the function's ``.policy``.
    """
    policy = Hedge(**settings)
    return policy if fn is None else policy(fn)
