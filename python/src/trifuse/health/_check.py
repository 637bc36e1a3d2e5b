# SPDX-License-Identifier: MIT OR Apache-2.0
"""One check: how it is run, within its time, in whatever runs tasks here."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

from trifuse._limits import trio_task
from trifuse._listeners import log
from trifuse._locks import Lock
from trifuse.health._results import CheckResult, Status, result_of


class Check:
    """A component's check. A synchronous one runs in a thread, at most one at a time.

    Reports that are asked for at the same time wait for the same run. One that has gone on for longer than
    it may is not waited for, and not started again: however long a component hangs, it holds one thread.
    """

    def __init__(self, name: str, function: Callable[[], Any], timeout: float, *, critical: bool) -> None:
        """Take the function, its time in seconds, and whether the service is lost without it."""
        self.name, self.timeout, self.critical = name, timeout, critical
        self._function = function
        self._lock = Lock()
        self._job: _Job | None = None

    def run(self) -> CheckResult:
        """Check in a thread, and wait for it."""
        job = self._begin(lambda: None)
        if isinstance(job, CheckResult):
            return job
        job.done.wait(job.left(self.timeout))
        return self._result(job)

    async def run_async(self) -> CheckResult:
        """Check without blocking the event loop."""
        if _asynchronous(self._function):
            return await self._awaited(self._function())
        if trio_task() is not None:
            return await self._in_trio_thread()
        return await self._in_asyncio_thread()

    def _begin(self, told: Callable[[], None]) -> _Job | CheckResult:
        with self._lock:
            job = self._job
            if job is not None and job.runs():
                if not job.left(self.timeout):
                    since = time.monotonic() - job.began
                    return CheckResult(self.name, Status.UNHEALTHY, f"has not answered for {since:.0f} s")
                if job.tell(told):
                    return job
            job = self._job = _Job(self._function, told)
            job.start(f"trifuse-health-{self.name}")
            return job

    def _result(self, job: _Job) -> CheckResult:
        if not job.done.is_set():
            return self._late()
        return self._failed(job.error) if job.error is not None else result_of(self.name, job.result)

    def cancelled(self) -> CheckResult:
        """Give the result of a check that was cancelled, though its report was not."""
        return CheckResult(self.name, Status.UNHEALTHY, "was cancelled")

    def _late(self) -> CheckResult:
        return CheckResult(self.name, Status.UNHEALTHY, f"did not answer within {self.timeout:g} s")

    def _failed(self, error: BaseException) -> CheckResult:
        """Tell the kind of the error only: its text may hold addresses and passwords, this is public."""
        log().warning("health check %r failed", self.name, exc_info=error)
        return CheckResult(self.name, Status.UNHEALTHY, type(error).__qualname__)

    async def _awaited(self, awaitable: Any) -> CheckResult:
        from trifuse._errors import RequestTimeoutError
        from trifuse._timeout import Timeout

        async def awaited() -> Any:
            return await awaitable

        limit = Timeout(self.timeout, name=f"health check {self.name}")
        try:
            return result_of(self.name, await limit.call(awaited))
        except Exception as error:  # noqa: BLE001 - a failed check is a result
            ours = isinstance(error, RequestTimeoutError) and error.name == limit.name
            return self._late() if ours else self._failed(error)

    async def _in_asyncio_thread(self) -> CheckResult:
        import asyncio

        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def told() -> None:
            try:
                loop.call_soon_threadsafe(ended.set)
            except RuntimeError:
                log().debug("health check %r ended after its event loop", self.name)

        job = self._begin(told)
        if isinstance(job, CheckResult):
            return job
        try:
            async with asyncio.timeout(job.left(self.timeout)):
                await ended.wait()
        except TimeoutError:
            return self._result(job)
        return self._result(job)

    async def _in_trio_thread(self) -> CheckResult:
        import trio

        ended, token = trio.Event(), trio.lowlevel.current_trio_token()

        def told() -> None:
            try:
                token.run_sync_soon(ended.set)
            except trio.RunFinishedError:
                log().debug("health check %r ended after its event loop", self.name)

        job = self._begin(told)
        if isinstance(job, CheckResult):
            return job
        with trio.move_on_after(job.left(self.timeout)):
            await ended.wait()
        return self._result(job)


class _Job:
    """One run of a check in its thread; an asynchronous function gets an event loop of its own there."""

    def __init__(self, function: Callable[[], Any], told: Callable[[], None]) -> None:
        self._function, self._told = function, [told]
        self._lock = Lock()
        self._thread: threading.Thread | None = None
        self.began = time.monotonic()
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def start(self, name: str) -> None:
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)
        self._thread.start()

    def left(self, timeout: float) -> float:
        """Give what is left of its time."""
        return max(0.0, self.began + timeout - time.monotonic())

    def runs(self) -> bool:
        """Tell whether it goes on; not in a forked child."""
        return self._thread is not None and self._thread.is_alive() and not self.done.is_set()

    def tell(self, told: Callable[[], None]) -> bool:
        """Have one more told of the end; False when it has come."""
        with self._lock:
            if self.done.is_set():
                return False
            self._told.append(told)
            return True

    def run(self) -> None:
        try:
            self.result = self._function()
            if inspect.isawaitable(self.result):
                self.result = _run(self.result)
        except BaseException as error:  # noqa: BLE001 - a failed check is a result
            self.error = error.with_traceback(None)
        finally:
            with self._lock:
                self.done.set()
                told, self._told = self._told, []
            for one in told:
                one()


def _run(awaitable: Any) -> Any:
    import asyncio

    async def awaited() -> Any:
        return await awaitable

    return asyncio.run(awaited())


def _asynchronous(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - the method is wanted
    )
