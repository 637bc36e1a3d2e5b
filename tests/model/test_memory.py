# SPDX-License-Identifier: MIT OR Apache-2.0
"""A breaker stays within the memory that it was given (WIN-MEM-01), however it is driven."""

import random

import chooser
from library import Core, CoreBreaker, load
from twins import run

GUARD = 4096
FILL = 0xA5


class GuardedCore(Core):
    """Makes breakers in memory of exactly the size asked for, between two guards."""

    def __init__(self):
        super().__init__(*load())
        self.guarded = []

    def make(self, config, now):
        given, error = self.config(config), self.struct("config_error")
        size = self.lib.trifuse_breaker_size(given)
        memory = self.ffi.new("char[]", size + 2 * GUARD + 64)
        self.ffi.memmove(memory, bytes([FILL]) * len(memory), len(memory))
        start = GUARD + -(int(self.ffi.cast("uintptr_t", memory)) + GUARD) % 64
        self.guarded.append((memory, start, size))
        out = self.ffi.new("trifuse_breaker **")
        result = self.lib.trifuse_breaker_init(memory + start, size, given, now, error, out)
        return self.result(result), self.plain(error), CoreBreaker(self, out[0], owned=False)

    def untouched(self):
        """Whether every guard is as it was filled."""
        for memory, start, size in self.guarded:
            held = bytes(self.ffi.buffer(memory))
            if set(held[:start]) | set(held[start + size :]) != {FILL}:
                return False
        return True


def test_no_history_writes_beside_the_memory_of_a_breaker():
    draws = random.Random(20)
    for _ in range(40):
        core = GuardedCore()
        run(core, draws.randbytes(chooser.HEAD + 3 * 1000))
        assert core.guarded
        assert core.untouched()


def test_a_breaker_of_exact_size_takes_any_traffic():
    core = GuardedCore()
    for kind in ("time", "count"):
        _, _, breaker = core.make({"window_kind": kind, "failure_rate_threshold": 1.0}, 1)
        permit = breaker.acquire(1)[1]
        for k in range(30_000):
            breaker.report(permit, "failure", 0, 1 + k * 10**6)
        assert breaker.snapshot(1)["failures"] == 30_000
    assert core.untouched()
