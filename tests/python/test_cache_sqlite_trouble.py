# SPDX-License-Identifier: MIT OR Apache-2.0
# Whatever is wrong with the file of a cache is a miss; in tasks it is used by threads.
import asyncio
import json
import math
import sqlite3
import threading
import time

import pytest
import trio
from trifuse import CircuitBreaker, ConfigurationError, Fallback
from trifuse._fallback_level import FallbackLevel
from trifuse.cache import CodecError, PickleCodec, ResultCache, SqliteStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.db"


@pytest.fixture
def store_of(path):
    made = []

    def make(**settings):
        made.append(SqliteStore(path, **{"timeout": 5, **settings}))
        return made[-1]

    yield make
    for store in made:
        store.close()


class TestTrouble:
    """Whatever is wrong with the file is a miss, and costs no more than the time limit."""

    @pytest.mark.parametrize(
        "content", [b"this is no database at all, " * 100, b"SQLite format 3\x00" + b"\xff" * 4000]
    )
    def test_a_file_that_is_no_database_is_left_as_it_is(self, path, store_of, content, caplog):
        path.write_bytes(content)
        cache = ResultCache(store_of())
        guarded = cache(lambda prompt: prompt.upper())
        assert [guarded("secret") for _ in range(5)] == ["SECRET"] * 5
        assert path.read_bytes() == content
        assert cache.store.breaker.state == "open"
        assert "secret" not in caplog.text

    def test_so_is_the_database_of_another_program(self, path, store_of):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE users (name TEXT)")
        connection.commit()
        connection.close()
        before = path.read_bytes()
        store = store_of()
        with pytest.raises(sqlite3.DatabaseError, match="another program"):
            store.put("k", 1, 60)
        assert path.read_bytes() == before

    def test_a_folder_that_is_not_there_is_a_miss(self, tmp_path):
        cache = ResultCache(SqliteStore(tmp_path / "no" / "such.db"))
        assert cache(lambda prompt: 1)("a") == 1

    def test_a_full_disk_is_a_miss_and_what_is_there_is_still_read(self, store_of):
        store = store_of()
        store.put("k", "old", 60)
        store._connection.execute("PRAGMA max_page_count = 10")
        cache = ResultCache(store, key="{prompt}")
        guarded = cache(lambda prompt: "x" * 1_000_000)
        assert len(guarded("big")) == 1_000_000
        assert cache.snapshot().store_errors == 1
        assert cache.lookup("k") == "old"

    def test_a_file_that_another_process_holds_costs_the_time_limit_and_no_more(self, path, store_of):
        store_of().put("k", 1, 60)
        store = store_of(timeout=0.1)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            cache = ResultCache(store, key="{prompt}", serve="never")
            guarded = cache(lambda prompt: prompt)
            begun = time.monotonic()
            assert [guarded("a") for _ in range(50)] == ["a"] * 50
            assert time.monotonic() - begun < 3 * 0.1 + 0.5
        finally:
            other.close()
        assert cache.snapshot().store_errors == 50

    def test_what_cannot_be_written_is_not_kept_and_told_once(self, store_of, caplog):
        cache = ResultCache(store_of(), name="mine")
        guarded = cache(lambda prompt: ("secret", prompt))
        assert [guarded("a"), guarded("b")] == [("secret", "a"), ("secret", "b")]
        (record,) = [record for record in caplog.records if "cannot be written" in record.getMessage()]
        assert "tuple" in record.getMessage()
        assert "secret" not in caplog.text
        assert cache.store.breaker.state == "closed"

    def test_another_codec_may_write_it(self, store_of):
        cache = ResultCache(store_of(codec=PickleCodec()))
        guarded = cache(lambda prompt: (prompt, {1}))
        assert guarded("a") == guarded("a") == ("a", {1})
        assert cache.snapshot().fresh == 1
        with pytest.raises(CodecError):
            PickleCodec().encode(lambda: 1)

    @pytest.mark.parametrize(
        ("field", "settings"),
        [
            ("path", {"path": ""}),
            ("path", {"path": ":memory:"}),
            ("path", {"path": 3}),
            ("max_entries", {"max_entries": 0}),
            ("timeout", {"timeout": 0}),
            ("timeout", {"timeout": math.nan}),
            ("codec", {"codec": json}),
            ("breaker", {"breaker": "x"}),
        ],
    )
    def test_bad_settings_are_refused(self, field, settings):
        with pytest.raises(ConfigurationError) as caught:
            SqliteStore(**{"path": "x.db", **settings})
        assert caught.value.field == field


