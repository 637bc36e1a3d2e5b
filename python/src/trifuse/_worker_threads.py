# SPDX-License-Identifier: MIT OR Apache-2.0
"""A bounded number of threads for synchronous calls, so that an event loop never runs them.

Places are those of a bulkhead, and a place is given back when its call has ended, not when its caller
stopped waiting: what hangs is counted for as long as it hangs.
"""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar

from trifuse._bulkhead import Bulkhead
from trifuse._durations import NEVER, Duration
from trifuse._errors import BulkheadFullError, ConfigurationError
from trifuse._listeners import log
from trifuse._locks import Lock
from trifuse._places import Place
from trifuse._waiting import task_waiter
from trifuse._worker_jobs import Job

P = ParamSpec("P")
R = TypeVar("R")
_IDLE_SECONDS = 10.0
_all: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


class WorkerPoolSnapshot(NamedTuple):
    """What a pool knows.

    Attributes:
        name: its name.
        limit: how many calls may run at once.
        running: calls that run, those whose callers have gone included.
        stuck: calls that run on although their callers have gone: timed out or cancelled.
        waiting: calls that wait for a thread.
        idle: threads that wait for a call; one ends after 10 s without.
        refused: calls refused ever.
    """

    name: str
    limit: int
    running: int
    stuck: int
    waiting: int
    idle: int
    refused: int


