# SPDX-License-Identifier: MIT OR Apache-2.0
# Streams of model pools under asyncio and trio.
import anyio
import pytest
from trifuse import CircuitBreaker, Deployment, ModelPool
from trifuse._llm.formats import RAW

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def virtual(clock):
    return clock


async def test_a_stream_fails_over_before_its_first_item_only():
    async def breaks(prompt):
        yield "a0"
        raise ConnectionResetError

    async def broken(prompt):
        raise ConnectionError
        yield

    async def spare(prompt):
        for number in range(3):
            yield f"c{number}"

    pool = ModelPool([Deployment("b", broken), Deployment("c", spare)], name="one")
    assert [item async for item in pool.stream("x")] == ["c0", "c1", "c2"]
    pool = ModelPool([Deployment("a", breaks), Deployment("c", spare)], name="two")
    got = []
    with pytest.raises(ConnectionResetError):
        async for item in pool.stream("x"):
            got.append(item)
    assert got == ["a0"]
    assert pool["a"].breaker.snapshot().failures == 1
    assert all(one.in_flight == 0 for one in pool.snapshot().deployments.values())


async def test_a_stream_that_is_left_early_is_closed():
    closed = []

    async def endless(prompt):
        try:
            while True:
                yield "x"
                await anyio.lowlevel.checkpoint()
        finally:
            closed.append(1)

    pool = ModelPool([Deployment("a", endless)])
    async with pool.stream("x") as stream:
        async for _ in stream:
            assert pool.snapshot().deployments["a"].in_flight == 1
            break
    assert closed == [1]
    assert pool.snapshot().deployments["a"].in_flight == 0
    assert pool["a"].breaker.snapshot().ignored == 1


async def test_items_that_are_no_content_are_no_first_content():
    async def quiet(prompt):
        yield "ping"
        await anyio.sleep(50)
        yield "late"

    async def quick(prompt):
        yield "ping"
        yield "answer"

    fmt = RAW(content=lambda item: item != "ping")
    pool = ModelPool(
        [Deployment("q", quiet, format=fmt), Deployment("r", quick, format=fmt)], hedge_after=2, hedge_share=1
    )
    assert [item async for item in pool.stream("x")] == ["ping", "answer"]
    pool = ModelPool(
        [Deployment("q", quiet, format=fmt, first_content=3), Deployment("r", quick, format=fmt)],
        name="limited",
    )
    begun = anyio.current_time()
    assert [item async for item in pool.stream("x")] == ["ping", "answer"]
    assert anyio.current_time() - begun == pytest.approx(3)


async def test_a_deployment_may_bring_its_own_breaker():
    async def fails(prompt):
        raise ConnectionError

    async def answers(prompt):
        return "b"

    breaker = CircuitBreaker("mine", consecutive_failures=1, registry=None)
    pool = ModelPool([Deployment("a", fails, breaker=breaker), Deployment("b", answers)])
    assert await pool("x") == "b"
    assert breaker.state == "open"
