# SPDX-License-Identifier: MIT OR Apache-2.0
# Nothing waits for the cyclic collector: an exception must not hold the frame that holds it.
import asyncio
import contextlib
import gc

import pytest
from trifuse import CircuitBreaker


def breaker(**fields):
    return CircuitBreaker("g", registry=None, failure_rate_threshold=1.0, **fields)


def opened(**fields):
    made = breaker(**fields)
    made.trip(retry_after=3600)
    return made


def left_behind(work, times=20):
    """Count what `times` runs leave to the collector."""
    work()
    gc.collect()
    gc.disable()
    try:
        for _ in range(times):
            work()
        return gc.collect()
    finally:
        gc.enable()


def quietly(work):
    def run():
        with contextlib.suppress(Exception):
            work()

    return run


def fails():
    raise OSError


async def afails():
    raise OSError


def sync_block(guard):
    with guard:
        raise OSError


def failing_fallback(**fields):
    return {"fallback": [fails, fails], **fields}


def driven(guarded):
    guarded().send(None)


SYNC = {
    "refused": opened()(int.__add__),
    "refused call": lambda: opened_one.call(fails),
    "refused block": lambda: sync_block(opened_one),
    "refused and answered": opened(fallback_value=1)(fails),
    "refused and all fallbacks fail": opened(**failing_fallback())(fails),
    "refused stream": lambda: list(opened_one(lambda: (x for x in "ab"))()),
    "refused coroutine": lambda: driven(opened_one(afails)),
    "refused rich coroutine": lambda: driven(opened(failure_if=bool)(afails)),
    "failing": breaker()(fails),
    "failing call": lambda: breaker_one.call(fails),
    "failing rich": breaker(failure_if=bool)(fails),
    "failing and all fallbacks fail": breaker(**failing_fallback(fallback_on=OSError))(fails),
    "failing block": lambda: sync_block(breaker_one),
    "failing coroutine": lambda: driven(breaker_one(afails)),
    "failing with listeners": breaker(on_call=lambda call: None)(fails),
    "failing rich with listeners": breaker(failure_if=bool, on_call=lambda call: None)(fails),
    "failing in a thread": breaker(thread=True)(fails),
}
opened_one = opened()
breaker_one = breaker()


@pytest.mark.parametrize("name", SYNC)
def test_nothing_is_left_to_the_collector(name):
    assert left_behind(quietly(SYNC[name])) == 0


@pytest.mark.parametrize("way", ["decorated", "called", "rich", "awaitable", "async with", "stream"])
def test_a_timeout_leaves_next_to_nothing_to_the_collector(way, run):
    guard = breaker(request_timeout=1, **({"failure_if": bool} if way == "rich" else {}))

    async def hang():
        await asyncio.sleep(10)

    async def stream():
        await asyncio.sleep(10)
        yield 1

    async def block():
        async with guard:
            await asyncio.sleep(10)

    async def streamed():
        async for _ in guard(stream)():
            pass

    call = {
        "decorated": guard(hang),
        "called": lambda: guard.call(hang),
        "rich": guard(hang),
        "awaitable": guard(lambda: hang()),
        "async with": block,
        "stream": streamed,
    }[way]

    async def many(times):
        for _ in range(times):
            with contextlib.suppress(TimeoutError):
                await call()

    async def main():
        await many(2)
        gc.collect()
        gc.disable()
        try:
            await many(50)
            return gc.collect()
        finally:
            gc.enable()

    assert run(main()) <= 10
