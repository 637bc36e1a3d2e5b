# SPDX-License-Identifier: MIT OR Apache-2.0
# Model pools under asyncio and trio: hedging, cancellation.
import anyio
import pytest
from trifuse import (
    Deployment,
    ModelPool,
    RequestTimeoutError,
    TokenBudget,
    last_call,
    testing,
)
from trifuse._llm import pool_runs
from trifuse._llm.usage import Usage
from trifuse._sleep import sleep_async

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def virtual(clock):
    return clock


class Place:
    """A coroutine function or stream that takes its time, and notes what became of its calls."""

    def __init__(self, name, takes=0.0, error=None, items=1):
        self.name, self.takes, self.error, self.items = name, takes, error, items
        self.begun = self.ended = self.cancelled = 0

    async def work(self):
        self.begun += 1
        try:
            await sleep_async(round(self.takes * 1e9))
        except BaseException:
            self.cancelled += 1
            raise
        self.ended += 1
        if self.error is not None:
            raise self.error

    async def call(self, *args, **kwargs):
        await self.work()
        return self.name

    async def stream(self, *args, **kwargs):
        await self.work()
        for number in range(self.items):
            yield f"{self.name}{number}"
            await anyio.lowlevel.checkpoint()


@pytest.fixture(params=["call", "stream"])
def ask(request):
    def make(*places, **fields):
        settings = fields.pop("settings", {})
        deployments = [
            Deployment(p.name, getattr(p, request.param), **settings.get(p.name, {})) for p in places
        ]
        pool = ModelPool(deployments, **{"name": "pool", "hedge_share": 1, **fields})

        async def ask():
            if request.param == "call":
                return await pool("x")
            return "".join([item async for item in pool.stream("x")])[:1]

        return pool, ask

    return make


async def test_a_slow_one_gets_another_beside_it_and_the_first_answer_wins(ask):
    slow, quick = Place("s", 10), Place("q", 1)
    pool, ask = ask(slow, quick, hedge_after=2)
    begun = anyio.current_time()
    assert await ask() == "q"
    assert anyio.current_time() - begun == pytest.approx(3)
    assert (slow.cancelled, slow.ended) == (1, 0)
    picture = pool.snapshot()
    assert (picture.hedges, picture.answered, picture.deployments["s"].cancelled) == (1, 1, 1)
    assert all(one.in_flight == 0 for one in picture.deployments.values())
    assert last_call().deployment == "q"
    assert pool["s"].breaker.snapshot().failures == 0


async def test_the_first_may_win_all_the_same_and_the_other_is_given_up(ask):
    slow, slower = Place("s", 3), Place("t", 10)
    pool, ask = ask(slow, slower, hedge_after=2)
    assert await ask() == "s"
    assert (slower.begun, slower.cancelled) == (1, 1)
    assert all(one.in_flight == 0 for one in pool.snapshot().deployments.values())


async def test_both_answer_at_once_and_neither_is_left_open(ask):
    one, other = Place("s", 3), Place("t", 1)
    pool, ask = ask(one, other, hedge_after=2)
    assert await ask() in {"s", "t"}
    assert all(one.in_flight == 0 for one in pool.snapshot().deployments.values())


async def test_of_two_streams_that_were_both_opened_the_one_that_lost_is_closed(monkeypatch):
    async def both(hedge, delay, first, again):
        won = await first
        await again()
        return won

    monkeypatch.setattr(pool_runs, "race", both)
    closed = []

    def named(name):
        async def items():
            try:
                yield name
                yield name
            finally:
                closed.append(name)

        return items

    pool = ModelPool([Deployment(name, named(name)) for name in "ab"], hedge_after=1, hedge_share=1)
    async for _ in pool.stream():
        assert closed == ["b"]
        assert [one.in_flight for one in pool.deployments] == [1, 0]
    assert closed == ["b", "a"]


async def test_switched_off_nothing_is_hedged(ask):
    slow, other = Place("s", 5), Place("o", 1)
    _, ask = ask(slow, other, hedge_after=1)
    with testing.disabled():
        assert await ask() == "s"
    assert other.begun == 0


async def test_a_quick_one_is_not_hedged(ask):
    quick, other = Place("q", 1), Place("o", 1)
    pool, ask = ask(quick, other, hedge_after=2)
    assert await ask() == "q"
    assert other.begun == 0
    assert pool.snapshot().hedges == 0


