# SPDX-License-Identifier: MIT OR Apache-2.0
"""What type checkers must see of trifuse; mypy and pyright read this file, nobody runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, assert_type

import trifuse
from trifuse import CircuitBreaker, CircuitBreakerRegistry, RefusedError, State, circuit_breaker
from trifuse.testing import Recorder, virtual_clock


@circuit_breaker
def bare(a: int, *, b: str = "") -> float:
    return a / len(b)


@circuit_breaker("named", preset="aggressive", failure_on=(OSError,), ignore=ValueError)
async def named(order: str) -> list[int]:
    return [len(order)]


@circuit_breaker("stream", idle_timeout=timedelta(seconds=1))
def stream(n: int) -> Iterator[int]:
    yield from range(n)


@circuit_breaker("async stream", request_timeout=3, fallback=[bare], fallback_value=None)
async def async_stream(n: int) -> AsyncIterator[str]:
    yield str(n)


def region_of(region: str) -> str:
    return region


@circuit_breaker("keyed", key=region_of, max_keys=10, open_duration=2.5)
def keyed(region: str) -> int:
    return len(region)


class Client:
    @circuit_breaker
    def method(self, x: int) -> str:
        return str(x)

    @circuit_breaker("of async method")
    async def async_method(self, x: int) -> bytes:
        return bytes(x)

    @classmethod
    @circuit_breaker("of class")
    def of_class(cls, x: int) -> int:
        return x

    @circuit_breaker("by key", key=hash)
    def by_key(self, x: int) -> str:
        return str(x)


breaker = CircuitBreaker("LLM", failure_threshold=0.5, timeout=30, min_calls=5, fallback=bare)
mine = CircuitBreakerRegistry(on_transition=lambda transition: print(transition.from_state))


@breaker
def by_object(x: int) -> int:
    return x


async def use() -> None:
    assert_type(bare(1, b="x"), float)
    assert_type(await named("order"), list[int])
    assert_type(bare.circuit_breaker, CircuitBreaker)
    assert_type(bare.circuit_breaker.state, State)
    for number in stream(3):
        assert_type(number, int)
    async for text in async_stream(3):
        assert_type(text, str)
    assert_type(keyed("north"), int)
    assert_type(keyed.circuit_breakers["north"], CircuitBreaker)
    client = Client()
    assert_type(client.method(1), str)
    assert_type(await client.async_method(1), bytes)
    assert_type(Client.method.circuit_breaker, CircuitBreaker)
    assert_type(client.method.circuit_breaker, CircuitBreaker)
    assert_type(Client.of_class(3), int)
    assert_type(client.by_key(1), str)
    assert_type(by_object(1), int)
    assert_type(breaker.call(len, "abc"), int)
    assert_type(await breaker.call(asyncio.sleep, 1, "x"), str)
    assert_type(breaker.get_state(), dict[str, Any])
    assert_type(breaker.snapshot().failure_rate, float)
    assert_type(breaker.config.open_duration, float)
    breaker.reconfigure(open_duration=timedelta(seconds=3), window="count")
    breaker.trip(retry_after=30)
    with breaker as block:
        block.failure()
    async with breaker as block:
        block.ignore()
    assert_type(trifuse.registry["LLM"], CircuitBreaker)
    for name, each in mine.items():
        assert_type(name, str)
        assert_type(each, CircuitBreaker)
    try:
        bare(1)
    except RefusedError as refused:
        assert_type(refused.retry_after, float | None)
        assert_type(refused.name, str)
    with virtual_clock() as clock:
        clock.advance(3)
    assert_type(Recorder().attach(mine), Recorder)


async def misuse() -> None:
    bare("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare(1, c=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await named(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    breaker.call(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CircuitBreaker("x", open_duration="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client().method("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
