# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a rate limit is set up with, and what it gives: reservations and snapshots."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from trifuse._core import ffi, lib
from trifuse._durations import NEVER, Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError, OverCapacityError, RateLimitedError, UnsupportedError
from trifuse._rates import Rate, rate_of
from trifuse._structs import Kind, wait_ns
from trifuse._waiting import now_ns

if TYPE_CHECKING:
    from trifuse._rate_limit import RateLimit

ALGORITHMS = ("token_bucket", "sliding_log", "sliding_counter", "fixed_window")
"""In the order of the core's numbers."""
TOKEN_BUCKET = ALGORITHMS[0]
_MOST = 0xFFFF_FFFF_FFFF_FFFF


def _start(config: Any) -> Any:
    lib.trifuse_limiter_config_init(config, ffi.sizeof(config[0]), lib.TRIFUSE_PRESET_DEFAULT)
    return config


KIND = Kind(
    "rate limit", "trifuse_limiter_config", _start, lib.trifuse_limiter_config_check,
    lib.trifuse_py_limiter_size, lib.trifuse_py_limiter_open, frozenset({"period"}), frozenset({"rate"}),
)  # fmt: skip


class Setup(NamedTuple):
    """How a rate limit was set up; one for all limits of a keyed one."""

    rate: Rate
    capacity: int | None
    algorithm: str
    wait_ns: int
    config: Any


def make_setup(rate: Any, capacity: int | None, algorithm: str, wait: Duration | None) -> Setup:
    """Check the settings. Raises ConfigurationError."""
    rate = rate_of(rate)
    if algorithm not in ALGORITHMS:
        raise ConfigurationError("algorithm", algorithm, ", ".join(ALGORITHMS))
    if capacity is not None:
        whole("capacity", capacity)
    config = _start(ffi.new("trifuse_limiter_config *"))
    config.kind = ALGORITHMS.index(algorithm)
    config.rate, config.capacity = rate.per_second, capacity or 0
    if not rate.per_second:
        config.permits, config.period_ns = rate.permits, rate.period_ns
    given = {"rate": rate, "capacity": capacity}
    KIND.take(lambda error: lib.trifuse_limiter_config_check(config, error), given)
    return Setup(rate, capacity, algorithm, wait_ns("wait", wait), config)


def whole(field: str, n: Any) -> int:
    """Check a number of tokens. Raises ConfigurationError."""
    if isinstance(n, bool) or not isinstance(n, int) or not 0 < n <= _MOST:
        raise ConfigurationError(field, n, "a whole number, 1 or more")
    return n


def limiter(limit: RateLimit) -> Any:
    """Give the core's object."""
    return ffi.cast("trifuse_py_limiter *", limit._memory).limiter


def unsupported(limit: RateLimit, operation: str) -> UnsupportedError:
    """Make the error of what only a token bucket can do."""
    return UnsupportedError(limit.name, operation, "only a token bucket does (algorithm='token_bucket')")


class Reservation:
    """Tokens that were taken in advance.

    Attributes:
        n: how many.
        wait: seconds from the reservation on after which they may be used; 0.0: at once.
    """

    __slots__ = ("_limit", "_process", "_told", "n", "wait")

    def __init__(self, limit: RateLimit, n: int, told: Any) -> None:
        """Take what the core told."""
        self._limit = limit
        self._told = told
        self._process = os.getpid()
        self.n = n
        self.wait = seconds(told.reservation.wait_ns)

    def __repr__(self) -> str:
        """Show tokens and wait."""
        return f"<Reservation of {self.n} of {self._limit.name!r}, wait={self.wait:g}>"

    def __reduce__(self) -> Any:
        """Refuse to be copied or pickled: it is cancelled once, by whoever holds it."""
        raise TypeError(
            f"a reservation of {self._limit.name!r} cannot be copied or pickled: its tokens are there once"
        )

    def cancel(self) -> int:
        """Give the tokens back, less those granted after it, and tell how many; again: 0.

        In a forked child it is the parent's: 0.
        """
        told, self._told = self._told, None
        if told is None or self._process != os.getpid():
            return 0
        return int(lib.trifuse_py_limiter_cancel(self._limit._memory, told))


def reserve(limit: RateLimit, n: int, max_wait: Duration | None) -> Reservation:
    """Take tokens in advance. Raises RateLimitedError, OverCapacityError, UnsupportedError."""
    most = NEVER if max_wait is None else nanoseconds(max_wait)
    if most is None:
        raise ConfigurationError("max_wait", max_wait, "0 or more, in seconds or as timedelta, or None")
    told = ffi.new("trifuse_py_told *")
    result = lib.trifuse_py_limiter_reserve(limit._memory, n, most, told)
    if result == lib.TRIFUSE_ERROR_UNSUPPORTED:
        raise unsupported(limit, "reserve()")
    if result == lib.TRIFUSE_ERROR_OVER_CAPACITY:
        raise OverCapacityError(limit.name, n, lib.trifuse_py_limiter_capacity(limit._memory))
    if result != lib.TRIFUSE_OK:
        raise RateLimitedError(limit.name, seconds(told.wait_ns), n, told.available)
    return Reservation(limit, n, told)


class RateLimitSnapshot(NamedTuple):
    """What a rate limit knows.

    Attributes:
        name: its name.
        algorithm: how it counts.
        per_second: tokens per second.
        capacity: the most at once.
        available: whole tokens that a request could take now.
        debt: whole tokens that are owed, rounded up.
        waiting: calls that wait for their turn.
        granted: requests granted ever, those that waited with them.
        refused: requests refused ever. (With a window, a call that has to wait was refused first.)
        granted_tokens: tokens granted ever.
        given_back: tokens given back ever.
    """

    name: str
    algorithm: str
    per_second: float
    capacity: int
    available: int
    debt: int
    waiting: int
    granted: int
    refused: int
    granted_tokens: int
    given_back: int


def snapshot_of(limit: RateLimit) -> RateLimitSnapshot:
    """Take a picture."""
    raw = ffi.new("trifuse_limiter_snapshot *")
    raw.struct_size = ffi.sizeof(raw[0])
    lib.trifuse_limiter_get_snapshot(limiter(limit), now_ns(), raw)
    queue = limit._queue
    return RateLimitSnapshot(
        limit.name, ALGORITHMS[raw.kind], raw.rate, raw.capacity, raw.available, raw.debt,
        0 if queue is None else len(queue.waiters), raw.granted, raw.refused, raw.granted_tokens,
        raw.given_back,
    )  # fmt: skip
