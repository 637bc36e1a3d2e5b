# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of the Python package share: virtual time for breakers and event loops."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import pathlib

import pytest
import trio.testing
from trifuse import CircuitBreaker, registry, testing

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "python" / "src"
_names = itertools.count()


class JumpingLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that jumps to its next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 1000.0
        really = self._selector.select

        def select(timeout=None):
            if timeout is not None and timeout > 0:
                events = really(0)
                if not events:
                    self._virtual += timeout
                return events
            return really(timeout)

        self._selector.select = select

    def time(self) -> float:
        return self._virtual


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    if request.param == "asyncio":
        return "asyncio", {"loop_factory": JumpingLoop}
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture
def clock():
    with testing.virtual_clock() as clock:
        yield clock


@pytest.fixture
def breaker_of(clock):
    """Make a breaker of a fresh name that opens at the second failure in a row, under virtual time."""

    def make(**fields):
        settings = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 10}
        return CircuitBreaker(f"breaker-{next(_names)}", **{**settings, **fields})

    return make


@pytest.fixture(params=["decorated", "called", "returned", "returned called"])
def guarded_stream(request, breaker_of):
    """Make (breaker, guarded generator function): by kind, or by what a plain function returns."""

    def make(fn, **fields):
        breaker = breaker_of(**fields)
        returning = (lambda *a: fn(*a)) if request.param.startswith("returned") else fn
        if request.param.endswith("called"):
            return breaker, lambda *args: breaker.call(returning, *args)
        return breaker, breaker(returning)

    return make


@pytest.fixture(autouse=True)
def _empty_registry():
    registry.clear()
    yield
    registry.clear()


def jumping_run(coroutine):
    """Run a coroutine under asyncio with a loop that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(coroutine)


@pytest.fixture
def run():
    return jumping_run


@pytest.fixture
def of_each_kind():
    """Make functions of every kind that do what one does; a stream gives its result as its item."""
    return _of_each_kind


def _of_each_kind(fn):
    async def coroutine(*args, **kwargs):
        return fn(*args, **kwargs)

    def generator(*args, **kwargs):
        yield fn(*args, **kwargs)

    async def async_generator(*args, **kwargs):
        yield fn(*args, **kwargs)

    return {
        "function": lambda *args, **kwargs: fn(*args, **kwargs),
        "coroutine": coroutine,
        "returning": lambda *args, **kwargs: coroutine(*args, **kwargs),
        "generator": generator,
        "async generator": async_generator,
    }


@pytest.fixture
def outcome(run):
    """Call a function of any kind in a task and give its result; of a stream, its only item."""

    async def ended(fn, args, kwargs):
        result = fn(*args, **kwargs)
        if inspect.isasyncgen(result):
            (item,) = [item async for item in result]
            return item
        if inspect.isgenerator(result):
            (item,) = list(result)
            return item
        return await result if inspect.isawaitable(result) else result

    return lambda fn, *args, **kwargs: run(ended(fn, args, kwargs))
