# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-20.
"""Many tasks, cancelled ones, and what the transports of httpx do besides."""

from __future__ import annotations

import asyncio
import gc
import time

import httpx
import httpx2
import pytest
import trio
from trifuse import HalfOpenLimitError, RequestTimeoutError
from trifuse.contrib import httpx as guards
from trifuse.contrib import httpx2 as guards2
from trifuse.contrib.httpx import AsyncGuardedTransport, guard_of, protect
from trifuse.testing.chaos import hang, raw

URL = "http://example.org/"
LONG = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=hang())


def only(keyed):
    (one,) = keyed.values()
    return one


def held(guard):
    """Give what is held: of the breaker, of the places."""
    from trifuse._permits import handle_of

    breaker = only(guard.hosts.breakers)
    return handle_of(breaker._memory).in_flight, only(guard.hosts.places).in_flight


class Slow(httpx.AsyncBaseTransport):
    """Answers when it is told to; counts what reaches it."""

    def __init__(self, code=200):
        self.code, self.count, self.open = code, 0, asyncio.Event()

    async def handle_async_request(self, request):
        self.count += 1
        await self.open.wait()
        return httpx.Response(self.code, content=b"done")


def client_of(transport, **settings):
    guarding = AsyncGuardedTransport(transport, bulkhead=5000, retry=False, **settings)
    return httpx.AsyncClient(transport=guarding), guarding.guard


def test_a_thousand_tasks_at_half_open_are_one_probe_each_that_is_allowed():
    async def main():
        slow = Slow()
        client, guard = client_of(slow, initial_state="half_open", half_open_max_calls=3, success_threshold=3)
        async with client:
            tasks = [asyncio.create_task(client.get(URL)) for _ in range(1000)]
            await asyncio.sleep(0)
            while slow.count < 3:
                await asyncio.sleep(0)
            slow.open.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        answered = [result for result in results if isinstance(result, httpx.Response)]
        assert (slow.count, len(answered)) == (3, 3)
        assert sum(isinstance(result, HalfOpenLimitError) for result in results) == 997
        assert only(guard.hosts.breakers).state == "closed"
        assert held(guard) == (0, 0)

    asyncio.run(main())


def test_a_thousand_cancelled_tasks_leave_nothing_behind():
    async def main():
        slow = Slow()
        client, guard = client_of(slow)
        async with client:
            tasks = [asyncio.create_task(client.get(URL)) for _ in range(1000)]
            while slow.count < 1000:
                await asyncio.sleep(0)
            assert held(guard) == (1000, 1000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert all(task.cancelled() for task in tasks)
            assert held(guard) == (0, 0)
        seen = only(guard.hosts.breakers).snapshot()
        assert (seen.successes, seen.failures, seen.ignored) == (0, 0, 1000)

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(30))
def test_a_cancellation_at_any_await_gives_all_back_and_stays_one(steps):
    async def main():
        class Steps(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                for _ in range(5):
                    await asyncio.sleep(0)

                async def body():
                    for _ in range(5):
                        await asyncio.sleep(0)
                        yield b"x"

                return httpx.Response(503 if state["first"] else 200, content=body())

        state = {"first": True}
        guarding = AsyncGuardedTransport(
            Steps(), bulkhead=1, total_timeout=60, retry={"max_retries": 1, "delay": 0},
        )  # fmt: skip
        async with httpx.AsyncClient(transport=guarding) as client:

            async def send():
                async with client.stream("GET", URL) as response:
                    state["first"] = False
                    async for _ in response.aiter_raw():
                        pass

            task = asyncio.create_task(send())
            for _ in range(steps):
                await asyncio.sleep(0)
            ended = task.done()
            task.cancel()
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            assert ended or isinstance(result, asyncio.CancelledError)
            keyed = guarding.guard.hosts.breakers
            assert not keyed or held(guarding.guard) == (0, 0)

    asyncio.run(main())


def test_a_task_that_waits_for_a_place_leaves_the_queue_when_cancelled():
    async def main():
        slow = Slow()
        guarding = AsyncGuardedTransport(slow, bulkhead={"limit": 1, "max_queue": 10}, retry=False)
        async with httpx.AsyncClient(transport=guarding) as client:
            first = asyncio.create_task(client.get(URL))
            while slow.count < 1:
                await asyncio.sleep(0)
            waiting = [asyncio.create_task(client.get(URL)) for _ in range(3)]
            places = only(guarding.guard.hosts.places)
            while places.snapshot().waiting < 3:
                await asyncio.sleep(0)
            waiting[0].cancel()
            slow.open.set()
            results = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert [type(result).__name__ for result in results] == [
            "Response",
            "CancelledError",
            "Response",
            "Response",
        ]
        assert held(guarding.guard) == (0, 0)

    asyncio.run(main())


@pytest.mark.parametrize("module", [guards, guards2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_in_the_body_it_stays_a_cancellation(server, module, backend):
    library = httpx if module is guards else httpx2
    server.default = LONG

    async def main():
        async with module.protect(library.AsyncClient(), bulkhead=3) as client:
            guard = module.guard_of(client)

            async def read():
                async with client.stream("GET", server.url) as response:
                    async for _ in response.aiter_raw():
                        pass

            if backend == "trio":
                with trio.move_on_after(0.2) as scope:
                    await read()
                assert scope.cancelled_caught
            else:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await read()
            assert held(guard) == (0, 0)
            seen = only(guard.hosts.breakers).snapshot()
            assert (seen.successes, seen.failures, seen.ignored) == (0, 0, 1)

    asyncio.run(main()) if backend == "asyncio" else trio.run(main)


def test_a_full_pool_of_the_clients_own_is_no_failure_of_the_host(server):
    server.default = LONG

    async def main():
        limits = httpx.Limits(max_connections=1)
        client = protect(httpx.AsyncClient(limits=limits, timeout=None), request_timeout=0.2, retry=False)
        async with client, client.stream("GET", server.url):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(server.url)
            seen = only(guard_of(client).hosts.breakers).snapshot()
            assert (seen.failures, seen.timeouts, seen.ignored) == (0, 0, 1)

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_time_that_ends_between_two_chunks_leaves_no_generator_behind(server, backend):
    server.default = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", *[b"x"] * 90, gap=0.01)

    async def main():
        async with protect(httpx.AsyncClient(), total_timeout=0.15) as client:
            with pytest.raises(RequestTimeoutError):
                async with client.stream("GET", server.url) as response:
                    async for _ in response.aiter_raw():
                        time.sleep(0.2)
            gc.collect()
            await (asyncio.sleep(0) if backend == "asyncio" else trio.sleep(0))
            assert only(guard_of(client).hosts.breakers).snapshot().timeouts == 1

    asyncio.run(main()) if backend == "asyncio" else trio.run(main)


def test_a_body_that_never_waits_ends_when_its_time_is_over():
    class Ready(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b"x"

    async def main():
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Ready()))
        async with protect(httpx.AsyncClient(transport=transport), total_timeout=0.05) as client:
            with pytest.raises(RequestTimeoutError):
                async with client.stream("GET", URL) as response:
                    async for _ in response.aiter_raw():
                        pass

    asyncio.run(main())
