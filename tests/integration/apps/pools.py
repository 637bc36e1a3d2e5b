# SPDX-License-Identifier: MIT OR Apache-2.0
"""Breakers in other processes: pickled by name, and inherited by a fork in the middle of things."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import sys
import threading
import warnings
from contextlib import suppress

from trifuse import CircuitBreaker, TrifuseError, circuit_breaker, registry

SETTINGS = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 60}


@circuit_breaker("shared by name", **SETTINGS)
def work(broken: bool) -> str:
    if broken:
        raise OSError("away")
    return "done"


def fail_twice(breaker: CircuitBreaker) -> list[object]:
    """Be the child: the breaker that came is the one that this process made."""
    for _ in range(2):
        with suppress(OSError):
            work(broken=True)
    CircuitBreaker("made in the child")
    return [breaker is work.circuit_breaker, str(breaker.state), sorted(registry)]


def refused_to_unpickle(data: bytes) -> str:
    try:
        pickle.loads(data)
    except TrifuseError as error:
        return str(error)
    return "no error"


def locked_while_forking(stop: threading.Event) -> None:
    """Hold the registry's lock as often as possible, so that a fork finds it held."""
    index = 0
    while not stop.is_set():
        index += 1
        registry.remove(CircuitBreaker(f"busy {index}").name)


def main(method: str) -> dict[str, object]:
    context = multiprocessing.get_context(method)
    stop = threading.Event()
    busy = threading.Thread(target=locked_while_forking, args=(stop,))
    work(broken=False)
    if method == "fork":
        busy.start()
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside a thread: it is the test
    data = pickle.dumps(CircuitBreaker("only in the parent"))
    children = []
    try:
        for _ in range(1 if method == "spawn" else 20):
            with context.Pool(1) as pool:
                children.append(pool.apply(fail_twice, (work.circuit_breaker,)))
                message = pool.apply(refused_to_unpickle, (data,))
    finally:
        stop.set()
        if busy.is_alive():
            busy.join()
    found = work.circuit_breaker.snapshot()
    return {
        "children": children,
        "message": message,
        "parent": [found.state, found.successes, found.failures],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