class WorkerPool:
    """Runs synchronous calls in at most ``threads`` threads; more wait, and then are refused.

    Args:
        threads: how many calls may run at once, 1 to 1,000,000; threads are started when needed.
        queue: how many more may wait for one; 0: refused at once.
        max_wait: how long one may wait, in seconds or as timedelta; by default as long as it takes,
            or until the running task's deadline.
        name: what it is called in refusals.

    A call whose caller has gone keeps its thread until it ends. While all threads are held by such
    calls new ones are refused at once with BulkheadFullError. The threads are daemons: a call that
    hangs does not keep the process alive. They see the caller's context variables. After a fork the
    child begins without threads. May be used from any number of threads, asyncio and trio tasks.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("__weakref__", "_bulkhead", "_idle", "_lock", "_stuck")

    def __init__(
        self,
        threads: int = 16,
        *,
        queue: int = 256,
        max_wait: Duration | None = None,
        name: str = "worker threads",
    ) -> None:
        """Begin without threads."""
        try:
            self._bulkhead = Bulkhead(threads, max_queue=queue, max_wait=max_wait, name=name)
        except ConfigurationError as error:
            field = {"limit": "threads", "max_queue": "queue"}.get(error.field, error.field)
            raise ConfigurationError(field, error.value, error.allowed) from None
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._stuck = 0
        _all.add(self)

    @property
    def name(self) -> str:
        """What it is called in refusals."""
        return self._bulkhead.name

    def call(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call in a thread of the pool and wait for the end. Raises BulkheadFullError."""
        with self.seat() as seat:
            return seat.run(lambda: fn(*args, **kwargs))  # type: ignore[no-any-return]

    async def call_async(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call in a thread of the pool and let the task wait for the end. Raises BulkheadFullError.

        A cancelled task goes at once; its thread goes on until the call has ended.
        """
        with await self.seat_async() as seat:
            return await seat.run_async(lambda: fn(*args, **kwargs))  # type: ignore[no-any-return]

    def seat(self, *, max_wait: Duration | None = None) -> Seat:
        """Take a place, blocking the thread for at most ``max_wait``. Raises BulkheadFullError."""
        self._check_stuck()
        return Seat(self, self._bulkhead.acquire(max_wait=max_wait))

    async def seat_async(self, *, max_wait: Duration | None = None) -> Seat:
        """Take a place; the task waits for at most ``max_wait``. Raises BulkheadFullError."""
        self._check_stuck()
        return Seat(self, await self._bulkhead.acquire_async(max_wait=max_wait))

    def snapshot(self) -> WorkerPoolSnapshot:
        """Take a picture."""
        taken = self._bulkhead.snapshot()
        return WorkerPoolSnapshot(
            self.name,
            taken.limit,
            taken.in_flight,
            self._stuck,
            taken.waiting,
            len(self._idle),
            taken.refused,
        )

    def __repr__(self) -> str:
        """Show name and size."""
        return f"<WorkerPool {self.name!r} of {self._bulkhead.limit}>"

    def _check_stuck(self) -> None:
        """Refuse at once while no thread can come free but by the end of a call that hangs."""
        if self._stuck and self._stuck >= self._bulkhead.limit and self._bulkhead.try_acquire() is None:
            raise BulkheadFullError(self.name)

    def _start(self, job: Job) -> None:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self)
            worker.jobs.put(job)
            threading.Thread(target=worker.work, name=f"trifuse-{self.name}", daemon=True).start()
        else:
            worker.jobs.put(job)

    def _left(self, job: Job) -> None:
        """Count a call whose caller has gone before its end."""
        with self._lock:
            if job.ended:
                return
            job.left = True
            self._stuck += 1
            full = self._stuck >= self._bulkhead.limit
        if full:
            log().warning("%r: all threads are held by calls whose callers have gone", self.name)

    def _ended(self, job: Job, worker: _Worker) -> None:
        with self._lock:
            job.ended = True
            if job.left and self._stuck:  # in a forked child nothing is left to be counted
                self._stuck -= 1
            self._idle.append(worker)

    def _retire(self, worker: _Worker) -> bool:
        """Let an idle thread end; False when a call is on its way to it."""
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return True
        return False

    def _forget(self) -> None:
        """In a forked child: the threads do not exist here."""
        self._idle = []
        self._stuck = 0


class Seat:
    """A place for one call: given back when that has ended, or by leaving the block without a call."""

    __slots__ = ("_place", "_pool", "_used")

    def __init__(self, pool: WorkerPool, place: Place) -> None:
        """Hold it."""
        self._pool, self._place, self._used = pool, place, False

    def __enter__(self) -> Self:
        """Hold it for a block of code."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, unless a call has it."""
        if not self._used:
            self._used = True
            self._place.end(None)

    def run(
        self,
        fn: Callable[[], Any],
        limit: float | None = None,
        expired: Callable[[], BaseException] | None = None,
    ) -> Any:
        """Call once and wait for at most ``limit`` seconds; then raises what ``expired`` gives."""
        ready = threading.Event()
        job = self._job(fn, ready.set)
        try:
            in_time = ready.wait(limit)
        except BaseException:
            self._pool._left(job)
            raise
        if not in_time and expired is not None:
            self._pool._left(job)
            raise expired()
        return job.give()

    async def run_async(self, fn: Callable[[], Any]) -> Any:
        """Call once and let the task wait; cancelled, it goes at once."""
        waiter = task_waiter(0, NEVER)
        job = self._job(fn, waiter.wake)
        try:
            while not job.done:
                await waiter.park(None, NEVER)  # type: ignore[arg-type]
        except BaseException:
            self._pool._left(job)
            raise
        return job.give()

    def _job(self, fn: Callable[[], Any], tell: Callable[[], Any]) -> Job:
        job = Job(fn, tell, self._place)
        self._pool._start(
            job
        )  # raises RuntimeError where no thread can be started: the block gives the place back
        self._used = True
        return job


class _Worker:
    """A thread: it takes a call, gives the place back, then tells the caller, and waits for the next."""

    __slots__ = ("__weakref__", "_pool", "jobs")

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

    def work(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._pool._retire(self):
                    return
                job = self.jobs.get()
            job.run()
            self._pool._ended(job, self)
            job.place.end(None)
            job.done = True
            job.tell()
            del job


def _after_fork() -> None:
    for pool in list(_all):
        pool._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
