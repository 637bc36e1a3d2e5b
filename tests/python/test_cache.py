# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-09, SEED-29: a cache keeps real answers and never those of a fallback.
import asyncio

import pytest
from trifuse import Fallback
from trifuse._last_call import last_call
from trifuse.cache import ResultCache, Store


class Service:
    """Answers, fails or degrades as it is told; counts the calls."""

    def __init__(self):
        self.error, self.calls = None, 0

    def __call__(self, prompt, **more):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return f"{prompt} {self.calls}"


@pytest.fixture
def service():
    return Service()


@pytest.fixture(params=["function", "coroutine", "returning", "generator", "async generator"])
def kind(request):
    return request.param


@pytest.fixture
def fn_of(of_each_kind, service, kind):
    """A function of a kind that asks the service."""

    def make():
        made = of_each_kind(service)[kind]
        if kind == "returning":  # as a bound method of an SDK: not asynchronous by its looks
            made.__wrapped__ = of_each_kind(service)["coroutine"]
        return made

    return make


def test_a_fresh_answer_is_given_without_a_call(clock, service, fn_of, outcome):
    cache = ResultCache(ttl=10, key=lambda prompt: prompt)
    guarded = cache(fn_of())
    assert outcome(guarded, "a") == outcome(guarded, "a") == "a 1"
    clock.advance(10)
    assert outcome(guarded, "a") == "a 2"
    assert service.calls == 2


def test_never_served_every_call_is_made_and_the_last_answer_kept(clock, service, fn_of, outcome):
    cache = ResultCache(serve="never", key=lambda prompt: prompt)
    guarded = cache(fn_of())
    assert [outcome(guarded, "a") for _ in range(3)] == ["a 1", "a 2", "a 3"]
    kept = cache.lookup("a")
    assert (kept[0] if isinstance(kept, list) else kept) == "a 3"


def test_errors_are_raised_and_not_kept(clock, service, fn_of, outcome):
    cache = ResultCache(key=lambda prompt: prompt)
    guarded = cache(fn_of())
    service.error = OSError("mine")
    for _ in range(2):
        with pytest.raises(OSError, match="mine"):
            outcome(guarded, "a")
    service.error = None
    assert outcome(guarded, "a") == "a 3"


def test_the_answer_of_a_fallback_within_is_never_kept(clock, service, fn_of, outcome, kind):
    cache = ResultCache(key=lambda prompt: prompt)
    instead = ["spare"] if "generator" in kind else "spare"
    guarded = cache(Fallback(value=instead)(fn_of()))
    service.error = OSError()
    for _ in range(2):
        assert outcome(guarded, "a") == "spare"
    assert len(cache.store) == 0
    assert cache.snapshot().degraded == 2
    service.error = None
    assert outcome(guarded, "a") == outcome(guarded, "a") == "a 3"


def test_nor_what_was_made_with_the_help_of_one(clock, run):
    cache, inner = ResultCache(), Fallback("spare")

    async def late():
        await asyncio.sleep(1)
        raise TimeoutError

    @cache
    async def answer(prompt):
        parts = await asyncio.gather(inner.call(late), asyncio.sleep(2, "part"))
        return " ".join(parts)

    @Fallback("never")
    async def outer(prompt):
        return await answer(prompt)

    async def main():
        assert await outer("a") == "spare part"
        assert len(cache.store) == 0

    run(main())


def test_a_degraded_answer_of_another_call_is_not_held_against_this_one(clock, run):
    cache, policy = ResultCache(), Fallback("spare")

    @cache
    @policy
    async def answer(prompt):
        await asyncio.sleep(1 if prompt == "bad" else 2)
        if prompt == "bad":
            raise OSError
        return prompt

    async def main():
        await policy.call(bad)
        assert last_call().degraded
        assert await asyncio.gather(answer("good"), answer("bad"), answer("fine")) == [
            "good",
            "spare",
            "fine",
        ]

    async def bad():
        raise OSError

    run(main())
    assert set(cache.store._entries) == {"llm:good", "llm:fine"}


def test_those_who_shared_a_degraded_call_see_that_it_is_one(clock, run):
    inner, outer = ResultCache(key="inner:{prompt}"), ResultCache(key="outer:{tag}")

    @inner
    @Fallback("spare", name="chain")
    async def answer(prompt):
        await asyncio.sleep(1)
        raise OSError

    @outer
    async def page(tag):
        return f"page {await answer('same')}"

    async def task(tag):
        assert await page(tag) == "page spare"
        assert last_call()[:4] == ("chain", 1, "fallback_value", True)

    async def main():
        await asyncio.gather(*(task(f"{number}") for number in range(20)))

    run(main())
    assert inner.snapshot().shared == 19
    assert len(inner.store) == len(outer.store) == 0
    assert outer.snapshot().degraded == 20


def test_a_store_whose_errors_cannot_be_looked_at_is_a_miss(clock, service):
    class OddError(Exception):
        @property
        def reason(self):
            raise KeyError

    class Odd(Store):
        def get(self, key):
            raise OddError

        def put(self, key, value, keep):
            raise OddError

    cache = ResultCache(Odd())
    assert cache(service.__call__)("a") == "a 1"
    assert cache.snapshot().store_errors >= 2
