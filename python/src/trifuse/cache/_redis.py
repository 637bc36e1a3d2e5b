# SPDX-License-Identifier: MIT OR Apache-2.0
"""Entries in Redis or Valkey, for many processes and machines."""

from __future__ import annotations

import secrets
from typing import Any

from trifuse._breaker import CircuitBreaker
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError
from trifuse.cache._codecs import Codec
from trifuse.cache._envelope import milliseconds
from trifuse.cache._keys import digest
from trifuse.cache._redis_clients import is_asynchronous, of_client, of_url
from trifuse.cache._remote import RemoteStore

_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_LOCK = "trifuse-lock:"
_SHORTEST_NS = 10_000_000
_LONGEST_NS = 3_600_000_000_000


class RedisStore(RemoteStore):
    """Keeps entries in Redis or Valkey under the cache's keys, which Redis lets go of by itself.

    Args:
        client: a URL (``redis://``, ``rediss://``, ``unix://``, ``valkey://``), or a client of
            redis-py or valkey-py. Of a synchronous client the address and credentials are taken, for
            connections of our own with our time limit and without the client's retries. An
            asynchronous client is used as it is, within our time limit, and serves tasks of asyncio
            only.
        timeout: how long one operation may keep its caller, connecting included, 1 ms to 60 s; 50 ms.
        prefix: a text before every key.
        share: let one process of many make the call for a key that has no fresh entry, for at most
            so many seconds; the others wait for the entry (or make the call, when the time is over).
            None: each process makes its own.
        codec: how values are written; JsonCodec by default.
        breaker: refuses for a while when operations fail; by default one of its own, which opens
            after 3 failures in a row for 5 s.

    A Redis that is down, slow, full or answers nonsense is a miss. Operations of a URL or a
    synchronous client run in at most 8 threads with a connection each; tasks never block. May be used
    from any number of threads and tasks; a forked child makes connections of its own.

    Raises:
        ConfigurationError: for a bad setting.
        ImportError: the client library is not installed.
    """

    def __init__(
        self,
        client: Any,
        *,
        timeout: Duration = 0.05,
        prefix: str = "",
        share: Duration | None = None,
        codec: Codec | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        """Take the settings; connections are made later."""
        super().__init__("cache redis", timeout, codec, breaker)
        if not isinstance(prefix, str):
            raise ConfigurationError("prefix", prefix, "a text")
        self._prefix = prefix
        self._share_ns = _share_ns(share)
        self.threads = not is_asynchronous(client)
        if isinstance(client, str):
            self._client = of_url(client, self._timeout)
        else:
            self._client = of_client(client, self._timeout) if self.threads else client

    @property
    def lease_seconds(self) -> float:
        """How long others wait for the call of another process; 0: processes do not share calls."""
        return seconds(self._share_ns)

    def lease(self, key: str) -> str | None:
        """Take the right to make the call of a key, for one process of many; None: another has it."""
        token = secrets.token_hex(16)
        return token if self._through(lambda: self._lent(key, token)) else None

    async def lease_async(self, key: str) -> str | None:
        """As lease(), in a task."""
        token = secrets.token_hex(16)
        return token if await self._through_async(lambda: self._lent(key, token)) else None

    def release(self, key: str, token: str) -> None:
        """Give the right to make the call back, without waiting."""
        self._detached(lambda: self._client.eval(_RELEASE, 1, self._lock(key), token))

    def describe(self) -> dict[str, Any]:
        """Tell what it is, as plain data."""
        return {**super().describe(), "prefix": self._prefix, "share": self.lease_seconds or None}

    # What the client gives: with an asynchronous client it is awaited.

    def _lent(self, key: str, token: str) -> Any:
        return self._client.set(self._lock(key), token, nx=True, px=milliseconds(self.lease_seconds))

    def _lock(self, key: str) -> str:
        return _LOCK + digest(self._prefix + key, 32)

    def _read(self, key: str) -> Any:
        return self._client.get(self._prefix + key)

    def _write(self, key: str, data: bytes, keep: float) -> Any:
        return self._client.set(self._prefix + key, data, px=milliseconds(keep))

    def _delete(self, key: str) -> Any:
        return self._client.delete(self._prefix + key)


def _share_ns(share: Any) -> int:
    ns = 0 if share is None else nanoseconds(share)
    if ns is None or (share is not None and not _SHORTEST_NS <= ns <= _LONGEST_NS):
        raise ConfigurationError("share", share, "10 ms to an hour (in seconds, or a timedelta), or None")
    return ns
