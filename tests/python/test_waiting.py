# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-FIFO-01, CONC-QUEUE-01: with cancellations, closed event loops and the garbage collector.
import asyncio
import gc
import os
import random
import subprocess
import sys
import time

import pytest
from trifuse import Bulkhead, BulkheadFullError, RateLimit, per, testing

ALGORITHMS = ("token_bucket", "fixed_window", "sliding_log")


def emptied(n=1, algorithm="token_bucket", **fields):
    limit = RateLimit(per(n, seconds=1), algorithm=algorithm, wait=100_000, **fields)
    limit.acquire(n)
    return limit


@pytest.fixture
def clock(clock):
    """Virtual time that begins at a whole second, where fixed windows do."""
    clock.advance((-clock.now_ns % 1_000_000_000) / 1e9)
    return clock


async def until_waiting(limit, number):
    while limit.snapshot().waiting != number:
        await asyncio.sleep(0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_turn_granted_to_a_task_that_is_cancelled_then_is_the_next_one_s(clock, run, algorithm):
    limit, begun, made = emptied(algorithm=algorithm), clock.now, []

    async def waiting(number):
        await limit.acquire_async()
        made.append((number, round(clock.now - begun, 6)))

    async def main():
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(waiting(number)))
            await until_waiting(limit, number + 1)
        clock.advance(1)  # grants it to the first,
        tasks[0].cancel()  # who has not run since
        await asyncio.wait(tasks)

    run(main())
    assert made == [(1, 1), (2, 2)]


def test_all_turns_that_come_at_once_and_are_not_taken_come_back(clock, run):
    limit = emptied(10)

    async def main():
        tasks = [asyncio.create_task(limit.acquire_async()) for _ in range(10)]
        await until_waiting(limit, 10)
        clock.advance(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run(main())
    assert (limit.available(), limit.debt, limit.snapshot().waiting) == (10, 0, 0)


def test_a_granted_place_of_a_cancelled_task_is_the_next_one_s(run):
    limit, made = Bulkhead(1, max_queue=10), []

    async def waiting(number):
        async with limit:
            made.append(number)

    async def main():
        place = limit.acquire()
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(waiting(number)))
            await until_waiting(limit, number + 1)
        place.release()
        tasks[0].cancel()
        await asyncio.wait(tasks)

    run(main())
    assert made == [1, 2]
    assert limit.in_flight == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weights", [(1,), (1, 2, 5)])
def test_random_waits_and_cancellations_keep_the_order_and_lose_no_token(clock, run, seed, weights):
    draw = random.Random(seed)
    limit, begun, served, live = emptied(10), clock.now, [], {}

    async def waiting(number, n):
        await limit.acquire_async(n)
        served.append((number, n, clock.now - begun))

    async def main():
        for number in range(200):
            n = draw.choice(weights)
            live[number] = asyncio.create_task(waiting(number, n))
            await asyncio.sleep(0)
            if draw.random() < 0.5:
                victim = draw.choice(list(live))
                live.pop(victim).cancel()
            if draw.random() < 0.2:
                await asyncio.sleep(draw.random())
        await asyncio.wait(live.values())

    run(main())
    numbers = [number for number, _, _ in served]
    assert numbers == sorted(numbers)
    assert set(live) <= set(numbers)
    tokens = 0
    for _, n, when in served:
        tokens += n
        assert tokens <= 10 * when + 10.000001
    assert limit.snapshot()[5:7] == (0, 0)
    picture = limit.snapshot()
    assert picture.granted_tokens - picture.given_back == 10 + sum(n for _, n, _ in served)


def abandoned(limit, acquire):
    """Let a task wait in an event loop that is closed under it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(acquire())
    while limit.snapshot().waiting == 0:
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return task


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_waiter_whose_loop_was_closed_does_not_hold_up_the_others(clock):
    limit = emptied()
    task = abandoned(limit, limit.acquire_async)
    assert limit.snapshot().waiting == 1
    begun = clock.now
    limit.acquire()
    assert clock.now - begun == pytest.approx(1)
    assert limit.debt == 0
    places = Bulkhead(1, max_queue=5)
    place = places.acquire()
    other = abandoned(places, places.acquire_async)
    place.release()
    assert (places.in_flight, places.snapshot().waiting) == (0, 0)
    task._log_destroy_pending = other._log_destroy_pending = False
    del task, other
    gc.collect()
    assert places.in_flight == 0


def test_an_interrupted_thread_leaves_its_turn(clock, monkeypatch):
    from trifuse import _rate_turns

    limit = emptied()

    def interrupted(self, pause):
        raise KeyboardInterrupt

    monkeypatch.setattr("trifuse._waiting.is_virtual", lambda: False)
    monkeypatch.setattr(_rate_turns.ThreadWaiter, "park", interrupted)
    with pytest.raises(KeyboardInterrupt):
        limit.acquire()
    assert (limit.snapshot().waiting, limit.debt) == (0, 0)


def test_a_smaller_capacity_refuses_those_who_wait_for_more(run, clock):
    limit = emptied(10)

    async def main():
        tasks = [asyncio.create_task(limit.acquire_async(n)) for n in (3, 8, 2)]
        await until_waiting(limit, 3)
        limit.set_rate(per(10, seconds=1), capacity=5)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert second.requested == 8
    assert third is None
    assert limit.snapshot()[5:7] == (0, 0)


def test_refusals_are_not_kept_alive_by_those_who_waited(run):
    with testing.virtual_clock():
        limit = Bulkhead(1, max_queue=5, max_wait=1)

        def alive():
            return sum(isinstance(found, BulkheadFullError) for found in gc.get_objects())

        async def main():
            before = alive()
            async with limit:
                for _ in range(3):
                    try:
                        await limit.acquire_async()
                    except BulkheadFullError:
                        continue
                    raise AssertionError
            return alive() - before

        gc.collect()
        gc.disable()
        try:
            assert run(main()) == 0
        finally:
            gc.enable()


def test_places_that_the_garbage_collector_gives_back_serve_those_who_wait(run):
    limit, served = Bulkhead(2, max_queue=200), []

    class Knot:
        def __init__(self, place):
            self.place, self.itself = place, self

    async def waiting(number):
        Knot(await limit.acquire_async())
        served.append(number)
        await asyncio.sleep(0)

    async def main():
        tasks = [asyncio.create_task(waiting(number)) for number in range(200)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)

    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        run(main())
    finally:
        gc.set_threshold(*before)
    assert served == list(range(200))
    gc.collect()
    assert limit.snapshot()[4:6] == (0, 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_call_that_blocks_the_event_loop_gets_its_turn_behind_a_task_of_it(algorithm):
    async def main():
        limit = RateLimit(per(1, seconds=0.02), algorithm=algorithm, wait=30)
        limit.acquire()
        first = asyncio.create_task(limit.acquire_async())
        await until_waiting(limit, 1)
        limit.acquire()
        assert limit.snapshot().waiting == 0
        await first

    with asyncio.Runner() as runner:
        began = time.monotonic()
        runner.run(main())
    assert time.monotonic() - began < 20


@pytest.mark.end_to_end
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_block_that_was_entered_before_a_fork_may_be_left_in_the_child():
    code = """if 1:
        import os
        from trifuse import AdaptiveLimit, Bulkhead

        bulkhead, adaptive = Bulkhead(1), AdaptiveLimit()
        with bulkhead, adaptive:
            pid = os.fork()
        assert bulkhead.in_flight == adaptive.in_flight == 0
        with bulkhead:
            assert bulkhead.try_acquire() is None
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, timeout=60)
    assert done.returncode == 0
