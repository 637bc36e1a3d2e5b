# SPDX-License-Identifier: MIT OR Apache-2.0
# Pipelines around awaited calls, under asyncio and trio. Proves PIPE-01, TIMEOUT-02, RATE-FIFO-01, CONC-QUEUE-01.
import anyio
import pytest
from trifuse import (
    Bulkhead,
    CircuitBreaker,
    Fallback,
    Hedge,
    Pipeline,
    RateLimit,
    RequestTimeoutError,
    Retry,
    Timeout,
    per,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("clock")]


def breaker(**fields):
    settings = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 10}
    return CircuitBreaker("search", registry=None, **{**settings, **fields})


def parts(**fields):
    return (
        Retry(max_retries=3, delay=1, jitter="none"),
        breaker(**fields),
        RateLimit(per(1000, seconds=60), wait=30),
        Bulkhead(5, max_queue=1000, max_wait=30),
        Timeout(2),
    )


async def test_each_attempt_has_its_own_time():
    seen = []

    async def slow():
        seen.append(anyio.current_time())
        await anyio.sleep(10 if len(seen) < 3 else 1)
        return "done"

    pipeline = Pipeline("search", Retry(max_retries=3, delay=1, multiplier=1, jitter="none"), Timeout(2))
    assert await pipeline.call(slow) == "done"
    assert [round(then - seen[0], 6) for then in seen] == [0, 3, 6]


async def test_a_timeout_outside_the_retry_is_the_total(clock):
    begun = anyio.current_time()
    seen = []

    async def failing():
        seen.append(1)
        await anyio.sleep(1)
        clock.advance(1)
        raise OSError("down")

    pipeline = Pipeline("search", Timeout(3.5), Retry(max_retries=9, delay=1, multiplier=1, jitter="none"))
    with pytest.raises(OSError, match="down"):  # the next attempt would begin at 4 s: it is not waited for
        await pipeline.call(failing)
    assert anyio.current_time() - begun == pytest.approx(3)
    assert len(seen) == 2


async def test_a_timeout_outside_the_retry_cancels_the_attempt_that_takes_too_long():
    begun = anyio.current_time()
    pipeline = Pipeline("search", Timeout(3.5), Retry(max_retries=9), Timeout(2))
    with pytest.raises(RequestTimeoutError) as caught:
        await pipeline.call(anyio.sleep, 10)
    assert caught.value.limit == 3.5
    assert anyio.current_time() - begun == pytest.approx(3.5)


async def test_the_timeout_inside_a_breaker_is_a_timeout_to_it():
    guard = breaker()
    pipeline = Pipeline("search", guard, Timeout(2))
    for _ in range(2):
        with pytest.raises(RequestTimeoutError) as caught:
            await pipeline.call(anyio.sleep, 10)
        assert (caught.value.setting, caught.value.name) == ("timeout", "search")
    assert (guard.snapshot().timeouts, guard.state) == (2, "open")


async def test_a_fallback_answers_a_timeout_and_the_refusal_after_it():
    pipeline = Pipeline("search", Fallback("instead", on=Exception), breaker(), Timeout(2))

    async def slow():
        await anyio.sleep(10)

    decorated = pipeline(slow)
    assert [await decorated() for _ in range(4)] == ["instead"] * 4
    assert pipeline["circuit_breaker"].snapshot().refused_open == 2


@pytest.mark.parametrize("after", [0, 0.5, 1.5, 2.5, 3.5, 4.5, 6.5], ids=str)
async def test_cancelled_at_any_point_it_leaves_nothing_behind_and_stays_a_cancellation(after):
    # One call of 1 s fails, then 1 s of delay, a wait of 1 s for the only place, and 2 s of the call.
    guard, places = breaker(consecutive_failures=9), Bulkhead(1, max_queue=5, max_wait=30)
    pipeline = Pipeline(
        "search", Retry(max_retries=3, delay=1, jitter="none"), guard, RateLimit(per(100, seconds=60)), places
    )
    calls, ended = [], []

    async def work():
        calls.append(1)
        if len(calls) == 1:
            await anyio.sleep(1)
            raise OSError("down")
        await anyio.sleep(2)
        return "done"

    async def hold():
        await anyio.sleep(1.5)
        async with places:
            await anyio.sleep(1.5)

    async def call():
        try:
            ended.append(await pipeline.call(work))
        except anyio.get_cancelled_exc_class():
            ended.append("cancelled")
            raise

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        with anyio.move_on_after(after) as scope:
            await call()
    assert ended == (["done"] if after > 5 else ["cancelled"])
    assert scope.cancelled_caught == (after < 5)
    assert places.in_flight == 0
    picture = guard.snapshot()
    assert picture.probes_in_flight == 0
    assert picture.failures == (1 if after >= 1 else 0)
    with anyio.fail_after(5):
        assert await pipeline.call(work) == "done"


