# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of redis-py and valkey-py as a cache wants them: impatient, and without retries of their own."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse.cache._stores import shown
from trifuse.contrib._need import need

_ALLOWED = (
    "a URL (redis, rediss, unix, valkey or valkeys), or a client of redis-py or valkey-py for one server"
)
_PARTS = "(the port a number, a password with / : @ ? # written as %2F and so on, legal options)"
_SCHEMES = {
    "redis": "redis", "rediss": "redis", "unix": "redis", "valkey": "valkey", "valkeys": "valkey",
}  # fmt: skip


def is_asynchronous(client: Any) -> bool:
    """Tell a client whose methods are awaited."""
    return inspect.iscoroutinefunction(getattr(client, "execute_command", None))


def of_url(url: str, timeout: float) -> Any:
    """Make a client of a URL. Raises ConfigurationError, ImportError."""
    library = _SCHEMES.get(url.partition("://")[0])
    if library is None:
        raise ConfigurationError("client", shown(url), _ALLOWED)
    module = need(library, library)
    try:
        client = (module.Redis if library == "redis" else module.Valkey).from_url(url)
    except ValueError:  # whose text may have a part of the password
        raise ConfigurationError("client", shown(url), f"{_ALLOWED} {_PARTS}") from None
    return of_client(client, timeout)


def of_client(client: Any, timeout: float) -> Any:
    """Make a client for the same server as another, with connections of its own."""
    pool: Any = getattr(client, "connection_pool", None)
    library = type(pool).__module__.partition(".")[0]
    if type(pool).__name__ not in {"ConnectionPool", "BlockingConnectionPool"} or library not in {
        "redis",
        "valkey",
    }:
        raise ConfigurationError("client", type(client), _ALLOWED)  # its text may have the password
    retry = import_module(f"{library}.retry").Retry(import_module(f"{library}.backoff").NoBackoff(), 0)
    settings = {
        **pool.connection_kwargs, "socket_timeout": timeout, "socket_connect_timeout": timeout,
        "retry": retry, "retry_on_timeout": False, "retry_on_error": [], "health_check_interval": 0,
        "decode_responses": False,
    }  # fmt: skip
    own = import_module(f"{library}.connection").ConnectionPool(pool.connection_class, **settings)
    return type(client)(connection_pool=own)
