# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which calls read the clock (TIME-NOW-02, TIME-NOW-03), counted by a clock of the test's own.

The core is compiled together with a `clock_gettime` that counts and gives a settable time.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCK = r"""
#include <time.h>
unsigned long clock_reads;
long clock_seconds = 5000;
int clock_gettime(clockid_t id, struct timespec *now) {
    (void)id;
    clock_reads++;
    now->tv_sec = clock_seconds;
    now->tv_nsec = 0;
    return 0;
}
"""
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="interposes clock_gettime")
SECOND = 10**9


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """(cffi, the core with the counting clock)"""
    from cffi import FFI
    from library import declarations

    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock_of_the_test.c").write_text(CLOCK)
    path = folder / "libcounted.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [
            compiler,
            "-std=gnu11",
            "-O1",
            "-shared",
            "-fPIC",
            "-DTRIFUSE_BUILD",
            "-Wl,-Bsymbolic",
            f"-I{ROOT}/core/include",
            f"{ROOT}/core/src/trifuse.c",
            str(folder / "clock_of_the_test.c"),
            "-o",
            str(path),
        ],
        check=True,
    )
    ffi = FFI()
    ffi.cdef(declarations() + "\nextern unsigned long clock_reads; extern long clock_seconds;")
    return ffi, ffi.dlopen(str(path))


class Timed:
    """A breaker whose every call passes 0 for the time."""

    def __init__(self, library, **members):
        self.ffi, self.lib = library
        config = self.ffi.new("trifuse_breaker_config *")
        assert self.lib.trifuse_breaker_config_init(config, self.ffi.sizeof(config[0]), 0) == 0
        for name, value in members.items():
            setattr(config, name, value)
        out = self.ffi.new("trifuse_breaker **")
        assert self.lib.trifuse_breaker_new(config, 0, self.ffi.NULL, out) == 0
        self.breaker = self.ffi.gc(out[0], self.lib.trifuse_breaker_free)
        self.permit = self.ffi.new("uint64_t *")
        self.event = self.ffi.new("trifuse_breaker_event *")
        self.event.struct_size = self.ffi.sizeof(self.event[0])

    def acquire(self):
        return self.lib.trifuse_breaker_try_acquire(self.breaker, 0, self.permit, self.event)

    def report(self, outcome):
        return self.lib.trifuse_breaker_report(self.breaker, self.permit[0], outcome, 0, 0, self.event)

    def reads(self, call, *args):
        """How often a call reads the clock."""
        before = self.lib.clock_reads
        assert call(*args) == 0
        return self.lib.clock_reads - before


@pytest.fixture(autouse=True)
def five_thousand_seconds(library):
    library[1].clock_seconds = 5000


def test_zero_means_the_monotonic_clock(library):
    timed = Timed(library, consecutive_failures=1)
    now = timed.lib.trifuse_now_ns()
    deadline = -(-(now + 30 * SECOND) // 1000) * 1000
    assert now // SECOND == 5000
    assert timed.acquire() == 0
    assert timed.report(1) == 0
    assert timed.event.at_ns == now
    assert timed.event.open_until_ns == deadline
    assert timed.acquire() == 1
    assert timed.event.retry_after_ns == deadline - now
    library[1].clock_seconds = 5031
    assert timed.acquire() == 0


def test_a_time_given_is_the_time_and_no_clock_is_read(library):
    timed = Timed(library)
    before = timed.lib.clock_reads
    assert timed.lib.trifuse_breaker_trip(timed.breaker, 77_000, 0, timed.event) == 0
    assert timed.event.at_ns == 77_000
    assert timed.lib.clock_reads == before


def test_an_admission_while_closed_reads_no_clock(library):
    timed = Timed(library)
    assert timed.reads(timed.acquire) == 0


def test_a_success_with_a_count_window_and_no_slow_rule_reads_no_clock(library):
    timed = Timed(library, window_kind=1, window_count=100)
    for _ in range(250):
        assert timed.reads(timed.acquire) == 0
        assert timed.reads(timed.report, 0) == 0


def test_a_success_after_a_failure_with_a_count_window_reads_no_clock(library):
    timed = Timed(library, window_kind=1, window_count=100, consecutive_failures=5)
    timed.acquire()
    timed.report(1)
    for _ in range(250):
        assert timed.reads(timed.report, 0) == 0


def test_no_call_reads_the_clock_twice(library):
    timed = Timed(library, slow_call_duration_ns=5, slow_call_rate_threshold=0.5, consecutive_failures=3)
    for outcome in (0, 1, 2, 3, 0, 1):
        timed.acquire()
        assert timed.reads(timed.report, outcome) <= 1
    assert timed.reads(timed.lib.trifuse_breaker_trip, timed.breaker, 0, 0, timed.event) == 1
    library[1].clock_seconds = 6000
    assert timed.reads(timed.acquire) == 1
    assert timed.reads(timed.report, 1) == 1
