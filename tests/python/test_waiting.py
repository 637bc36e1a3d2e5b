# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-FIFO-01, CONC-QUEUE-01: across threads, event loops, cancellations and forks.
import asyncio
import gc
import random
import threading

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


def test_many_threads_share_a_rate_exactly(clock):
    limit, begun, lock, made = emptied(10), clock.now, threading.Lock(), []

    def work():
        for _ in range(20):
            limit.acquire()
            with lock:
                made.append(clock.now - begun)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now - begun == pytest.approx(20)
    assert len(made) == 200
    assert limit.snapshot()[5:7] == (0, 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_threads_and_tasks_of_several_loops_wait_in_one_queue(algorithm):
    """In real time: 200 a second for 60 requests of 6 threads, three of which run event loops."""
    limit = RateLimit(per(20, milliseconds=100), algorithm=algorithm, wait=60)
    limit.acquire(20)
    done = []

    def blocking():
        for _ in range(10):
            limit.acquire()
            done.append(1)

    async def waiting():
        await limit.acquire_async()
        done.append(1)

    async def many():
        await asyncio.gather(*(waiting() for _ in range(10)))

    threads = [threading.Thread(target=blocking) for _ in range(3)]
    threads += [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 60
    assert limit.snapshot().waiting == 0


def test_places_pass_between_threads_and_tasks_of_several_loops():
    limit, done, lock, inside = Bulkhead(2, max_queue=1000), [], threading.Lock(), [0, 0]

    def enter():
        with lock:
            inside[0] += 1
            inside[1] = max(inside)

    def leave():
        with lock:
            inside[0] -= 1
        done.append(1)

    def blocking():
        for _ in range(200):
            with limit:
                enter()
                leave()

    async def waiting():
        for _ in range(20):
            async with limit:
                enter()
                await asyncio.sleep(0)
                leave()

    async def many():
        await asyncio.gather(*(waiting() for _ in range(10)))

    threads = [threading.Thread(target=blocking) for _ in range(3)]
    threads += [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 1200
    assert inside == [0, 2]
    assert limit.snapshot()[4:6] == (0, 0)


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
