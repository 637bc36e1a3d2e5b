# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rate limiters and retries: trifuse and its peers, each used as its own documentation shows.

Limits are so wide that nothing is refused and nobody waits; retried functions succeed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from subjects import Guard, installed

MANY = 1_000_000_000
PEERS = ("aiolimiter", "limits", "pyrate_limiter", "throttled", "tenacity", "stamina", "backoff")


def missing() -> list[str]:
    """Name the peers that are not installed."""
    return [module for module in PEERS if not installed(module)]


def _limits_hit(strategy: str) -> Callable[[], Any]:
    from limits import RateLimitItemPerSecond, storage, strategies

    limiter = getattr(strategies, strategy)(storage.MemoryStorage())
    item = RateLimitItemPerSecond(MANY)
    return lambda: limiter.hit(item, "key")


def _limits_hit_async() -> Callable[[], Any]:
    from limits import RateLimitItemPerSecond
    from limits.aio import storage, strategies

    limiter = strategies.FixedWindowRateLimiter(storage.MemoryStorage())
    item = RateLimitItemPerSecond(MANY)
    return lambda: limiter.hit(item, "key")


def _pyrate() -> Any:
    from pyrate_limiter import Limiter, Rate

    return Limiter(Rate(MANY, 1000))


def _throttled(module: str) -> Any:
    from importlib import import_module

    throttled = import_module(module)
    return throttled.Throttled(key="key", quota=throttled.per_sec(MANY, burst=MANY))


def _aiolimiter() -> Any:
    from aiolimiter import AsyncLimiter

    return AsyncLimiter(MANY, 1)


def limiters() -> dict[str, Callable[[], Any]]:
    """Give calls that ask a limiter of each library for one token, and get it."""
    made: dict[str, Callable[[], Any]] = {}
    if installed("limits"):
        made["limits, fixed window"] = _limits_hit("FixedWindowRateLimiter")
        made["limits, sliding counter"] = _limits_hit("SlidingWindowCounterRateLimiter")
    if installed("pyrate_limiter"):
        made["PyrateLimiter"] = _pyrate().try_acquire
    if installed("throttled"):
        made["throttled-py"] = _throttled("throttled").limit
    return made


def limiters_async() -> dict[str, Callable[[], Any]]:
    """Give calls to be awaited that ask a limiter of each library for one token, and get it."""
    made: dict[str, Callable[[], Any]] = {}
    if installed("aiolimiter"):
        made["aiolimiter"] = _aiolimiter().acquire
    if installed("limits"):
        made["limits, fixed window"] = _limits_hit_async()
    if installed("pyrate_limiter"):
        made["PyrateLimiter"] = _pyrate().try_acquire_async
    if installed("throttled"):
        made["throttled-py"] = _throttled("throttled.asyncio").limit
    return made


def _tenacity(fn: Guard) -> Guard:
    from tenacity import retry, stop_after_attempt, wait_exponential

    return retry(stop=stop_after_attempt(4), wait=wait_exponential(0.1, max=10))(fn)


def _stamina(fn: Guard) -> Guard:
    import stamina

    return stamina.retry(on=Exception, attempts=4)(fn)


def _backoff(fn: Guard) -> Guard:
    import backoff

    return backoff.on_exception(backoff.expo, Exception, max_tries=4)(fn)


def retries() -> dict[str, Guard]:
    """Give the decorators that retry functions of both kinds up to three times."""
    there = {"tenacity": _tenacity, "stamina": _stamina, "backoff": _backoff}
    return {name: guard for name, guard in there.items() if installed(name)}


def parts() -> dict[str, Callable[[], Any]]:
    """Give what makes the parts of a pipeline, in the recommended order."""
    import trifuse

    return {
        "fallback": lambda: trifuse.Fallback(None, on=OSError),
        "retry": trifuse.Retry,
        "circuit breaker": lambda: trifuse.CircuitBreaker("bench", registry=None, request_timeout=None),
        "rate limit": lambda: trifuse.RateLimit(trifuse.per_second(MANY)),
        "bulkhead": lambda: trifuse.Bulkhead(1000),
        "timeout": lambda: trifuse.Timeout(10),
    }
