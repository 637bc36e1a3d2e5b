# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RATE-FIFO-01, CONC-QUEUE-01: among threads and the tasks of several event loops.
import asyncio
import threading

import pytest
from trifuse import Bulkhead, RateLimit, per

ALGORITHMS = ("token_bucket", "fixed_window", "sliding_log")


def test_many_threads_share_a_rate_exactly(clock):
    limit, begun, lock, made = RateLimit(per(10, seconds=1), wait=100), clock.now, threading.Lock(), []
    limit.acquire(10)

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


@pytest.mark.end_to_end
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


@pytest.mark.end_to_end
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
