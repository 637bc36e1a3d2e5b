# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guards around the methods of one object, of one kind for each way it is called.

fallback > total > embeddings (with their own breaker) > retry > worker thread > breaker > rate limit >
bulkhead > the call. The place of the worker thread is taken outside of the breaker: waiting for it is
nothing that the database has done.
"""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from trifuse._errors import RequestTimeoutError
from trifuse._remaining import current, remaining
from trifuse._worker_threads import Seat, WorkerPool
from trifuse.contrib._vector.fallbacks import make_fallback
from trifuse.contrib._vector.settings import shared_pool

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker
    from trifuse._policy import Policy
    from trifuse.contrib._vector.settings import Settings
    from trifuse.contrib._vector.tables import Method

_seat: ContextVar[Seat] = ContextVar("trifuse.worker_seat")
Guarded = Callable[..., Any]


class Way:
    """How the methods of an object are called.

    Attributes:
        awaited: its guarded methods give what is to be awaited.
        threads: the object's own methods run in worker threads.
    """

    __slots__ = ("awaited", "threads")

    def __init__(self, *, awaited: bool, threads: bool) -> None:
        """Keep it."""
        self.awaited, self.threads = awaited, threads


class Core:
    """A breaker and what stands inside of it, around calls that may run in worker threads."""

    __slots__ = ("breaker", "inner", "pool")

    def __init__(self, breaker: CircuitBreaker, inner: tuple[Policy, ...], pool: WorkerPool | None) -> None:
        """Take the policies, the outermost first."""
        self.breaker, self.inner, self.pool = breaker, inner, pool

    def seconds(self) -> float | None:
        """Give the time that a call may take from now on; None: no limit."""
        limit, left = self.breaker._timeout or None, remaining()
        return limit if left is None else left if limit is None else min(limit, left)

    def guard(self, call: Guarded, way: Way) -> Guarded:
        """Put the policies around a call."""
        if way.threads:
            call = self._in_thread_async(call) if way.awaited else self._in_thread(call)
        for policy in reversed((self.breaker, *self.inner)):
            call = policy._guard(call)
        if way.threads:
            return self._seated_async(call) if way.awaited else self._seated(call)
        return call

    def _seated(self, call: Guarded) -> Guarded:
        pool = self.pool
        assert pool is not None

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            with pool.seat(max_wait=self.seconds()) as seat:
                token = _seat.set(seat)
                try:
                    return call(*args, **kwargs)
                finally:
                    _seat.reset(token)

        return guarded

    def _seated_async(self, call: Guarded) -> Guarded:
        pool = self.pool
        assert pool is not None

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            with await pool.seat_async(max_wait=self.seconds()) as seat:
                token = _seat.set(seat)
                try:
                    return await call(*args, **kwargs)
                finally:
                    _seat.reset(token)

        return guarded

    def _in_thread(self, call: Guarded) -> Guarded:
        breaker = self.breaker

        def run(*args, **kwargs):  # type: ignore[no-untyped-def]
            limit, end, left = breaker._timeout or None, current.get(), remaining()
            expired = partial(RequestTimeoutError, breaker.name, "request_timeout", limit or 0.0)
            if end is not None and left is not None and (limit is None or left < limit):
                limit, expired = left, end[1]._expired  # type: ignore[assignment]
            return _seat.get().run(partial(call, *args, **kwargs), limit, expired)

        return run

    def _in_thread_async(self, call: Guarded) -> Guarded:
        async def run(*args, **kwargs):  # type: ignore[no-untyped-def]
            return await _seat.get().run_async(partial(call, *args, **kwargs))

        return run


class Guards:
    """All that the methods of a guarded object share."""

    __slots__ = ("_embedder", "answers", "core", "settings", "way")

    def __init__(self, settings: Settings, way: Way, answers: Callable[[BaseException], bool]) -> None:
        """Take the policies. ``answers``: which errors a fallback answers."""
        self.settings, self.way, self.answers = settings, way, answers
        self.core = Core(settings.breaker, settings.inner, settings.pool)
        self._embedder: Guarded | None = None

    def embed(self, compute: Callable[[], Any]) -> Any:
        """Compute embeddings under their own breaker; to be awaited where the object is.

        Embedding functions are synchronous: for what is awaited they run in worker threads.
        """
        if self._embedder is None:
            self._embedder = self._make_embedder()
        return self._embedder(compute)

    def _make_embedder(self) -> Guarded:
        way, settings = self.way, self.settings
        way = Way(awaited=way.awaited, threads=way.threads or way.awaited)
        pool = shared_pool(f"{settings.name}:embeddings") if way.threads else None
        breaker = settings.embeddings.breaker()
        if breaker is not None:
            return Core(breaker, (), pool).guard(_run, way)
        if pool is None:
            return _run
        return pool.call_async if way.awaited else pool.call

    def guard(
        self, call: Guarded, method: Method, levels: list[Any] | None, plan: Guarded | None,
        answers: Callable[[BaseException], bool] | None = None,
    ) -> Guarded:  # fmt: skip
        """Put everything around a call. ``plan``: gives what is to be computed before, or None."""
        settings = self.settings
        guarded = self.core.guard(call, self.way)
        if settings.retry is not None and not method.write:
            guarded = settings.retry._guard(guarded)
        if plan is not None:
            guarded = self._planned_async(guarded, plan) if self.way.awaited else self._planned(guarded, plan)
        if settings.total is not None:
            guarded = settings.total._guard(guarded)
        if levels:
            guarded = make_fallback(levels, answers or self.answers, settings.name)._guard(guarded)
        return guarded

    def _planned(self, call: Guarded, plan: Guarded) -> Guarded:
        embed = self.embed

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            found = plan(args, kwargs)
            if found is not None:
                args, kwargs = found.finish(embed(found.compute))
            return call(*args, **kwargs)

        return guarded

    def _planned_async(self, call: Guarded, plan: Guarded) -> Guarded:
        embed = self.embed

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            found = await plan(args, kwargs)
            if found is not None:
                args, kwargs = found.finish(await embed(found.compute))
            return await call(*args, **kwargs)

        return guarded


def _run(compute: Callable[[], Any]) -> Any:
    return compute()