async def test_a_thousand_tasks_leave_no_place_and_no_token_behind():
    guard, places = breaker(consecutive_failures=10**6), Bulkhead(5, max_queue=1000, max_wait=1000)
    limit = RateLimit(per(10_000, seconds=60))
    pipeline = Pipeline("search", guard, limit, places, Timeout(50))
    most, now, done = [0], [0], []

    async def work(number):
        now[0] += 1
        most[0] = max(most[0], now[0])
        try:
            await anyio.sleep(0.01 * (number % 7))
            if number % 5 == 0:
                raise OSError("down")
        finally:
            now[0] -= 1

    async def call(number):
        with anyio.move_on_after(0.001 * number if number % 3 == 0 else 1e6):
            try:
                await pipeline.call(work, number)
            except OSError:
                pass
            done.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(1000):
            tasks.start_soon(call, number)
    assert most == [5]
    assert len(done) > 600
    picture = guard.snapshot()
    assert picture.successes + picture.failures + picture.ignored == 1000
    assert (places.in_flight, now) == (0, [0])
    assert limit.available() == 9_000


async def test_a_waiting_call_does_not_hold_the_probe_of_a_breaker_for_ever(clock):
    guard, places = breaker(consecutive_failures=1), Bulkhead(1, max_queue=5, max_wait=100)
    pipeline = Pipeline("search", guard, places)
    guard.trip(retry_after=1)
    clock.advance(1)
    with places, anyio.move_on_after(3):
        await pipeline.call(anyio.sleep, 0)
    assert (guard.state, guard.snapshot().probes_in_flight) == ("half_open", 0)
    await pipeline.call(anyio.sleep, 0)
    assert guard.state == "closed"


async def test_async_with_enters_every_part_and_enforces_their_limits():
    guard, places = breaker(), Bulkhead(1, max_queue=1, max_wait=10)
    pipeline = Pipeline("search", guard, places, Timeout(2))
    with pytest.raises(RequestTimeoutError):
        async with pipeline:
            assert places.in_flight == 1
            await anyio.sleep(5)
    assert (places.in_flight, guard.snapshot().timeouts) == (0, 1)
    async with pipeline:
        pass
    assert guard.snapshot().successes == 1


async def test_blocks_of_several_tasks_do_not_mix():
    places = Bulkhead(3)
    pipeline = Pipeline("search", breaker(), places)

    async def block(seconds):
        async with pipeline:
            await anyio.sleep(seconds)

    async with anyio.create_task_group() as tasks:
        for seconds in (3, 1, 2):
            tasks.start_soon(block, seconds)
        await anyio.sleep(1.5)
        assert places.in_flight == 2
    assert places.in_flight == 0


async def test_a_hedge_inside_a_bulkhead_takes_one_place_for_both_attempts():
    places, begun = Bulkhead(1), []
    pipeline = Pipeline("search", places, Hedge(after=1, share=1.0))

    async def work():
        begun.append(places.in_flight)
        await anyio.sleep(10 if len(begun) == 1 else 1)
        return len(begun)

    assert await pipeline.call(work) == 2
    assert (begun, places.in_flight) == ([1, 1], 0)


async def test_an_asynchronous_stream_through_all_parts_is_one_call():
    async def items():
        for number in range(3):
            await anyio.sleep(1)
            yield number

    pipeline = Pipeline("search", *parts())
    decorated = pipeline(items)
    assert [item async for item in decorated()] == [0, 1, 2]
    assert pipeline["circuit_breaker"].snapshot().calls == 1
    assert pipeline["rate_limit"].available() == 999
    assert pipeline["bulkhead"].in_flight == 0
