# SPDX-License-Identifier: MIT OR Apache-2.0
"""Worker threads: bounded, refused at the bound, counted for as long as a call really runs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
import time
import warnings

import pytest
import trio
from trifuse import BulkheadFullError, ConfigurationError, deadline, testing
from trifuse._worker_threads import WorkerPool

SPOT = contextvars.ContextVar("spot", default="nowhere")


class Gate:
    """A blocking function that says when it runs and returns when it is opened."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, result=None):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.entered.release()
        assert self.opened.wait(10)
        with self._lock:
            self.running -= 1
        return result


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def run(kind, main):
    return asyncio.run(main()) if kind == "asyncio" else trio.run(main)


LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


@LOOPS
def test_a_call_runs_in_another_thread_and_gives_its_result_with_the_context_of_its_caller(loop):
    pool = WorkerPool(2)

    def where(extra):
        return threading.get_ident(), SPOT.get(), extra

    async def main():
        SPOT.set("here")
        return await pool.call_async(where, extra=1)

    thread, spot, extra = run(loop, main)
    assert thread != threading.get_ident()
    assert (spot, extra) == ("here", 1)
    SPOT.set("there")
    assert pool.call(where, 2)[1:] == ("there", 2)


@LOOPS
def test_an_error_is_raised_to_the_caller_and_its_traceback_holds_no_cycle(loop):
    pool = WorkerPool(1)

    class Odd(Exception):
        pass

    def fail():
        raise Odd

    async def main():
        with pytest.raises(Odd):
            await pool.call_async(fail)

    gc.disable()
    try:
        run(loop, main)
        with pytest.raises(Odd):
            pool.call(fail)
        until(lambda: pool.snapshot().running == 0)
        assert not [found for found in gc.get_objects() if type(found) is Odd]
    finally:
        gc.enable()


def test_never_more_threads_than_the_limit_and_the_queue_is_bounded(gate):
    pool = WorkerPool(3, queue=2, name="bounded")
    before = threading.active_count()

    async def main():
        calls = [asyncio.ensure_future(pool.call_async(gate, number)) for number in range(9)]
        refused = [call for call in calls if not await settled(call)]
        await asyncio.to_thread(lambda: [gate.entered.acquire() for _ in range(3)])
        assert pool.snapshot()[2:6] == (3, 0, 2, 0)
        assert threading.active_count() <= before + 3 + 1  # and one of to_thread
        gate.opened.set()
        given = await asyncio.gather(*calls, return_exceptions=True)
        return refused, given

    async def settled(call):
        await asyncio.sleep(0)
        return not call.done()

    refused, given = asyncio.run(main())
    assert len(refused) == 4
    assert given[:5] == [0, 1, 2, 3, 4]
    assert all(isinstance(error, BulkheadFullError) and error.name == "bounded" for error in given[5:])
    assert gate.most == 3
    assert pool.snapshot().refused == 4


@LOOPS
def test_a_cancelled_caller_goes_at_once_and_its_place_comes_back_when_the_call_ends(loop, gate):
    pool = WorkerPool(1, queue=0)

    async def cancelled():
        if loop == "asyncio":
            call = asyncio.ensure_future(pool.call_async(gate))
            await asyncio.to_thread(gate.entered.acquire)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        else:
            with trio.CancelScope() as scope:

                async def cancel():
                    await trio.to_thread.run_sync(gate.entered.acquire)
                    scope.cancel()

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(cancel)
                    await pool.call_async(gate)
            assert scope.cancelled_caught
        assert gate.running == 1
        assert pool.snapshot()[2:4] == (1, 1)
        with pytest.raises(BulkheadFullError):
            await pool.call_async(gate)

    run(loop, cancelled)
    gate.opened.set()
    until(lambda: pool.snapshot()[2:4] == (0, 0))
    assert pool.call(lambda: "again") == "again"


