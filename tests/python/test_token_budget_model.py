# SPDX-License-Identifier: MIT OR Apache-2.0
# Random histories through a token budget and through a naive model in fractions, to the token and the
# nanosecond; and 10,000 cancelled tasks.
import asyncio
import heapq
import random
from fractions import Fraction

import pytest
from trifuse import RateLimitedError, TokenBudget
from trifuse._sleep import sleep_async
from trifuse._waiting import now_ns

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


class NaiveBucket:
    """So many a minute, as a fraction of one."""

    def __init__(self, n, now):
        self.capacity, self.rate, self.level, self.at = n, Fraction(n, MINUTE), Fraction(n), now

    def pass_to(self, now):
        self.level = min(Fraction(self.capacity), self.level + self.rate * (now - self.at))
        self.at = now

    def wait(self, n):
        missing = n - self.level
        return 0 if not n or missing <= 0 else -(-missing // self.rate)  # who wants none owes nothing

    def change(self, n):
        self.level = min(Fraction(self.capacity), self.level + n)


class NaiveBudget:
    """Requests and tokens, and a pause."""

    def __init__(self, rpm, tpm, now):
        self.requests, self.tokens, self.paused = NaiveBucket(rpm, now), NaiveBucket(tpm, now), now

    def pass_to(self, now):
        self.requests.pass_to(now)
        self.tokens.pass_to(now)

    def wait(self, n, now):
        pause = max(0, self.paused - now)
        return max(pause, self.requests.wait(1), self.tokens.wait(n))

    def take(self, n):
        self.requests.change(-1)
        self.tokens.change(-n)

    def shown(self):
        requests, tokens = self.requests.level, self.tokens.level
        return max(0, int(requests // 1)), max(0, int(tokens // 1)), max(0, -(tokens // 1))


def shown(budget):
    picture = budget.snapshot()
    return picture.requests_available, picture.tokens_available, picture.tokens_debt


@pytest.mark.parametrize("seed", range(40))
def test_histories_of_one_thread_agree_with_the_model(clock, seed):
    chance = random.Random(seed)
    rpm, tpm = chance.choice([(7, 1_000), (60, 90_000), (500, 333), (1, 10), (3_000, 2_000_000)])
    budget, model = TokenBudget("key", rpm=rpm, tpm=tpm), NaiveBudget(rpm, tpm, clock.now_ns)
    grants = []
    for step in range(400):
        told = f"seed {seed}, step {step}"
        model.pass_to(clock.now_ns)
        what = chance.random()
        if what < 0.45:
            n, most = chance.randint(0, tpm), chance.choice([0, 0, chance.randint(0, 90 * SECOND)])
            wait, begun = model.wait(n, clock.now_ns), clock.now_ns
            if wait <= most:
                grants.append(budget.reserve(n, max_wait=most / 1e9))
                assert clock.now_ns == begun + wait, told
                model.pass_to(clock.now_ns)
                model.take(n)
            else:
                with pytest.raises(RateLimitedError) as caught:
                    budget.reserve(n, max_wait=most / 1e9)
                assert round(caught.value.retry_after * 1e9) == pytest.approx(wait, abs=wait / 1e15), told
                assert clock.now_ns == begun, told
        elif what < 0.75 and grants:
            grant = grants.pop(chance.randrange(len(grants)))
            how = chance.choice(["settle", "settle", "settle", "reject", "cancel", "keep"])
            used = {"keep": grant.tokens, "settle": chance.randint(0, 2 * tpm)}.get(how, 0)
            getattr(grant, how)(*([used] if how == "settle" else []))
            model.tokens.change(grant.tokens - used)
            model.requests.change(how == "cancel")
        elif what < 0.8:
            pause = chance.randint(1, 20 * SECOND)
            budget.pause(pause / 1e9)
            model.paused = max(model.paused, clock.now_ns + pause)
        else:
            clock.advance(chance.choice([chance.randint(1, SECOND), chance.randint(1, 30 * SECOND)]) / 1e9)
            model.pass_to(clock.now_ns)
        assert shown(budget) == model.shown(), told
        assert budget.snapshot().reserved == sum(grant.tokens for grant in grants), told


class Simulated:
    """Plays a plan of (time, number, tokens, longest wait, held for, used) with the model.

    First come, first served: only the first of those who wait is asked, and refused when it is known to
    wait too long; those behind it give up at their own time.
    """

    def __init__(self, plan, rpm, tpm, begun):
        self.model, self.begun, self.now = NaiveBudget(rpm, tpm, begun), begun, begun
        self.waiting, self.granted = [], {}
        self.events = [(begun + at, 0, number, rest) for at, number, *rest in plan]
        heapq.heapify(self.events)
        while self.events or self.waiting:
            self.step()

    def step(self):
        times = [self.events[0][0]] if self.events else []
        if self.waiting:
            times += [self.now + self.model.wait(self.waiting[0][1], self.now)]
            times += [end for _, _, end, _ in self.waiting]
        self.now = min(times)
        self.model.pass_to(self.now)
        self.settle()
        while self.events and self.events[0][0] <= self.now:
            _, ended, number, rest = heapq.heappop(self.events)
            if ended:
                self.model.tokens.change(rest)
            else:
                self.ask(number, *rest)
            self.settle()

    def settle(self):
        while self.waiting:
            number, n, end, rest = self.waiting[0]
            wait = self.model.wait(n, self.now)
            if wait == 0:
                self.grant(number, n, *rest)
            elif self.now + wait > end:
                self.granted[number] = None
            else:
                break
            self.waiting.pop(0)
        for one in [one for one in self.waiting if one[2] <= self.now]:
            self.waiting.remove(one)
            self.granted[one[0]] = None

    def grant(self, number, n, held, used):
        self.granted[number] = self.now - self.begun
        self.model.take(n)
        heapq.heappush(self.events, (self.now + held, 1, number, n - used))

    def ask(self, number, n, most, held, used):
        ahead = sum(one[1] for one in self.waiting)
        wait = max(self.model.tokens.wait(n + ahead), self.model.requests.wait(1 + len(self.waiting)))
        if wait > most:
            self.granted[number] = None
        elif wait == 0:
            self.grant(number, n, held, used)
        else:
            self.waiting.append((number, n, self.now + most, (held, used)))


@pytest.mark.parametrize("seed", range(25))
def test_histories_of_many_tasks_agree_with_the_model(clock, run, seed):
    chance = random.Random(seed)
    rpm, tpm = chance.choice([(20, 1_000), (300, 1_000), (12, 100_000)])
    plan, at = [], 0
    for number in range(60):
        at += chance.randint(1, 5 * SECOND)
        n, most, held = (
            chance.randint(1, tpm // 2),
            chance.randint(0, 40 * SECOND),
            chance.randint(1, 20 * SECOND),
        )
        plan.append((at, number, n, most, held, chance.randint(0, tpm // 2)))
    budget, granted, begun = TokenBudget("key", rpm=rpm, tpm=tpm), {}, clock.now_ns

    async def one(at, number, n, most, held, used):
        await sleep_async(at)
        try:
            grant = await budget.areserve(n, max_wait=most / 1e9)
        except RateLimitedError:
            granted[number] = None
            return
        granted[number] = now_ns() - begun
        await sleep_async(held)
        grant.settle(used)

    async def main():
        await asyncio.gather(*(one(*step) for step in plan))

    run(main())
    wanted = Simulated(plan, rpm, tpm, begun)
    model = wanted.model
    assert granted == wanted.granted, f"seed {seed}"
    model.pass_to(clock.now_ns)
    assert shown(budget) == model.shown(), f"seed {seed}"
    assert (budget.snapshot().in_flight, budget.snapshot().waiting) == (0, 0)


async def cancelled(fn, budget):
    """Begin 10,000 tasks, of which half get their tokens, and cancel them all, every second one first."""
    tasks = [asyncio.create_task(fn()) for _ in range(10_000)]
    for _ in range(3):
        await asyncio.sleep(0)
    picture = budget.snapshot()
    assert (picture.in_flight, picture.waiting, picture.reserved) == (5_000, 5_000, 5_000)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


@pytest.mark.parametrize("kind", ["coroutine", "stream", "reserve"])
def test_ten_thousand_cancelled_tasks_leave_nothing_reserved(clock, run, kind):
    budget = TokenBudget(
        "key", rpm=1_000_000, tpm=5_000, max_wait=3600, max_queue=100_000, estimate=lambda: 1
    )
    begun = []

    @budget
    async def coroutine():
        begun.append(1)
        await asyncio.sleep(3600)

    @budget
    async def items():
        begun.append(1)
        await asyncio.sleep(3600)
        yield 1

    async def stream():
        async for _ in items():
            pass

    async def reserve():
        with await budget.areserve(1):
            begun.append(1)
            await asyncio.sleep(3600)

    run(cancelled({"coroutine": coroutine, "stream": stream, "reserve": reserve}[kind], budget))
    picture = budget.snapshot()
    assert len(begun) == 5_000
    assert (picture.in_flight, picture.waiting, picture.reserved) == (0, 0, 0)
    # Those that were sent keep their estimate, the others took nothing.
    assert (picture.tokens_available, picture.tokens_debt) == (0, 0)
    clock.advance(60)
    assert budget.snapshot().tokens_available == 5_000
    budget.reserve(5_000)