class TestTasks:
    """In tasks the file is used by threads, never by the event loop's."""

    def guarded(self, store):
        cache = ResultCache(store)

        @cache
        async def answer(prompt):
            return prompt.upper()

        return cache, answer

    def test_tasks_of_asyncio_and_trio_use_it(self, store_of):
        cache, answer = self.guarded(store_of())

        async def main():
            assert (await answer("a"), await answer("a")) == ("A", "A")
            assert await cache.lookup.in_task("a") == "A"

        asyncio.run(main())
        trio.run(main)
        assert cache.snapshot()[1:4] == (5, 0, 1)

    def test_the_loop_runs_on_while_the_disk_does_not_answer(self, store_of, monkeypatch):
        store = store_of(timeout=0.2)
        hanging, threads = threading.Event(), []

        def read(key):
            threads.append(threading.current_thread())
            hanging.wait(20)

        monkeypatch.setattr(store, "_read", read)
        _, answer = self.guarded(store)

        async def main():
            ticks, begun = 0, time.monotonic()
            task = asyncio.ensure_future(answer("a"))
            while not task.done():
                ticks += 1
                await asyncio.sleep(0.005)
            assert task.result() == "A"
            assert 0.15 < time.monotonic() - begun < 2
            return ticks

        try:
            assert asyncio.run(main()) >= 10
        finally:
            hanging.set()
        assert threading.main_thread() not in threads

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_nor_does_a_lookup_in_a_chain_of_awaited_calls_block_the_loop(
        self, store_of, monkeypatch, wrapped
    ):
        store, hanging = store_of(timeout=0.2), threading.Event()
        monkeypatch.setattr(store, "_read", lambda key: hanging.wait(20) and None)
        lookup = ResultCache(store).lookup
        chain = Fallback(FallbackLevel(lookup, timeout=5) if wrapped else lookup, "Sorry.")

        @chain
        async def answer(prompt):
            raise OSError

        async def main():
            ticks, task = 0, asyncio.ensure_future(answer("a"))
            while not task.done():
                ticks += 1
                await asyncio.sleep(0.005)
            assert task.result() == "Sorry."
            return ticks

        try:
            assert asyncio.run(main()) >= 10
        finally:
            hanging.set()

    def test_a_cancelled_task_goes_at_once_and_stays_cancelled(self, store_of, monkeypatch):
        store, hanging = store_of(), threading.Event()
        monkeypatch.setattr(store, "_read", lambda key: hanging.wait(20) and None)
        cache, answer = self.guarded(store)

        async def main():
            task = asyncio.ensure_future(answer("a"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        try:
            asyncio.run(main())
        finally:
            hanging.set()
        assert len(cache._flights) == 0
        assert store.breaker.snapshot().failures == 0

    def test_when_all_threads_hang_calls_go_on_without_the_store(self, store_of, monkeypatch):
        store, hanging = (
            store_of(timeout=0.05, breaker=CircuitBreaker("own", registry=None)),
            threading.Event(),
        )
        monkeypatch.setattr(store, "_read", lambda key: hanging.wait(20) and None)
        cache, answer = self.guarded(store)

        async def main():
            begun = time.monotonic()
            got = await asyncio.gather(*(answer(f"{number}") for number in range(100)))
            assert len(set(got)) == 100
            return time.monotonic() - begun

        try:
            assert asyncio.run(main()) < 5
        finally:
            hanging.set()
        assert cache.snapshot().store_errors >= 100