def test_while_all_threads_are_stuck_new_calls_are_refused_at_once_though_the_queue_has_room(gate):
    pool = WorkerPool(2, queue=100)

    async def main():
        calls = [asyncio.ensure_future(pool.call_async(gate)) for _ in range(2)]
        await asyncio.to_thread(lambda: [gate.entered.acquire() for _ in range(2)])
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        began = time.monotonic()
        with pytest.raises(BulkheadFullError):
            await pool.call_async(gate)
        with pytest.raises(BulkheadFullError):
            pool.call(gate)
        assert time.monotonic() - began < 0.5
        assert pool.snapshot()[2:5] == (2, 2, 0)

    asyncio.run(main())


def test_a_thousand_cancelled_callers_leave_nothing_behind(gate):
    pool = WorkerPool(4, queue=2000)

    async def main():
        calls = [asyncio.ensure_future(pool.call_async(gate)) for _ in range(1000)]
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: [gate.entered.acquire() for _ in range(4)])
        for call in calls:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended)
        assert pool.snapshot()[2:5] == (4, 4, 0)
        gate.opened.set()

    asyncio.run(main())
    until(lambda: pool.snapshot()[2:5] == (0, 0, 0))
    assert pool.call(lambda: 1) == 1
    assert gate.most == 4


@LOOPS
def test_waiting_for_a_thread_ends_with_the_deadline_of_the_task(loop, gate):
    pool = WorkerPool(1, queue=5)
    threading.Thread(target=pool.call, args=(gate,), daemon=True).start()
    gate.entered.acquire()

    async def main():
        began = time.monotonic()
        with pytest.raises((BulkheadFullError, TimeoutError)):
            async with deadline(0.05):
                await pool.call_async(gate)
        assert time.monotonic() - began < 1

    run(loop, main)
    gate.opened.set()
    until(lambda: pool.snapshot()[2:5] == (0, 0, 0))


def test_a_thread_that_is_done_takes_the_next_call():
    pool = WorkerPool(4)
    threads = {pool.call(threading.get_ident) for _ in range(50)}
    assert len(threads) == 1
    assert pool.snapshot().idle == 1


def test_a_forked_child_begins_without_threads_and_without_calls(gate):
    pool = WorkerPool(2, queue=0)
    threading.Thread(target=pool.call, args=(gate,), daemon=True).start()
    gate.entered.acquire()
    pool.call(str)
    assert pool.snapshot()[2:6] == (1, 0, 0, 1)  # a thread that waits for a call, which the child has not
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of a fork where there are threads
        child = os.fork()
    if child == 0:
        try:
            os.write(write, str((pool.snapshot()[2:6], pool.call(lambda: "ok"))).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() == "((0, 0, 0, 0), 'ok')"
    os.close(read)
    assert pool.snapshot().running == 1


def test_a_call_that_hangs_does_not_keep_the_process_alive():
    code = (
        "import asyncio, time\nfrom trifuse._worker_threads import WorkerPool\npool = WorkerPool(2)\n"
        "async def main():\n    task = asyncio.ensure_future(pool.call_async(time.sleep, 60))\n"
        "    await asyncio.sleep(0.05)\n    task.cancel()\n    print(pool.snapshot().running)\nasyncio.run(main())\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert time.monotonic() - began < 20


def test_nothing_is_held_when_no_thread_can_be_started(monkeypatch):
    pool = WorkerPool(1, queue=0)

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            pool.call(lambda: 1)
    assert pool.snapshot()[2:4] == (0, 0)
    assert pool.call(lambda: 1) == 1


def test_while_everything_is_switched_off_calls_run_in_threads_without_a_bound(gate):
    pool = WorkerPool(1, queue=0)
    threading.Thread(target=pool.call, args=(gate,), daemon=True).start()
    gate.entered.acquire()
    with testing.disabled():
        assert pool.call(lambda: 1) == 1


@pytest.mark.parametrize("settings", [{"threads": 0}, {"queue": -1}, {"max_wait": float("nan")}, {"name": 3}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ConfigurationError) as caught:
        WorkerPool(**settings)
    assert caught.value.field in settings
