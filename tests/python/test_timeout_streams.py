# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves TIMEOUT-01 for asynchronous generators, by the same tests under asyncio and trio.
import anyio
import pytest
from trifuse import RequestTimeoutError, Timeout, remaining, timeout

pytestmark = pytest.mark.anyio


async def test_the_first_item_has_the_limit_and_the_others_the_idle_timeout():
    policy = Timeout(5, idle_timeout=2, name="mine")

    @policy
    async def items(*pauses):
        for pause in pauses:
            await anyio.sleep(pause)
            yield pause

    assert [item async for item in items(4.9, 1.9, 1.9)] == [4.9, 1.9, 1.9]
    for pauses, setting, limit, given in [((5.1,), "timeout", 5, 0), ((1, 2.1), "idle_timeout", 2, 1)]:
        got = []
        with pytest.raises(RequestTimeoutError) as caught:
            async for item in items(*pauses):
                got.append(item)
        assert (caught.value.name, caught.value.setting, caught.value.limit) == ("mine", setting, limit)
        assert len(got) == given


async def test_the_time_the_consumer_takes_does_not_count():
    @timeout(5, idle_timeout=2)
    async def items():
        yield 1
        yield 2

    async for _ in items():
        await anyio.sleep(100)
        assert remaining() is None


async def test_without_an_idle_timeout_only_the_first_item_is_limited():
    @timeout(5)
    async def items():
        yield 1
        await anyio.sleep(1000)
        yield 2

    assert [item async for item in items()] == [1, 2]


async def test_it_is_closed_after_a_timeout():
    closed = []

    @timeout(5)
    async def items():
        try:
            await anyio.sleep(1000)
            yield 1
        finally:
            closed.append(1)

    with pytest.raises(RequestTimeoutError):
        await anext(items())
    assert closed == [1]


async def test_what_a_plain_function_returns_is_limited_too():
    async def items():
        await anyio.sleep(1000)
        yield 1

    with pytest.raises(RequestTimeoutError):
        await anext(Timeout(5).call(lambda: items()))
