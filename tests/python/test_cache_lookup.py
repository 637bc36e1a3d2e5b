# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-29: a cache as a level of a chain, and streams through a cache.
import pytest
from trifuse import CircuitBreaker, Fallback, Pipeline
from trifuse._last_call import last_call
from trifuse.cache import CacheMissError, ResultCache


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


class TestLookup:
    """As a level of a chain."""

    def pipeline(self, cache, breaker, *more):
        return Pipeline("p", Fallback(cache.lookup, *more), cache, breaker)

    def test_it_gives_what_was_kept_fresh_or_stale_and_else_lets_the_next_answer(
        self, clock, service, breaker_of
    ):
        cache = ResultCache(ttl=10, stale_if_error=20)
        guarded = self.pipeline(cache, breaker_of(), "Sorry.")(service.__call__)
        assert guarded("a") == "a 1"
        service.error = OSError()
        assert guarded("b") == "Sorry."
        assert last_call().level == 2
        clock.advance(10)
        assert guarded("a") == "a 1"
        assert last_call()[1:4] == (1, "ResultCache.lookup", True)
        clock.advance(20 - 1e-6)
        assert guarded("a") == "a 1"
        clock.advance(1e-6)
        assert guarded("a") == "Sorry."
        assert cache.snapshot().stale == 2

    def test_row_29_of_the_seeds(self, clock, breaker_of):
        cache = ResultCache()
        breaker = breaker_of(fallback=[cache.lookup, "Sorry."])
        failing = False

        @breaker
        @cache
        def answer(prompt):
            if failing:
                raise OSError
            return prompt.upper()

        assert answer("why?") == "WHY?"
        assert list(cache.store._entries) == ["llm:why?"]
        failing = True
        clock.advance(3600)
        for _ in range(2):
            with pytest.raises(OSError):
                answer("why?")
        assert breaker.state == "open"
        assert (answer("why?"), answer("how?")) == ("WHY?", "Sorry.")

    def test_what_a_lookup_gave_is_not_kept_again_as_a_real_answer(self, clock, service):
        cache = ResultCache(ttl=10, stale_if_error=20)
        guarded = Pipeline("p", cache, Fallback(cache.lookup))(service.__call__)
        assert guarded("a") == "a 1"
        service.error = OSError()
        clock.advance(29)
        assert guarded("a") == "a 1"
        clock.advance(1)
        with pytest.raises(OSError):
            guarded("a")

    def test_a_stream_is_answered_by_the_items_that_were_kept(self, clock, run):
        cache = ResultCache(ttl=1)
        failing = False

        @Fallback(cache.lookup, ["Sorry."])
        @cache
        async def words(prompt):
            if failing:
                raise OSError
            for word in prompt.split():
                yield word

        async def read(prompt):
            return [word async for word in words(prompt)]

        async def main():
            nonlocal failing
            assert await read("why is it") == ["why", "is", "it"]
            failing = True
            clock.advance(1)
            assert await read("why is it") == ["why", "is", "it"]
            assert await read("other") == ["Sorry."]

        run(main())

    def test_zero_seconds_of_staleness_are_none(self, clock):
        cache = ResultCache(ttl=10, stale_if_error=0)
        cache.remember("x", "a")
        assert cache.lookup("a") == "x"
        clock.advance(10)
        with pytest.raises(CacheMissError):
            cache.lookup("a")

    def test_a_miss_shows_nothing_of_the_call(self):
        with pytest.raises(CacheMissError) as caught:
            ResultCache(name="mine").lookup("secret")
        assert str(caught.value) == "cache 'mine' has no answer to this"
        assert isinstance(caught.value, LookupError)

    def test_in_tasks_it_is_awaited(self, clock, run):
        cache = ResultCache()

        async def main():
            assert await cache.remember_async("x", "a")
            assert await cache.lookup.in_task("a") == "x"
            await cache.forget_async("a")
            with pytest.raises(CacheMissError):
                await cache.lookup.in_task("a")

        run(main())

    def test_an_entry_can_be_forgotten(self, clock):
        cache = ResultCache()
        cache.remember("x", "a", model="b")
        cache.forget("a", model="b")
        with pytest.raises(CacheMissError):
            cache.lookup("a", model="b")

    def test_two_guards_with_lookups_of_the_same_cache_are_the_same(self):
        cache, other = ResultCache(), ResultCache()
        assert cache.lookup == cache.lookup != other.lookup
        assert len({cache.lookup, cache.lookup}) == 1
        one = CircuitBreaker("same", fallback=[cache.lookup])
        assert CircuitBreaker("same", fallback=[cache.lookup]) is one


class TestStreams:
    def test_a_stream_closed_early_is_not_kept(self, clock, run):
        cache, sync = ResultCache(), ResultCache()

        @cache
        async def words(prompt):
            yield 1
            yield 2

        @sync
        def sync_words(prompt):
            yield 1
            yield 2

        async def main():
            stream = words("a")
            assert await anext(stream) == 1
            await stream.aclose()

        run(main())
        stream = sync_words("a")
        next(stream)
        stream.close()
        assert len(cache.store) == len(sync.store) == 0

    def test_nor_one_that_breaks_nor_one_in_which_a_fallback_answered_late(self, clock):
        cache, inner = ResultCache(), Fallback("spare")

        @cache
        def words(prompt):
            yield 1
            if prompt == "break":
                raise OSError
            yield inner.call(Service.__call__, None, "x")  # fails, and the fallback answers

        with pytest.raises(OSError):
            list(words("break"))
        assert list(words("late")) == [1, "spare"]
        assert len(cache.store) == 0

    def test_the_consumers_own_fallbacks_between_items_are_not_held_against_it(self, clock):
        cache, own = ResultCache(), Fallback("spare")

        def failing():
            raise OSError

        @cache
        def words(prompt):
            yield from prompt

        for _ in words("ab"):
            assert own.call(failing) == "spare"
        assert list(cache.store._entries) == ["llm:ab"]

    def test_a_very_long_stream_passes_and_is_not_kept(self, clock, monkeypatch):
        from trifuse.cache import _streams

        monkeypatch.setattr(_streams, "MOST_ITEMS", 10)
        cache = ResultCache()

        @cache
        def words(prompt):
            yield from range(20)

        assert list(words("a")) == list(range(20))
        assert len(cache.store) == 0
