# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is measured: trifuse and its peers, each used as its own documentation shows.

Every function here takes the function to guard and gives the guarded one, closed and with a limit
that a benchmark does not reach. A peer that is missing is left out, and the report says so.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

Guard = Callable[..., Any]
PEERS = ("circuitbreaker", "aiobreaker", "pybreaker", "purgatory", "hyx")
MODULES = {"fabfuel circuitbreaker": "circuitbreaker"}
HOUR = 3600


class Outage(Exception):  # noqa: N818 - what happens, not what is wrong with the benchmark
    """The failure that opens the circuits."""


def installed(module: str) -> bool:
    """Tell whether a library is there."""
    return importlib.util.find_spec(module) is not None


def missing() -> list[str]:
    """Name the peers that are not installed."""
    return [module for module in PEERS if not installed(module)]


def do_nothing(fn: Guard) -> Guard:
    """Give the floor of any decorator: it passes its arguments on."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


def do_nothing_async(fn: Guard) -> Guard:
    """Give the floor of any asynchronous decorator."""

    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await fn(*args, **kwargs)

    return wrapper


def trifuse(fn: Guard, name: str = "bench", **fields: Any) -> Guard:
    """Guard with a trifuse breaker in its default configuration, but for the fields given."""
    from trifuse import circuit_breaker

    return circuit_breaker(name, **fields)(fn)


def fabfuel(fn: Guard, name: str = "bench") -> Guard:
    """Guard with fabfuel's circuitbreaker."""
    from circuitbreaker import CircuitBreaker

    return CircuitBreaker(name=name, recovery_timeout=HOUR)(fn)


def aiobreaker(fn: Guard, name: str = "bench") -> Guard:
    """Guard with aiobreaker."""
    from datetime import timedelta

    from aiobreaker import CircuitBreaker

    return CircuitBreaker(name=name, timeout_duration=timedelta(seconds=HOUR))(fn)


def pybreaker(fn: Guard, name: str = "bench") -> Guard:
    """Guard with pybreaker."""
    from pybreaker import CircuitBreaker

    return CircuitBreaker(name=name, reset_timeout=HOUR)(fn)


@functools.cache
def _purgatory(kind: str) -> Any:
    import purgatory

    return getattr(purgatory, kind)(default_ttl=HOUR)


def purgatory(fn: Guard, name: str = "bench") -> Guard:
    """Guard with purgatory."""
    return _purgatory("SyncCircuitBreakerFactory")(name)(fn)


def purgatory_async(fn: Guard, name: str = "bench") -> Guard:
    """Guard with purgatory's asynchronous factory."""
    return _purgatory("AsyncCircuitBreakerFactory")(name)(fn)


def hyx(fn: Guard, name: str = "bench") -> Guard:
    """Guard with hyx (asynchronous functions only; its breakers have no name)."""
    from hyx.circuitbreaker import consecutive_breaker

    del name
    return consecutive_breaker(recovery_time_secs=HOUR)(fn)


def hyx_timeout(fn: Guard) -> Guard:
    """Guard with hyx's breaker and, inside it, its own time limit."""
    from hyx.timeout import timeout

    return hyx(timeout(max_delay_secs=5)(fn))


_SYNC = {
    "fabfuel circuitbreaker": fabfuel,
    "aiobreaker": aiobreaker,
    "pybreaker": pybreaker,
    "purgatory": purgatory,
}
_ASYNC = {
    "fabfuel circuitbreaker": fabfuel,
    "aiobreaker": aiobreaker,
    "purgatory": purgatory_async,
    "hyx": hyx,
}


def _there(peers: dict[str, Guard]) -> dict[str, Guard]:
    return {name: guard for name, guard in peers.items() if installed(MODULES.get(name, name))}


def peers() -> dict[str, Guard]:
    """Give the peers that guard synchronous functions (hyx does not)."""
    return _there(_SYNC)


def peers_async() -> dict[str, Guard]:
    """Give the peers that guard coroutine functions (pybreaker needs tornado for it)."""
    return _there(_ASYNC)


def quiet() -> None:
    """Silence what peers say about their own deprecated calls."""
    warnings.simplefilter("ignore", DeprecationWarning)
