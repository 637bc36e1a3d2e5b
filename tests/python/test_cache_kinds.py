# SPDX-License-Identifier: MIT OR Apache-2.0
# What a cache guards, what has no key or a broken store, and its settings.
import asyncio
import gc
import inspect
import logging

import pytest
from trifuse import CircuitBreaker, ConfigurationError, Fallback, Pipeline, testing
from trifuse.cache import CacheMissError, Found, MemoryStore, ResultCache, Store


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


class TestKinds:
    def test_a_function_that_turns_out_to_be_awaited_is_cached_as_such(self, clock, run):
        cache, calls = ResultCache(), []

        async def create(prompt):
            calls.append(prompt)
            return prompt.upper()

        guarded = cache(lambda prompt: create(prompt))

        async def main():
            assert [await guarded("a") for _ in range(3)] == ["A"] * 3
            assert calls == ["a"]
            assert set(await asyncio.gather(*(guarded("b") for _ in range(10)))) == {"B"}
            assert calls == ["a", "b"]

        run(main())

    def test_one_that_turns_out_to_give_a_stream_too(self, clock, run):
        cache = ResultCache()

        async def stream(prompt):
            yield prompt

        guarded = cache(lambda prompt: stream(prompt))

        async def main():
            assert [item async for item in guarded("a")] == ["a"]

        run(main())
        assert cache.lookup("a") == ["a"]

    def test_methods_and_calls_are_cached(self, clock):
        cache, calls = ResultCache(), []

        class Client:
            @cache
            def answer(self, prompt):
                """Say it."""
                calls.append(prompt)
                return prompt.upper()

        assert (Client().answer("a"), Client().answer(prompt="a")) == ("A", "A")
        assert calls == ["a"]
        assert Client.answer.policy is cache
        assert str(inspect.signature(Client.answer)) == "(self, prompt)"
        other, service = ResultCache(), Service()
        assert [other.call(service, "x") for _ in range(2)] == ["x 1", "x 1"]

    def test_a_cache_without_a_key_of_its_own_serves_one_function(self, clock):
        cache = ResultCache()
        cache(lambda prompt: 1)
        with pytest.raises(ConfigurationError, match=r"key=None .*tells functions apart"):
            cache(lambda prompt: 2)
        methods, one, two = ResultCache(), Service(), Service()
        assert [methods.call(one.__call__, "x") for _ in range(2)] == ["x 1", "x 1"]
        with pytest.raises(ConfigurationError, match="tells functions apart"):
            methods.call(two.__call__, "x")
        shared = ResultCache(key="x:{prompt}")
        shared(lambda prompt: 1)
        shared(lambda prompt: 2)

    def test_switched_off_it_neither_gives_nor_keeps(self, clock, service):
        cache = ResultCache()
        guarded = cache(service.__call__)
        guarded("a")
        with testing.disabled():
            assert guarded("a") == "a 2"
        assert guarded("a") == "a 1"

    def test_what_has_no_key_is_called_without_the_cache_and_told_once(self, clock, service, caplog):
        guarded = ResultCache(name="mine")(service.__call__)
        for _ in range(3):
            guarded("secret", tool=object())
        assert service.calls == 3
        (record,) = caplog.records
        assert "no key: an argument is a object" in record.getMessage()
        assert "secret" not in caplog.text

    def test_a_key_function_that_fails_does_not_fail_the_call(self, clock, service, caplog):
        guarded = ResultCache(key=lambda prompt: 1 / 0)(service.__call__)
        assert guarded("secret") == "secret 1"
        assert "ZeroDivisionError" in caplog.text
        assert "secret" not in caplog.text

    def test_only_wanted_answers_are_kept(self, clock, service, caplog):
        cache = ResultCache(store_if=lambda answer: answer.endswith("2"))
        guarded = cache(service.__call__)
        assert [guarded("a") for _ in range(3)] == ["a 1", "a 2", "a 2"]
        assert cache.snapshot().not_stored == 1
        broken = ResultCache(store_if=lambda answer: 1 / 0)(service.__call__)
        assert [broken("a"), broken("a")] == ["a 3", "a 4"]
        assert "ZeroDivisionError" in caplog.text

    def test_none_is_an_answer_like_others(self, clock):
        cache, calls = ResultCache(), []
        guarded = cache(lambda prompt: calls.append(prompt))
        assert [guarded("a"), guarded("a")] == [None, None]
        assert calls == ["a"]


class Broken(Store):
    """Fails always."""

    def get(self, key):
        raise OSError("secret " + key)

    put = remove = lambda self, *args: self.get("x")


def test_a_store_that_fails_is_a_miss_and_the_log_has_the_key_as_a_digest_only(service, caplog):
    cache = ResultCache(Broken(), name="mine")
    guarded = cache(service.__call__)
    assert [guarded("secret"), guarded("secret")] == ["secret 1", "secret 2"]
    assert cache.snapshot().store_errors >= 4
    assert "secret" not in caplog.text
    assert "reading of" in caplog.text
    with pytest.raises(CacheMissError):
        cache.lookup("secret")
    assert cache.remember("x", "secret") is False


