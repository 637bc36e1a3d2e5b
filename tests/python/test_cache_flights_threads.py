# SPDX-License-Identifier: MIT OR Apache-2.0
# Single flight among threads, tasks of other threads and forked processes; and what it leaves behind.
import asyncio
import gc
import os
import signal
import threading

import pytest
from trifuse import Fallback
from trifuse.cache import MemoryStore, ResultCache


def left(cache):
    """What calls have left behind: nothing."""
    return len(cache._flights)


class TestThreads:
    def test_threads_that_miss_at_once_make_one_call(self):
        cache, calls, got = ResultCache(), [], []
        called, go = threading.Event(), threading.Event()

        @cache
        def answer(prompt):
            calls.append(prompt)
            called.set()
            go.wait(10)
            return prompt.upper()

        threads = [threading.Thread(target=lambda: got.append(answer("a"))) for _ in range(20)]
        for thread in threads:
            thread.start()
        called.wait(10)
        while len(next(iter(cache._flights._by_key.values())).waiters) < 19:
            pass
        go.set()
        for thread in threads:
            thread.join(10)
        assert (calls, got) == (["a"], ["A"] * 20)
        assert left(cache) == 0

    def test_what_is_no_exception_hands_the_call_over(self):
        cache, calls, got = ResultCache(), [], []
        called, go = threading.Event(), threading.Event()

        @cache
        def answer(prompt):
            calls.append(prompt)
            if len(calls) == 1:
                called.set()
                go.wait(10)
                raise KeyboardInterrupt
            return "second"

        def first():
            with pytest.raises(KeyboardInterrupt):
                answer("a")

        threads = [threading.Thread(target=first), threading.Thread(target=lambda: got.append(answer("a")))]
        threads[0].start()
        called.wait(10)
        threads[1].start()
        while not next(iter(cache._flights._by_key.values())).waiters:
            pass
        go.set()
        for thread in threads:
            thread.join(10)
        assert got == ["second"]
        assert left(cache) == 0

    def test_a_thread_and_tasks_of_another_wait_for_the_same_call(self):
        cache, calls, got = ResultCache(key="x:{prompt}"), [], []
        called, go = threading.Event(), threading.Event()

        @cache
        def answer(prompt):
            calls.append("thread")
            called.set()
            go.wait(10)
            return "of the thread"

        @cache
        async def answer_async(prompt):
            calls.append("task")
            return "of a task"

        async def main():
            tasks = [asyncio.ensure_future(answer_async("a")) for _ in range(10)]
            while len(next(iter(cache._flights._by_key.values())).waiters) < 10:
                await asyncio.sleep(0)
            go.set()
            got.extend(await asyncio.gather(*tasks))

        thread = threading.Thread(target=answer, args=("a",))
        thread.start()
        called.wait(10)
        asyncio.run(main())
        thread.join(10)
        assert calls == ["thread"]
        assert got == ["of the thread"] * 10

    def test_a_synchronous_call_in_a_loops_thread_never_waits_for_its_tasks(self, run):
        cache = ResultCache(key="x:{prompt}")

        @cache
        async def answer_async(prompt):
            await asyncio.sleep(1)
            return "of a task"

        @cache
        def answer(prompt):
            return "at once"

        async def main():
            task = asyncio.ensure_future(answer_async("a"))
            await asyncio.sleep(0.5)
            assert answer("a") == "at once"
            assert await task == "of a task"

        run(main())

    def test_a_forked_child_does_not_wait_for_calls_of_its_parent(self):
        cache, go = ResultCache(), threading.Event()
        called = threading.Event()

        @cache
        def answer(prompt):
            called.set()
            go.wait(10)
            return "parent's"

        thread = threading.Thread(target=answer, args=("a",))
        thread.start()
        called.wait(10)
        read, write = os.pipe()
        child = os.fork() if hasattr(os, "fork") else None
        if child == 0:
            signal.alarm(20)
            go.set()
            os.write(write, answer("a").encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"parent's"
        os.waitpid(child, 0)
        go.set()
        thread.join(10)


def test_an_unstarted_call_leaves_nothing_behind(clock, run):
    cache = ResultCache()

    @cache
    async def answer(prompt):
        return prompt

    answer("a").close()
    assert left(cache) == 0

    async def main():
        task = asyncio.ensure_future(answer("a"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await answer("a") == "a"

    run(main())


def test_memory_stays_bounded_over_many_keys(clock, run):
    import tracemalloc

    cache = ResultCache(MemoryStore(100))

    @Fallback("spare")
    @cache
    async def answer(prompt):
        await asyncio.sleep(0)
        return prompt

    async def main(base):
        for number in range(base, base + 3000):
            await answer(f"{number}")

    run(main(0))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run(main(3000))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 200_000
    assert len(cache.store) == 100
    assert left(cache) == 0