async def test_the_delay_may_be_a_percentile_of_a_deployments_own_answers(ask):
    first, other = Place("f", 1), Place("o", 1)
    pool, ask = ask(first, other, hedge_after="p95")
    for histogram in (pool["f"].latency, pool["f"].first_content):
        for _ in range(99):
            histogram.record(2)
    await ask()
    assert other.begun == 0
    first.takes = 60
    begun = anyio.current_time()
    assert await ask() == "o"
    assert anyio.current_time() - begun == pytest.approx(3, rel=0.06)


async def test_no_more_than_the_share_is_hedged(ask):
    slow, other = Place("s", 3), Place("o", 1)
    pool, ask = ask(slow, other, hedge_after=1, hedge_share=0.05)
    for _ in range(200):
        await ask()
    assert pool.snapshot().hedges == 10


async def test_one_that_recovers_is_no_hedge(ask, clock):
    slow, recovering, third = Place("s", 5), Place("r", 1), Place("t", 1)
    pool, ask = ask(slow, recovering, third, hedge_after=1)
    pool["r"].breaker.trip(10)
    clock.advance(10)
    assert await ask() == "t"
    assert recovering.begun == 0


async def test_when_both_fail_the_third_is_asked(ask):
    places = Place("a", 3, ConnectionError("a")), Place("b", 4, ConnectionError("b")), Place("c")
    pool, ask = ask(*places, hedge_after=1)
    assert await ask() == "c"
    assert [place.ended for place in places] == [1, 1, 1]
    picture = pool.snapshot()
    assert (picture.hedges, picture.failovers) == (1, 1)


async def test_when_all_fail_the_notes_name_them_all(ask):
    _, ask = ask(Place("a", 3, ConnectionError("a")), Place("b", 1, ConnectionError("b")), hedge_after=1)
    with pytest.raises(ConnectionError) as caught:
        await ask()
    (note,) = caught.value.__notes__
    assert "a raised ConnectionError" in note
    assert "b raised ConnectionError" in note


async def test_without_another_to_ask_nothing_is_hedged(ask):
    pool, ask = ask(Place("a", 9), Place("b"), hedge_after=1)
    pool["b"].breaker.force_open()
    assert await ask() == "a"
    assert pool.snapshot().hedges == 0


async def test_one_that_is_gone_by_the_time_of_the_hedge_is_not_asked(ask):
    failing = Place("a", 5, ConnectionError("a"))
    pool, ask = ask(failing, Place("b"), hedge_after=1)

    async def gone():
        await anyio.sleep(0.5)
        pool["b"].breaker.force_open()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(gone)
        with pytest.raises(ConnectionError) as caught:
            await ask()
    assert caught.value is failing.error


@pytest.mark.parametrize("when", [0.5, 1.5, 2.5])
async def test_a_cancelled_call_cancels_all_it_began(ask, when):
    first, second = Place("a", 50), Place("b", 50)
    pool, ask = ask(first, second, hedge_after=1, settings={"a": {"tpm": 9_000}, "b": {"tpm": 9_000}})
    with anyio.move_on_after(when) as scope:
        await ask()
    assert scope.cancelled_caught
    assert (first.cancelled, second.cancelled) == (first.begun, second.begun)
    picture = pool.snapshot()
    assert all(one.in_flight == 0 for one in picture.deployments.values())
    assert all(one.budget.snapshot().in_flight == 0 for one in pool.deployments)
    assert (picture.calls, picture.answered, picture.failed) == (1, 0, 1)
    assert [one.breaker.snapshot().failures for one in pool.deployments] == [0, 0]


async def test_the_tokens_of_the_loser_are_settled(ask):
    slow, quick = Place("s", 10), Place("q", 1)
    budget = TokenBudget(tpm=1_000, rpm=10, estimate=lambda *args: Usage(100, 100))
    _, ask = ask(slow, quick, hedge_after=2, settings={"s": {"budget": budget}})
    await ask()
    picture = budget.snapshot()
    assert (picture.in_flight, picture.reserved, picture.granted) == (0, 0, 1)
    assert picture.requests_available == 9


async def test_a_pools_time_is_over_for_all_its_attempts(ask):
    places = Place("a", 3, ConnectionError("a")), Place("b", 50)
    _, ask = ask(*places, timeout=10)
    begun = anyio.current_time()
    with pytest.raises(RequestTimeoutError) as caught:
        await ask()
    assert anyio.current_time() - begun == pytest.approx(10)
    assert caught.value.setting == "deadline"
    assert places[1].cancelled == 1
