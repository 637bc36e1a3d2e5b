# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-STREAM-01, WRAP-STREAM-02, WRAP-STREAM-03 for asynchronous generators, under asyncio and trio.
import anyio
import pytest
from trifuse import RequestTimeoutError

pytestmark = pytest.mark.anyio


async def count(n, pause=0.0):
    for i in range(n):
        await anyio.sleep(pause)
        yield i


async def listed(items):
    return [item async for item in items]


async def test_an_asynchronous_stream_is_one_call(guarded_stream):
    breaker, stream = guarded_stream(count)
    assert await listed(stream(3, 4)) == [0, 1, 2]
    assert breaker.snapshot().calls == breaker.snapshot().successes == 1


async def test_an_asynchronous_stream_without_a_first_item_in_time_is_ended(guarded_stream):
    breaker, stream = guarded_stream(count)
    begun = anyio.current_time()
    with pytest.raises(RequestTimeoutError) as caught:
        await listed(stream(3, 6))
    assert anyio.current_time() - begun == pytest.approx(5)
    assert caught.value.setting == "request_timeout"
    assert breaker.snapshot().timeouts == 1


async def test_an_idle_asynchronous_stream_is_ended_where_asked(breaker_of):
    async def stalling():
        yield 1
        await anyio.sleep(100)
        yield 2

    patient, strict = breaker_of(), breaker_of(idle_timeout=7)
    assert await listed(patient(stalling)()) == [1, 2]
    received = []
    with pytest.raises(RequestTimeoutError) as caught:
        async for item in strict(stalling)():
            received.append(item)
    assert received == [1]
    assert (caught.value.setting, caught.value.limit) == ("idle_timeout", 7)
    assert strict.snapshot().timeouts == 1


async def test_a_slow_consumer_does_not_time_an_asynchronous_stream_out(breaker_of):
    breaker = breaker_of(idle_timeout=1)
    async for _ in breaker(count)(3):
        await anyio.sleep(100)
    assert breaker.snapshot().successes == 1


async def test_an_asynchronous_stream_closed_early_is_ignored_and_cleaned_up(guarded_stream):
    closed = []

    async def closing():
        try:
            yield 1
            yield 2
        finally:
            await anyio.sleep(0)
            closed.append(True)

    breaker, stream = guarded_stream(closing)
    items = stream()
    assert await anext(items) == 1
    await items.aclose()
    assert closed == [True]
    assert breaker.snapshot().ignored == 1


async def test_an_asynchronous_stream_cancelled_from_outside_is_ignored(guarded_stream):
    breaker, stream = guarded_stream(count)
    with anyio.move_on_after(1) as scope:
        await listed(stream(3, 3))
    assert scope.cancelled_caught
    assert breaker.snapshot().ignored == 1


async def test_a_broken_asynchronous_stream_is_a_failure(guarded_stream):
    async def breaking():
        yield 1
        raise OSError("mid-stream")

    breaker, stream = guarded_stream(breaking)
    with pytest.raises(OSError, match="mid-stream"):
        await listed(stream())
    assert breaker.snapshot().failures == 1


async def test_values_sent_and_thrown_reach_an_asynchronous_stream(breaker_of):
    async def talking():
        heard = yield "first"
        try:
            yield heard
        except ZeroDivisionError:
            yield "caught"

    breaker = breaker_of()
    items = breaker(talking)()
    assert await anext(items) == "first"
    assert await items.asend("hello") == "hello"
    assert await items.athrow(ZeroDivisionError()) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(items)
    assert breaker.snapshot().successes == 1


async def test_a_refused_asynchronous_stream_falls_back_to_either_kind_of_items(breaker_of):
    async def other(n):
        yield from_fallback * n

    from_fallback = "x"
    for fallback, expected in ((other, ["xx"]), (lambda n: [n], [2])):
        breaker = breaker_of(fallback=fallback)
        breaker.trip()
        assert await listed(breaker(count)(2)) == expected


async def test_a_failing_asynchronous_stream_falls_back_before_its_first_item_only(breaker_of):
    async def breaking(given):
        if given:
            yield 1
        raise OSError("stream")

    breaker = breaker_of(fallback_value=["instead"], fallback_on=OSError, consecutive_failures=0)
    assert await listed(breaker(breaking)(False)) == ["instead"]
    with pytest.raises(OSError, match="stream"):
        await listed(breaker(breaking)(True))
