# SPDX-License-Identifier: MIT OR Apache-2.0
# A token budget among threads, event loops and forked processes.
import asyncio
import gc
import os
import threading
import time

import pytest
from trifuse import TokenBudget
from trifuse._llm import token_budget_buckets
from trifuse._llm.token_budget import TokenBudgetError
from trifuse._waiting import now_ns


def emptied():
    budget = TokenBudget("key", tpm=600, max_wait=3600)
    budget.reserve(600).keep()
    return budget


def test_threads_never_hold_more_than_there_is_and_leave_nothing(clock):
    budget = TokenBudget("key", rpm=50, tpm=1_000)
    held, most, lock, refused = [0], [0], threading.Lock(), [0]

    def work(seed):
        for step in range(300):
            n = (seed * 31 + step * 17) % 300
            try:
                grant = budget.reserve(n)
            except TokenBudgetError:
                with lock:
                    refused[0] += 1
                continue
            with lock:
                held[0] += n
                most[0] = max(most[0], held[0])
            with lock:
                held[0] -= n
                grant.cancel()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    picture = budget.snapshot()
    assert most[0] <= 1_000
    assert (picture.requests_available, picture.tokens_available) == (50, 1_000)
    assert (picture.in_flight, picture.reserved) == (0, 0)
    assert picture.granted + picture.refused == 8 * 300
    assert picture.refused == refused[0]


def test_a_thread_waits_for_its_turn(clock):
    budget, begun = emptied(), now_ns()
    budget.reserve(100)
    assert now_ns() - begun == 10_000_000_000


def test_threads_wake_each_other_across_event_loops():
    budget = TokenBudget("key", tpm=1, max_wait=3600)
    grant = budget.reserve(1)
    done = []

    def loop():
        asyncio.run(one())

    async def one():
        other = await budget.areserve(1)
        done.append("loop")
        other.cancel()

    def thread():
        budget.reserve(1).cancel()
        done.append("thread")

    threads = [threading.Thread(target=loop), threading.Thread(target=thread)]
    for one_of in threads:
        one_of.start()
    while budget.snapshot().waiting < 2:
        assert all(one_of.is_alive() for one_of in threads)
        time.sleep(0.001)
    grant.cancel()
    for one_of in threads:
        one_of.join(10)
    assert sorted(done) == ["loop", "thread"]
    assert budget.snapshot().waiting == 0


def test_two_who_settle_a_grant_at_once_settle_it_once(clock):
    budget = TokenBudget("key", tpm=1_000)
    grant = budget.reserve(400)
    for _ in range(2):  # past the look at the grant, to the one under the lock
        budget._close(grant, 100, 0, known=True)
    assert budget.snapshot().tokens_available == 900
    assert budget.snapshot().settled == 1


def test_one_cancelled_in_the_moment_of_its_turn_passes_it_on(clock, run):
    budget, begun = TokenBudget("key", tpm=600, rpm=10, max_wait=3600), now_ns()

    async def main():
        grant = await budget.areserve(600)
        first, second = (asyncio.create_task(budget.areserve(600)) for _ in range(2))
        await asyncio.sleep(0)
        grant.cancel()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        (await second).keep()

    run(main())
    assert now_ns() == begun
    picture = budget.snapshot()
    assert (picture.granted, picture.waiting, picture.tokens_available, picture.requests_available) == (
        2,
        0,
        0,
        9,
    )


def test_a_waiter_of_a_closed_loop_gives_way_when_its_turn_is_looked_at(clock):
    budget = TokenBudget("key", tpm=600, max_wait=3600)
    grant = budget.reserve(600)
    loop = asyncio.new_event_loop()
    waiter = loop.create_task(budget.areserve(500))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert budget.snapshot().waiting == 1
    grant.settle(550)
    assert budget.snapshot().waiting == 0
    assert budget.snapshot().tokens_available == 50
    waiter._log_destroy_pending = False


def test_a_loop_that_is_closed_with_a_waiter_holds_nobody_up(clock):
    budget, begun = emptied(), now_ns()
    loop = asyncio.new_event_loop()
    waiter = loop.create_task(budget.areserve(500))
    loop.run_until_complete(asyncio.sleep(0))
    assert budget.snapshot().waiting == 1
    loop.close()
    budget.reserve(10)
    assert now_ns() - begun <= 51_000_000_000
    waiter._log_destroy_pending = False
    del waiter
    gc.collect()
    assert budget.snapshot().waiting == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_goes_on_with_what_was_taken_and_settles_nothing_of_the_parents(clock):
    budget = TokenBudget("key", rpm=10, tpm=1_000)
    grant = budget.reserve(400)
    child = os.fork()
    if child == 0:
        grant.settle(0)
        picture = budget.snapshot()
        own = budget.reserve(100)
        own.settle(30)
        good = picture.tokens_available == 600 and picture.in_flight == 0
        os._exit(0 if good and budget.snapshot().tokens_available == 570 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    grant.settle(50)
    assert budget.snapshot().tokens_available == 950


@pytest.mark.parametrize("during", ["_debit", "_try", "_refund"])
def test_a_call_settled_by_the_garbage_collector_in_the_middle_of_another_disturbs_nobody(
    clock, monkeypatch, during
):
    budget = TokenBudget("key", tpm=600, rpm=600, max_wait=3600)
    collected = budget.reserve(300)
    budget.reserve(300).keep()
    begun, loop = now_ns(), asyncio.new_event_loop()
    waiter = loop.create_task(budget.areserve(400))
    loop.run_until_complete(asyncio.sleep(0))
    really = getattr(token_budget_buckets, during)

    def with_a_finalizer(*args):
        result = really(*args)
        monkeypatch.setattr(token_budget_buckets, during, really)
        collected.settle(200)
        return result

    monkeypatch.setattr(token_budget_buckets, during, with_a_finalizer)
    with pytest.raises(TokenBudgetError):
        budget.reserve(600, max_wait=1)
    assert not collected.open
    clock.advance(29.999)
    loop.run_until_complete(asyncio.sleep(0))
    assert not waiter.done()
    clock.advance(0.001)
    loop.run_until_complete(asyncio.wait_for(waiter, 5))
    assert now_ns() - begun == 30_000_000_000
    loop.close()
