# SPDX-License-Identifier: MIT OR Apache-2.0
# In which order a model pool asks its deployments.
import asyncio
from collections import Counter

import pytest
from trifuse import Deployment, ModelPool
from trifuse._sleep import sleep_async


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


def taking(seconds, clock):
    def call(*args, **kwargs):
        clock.advance(seconds)
        return seconds

    return call


def test_the_cheapest_for_this_call_comes_first(clock):
    prompt_is_dear = Deployment("prompt is dear", lambda **kwargs: "prompt is dear", price=(10, 1))
    answer_is_dear = Deployment("answer is dear", lambda **kwargs: "answer is dear", price=(1, 10))
    pool = ModelPool([prompt_is_dear, answer_is_dear], strategy="price")
    assert pool.call(prompt="a", max_tokens=1_000) == "prompt is dear"
    assert pool.call(prompt="many words " * 500, max_tokens=10) == "answer is dear"


def test_of_equal_price_the_quicker_one_comes_first(clock):
    pool = ModelPool(
        [
            Deployment("slow", taking(3, clock), price=2),
            Deployment("quick", taking(1, clock), price=2),
            Deployment("dear", taking(0.1, clock), price=9),
        ],
        strategy="price", seed=1,
    )  # fmt: skip
    answers = Counter(pool.call() for _ in range(20))
    assert answers == {1: 19, 3: 1}


def test_the_quickest_gets_the_calls_and_each_unknown_one_a_first(clock):
    pool = ModelPool([Deployment(f"{s}", taking(s, clock)) for s in (3, 2, 1)], strategy="latency", seed=4)
    answers = Counter(pool.call() for _ in range(18))
    assert set(answers) == {1, 2, 3}
    assert answers[1] > answers[2] > answers[3]
    # Of two drawn at random the better one: the slowest of three is never the better one.
    assert answers[3] == 1


def test_one_that_was_slow_is_looked_at_again_after_a_while(clock):
    speeds = {"a": 1, "b": 9}

    def of(name):
        def call():
            clock.advance(speeds[name])
            return name

        return call

    pool = ModelPool([Deployment("a", of("a")), Deployment("b", of("b"))], strategy="latency")
    assert [pool.call() for _ in range(10)].count("b") == 1
    speeds["b"] = 0.1
    assert "b" in [pool.call() for _ in range(70)]
    assert [pool.call() for _ in range(5)] == ["b"] * 5


def test_many_calls_at_once_do_not_run_after_the_one_that_was_quickest_last(clock, run):
    counts = Counter()

    def of(name, seconds):
        async def call():
            counts[name] += 1
            await sleep_async(round(seconds * 1e9))

        return call

    pool = ModelPool(
        [Deployment(n, of(n, s)) for n, s in (("a", 1.0), ("b", 1.1))], strategy="latency", seed=1
    )

    async def main():
        for _ in range(2):
            await pool()
        counts.clear()
        await asyncio.gather(*(pool() for _ in range(100)))

    run(main())
    assert counts["a"] == pytest.approx(52, abs=3)


def test_an_unknown_one_is_tried_by_one_call_at_a_time(clock, run):
    counts = Counter()

    def of(name):
        async def call():
            counts[name] += 1
            await sleep_async(10**9)

        return call

    pool = ModelPool([Deployment(n, of(n)) for n in "ab"], strategy="latency", seed=1)
    pool["a"].latency.record(0.001)

    async def main():
        await asyncio.gather(*(pool() for _ in range(50)))

    run(main())
    assert counts["b"] < 30


def test_weights_are_shares(clock):
    pool = ModelPool(
        [Deployment(str(weight), taking(0, clock), weight=weight) for weight in (1, 2, 7)],
        strategy="weighted",
        seed=3,
    )
    for _ in range(1_000):
        pool.call()
    answered = {name: one.answered for name, one in pool.snapshot().deployments.items()}
    assert answered == {
        "1": pytest.approx(100, abs=25),
        "2": pytest.approx(200, abs=35),
        "7": pytest.approx(700, abs=40),
    }


def test_a_seed_makes_the_draws_repeatable(clock):
    def drawn():
        pool = ModelPool([Deployment(n, lambda n=n: n) for n in "abc"], strategy="weighted", seed=11)
        return [pool.call() for _ in range(30)]

    assert drawn() == drawn()


@pytest.mark.parametrize("strategy", ["order", "price", "latency", "weighted"])
def test_with_every_strategy_those_that_refuse_come_last(clock, strategy):
    pool = ModelPool(
        [Deployment(n, lambda n=n: n, price=place) for place, n in enumerate("abcd")],
        strategy=strategy,
        seed=2,
    )
    for name in "abc":
        pool[name].breaker.trip(60)
    assert [pool.call() for _ in range(20)] == ["d"] * 20
    assert all(pool[name].refused == 0 for name in "abc")


@pytest.mark.parametrize("strategy", ["order", "price", "latency", "weighted"])
def test_a_recovering_one_gets_exactly_its_probes_among_a_thousand_calls(clock, run, strategy):
    probes, release = [], asyncio.Event()

    async def recovering():
        probes.append(1)
        await release.wait()
        return "recovering"

    async def healthy():
        await asyncio.sleep(0)
        return "healthy"

    pool = ModelPool(
        [Deployment("recovering", recovering, weight=50), Deployment("healthy", healthy, price=5)],
        strategy=strategy, seed=5, name=strategy,
    )  # fmt: skip
    pool["recovering"].breaker.trip(10)
    pool["recovering"].latency.record(0.001)
    pool["healthy"].latency.record(1)
    clock.advance(10)

    async def main():
        tasks = [asyncio.create_task(pool()) for _ in range(1_000)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(probes) == 1
        assert pool.snapshot().deployments["recovering"].state == "half_open"
        release.set()
        return Counter(await asyncio.gather(*tasks))

    assert run(main()) == {"healthy": 999, "recovering": 1}
    picture = pool.snapshot().deployments["recovering"]
    assert (picture.state, picture.refused) == ("closed", 0)  # the others were not even sent to ask
