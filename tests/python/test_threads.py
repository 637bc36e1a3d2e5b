# SPDX-License-Identifier: MIT OR Apache-2.0
import sys
import threading

import pytest
from trifuse import CircuitBreaker, RefusedError, State


@pytest.fixture(autouse=True)
def _switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(count, work):
    barrier = threading.Barrier(count)

    def start(index):
        barrier.wait()
        work(index)

    threads = [threading.Thread(target=start, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_exactly_the_probes_are_admitted_of_many_threads(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=5, success_threshold=5)
    breaker.trip(retry_after=1)
    clock.advance(1)
    gate, admitted, refused = threading.Event(), [], []

    def probe():
        admitted.append(1)
        gate.wait(30)

    def work(_):
        for _ in range(20):
            try:
                breaker.call(probe)
            except RefusedError:
                refused.append(1)
                if len(refused) >= 995:
                    gate.set()

    together(100, work)
    assert len(admitted) >= 5
    picture = breaker.snapshot()
    assert picture.refused_half_open_limit == len(refused)
    assert picture.transitions["open", "half_open"] == 1


def test_a_thousand_arrivals_while_no_probe_reports_yield_exactly_the_probes(breaker_of, clock):
    breaker = breaker_of(half_open_max_calls=5)
    breaker.trip(retry_after=1)
    clock.advance(1)
    counts = [0] * 50

    def work(index):
        for _ in range(20):
            try:
                breaker.__enter__()
                counts[index] += 1
            except RefusedError:
                pass

    together(50, work)
    assert sum(counts) == 5


def test_no_outcome_of_many_threads_is_lost():
    breaker = CircuitBreaker("busy", failure_rate_threshold=1.0)

    @breaker
    def work(index):
        if index % 4 == 0:
            raise OSError
        if index % 4 == 1:
            return breaker.call(int)
        return 1

    def many(index):
        for _ in range(2000):
            try:
                work(index)
            except OSError:
                pass

    together(8, many)
    picture = breaker.snapshot()
    assert (picture.failures, picture.successes) == (4000, 12000 + 4000)


def test_every_transition_is_told_exactly_once_and_nothing_crosses_a_generation():
    told = []
    breaker = CircuitBreaker(
        "flapping", consecutive_failures=1, failure_rate_threshold=1.0, on_transition=told.append
    )

    @breaker
    def work(index):
        if index == 0:
            raise OSError

    def many(index):
        for step in range(3000):
            try:
                work(index)
            except (OSError, RefusedError):
                pass
            if step % 20 == 0:
                breaker.reset()

    together(4, many)
    picture = breaker.snapshot()
    changes = [t for t in told if t.from_state is not t.to_state]
    assert len(changes) == sum(n for (a, b), n in picture.transitions.items() if a is not b)
    assert len({t.generation for t in told}) == len(told)
    assert picture.transitions["closed", "open"] >= 10
    done = picture.calls + picture.late_results + picture.refused
    assert done == 4 * 3000
    assert breaker.state in {State.CLOSED, State.OPEN}
