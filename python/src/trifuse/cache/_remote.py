# SPDX-License-Identifier: MIT OR Apache-2.0
"""What stores outside of the process have in common: a time limit, a breaker, threads, a codec.

No operation keeps its caller longer than the time limit. It runs in a thread of a bounded pool; the
caller, thread or task, goes when the time is over. After some failures in a row the breaker refuses
at once for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from trifuse._breaker import CircuitBreaker
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError, UnsupportedError
from trifuse._time_limit import end_in, within
from trifuse._worker_threads import WorkerPool
from trifuse.cache._codecs import Codec, checked_codec
from trifuse.cache._envelope import CorruptedError, seal, unseal
from trifuse.cache._store import Found, Store

_THREADS = 8
_QUEUE = 1024
_SHORTEST_NS = 1_000_000
_LONGEST_NS = 60_000_000_000


class RemoteStore(Store):
    """A store whose operations wait for a disk or a network."""

    blocking = True
    _kind = "store"

    def __init__(
        self, name: str, timeout: Duration, codec: Codec | None, breaker: CircuitBreaker | None
    ) -> None:
        """Take the settings."""
        ns = nanoseconds(timeout)
        if ns is None or not _SHORTEST_NS <= ns <= _LONGEST_NS:
            raise ConfigurationError("timeout", timeout, "1 ms to 60 s (in seconds, or a timedelta)")
        if breaker is not None and not isinstance(breaker, CircuitBreaker):
            raise ConfigurationError("breaker", breaker, "a CircuitBreaker, or None")
        self._ns, self._timeout = ns, seconds(ns)
        self._codec = checked_codec(codec)
        self.name = name
        self.setting = "timeout"
        self.breaker = breaker or CircuitBreaker(
            name, registry=None, consecutive_failures=3, failure_rate_threshold=1.0, open_duration=5,
            half_open_max_calls=1, request_timeout=None, failure_on=_is_failure,
        )  # fmt: skip
        self._pool = WorkerPool(_THREADS, queue=_QUEUE, name=name)

    def get(self, key: str) -> Found | None:
        """Give the entry of a key, None if there is none or its time is over."""
        return self._decoded(key, self._through(lambda: self._read(key)))

    def put(self, key: str, value: Any, keep: float) -> None:
        """Keep a value for so many seconds, in place of what was there. Raises CodecError."""
        data = seal(self._codec, value, keep)
        self._through(lambda: self._write(key, data, keep))

    def remove(self, key: str) -> None:
        """Forget a key, if it is there."""
        self._through(lambda: self._delete(key))

    async def get_async(self, key: str) -> Found | None:
        """As get(), in a task."""
        return self._decoded(key, await self._through_async(lambda: self._read(key)))

    async def put_async(self, key: str, value: Any, keep: float) -> None:
        """As put(), in a task."""
        data = seal(self._codec, value, keep)
        await self._through_async(lambda: self._write(key, data, keep))

    async def remove_async(self, key: str) -> None:
        """As remove(), in a task."""
        await self._through_async(lambda: self._delete(key))

    def describe(self) -> dict[str, Any]:
        """Tell what it is, as plain data."""
        return {**super().describe(), "timeout": self._timeout, "codec": self._codec.name}

    def _decoded(self, key: str, data: Any) -> Found | None:
        if isinstance(data, str):  # of a client that decodes
            data = data.encode()
        if not isinstance(data, (bytes, bytearray)):
            return None
        try:
            return unseal(self._codec, bytes(data))
        except CorruptedError:
            self._detached(lambda: self._delete(key))
            raise

    def _through(self, operation: Callable[[], Any]) -> Any:
        if not self.threads:
            raise UnsupportedError(self.name, "use outside of tasks", "give it a URL or a synchronous client")
        return self.breaker.call(self._in_time, operation)

    def _in_time(self, operation: Callable[[], Any]) -> Any:
        """Run in a thread and wait for it, for as long as there is time."""
        begun = time.monotonic()
        with self._pool.seat(max_wait=self._timeout) as seat:
            left = max(0.0, self._timeout - (time.monotonic() - begun))
            return seat.run(operation, left, self._expired)

    async def _through_async(self, operation: Callable[[], Any]) -> Any:
        return await self.breaker.call(self._in_time_async, operation)

    async def _in_time_async(self, operation: Callable[[], Any]) -> Any:
        return await within(end_in(self._ns, self), self._beside_the_loop(operation))

    async def _beside_the_loop(self, operation: Callable[[], Any]) -> Any:
        if not self.threads:
            return await operation()
        with await self._pool.seat_async() as seat:
            return await seat.run_async(operation)

    def _detached(self, operation: Callable[[], Any]) -> None:
        """Run beside the caller, without waiting and without caring how it ends."""
        if not self.threads:
            _spawn(within(end_in(self._ns, self), self._beside_the_loop(operation)))
            return
        try:
            with self._pool.seat(max_wait=0) as seat:
                seat._job(operation, lambda: None)
        except (RefusedError, RuntimeError):
            return

    def _expired(self) -> RequestTimeoutError:
        return RequestTimeoutError(self.name, "timeout", self._timeout)

    def _read(self, key: str) -> bytes | None:
        raise NotImplementedError

    def _write(self, key: str, data: bytes, keep: float) -> None:
        raise NotImplementedError

    def _delete(self, key: str) -> None:
        raise NotImplementedError


def _is_failure(error: BaseException) -> bool:
    """Tell what says that the store is down: not that it has answered, and not that we are too busy."""
    answered = any(kind.__name__ == "ResponseError" for kind in type(error).__mro__)
    return not answered and not isinstance(error, RefusedError)


_spawned: set[Any] = set()


def _spawn(work: Coroutine[Any, Any, Any]) -> None:
    import asyncio

    task = asyncio.ensure_future(work)
    _spawned.add(task)
    task.add_done_callback(_done)


def _done(task: Any) -> None:
    _spawned.discard(task)
    if not task.cancelled():
        task.exception()  # or asyncio would tell of it
