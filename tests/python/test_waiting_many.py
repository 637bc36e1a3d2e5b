# SPDX-License-Identifier: MIT OR Apache-2.0
# What many who wait cost. Proves RATE-FIFO-01, CONC-QUEUE-01.
import asyncio
import time
import tracemalloc

import pytest
from trifuse import Bulkhead, RateLimit, per, testing


def emptied(algorithm):
    limit = RateLimit(per(1, seconds=1), algorithm=algorithm, wait=100_000)
    limit.acquire()
    return limit


async def until_waiting(limit, number):
    while limit.snapshot().waiting != number:
        await asyncio.sleep(0)


@pytest.mark.end_to_end
@pytest.mark.parametrize("policy", ["rate_limit", "window", "bulkhead"])
def test_ten_thousand_waiting_tasks_cost_little_and_are_served_in_order(run, policy):
    number = 10_000
    with testing.virtual_clock() as clock:
        clock.advance((-clock.now_ns % 1_000_000_000) / 1e9)
        if policy == "bulkhead":
            limit = Bulkhead(1, max_queue=number)
        else:
            limit = emptied("token_bucket" if policy == "rate_limit" else "fixed_window")
        made = []

        async def waiting(i):
            async with limit:
                made.append(i)

        async def main():
            place = limit.acquire() if policy == "bulkhead" else None
            tracemalloc.start()
            begun = time.process_time()
            tasks = [asyncio.create_task(waiting(i)) for i in range(number)]
            await until_waiting(limit, number)
            memory = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            if place is not None:
                place.release()
            await asyncio.gather(*tasks)
            return memory, time.process_time() - begun

        memory, seconds = run(main())
        assert made == list(range(number))
        assert memory / number < 4096
        assert seconds < 20
        print(f"{policy}: {memory / number:.0f} bytes and {seconds / number * 1e6:.0f} us a waiter")


@pytest.mark.parametrize("algorithm", ["token_bucket", "fixed_window"])
def test_ten_thousand_cancellations_cost_little(run, clock, algorithm):
    limit = emptied(algorithm)

    async def main():
        tasks = [asyncio.create_task(limit.acquire_async()) for _ in range(10_000)]
        await until_waiting(limit, 10_000)
        begun = time.process_time()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return time.process_time() - begun

    assert run(main()) < 10
    assert limit.snapshot()[5:7] == (0, 0)
    clock.advance(1)
    assert limit.try_acquire()