def test_an_own_store_needs_get_and_put_only(service):
    class Mine(Store):
        def __init__(self):
            self.rows = {}

        def get(self, key):
            return Found(self.rows[key], 0.0) if key in self.rows else None

        def put(self, key, value, keep):
            self.rows[key] = value

    cache = ResultCache(Mine())
    guarded = cache(service.__call__)
    assert [guarded("a"), guarded("a")] == ["a 1", "a 1"]


class TestSettings:
    @pytest.mark.parametrize(
        ("field", "settings"),
        [
            ("ttl", {"ttl": 0}),
            ("ttl", {"ttl": float("nan")}),
            ("ttl", {"ttl": "1h"}),
            ("stale_if_error", {"stale_if_error": -1}),
            ("serve", {"serve": "stale"}),
            ("key", {"key": "llm"}),
            *[("store", {"store": url}) for url in ("rediss//:secret@x", "postgres://x/?password=secret")],
            ("store", {"store": {}}),
            ("store", {"store": "sqlite:"}),
            ("serve", {"serve": []}),
            ("store_if", {"store_if": 3}),
            ("name", {"name": 3}),
        ],
    )
    def test_bad_ones_are_refused_without_showing_secrets(self, field, settings):
        with pytest.raises(ConfigurationError) as caught:
            ResultCache(**settings)
        assert caught.value.field == field
        assert "secret" not in repr(caught.value)

    def test_they_can_be_changed_for_entries_that_are_there(self, clock, service):
        cache = ResultCache(ttl=10, name="mine")
        guarded = cache(service.__call__)
        guarded("a")
        clock.advance(5)
        cache.reconfigure(ttl=3)
        assert guarded("a") == "a 2"
        cache.reconfigure(stale_if_error=7)
        clock.advance(10 - 1e-6)
        assert cache.lookup("a") == "a 2"
        clock.advance(1e-6)
        with pytest.raises(CacheMissError):
            cache.lookup("a")
        with pytest.raises(ConfigurationError, match="key"):
            cache.reconfigure(key="x:{prompt}")
        with pytest.raises(ConfigurationError, match="ttl"):
            cache.reconfigure(serve="never", ttl=0)
        assert cache.describe()["serve"] == "fresh"

    def test_it_describes_itself(self):
        told = ResultCache(MemoryStore(5), key="llm:{prompt}", name="mine").describe()
        assert told == {
            "kind": "cache", "name": "mine", "ttl": 3600.0, "stale_if_error": 86400.0, "key": "llm:{prompt}",
            "hashed": False, "serve": "fresh", "store": "MemoryStore", "max_entries": 5, "max_bytes": None,
        }  # fmt: skip

    def test_a_pipeline_of_plain_data_may_have_one(self, clock, service, tmp_path):
        text = f'[x]\nfallback = "Sorry."\ncache = {{ ttl = 60, store = "sqlite:{tmp_path}/a.db", hashed = true }}'
        pipeline = Pipeline.from_toml(text, table="x")
        assert [policy.kind for policy in pipeline] == ["fallback", "cache"]
        assert pipeline["cache"].store.describe()["store"] == "SqliteStore"
        assert Pipeline.from_dict({"name": "x", "cache": 60})["cache"].describe()["ttl"] == 60

    def test_what_is_guarded_and_cached_is_freed(self, clock):
        import weakref

        cache = ResultCache()
        guarded = cache(lambda prompt: prompt)
        guarded("a")
        gone = weakref.ref(cache)
        del cache, guarded
        gc.collect()
        assert gone() is None


def test_nothing_of_a_call_is_logged_whatever_happens(clock, service, caplog):
    caplog.set_level(logging.DEBUG)
    cache = ResultCache(name="mine")
    guarded = Pipeline("p", Fallback(cache.lookup, "Sorry."), cache, CircuitBreaker("b"))(service.__call__)
    guarded("secret prompt")
    service.error = OSError("secret error")
    clock.advance(10_000)
    guarded("secret prompt")
    guarded("other secret")
    assert caplog.records
    assert "secret" not in caplog.text
    assert all("secret" not in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("way", ["alone", "shared", "awaitable chain", "stream"])
def test_errors_leave_nothing_to_the_collector(clock, run, way):
    """An error that is held by what its own traceback holds waits for the garbage collector."""
    cache = ResultCache()

    class MineError(Exception):
        pass

    async def failing(prompt):
        await asyncio.sleep(1)
        raise MineError

    async def items(prompt):
        raise MineError
        yield

    async def quietly(awaitable):
        try:
            await awaitable
        except MineError:
            return

    async def read(stream):
        async for _ in stream:
            pass

    def refuse(prompt):
        raise MineError

    guarded = cache(items if way == "stream" else failing)
    chain = Fallback(lambda prompt: failing(prompt))

    async def main():
        calls = {
            "alone": lambda: quietly(guarded("a")),
            "shared": lambda: asyncio.gather(*(quietly(guarded("a")) for _ in range(5))),
            "awaitable chain": lambda: quietly(chain.call(refuse, "a")),
            "stream": lambda: quietly(read(guarded("a"))),
        }
        await calls[way]()
        gc.collect()
        gc.disable()
        try:
            await calls[way]()
            return len([one for one in gc.get_objects() if isinstance(one, MineError)])
        finally:
            gc.enable()

    assert run(main()) == 0
