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


@circuit_breaker("async stream", request_timeout=3, fallback=[bare], fallback_value=[])
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


search = trifuse.Pipeline("search", trifuse.Retry(), trifuse.Timeout(2))
service = trifuse.ResilientService("payments", fallback=None, bulkhead=20)


@search
async def find(question: str, *, most: int = 3) -> list[str]:
    return [question] * most


@service
def pay(order: str) -> int:
    return len(order)


@trifuse.retry(max_retries=2, on=(OSError,))
@trifuse.rate_limit(trifuse.per(500, seconds=60), wait=2)
@trifuse.bulkhead(20, max_queue=100, max_wait=1.0)
@trifuse.timeout(2)
async def stacked(x: int) -> str:
    return str(x)


class Store:
    @search
    async def get(self, key: str) -> bytes:
        return key.encode()


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


async def use_pipelines() -> None:
    assert_type(await find("what", most=2), list[str])
    assert_type(find.policy, trifuse.Pipeline)
    assert_type(pay("order"), int)
    assert_type(pay.policy, trifuse.ResilientService)
    assert_type(pay.policy.state, State)
    assert_type(pay.policy.max_total_time(), float | None)
    assert_type(await stacked(3), str)
    assert_type(stacked.policy, trifuse.Retry)
    assert_type(await Store().get("x"), bytes)
    assert_type(await search.call(find, "what"), list[str])
    assert_type(search.call(len, "abc"), int)
    assert_type(service.call(len, "abc", fallback=0), int)
    assert_type(bare.policy, CircuitBreaker)
    assert_type(search["retry"], trifuse.Policy)
    assert_type(search.describe(), dict[str, Any])
    assert_type(trifuse.Pipeline.from_env("search", environ={}), trifuse.Pipeline)
    assert_type(trifuse.Pipeline.profile("normal", registry=None), trifuse.Pipeline)
    search.reconfigure({"timeout": 3}, retry={"max_retries": 1})
    for policy in search:
        assert_type(policy, trifuse.Policy)
    with search as entered:
        assert_type(entered, trifuse.Pipeline)
    try:
        pay("order")
    except trifuse.RateLimitedError as refused:
        assert_type(refused.requested, int)
        assert_type(refused.policy, str)


@trifuse.retry
def retried(x: int) -> str:
    return str(x)


class Fetcher:
    @trifuse.retry(on=(OSError,), jitter="full", budget=trifuse.RetryBudget(), delay_fn=lambda n, error: n)
    @trifuse.deadline(5)
    @trifuse.fallback([], on=lambda error: "no" in str(error))
    async def fetch(self, url: str) -> list[str]:
        return [url]

    @trifuse.hedge(after="p95", share=0.05)
    async def read(self, key: str) -> bytes:
        return key.encode()


@trifuse.timeout
async def limited(x: int) -> AsyncIterator[int]:
    yield x


async def use_retries() -> None:
    assert_type(retried(3), str)
    assert_type(retried.policy, trifuse.Retry)
    assert_type(retried.policy.max_total_time(timedelta(seconds=5)), float)
    assert_type(await Fetcher().fetch("x"), list[str])
    assert_type(await Fetcher().read("x"), bytes)
    assert_type([item async for item in limited(3)], list[int])
    assert_type(limited.policy, trifuse.Timeout)
    assert_type(limited.policy.with_limit(3).call(len, "abc"), int)
    assert_type(trifuse.Retry(max_retries=1).call(retried, 3), str)
    assert_type(trifuse.LatencyHistogram(60).quantile(0.5), float | None)
    async with trifuse.deadline(5), trifuse.Timeout(2):
        assert_type(trifuse.remaining(), float | None)
    try:
        retried(3)
    except trifuse.RetriesExhausted as exhausted:
        assert_type(exhausted.attempts, int)
        assert_type(trifuse.is_retryable(exhausted), bool)


@trifuse.rate_limit(trifuse.per(500, seconds=60), wait=2.0)
async def metered(a: int) -> str:
    return str(a)


@trifuse.rate_limit(20, key=region_of, max_keys=10)
def by_user(user: str) -> bytes:
    return user.encode()


@trifuse.bulkhead(20, max_queue=100, max_wait=1.0)
def bounded(a: int) -> Iterator[int]:
    yield a


@trifuse.throttle(k=3.0, overload_on=(OSError,))
@trifuse.adaptive_limit("vegas", alpha=2.0)
def adapted(a: int, *, b: str = "") -> float:
    return a / len(b)


async def limits() -> None:
    assert_type(await metered(3), str)
    assert_type(metered.policy, trifuse.RateLimit)
    assert_type(metered.policy.try_acquire(2), bool)
    assert_type(metered.policy.reserve(2, max_wait=timedelta(seconds=1)).wait, float)
    assert_type(metered.policy.snapshot().granted, int)
    assert_type(by_user("a"), bytes)
    assert_type(by_user.policy["a"], trifuse.RateLimit)
    assert_type(list(bounded(3)), list[int])
    assert_type(bounded.policy.try_acquire(), trifuse.Place | None)
    assert_type(adapted(3, b="x"), float)
    assert_type(trifuse.AdaptiveLimit("aimd", timeout=1).snapshot().limit_exact, float)
    assert_type(trifuse.Throttle().call(len, "abc"), int)
    async with metered.policy, bounded.policy as limit:
        with await limit.acquire_async() as place:
            assert_type(place, trifuse.Place)


async def misuse() -> None:
    await metered("three")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    adapted(1, c=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    trifuse.AdaptiveLimit("best")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    trifuse.Bulkhead(limit="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    trifuse.RateLimit(per=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    retried("three")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    trifuse.retry(jitter="some")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    trifuse.Retry(tries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await find(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    search.call(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    trifuse.Pipeline("search", len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare(1, c=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await named(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    breaker.call(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CircuitBreaker("x", open_duration="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client().method("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
