# SPDX-License-Identifier: MIT OR Apache-2.0
"""Breakers among greenlets: threading, time and sockets are gevent's."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402
from trifuse import CircuitBreaker, RefusedError, circuit_breaker  # noqa: E402


def a_thousand_arrive_at_half_open() -> Counter:
    """Let nobody report before all have asked."""
    breaker = CircuitBreaker("probes", half_open_max_calls=4, initial_state="half_open")
    gate, seen = Event(), Counter()

    @breaker
    def probe() -> None:
        seen["admitted"] += 1
        gate.wait()

    def arrive() -> None:
        try:
            probe()
        except RefusedError as error:
            seen[str(error.reason)] += 1

    crowd = [threading.Thread(target=arrive) for _ in range(1000)]
    for one in crowd:
        one.start()
    gevent.sleep(0.01)
    gate.set()
    for one in crowd:
        one.join()
    return seen


def interleaved_blocks() -> list[int]:
    """Leave blocks in another order than they were entered; every third fails."""
    breaker = CircuitBreaker("blocks", failure_rate_threshold=1.0)

    def block(index: int) -> None:
        try:
            with breaker as told:
                gevent.sleep(0.002 * (7 - index % 7))
                if index % 3 == 0:
                    raise OSError
                if index % 3 == 1:
                    told.ignore()
        except OSError:
            pass

    gevent.joinall([gevent.spawn(block, i) for i in range(300)], raise_error=True)
    found = breaker.snapshot()
    return [found.failures, found.ignored, found.successes]


def durations_are_each_calls_own() -> list[int]:
    """Run quick calls while slow ones are in flight: only the slow are too late."""

    @circuit_breaker("durations", request_timeout=0.25, failure_rate_threshold=1.0)
    def work(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    calls = [gevent.spawn(work, 0.4 if i % 2 else 0.001) for i in range(100)]
    gevent.joinall(calls, raise_error=True)
    found = work.circuit_breaker.snapshot()
    return [found.successes, found.timeouts, sum(call.value == 0.4 for call in calls)]


if __name__ == "__main__":
    print(json.dumps({
        "arrivals": a_thousand_arrive_at_half_open(),
        "blocks": interleaved_blocks(),
        "durations": durations_are_each_calls_own(),
    }))  # fmt: skip
