# SPDX-License-Identifier: MIT OR Apache-2.0
# Entries in a file that processes share.
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time

import pytest
from trifuse.cache import CacheMissError, ResultCache, SqliteStore
from trifuse.cache import _envelope as envelope


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


@pytest.fixture
def wall(monkeypatch):
    """The wall clock in milliseconds, set by hand."""
    now = [1_700_000_000_000]
    monkeypatch.setattr(envelope, "wall_ms", lambda: now[0])
    monkeypatch.setattr("trifuse.cache._sqlite.wall_ms", lambda: now[0])
    return now


def rows(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT key, entry FROM trifuse_cache ORDER BY id").fetchall()
    finally:
        connection.close()


def spoil(path, key, entry):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE trifuse_cache SET entry = ? WHERE key = ?", (entry, key))
    connection.commit()
    connection.close()


class TestStore:
    def test_entries_are_there_for_another_store_of_the_same_file(self, store_of, path):
        store_of().put("llm:why?", {"answer": [1, None]}, 60)
        found = store_of().get("llm:why?")
        assert found.value == {"answer": [1, None]}
        assert 0 <= found.age < 30
        store_of().remove("llm:why?")
        assert store_of().get("llm:why?") is None

    def test_the_file_is_the_users_alone(self, store_of, path):
        store_of().put("k", 1, 60)
        for each in (path, path.with_name(f"{path.name}-wal")):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600

    @pytest.mark.parametrize("seed", range(5))
    def test_random_histories_agree_with_a_dictionary(self, store_of, wall, seed):
        rng, store, model = random.Random(seed), store_of(), {}
        for _ in range(200):
            key, action = f"k{rng.randrange(8)}", rng.randrange(4)
            if action == 0:
                value, keep = rng.randrange(1000), rng.choice([1, 10, 100])
                store.put(key, value, keep)
                model[key] = (value, wall[0], wall[0] + keep * 1000)
            elif action == 1:
                store.remove(key)
                model.pop(key, None)
            elif action == 2:
                wall[0] += rng.choice([1, 500, 5_000])
            else:
                found, expected = store.get(key), model.get(key)
                if expected is None or wall[0] >= expected[2]:
                    assert found is None
                else:
                    assert found == (expected[0], (wall[0] - expected[1]) / 1000)

    def test_the_oldest_go_when_there_are_too_many_and_what_is_over_goes_first(self, store_of, path, wall):
        store = store_of(max_entries=10)
        store.put("over", 0, 1)
        wall[0] += 2_000
        for number in range(25):
            store.put(f"k{number}", number, 60)
            assert len(rows(path)) <= 11
        assert [key for key, _ in rows(path)] == [f"k{number}" for number in range(15, 25)]

    def test_one_key_written_again_and_again_pushes_nobody_out(self, store_of, path):
        store = store_of(max_entries=10)
        for number in range(9):
            store.put(f"k{number}", number, 60)
        for number in range(50):
            store.put("hot", number, 60)
        assert len(rows(path)) == 10

    def test_a_spoilt_entry_is_a_miss_and_is_removed(self, store_of, path):
        store = store_of()
        cache = ResultCache(store, key="{prompt}")
        guarded = cache(lambda prompt: prompt.upper())
        assert guarded("a") == "A"
        (_, entry), = rows(path)  # fmt: skip
        for spoilt in (entry[:-1], entry[:-1] + b"x", b"trifuse/1 nonsense"):
            spoil(path, "a", spoilt)
            with pytest.raises(CacheMissError):
                cache.lookup("a")
            while rows(path):
                time.sleep(0.001)
            assert guarded("a") == "A"
        spoil(path, "a", b"somebody else's")
        with pytest.raises(CacheMissError):
            cache.lookup("a")
        assert rows(path) == [("a", b"somebody else's")]

    def test_processes_share_the_file(self, path):
        code = (
            "import sys; from trifuse.cache import SqliteStore; s = SqliteStore(sys.argv[1], timeout=20)\n"
            "for n in range(60): s.put(f'{sys.argv[2]} {n}', [n], 600)\n"
            "assert all(s.get(f'{sys.argv[2]} {n}').value == [n] for n in range(60))"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(3)
        ]
        assert [process.wait(60) for process in started] == [0, 0, 0]
        assert len(rows(path)) == 180

    def test_a_killed_writer_leaves_a_file_that_works(self, path, store_of):
        code = (
            "import sys; from trifuse.cache import SqliteStore; s = SqliteStore(sys.argv[1], timeout=20)\n"
            "n = 0\nwhile True:\n    s.put(f'k{n % 100}', 'x' * 5000, 600); n += 1\n    print(n, flush=True)"
        )
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        for _ in range(50):
            process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        store = store_of()
        assert store.get("k1").value == "x" * 5000
        store.put("after", 1, 60)
        assert store.get("after").value == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_a_forked_child_uses_the_file_without_harm(self, store_of):
        store = store_of()
        store.put("parent", 1, 60)
        child = os.fork()
        if child == 0:
            fine = store.get("parent").value == 1
            store.put("child", 2, 60)
            store.close()
            os._exit(0 if fine else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        store.put("parent", 3, 60)
        assert (store.get("child").value, store.get("parent").value) == (2, 3)
