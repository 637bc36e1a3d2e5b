# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-30: the store in memory, bounded, without copies on read, against a naive model.
import random
import threading

import pytest
from trifuse import ConfigurationError
from trifuse.cache import MemoryStore
from trifuse.cache._memory import measure


class Model:
    """What the store does, said naively: a list of (key, value, stored, until), the least recently used first."""

    def __init__(self, most, most_bytes):
        self.rows, self.most, self.most_bytes = [], most, most_bytes

    def get(self, key, now):
        for row in self.rows:
            if row[0] == key:
                self.rows.remove(row)
                if now >= row[3]:
                    return None
                self.rows.append(row)
                return row[1], now - row[2]
        return None

    def put(self, key, value, keep, now):
        self.rows = [row for row in self.rows if row[0] != key]
        if self.size(key, value) > self.most_bytes:
            return
        self.rows.append((key, value, now, now + keep))
        while (
            len(self.rows) > self.most
            or sum(self.size(row[0], row[1]) for row in self.rows) > self.most_bytes
        ):
            self.rows.pop(0)

    def remove(self, key):
        self.rows = [row for row in self.rows if row[0] != key]

    @staticmethod
    def size(key, value):
        import sys

        return value + sys.getsizeof(key)


@pytest.mark.parametrize("seed", range(20))
def test_random_histories_agree_with_a_naive_model(clock, seed):
    rng = random.Random(seed)
    most, most_bytes = rng.randrange(1, 8), rng.choice([100, 300, 10_000])
    store, model = (
        MemoryStore(most, max_bytes=most_bytes, size_of=lambda value: value),
        Model(most, most_bytes),
    )
    for _ in range(400):
        key, now = f"k{rng.randrange(10)}", clock.now
        action = rng.randrange(4)
        if action == 0:
            value, keep = rng.randrange(120), rng.choice([1.0, 5.0, 60.0])
            store.put(key, value, keep)
            model.put(key, value, keep, now)
        elif action == 1:
            store.remove(key)
            model.remove(key)
        elif action == 2:
            clock.advance(rng.choice([0.25, 1.0, 7.0]))
        else:
            found, expected = store.get(key), model.get(key, now)
            assert (found is None) == (expected is None), seed
            if found is not None:
                assert (found.value, found.age) == (expected[0], pytest.approx(expected[1])), seed
        told = store.snapshot()
        assert told.entries == len(store) == len(model.rows) <= most
        assert told.bytes == sum(model.size(row[0], row[1]) for row in model.rows) <= most_bytes
    store.clear()
    assert store.snapshot()[:2] == (0, 0)


def test_reading_gives_the_object_itself(clock):
    store, value = MemoryStore(), {"a": [1]}
    store.put("k", value, 10)
    assert store.get("k").value is value is store.get("k").value


def test_an_entry_is_there_until_its_time_and_not_at_it(clock):
    store = MemoryStore()
    store.put("k", 1, 10)
    clock.advance(10 - 1e-9)
    assert store.get("k").age == pytest.approx(10)
    clock.advance(1e-9)
    assert store.get("k") is None
    assert len(store) == 0


def test_a_clock_that_steps_back_makes_no_negative_age(clock):
    store = MemoryStore()
    store.put("k", 1, 10)
    clock.advance(-5)
    assert store.get("k").age == 0


def test_the_size_of_a_value_is_that_of_its_parts_each_once():
    text = "x" * 1000
    assert 1000 < measure(text) < 1100
    assert measure([text, text]) < 1300
    assert measure({"a": [text], "b": (text + "y",)}) > 2000

    class Answer:
        def __init__(self):
            self.text = "z" * 5000
            self.me = self

    assert measure(Answer()) > 5000
    loop = []
    loop.append(loop)
    assert measure(loop) < 1000


def test_a_value_larger_than_all_of_it_replaces_nothing_by_nothing(clock):
    store = MemoryStore(max_bytes=1000)
    store.put("k", "old", 10)
    store.put("k", "x" * 2000, 10)
    assert store.get("k") is None
    assert store.snapshot() == (0, 0, 0)


def test_bytes_stay_bounded_whatever_is_put(clock):
    store = MemoryStore(1_000_000, max_bytes=100_000)
    for number in range(2000):
        store.put(f"key {number}", "x" * (number % 700), 1000)
    told = store.snapshot()
    assert 0 < told.bytes <= 100_000
    assert told.evicted == 2000 - told.entries


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("max_entries", {"max_entries": 0}),
        ("max_entries", {"max_entries": True}),
        ("max_entries", {"max_entries": 1.5}),
        ("max_bytes", {"max_bytes": 0}),
        ("max_bytes", {"max_bytes": float("nan")}),
        ("size_of", {"size_of": 3}),
    ],
)
def test_bad_settings_are_refused(field, settings):
    with pytest.raises(ConfigurationError) as caught:
        MemoryStore(**settings)
    assert caught.value.field == field


def test_threads_neither_lose_count_nor_read_what_was_not_put():
    store, wrong = MemoryStore(50, max_bytes=10_000, size_of=lambda value: len(value[1])), []

    def work(seed):
        rng = random.Random(seed)
        for _ in range(3000):
            key = f"k{rng.randrange(100)}"
            if rng.randrange(2):
                store.put(key, (key, "x" * rng.randrange(100)), 100)
            else:
                found = store.get(key)
                if found is not None and found.value[0] != key:
                    wrong.append(key)
            if not rng.randrange(20):
                store.remove(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    held = store.snapshot()
    assert held.bytes == sum(entry.size for entry in store._entries.values()) <= 10_000
    assert held.entries <= 50
