# SPDX-License-Identifier: MIT OR Apache-2.0
"""Objects of the policies live in the memory that they were given, whatever the traffic (LATENCY-07), and jitter
draws by seed (RETRY-JITTER-06)."""

import pytest
from library import Core, load
from objects import CoreObjects
from policies import TABLE

GUARD = 64
NOW = 10**9


@pytest.fixture(scope="module")
def objects():
    return CoreObjects(Core(*load()))


def made_in(objects, kind, config):
    """(object, its memory with a guard at each end)"""
    given = objects.config(kind, config)
    size = objects.function(f"{kind}_size")(given)
    memory = objects.ffi.new("uint64_t[]", (size + 2 * GUARD) // 8)
    objects.ffi.memmove(memory, b"\x5a" * (size + 2 * GUARD), size + 2 * GUARD)
    out = objects.ffi.new(f"trifuse_{kind} **")
    inside = objects.ffi.cast("char *", memory) + GUARD
    result = objects.function(f"{kind}_init")(inside, size, given, NOW, objects.ffi.NULL, out)
    assert result == 0
    return out[0], memory


def guards(objects, memory):
    whole = bytes(objects.ffi.buffer(memory))
    return whole[:GUARD] + whole[-GUARD:]


def use(objects, kind, made, now):
    """A round of every plain operation of a kind."""
    core, word = objects.core, objects.ffi.new("uint64_t *")
    call = {
        name: objects.function(f"{kind}_{name}") for name in TABLE[kind]["operations"] if name != "snapshot"
    }
    if kind == "limiter":
        call["try_acquire"](made, 3, now, word)
        call["reserve"](made, 2, now, 0, core.struct("reservation"))
    elif kind == "concurrency":
        call["try_acquire"](made)
        call["release"](made, now % 4, now % 10**9)
    elif kind == "retry":
        one = core.struct("retry_call")
        call["begin"](made, now, one)
        call["next"](made, objects.ffi.NULL, one, 2**64 - 1, 2**64 - 1, now, word)
    elif kind == "histogram":
        call["record"](made, now * 2654435761 % 2**50, now)
    elif kind == "hedge":
        call["deposit"](made)
        call["try_withdraw"](made)
    else:
        for name in call:
            call[name](made, now)


CONFIGS = [
    ("limiter", {}),
    ("limiter", {"kind": "sliding_log", "permits": 7}),
    ("limiter", {"kind": "sliding_counter"}),
    ("limiter", {"kind": "fixed_window"}),
    *(("concurrency", {"algorithm": name}) for name in ("fixed", "aimd", "vegas", "gradient2")),
    ("retry", {}),
    ("retry_budget", {}),
    ("throttle", {"window_buckets": 3}),
    ("histogram", {}),
    ("histogram", {"sliding_ns": 10**9}),
    ("hedge", {}),
]


@pytest.mark.parametrize(
    ("kind", "config"), CONFIGS, ids=[f"{k} {' '.join(map(str, c.values()))}" for k, c in CONFIGS]
)
def test_no_traffic_writes_beside_the_memory_of_an_object(objects, kind, config):
    made, memory = made_in(objects, kind, config)
    for round_number in range(3000):
        use(objects, kind, made, NOW + round_number * 7_654_321)
    assert set(guards(objects, memory)) == {0x5A}


def delays(objects, seed, start):
    """Ten full jitters of one call."""
    _, _, retry = objects.make("retry", {"jitter": "full", "max_retries": 10, "seed": seed}, NOW)
    one, word = objects.core.struct("retry_call"), objects.ffi.new("uint64_t *")
    objects.function("retry_begin")(retry, start, one)
    found = []
    for _ in range(10):
        none = 2**64 - 1
        assert objects.function("retry_next")(retry, objects.ffi.NULL, one, none, none, start, word) == 0
        found.append(word[0])
    return found


def test_equal_seeds_draw_equal_delays_and_others_draw_others(objects):
    assert delays(objects, 1, NOW) == delays(objects, 1, NOW)
    assert delays(objects, 1, NOW) != delays(objects, 2, NOW)
    assert delays(objects, 1, NOW) != delays(objects, 1, NOW + 1)
