# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves CONC-BULK-01, CONC-QUEUE-01, WRAP-STREAM-01, WRAP-STREAM-02: by the same tests under asyncio and trio.
import anyio
import pytest
from trifuse import Bulkhead, BulkheadFullError, deadline, testing

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["decorated", "called", "awaitable", "wrapped", "async with"])
def held(request):
    """Make a guarded coroutine function in each of the ways that an awaited call can go."""

    def make(limit, fn):
        if request.param == "async with":

            async def inside(*args):
                async with limit:
                    return await fn(*args)

            return inside
        if request.param == "called":
            return lambda *args: limit.call(fn, *args)
        if request.param == "awaitable":
            return limit(lambda *args: fn(*args))  # no coroutine function by inspection
        if request.param == "wrapped":

            def wrapper(*args):
                return fn(*args)

            wrapper.__wrapped__ = fn
            return limit(wrapper)
        return limit(fn)

    return make


class Work:
    """Calls that go on until they are told to end."""

    def __init__(self):
        self.begun, self.ended = [], []
        self.now = self.most = 0
        self.gate = anyio.Event()

    async def __call__(self, number):
        self.begun.append(number)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
        finally:
            self.now -= 1
        self.ended.append(number)
        return number


async def test_one_more_than_the_limit_is_refused(held):
    limit, work = Bulkhead(2), Work()
    call = held(limit, work.__call__)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, 1)
        tasks.start_soon(call, 2)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BulkheadFullError):
            await call(3)
        work.gate.set()
    assert sorted(work.ended) == [1, 2]
    assert limit.in_flight == 0


async def test_waiters_are_served_in_the_order_of_their_coming(held):
    limit, work = Bulkhead(1, max_queue=10), Work()
    call = held(limit, work.__call__)
    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(call, number)
            await anyio.wait_all_tasks_blocked()
        assert work.begun == [0]
        assert limit.snapshot().waiting == 5
        work.gate.set()
    assert work.begun == work.ended == [0, 1, 2, 3, 4, 5]
    assert work.most == 1
    assert limit.snapshot()[4:6] == (0, 0)


async def test_who_waits_too_long_is_refused_at_that_time_and_leaves(held):
    with testing.virtual_clock() as clock:
        limit, work = Bulkhead(1, max_queue=10, max_wait=3), Work()
        call = held(limit, work.__call__)
        begun = clock.now
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, 1)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(BulkheadFullError):
                await call(2)
            assert clock.now - begun == pytest.approx(3)
            assert limit.snapshot().waiting == 0
            work.gate.set()
        assert await call(3) == 3


async def test_a_cancelled_waiter_leaves_and_those_behind_move_up(held):
    limit, work = Bulkhead(1, max_queue=10), Work()
    call = held(limit, work.__call__)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, 0)
        await anyio.wait_all_tasks_blocked()
        scopes = []

        async def cancellable(number):
            with anyio.CancelScope() as scope:
                scopes.append(scope)
                await call(number)

        for number in range(1, 6):
            tasks.start_soon(cancellable, number)
            await anyio.wait_all_tasks_blocked()
        scopes[0].cancel()
        scopes[2].cancel()
        await anyio.wait_all_tasks_blocked()
        assert limit.snapshot().waiting == 3
        work.gate.set()
    assert work.ended == [0, 2, 4, 5]
    assert limit.in_flight == 0


async def test_a_waiter_cancelled_with_its_turn_granted_passes_it_on(held):
    limit, work = Bulkhead(1, max_queue=10), Work()
    call = held(limit, work.__call__)
    work.gate.set()
    await call(0)  # so that it is known to give an awaitable
    place = limit.acquire()
    async with anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()

        async def cancellable():
            with scope:
                await call(1)

        tasks.start_soon(cancellable)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(call, 2)
        await anyio.wait_all_tasks_blocked()
        place.release()  # grants it to the first,
        scope.cancel()  # who has not run since
    assert work.ended == [0, 2]
    assert limit.in_flight == 0


async def test_a_cancelled_call_gives_its_place_back(held):
    limit, work = Bulkhead(1), Work()
    call = held(limit, work.__call__)
    with anyio.move_on_after(1):
        await call(1)
    assert limit.in_flight == 0


async def test_a_storm_of_cancellations_loses_nothing():
    limit = Bulkhead(3, max_queue=1000)
    gate, done = anyio.Event(), []

    @limit
    async def work(number):
        await gate.wait()
        done.append(number)

    async with anyio.create_task_group() as tasks:
        scopes = []

        async def cancellable(number):
            with anyio.CancelScope() as scope:
                scopes.append(scope)
                await work(number)

        for number in range(500):
            tasks.start_soon(cancellable, number)
        await anyio.wait_all_tasks_blocked()
        for number, scope in enumerate(scopes):
            if number % 5:
                scope.cancel()
        gate.set()
    assert len(done) == 100
    assert limit.snapshot()[4:6] == (0, 0)
    assert limit.try_acquire()


async def test_the_deadline_ends_the_wait():
    with testing.virtual_clock():
        limit = Bulkhead(1, max_queue=5)
        begun = anyio.current_time()
        with limit, pytest.raises((BulkheadFullError, TimeoutError)):
            with deadline(2):
                await limit.acquire_async(max_wait=60)
        assert anyio.current_time() - begun == pytest.approx(2)
        assert limit.in_flight == 0


async def test_a_synchronous_call_does_not_block_the_event_loop_for_a_place():
    limit = Bulkhead(1, max_queue=5)
    async with limit:
        with pytest.raises(BulkheadFullError):
            limit(lambda: 1)()
        with pytest.raises(BulkheadFullError):
            limit.acquire()


@pytest.mark.parametrize("returned", [False, True])
async def test_a_stream_holds_its_place_from_the_first_item_to_the_end(returned):
    limit = Bulkhead(1)

    async def numbers():
        for number in range(3):
            yield number

    items = limit((lambda: numbers()) if returned else numbers)
    stream = items()
    assert limit.in_flight == int(returned)
    assert await anext(stream) == 0
    assert limit.in_flight == 1
    with pytest.raises(BulkheadFullError):
        await anext(items())
    assert [item async for item in stream] == [1, 2]
    assert limit.in_flight == 0
    stream = items()
    await anext(stream)
    await stream.aclose()
    assert limit.in_flight == 0


async def test_a_call_that_is_never_awaited_gives_its_place_back():
    limit = Bulkhead(1)

    class Answer:
        def __await__(self):
            return iter(())

    call = limit(lambda: Answer())()
    assert limit.in_flight == 1
    with pytest.warns(RuntimeWarning, match="never awaited"):
        del call
    assert limit.in_flight == 0


async def test_waiting_without_an_event_loop_says_so():
    limit = Bulkhead(1, max_queue=1)
    waiting = None
    with limit:
        waiting = limit.acquire_async()

        def drive():
            try:
                waiting.send(None)
            except Exception as error:
                return str(error)

        said = await anyio.to_thread.run_sync(drive)
    assert "neither runs here" in said
    assert limit.in_flight == 0
    assert limit.snapshot().waiting == 0
