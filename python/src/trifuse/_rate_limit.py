# SPDX-License-Identifier: MIT OR Apache-2.0
"""The rate limit: so many calls, or tokens, in a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, Self, TypeVar, overload

from trifuse import _rate_guards as guards
from trifuse._core import lib
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError
from trifuse._policy import Policy, checked_name
from trifuse._rate_turns import ask, enter, refused, said, take_turn, take_turn_async
from trifuse._rate_values import (
    KIND,
    TOKEN_BUCKET,
    RateLimitSnapshot,
    Reservation,
    Setup,
    limiter,
    make_setup,
    reserve,
    snapshot_of,
    unsupported,
    whole,
)
from trifuse._rates import Rate, per, per_second, rate_of
from trifuse._structs import wait_ns
from trifuse._typing import Decorated
from trifuse._waiting import now_ns

if TYPE_CHECKING:
    from trifuse._rate_keys import KeyedRateLimits

__all__ = ["Rate", "RateLimit", "RateLimitSnapshot", "Reservation", "per", "per_second", "rate_limit"]
P = ParamSpec("P")
R = TypeVar("R")
_try = lib.trifuse_py_limiter_try


class RateLimit(Policy):
    """Grants so many calls, or tokens, in a time; others wait their turn or are refused.

    Args:
        rate: ``per(500, minutes=1)``, ``per_second(20)``, or a number of tokens per second.
        capacity: how many may come at once (token bucket); by default one second's worth of a rate
            per second, at least 1, or the n of ``per(n, ...)``.
        algorithm: ``"token_bucket"``; ``"sliding_log"``: never more than n in any window, exactly;
            ``"sliding_counter"``: nearly so, in constant memory; ``"fixed_window"``.
        wait: how long a call may wait for its turn, in seconds or as timedelta; by default not at
            all. A call whose wait is known to be longer is refused at once.
        name: what it is called in refusals; by default that of the function it decorates.

    It is a decorator (a call is one token), a context manager (``with``, ``async with``: one token
    a block) and has the calls :meth:`try_acquire`, :meth:`acquire` and :meth:`acquire_async`.
    Waiting is first come, first served. Everything may be used from any number of threads and tasks.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_memory", "_queue", "_setup")
    kind = "rate_limit"
    settings = frozenset({"rate", "capacity", "algorithm", "wait"})

    def __init__(
        self,
        rate: Rate | float,
        *,
        capacity: int | None = None,
        algorithm: str = "token_bucket",
        wait: Duration | None = None,
        name: str | None = None,
    ) -> None:
        """Begin full."""
        self._set_up(make_setup(rate, capacity, algorithm, wait), checked_name(name))

    def _set_up(self, setup: Setup, name: str) -> None:
        self.name = name
        self._setup = setup
        self._queue: Any = None
        self._memory: Any = KIND.block(setup.config, {"rate": setup.rate})
        lib.trifuse_py_limiter_set_max_wait(self._memory, setup.wait_ns)

    def try_acquire(self, n: int = 1) -> bool:
        """Take n tokens if they are there, without waiting.

        Raises OverCapacityError for more than there can ever be.
        """
        if n == 1:
            return not _try(self._memory)
        told = ask(self, n, 0)
        if told is not None and told.result == lib.TRIFUSE_ERROR_OVER_CAPACITY:
            raise refused(self, told, n)
        return told is None

    def acquire(self, n: int = 1, *, wait: Duration | None = None) -> None:
        """Take n tokens, blocking the thread for at most ``wait`` (by default the limit's own).

        Raises RateLimitedError, at once where the wait is known to be longer, with
        ``retry_after``; OverCapacityError for more than there can ever be.
        """
        if n == 1 and wait is None:
            number = enter(self._memory)
            if number:
                take_turn(self, said(number), 1, self._setup.wait_ns)
            return
        most = self._setup.wait_ns if wait is None else wait_ns("wait", wait)
        told = ask(self, n, most)
        if told is not None:
            take_turn(self, told, n, most)

    async def acquire_async(self, n: int = 1, *, wait: Duration | None = None) -> None:
        """Take n tokens; the task waits for at most ``wait``. As :meth:`acquire`.

        Cancelled, it leaves its turn to the next.
        """
        if n == 1 and wait is None:
            number = enter(self._memory)
            if number:
                await take_turn_async(self, said(number), 1, self._setup.wait_ns)
            return
        most = self._setup.wait_ns if wait is None else wait_ns("wait", wait)
        told = ask(self, n, most)
        if told is not None:
            await take_turn_async(self, told, n, most)

    def reserve(self, n: int = 1, max_wait: Duration | None = None) -> Reservation:
        """Take n tokens in advance and tell how long to wait before using them.

        Raises RateLimitedError if that is longer than ``max_wait`` (None: however long it is);
        OverCapacityError; UnsupportedError where it is no token bucket.
        """
        return reserve(self, whole("n", n), max_wait)

    def refund(self, n: int) -> None:
        """Put n tokens back, up to the capacity: an estimate was too high.

        Raises UnsupportedError where it is no token bucket.
        """
        if lib.trifuse_limiter_refund(limiter(self), whole("n", n), now_ns()):
            raise unsupported(self, "refund()")

    def debit(self, n: int) -> None:
        """Take n more tokens, into debt if need be: an estimate was too low.

        Raises UnsupportedError where it is no token bucket.
        """
        if lib.trifuse_limiter_debit(limiter(self), whole("n", n), now_ns()):
            raise unsupported(self, "debit()")

    def available(self) -> int:
        """Give the whole tokens that a request could take now."""
        return int(lib.trifuse_limiter_available(limiter(self), now_ns()))

    available_tokens = available

    @property
    def debt(self) -> int:
        """Whole tokens that are owed, rounded up."""
        return self.snapshot().debt

    def snapshot(self) -> RateLimitSnapshot:
        """Take a picture: numbers in force, tokens, totals."""
        return snapshot_of(self)

    def set_rate(self, rate: Rate | float, capacity: int | None = None) -> None:
        """Change the rate, and the capacity with it; what was taken stays taken, waits given too.

        Of the kinds with a window only n may change. Raises ConfigurationError.
        """
        self.reconfigure(rate=rate, capacity=capacity)

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change ``rate``, ``capacity`` or ``wait``; what was taken stays taken.

        Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        setup = self._changed(changes)
        core, config, given = limiter(self), setup.config, {"rate": setup.rate, "permits": setup.rate.permits}
        if setup.algorithm == TOKEN_BUCKET:
            KIND.take(lambda error: lib.trifuse_limiter_set_rate(core, config, now_ns(), error), given)
        else:
            permits = setup.rate.permits
            KIND.take(lambda error: lib.trifuse_limiter_set_permits(core, permits, now_ns(), error), given)
        lib.trifuse_py_limiter_set_max_wait(self._memory, setup.wait_ns)
        self._setup = setup

    def __enter__(self) -> Self:
        """Take a token for a block of code, as :meth:`acquire`."""
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: the token is spent."""

    async def __aenter__(self) -> Self:
        """Take a token for a block of code, as :meth:`acquire_async`."""
        await self.acquire_async()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: the token is spent."""

    def _settings(self) -> dict[str, Any]:
        setup = self._setup
        settings = {"rate": setup.rate.plain(), "algorithm": setup.algorithm, "wait": seconds(setup.wait_ns)}
        return settings if setup.capacity is None else {**settings, "capacity": setup.capacity}

    def _checked(self, changes: Mapping[str, Any]) -> None:
        self._changed(changes)

    def _changed(self, changes: Mapping[str, Any]) -> Setup:
        for field, value in changes.items():
            if field not in {"rate", "capacity", "wait"}:
                raise ConfigurationError(field, value, "what it was made with: it cannot be changed")
        old = self._setup
        rate = rate_of(changes.get("rate", old.rate))
        if old.algorithm != TOKEN_BUCKET and rate.period_ns != old.rate.period_ns:
            raise ConfigurationError("rate", rate, f"another n per {seconds(old.rate.period_ns):g} s")
        capacity = changes.get("capacity", old.capacity)
        wait = changes["wait"] if "wait" in changes else seconds(old.wait_ns)
        return make_setup(rate, capacity, old.algorithm, wait)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_function(self, fn)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_coroutine_function(self, fn)

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_generator_function(lambda _args, _kwargs: self, fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_async_generator_function(lambda _args, _kwargs: self, fn)


class Decorator(Protocol):
    """Limits a function and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, RateLimit]:
        """Limit a function."""


class KeyedDecorator(Protocol):
    """Limits a function by key and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, KeyedRateLimits]:
        """Limit a function."""


@overload
def rate_limit(
    rate: Rate | float,
    *,
    key: Callable[..., Hashable],
    max_keys: int = 1024,
    capacity: int | None = None,
    algorithm: str = "token_bucket",
    wait: Duration | None = None,
    name: str | None = None,
) -> KeyedDecorator: ...
@overload
def rate_limit(
    rate: Rate | float,
    *,
    capacity: int | None = None,
    algorithm: str = "token_bucket",
    wait: Duration | None = None,
    name: str | None = None,
) -> Decorator: ...
def rate_limit(
    rate: Rate | float,
    *,
    key: Callable[..., Hashable] | None = None,
    max_keys: int = 1024,
    **fields: Any,
) -> Any:
    """Limit how often a function of any kind is called: ``@rate_limit(per(500, seconds=60), wait=2)``.

    The arguments are those of :class:`RateLimit`. With ``key=``, a function of the call's
    arguments, each key has a limit of its own; there are at most ``max_keys`` of them
    (see :class:`KeyedRateLimits`).
    """
    if key is None:
        return RateLimit(rate, **fields)
    from trifuse._rate_keys import KeyedRateLimits

    return KeyedRateLimits(rate, key=key, max_keys=max_keys, **fields)
