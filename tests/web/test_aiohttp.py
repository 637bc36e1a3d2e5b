# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of aiohttp: middlewares, bodies however they end, cancellation, WebSockets."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import aiohttp.web
import pytest
from trifuse import BulkheadFullError, CircuitBreakerOpenError, ConfigurationError, RequestTimeoutError
from trifuse._permits import handle_of
from trifuse.contrib.aiohttp import GuardMiddleware, guard_of, protect
from trifuse.testing.chaos import disconnect, hang, raw, reset, status

pytestmark = pytest.mark.end_to_end
QUIET = {"failure_rate_threshold": 1.0, "retry": False, "bulkhead": 100}
LONG = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=hang())
HALF = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"x", then=reset(after=0.02))


def counts(guard):
    """Give successes, failures, ignored calls, and what is held of the breaker and the places."""
    (breaker,) = guard.hosts.breakers.values()
    (places,) = guard.hosts.places.values()
    seen = breaker.snapshot()
    held = handle_of(breaker._memory).in_flight
    return seen.successes, seen.failures, seen.ignored, held, places.in_flight


def run(scene, **settings):
    """Run a scene with a guarded session."""

    async def main():
        async with protect(aiohttp.ClientSession(), **{**QUIET, **settings}) as session:
            await scene(session, guard_of(session))

    asyncio.run(main())


@pytest.mark.parametrize("way", ["read", "json", "chunks", "lines", "any", "readexactly"])
def test_a_body_that_was_read_to_its_end_is_a_success_however_it_is_read(server, way):
    async def scene(session, guard):
        async with session.get(server.url) as response:
            content = response.content
            if way in {"read", "json"}:
                await getattr(response, way)()
            elif way == "chunks":
                assert [chunk async for chunk in content.iter_chunked(3)]
            elif way == "lines":
                assert [line async for line in content]
            elif way == "any":
                while await content.readany():
                    pass
            else:
                await content.readexactly(int(response.headers["content-length"]))
        assert counts(guard) == (1, 0, 0, 0, 0)

    run(scene)


@pytest.mark.parametrize(
    "step", [HALF, raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", then=disconnect())]
)
@pytest.mark.parametrize("way", ["read", "chunks", "nothing"])
def test_a_body_that_breaks_is_a_failure_even_if_nobody_reads_it(server, step, way):
    async def scene(session, guard):
        server.script(step)
        response = await session.get(server.url)
        if way == "nothing":
            await asyncio.sleep(0.15)
            response.close()
        else:
            with pytest.raises(aiohttp.ClientError):
                _ = await response.read() if way == "read" else [c async for c in response.content.iter_any()]
            response.close()
        assert counts(guard) == (0, 1, 0, 0, 0)

    run(scene)


@pytest.mark.parametrize("way", ["close", "release", "exit", "session"])
def test_a_body_that_is_left_early_is_no_outcome(server, way):
    async def scene(session, guard):
        server.script(LONG)
        response = await session.get(server.url)
        assert counts(guard) == (0, 0, 0, 1, 1)
        if way == "exit":
            async with response:
                pass
        elif way == "session":
            await session.close()
            response.close()
        else:
            getattr(response, way)()
        assert counts(guard) == (0, 0, 1, 0, 0)

    run(scene)


def test_cancelled_before_and_in_the_body_everything_comes_back(server):
    async def scene(session, guard):
        server.default = lambda request: hang() if request.path == "/head" else LONG

        async def get(path):
            async with session.get(server.url + path) as response:
                await response.read()

        tasks = [asyncio.create_task(get(path)) for path in ["/head", "/body"] * 10]
        while server.in_flight < 20:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert counts(guard) == (0, 0, 20, 0, 0)

    run(scene)


def test_a_call_with_middlewares_of_its_own_is_guarded_too(server):
    seen = []

    async def mine(request, handler):
        seen.append(request.method)
        return await handler(request)

    async def scene(session, guard):
        server.default = status(500)
        async with session.get(server.url, middlewares=[mine]):
            pass
        with pytest.raises(CircuitBreakerOpenError):
            await session.get(server.url, middlewares=(mine,))
        with pytest.raises(CircuitBreakerOpenError):
            await session.get(server.url, middlewares=())

    run(scene, consecutive_failures=1)
    assert seen == ["GET", "GET"]
    assert server.count == 1


def test_a_middleware_of_a_session_guards_what_those_before_it_send(server):
    async def twice(request, handler):
        (await handler(request)).release()
        return await handler(request)

    async def main():
        guarding = GuardMiddleware(**QUIET)
        async with aiohttp.ClientSession(middlewares=[twice, guarding]) as session:
            async with session.get(server.url) as response:
                await response.read()
            assert guard_of(session) is guarding.guard is guard_of(guarding)
        assert sum(counts(guarding.guard)[:3]) == 2
        assert guarding.describe()["hosts"] == [server.url] == list(guarding.snapshot())

    asyncio.run(main())
    assert server.count == 2


def test_a_json_body_is_sent_again_and_a_form_that_reads_a_file_is_not(server, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10)

    async def scene(session, guard):
        server.script(status(503))
        async with session.put(server.url, json={"n": 1}) as response:
            assert response.status == 200
        server.script(status(503))
        with (tmp_path / "file").open("rb") as file:
            async with session.put(server.url, data={"file": file}) as response:
                assert response.status == 503

    run(scene, retry={"delay": 0.001})
    assert [request.body for request in server.requests[:2]] == [{"n": 1}] * 2
    assert server.count == 3


def test_raise_for_status_is_as_before(server):
    async def main():
        async with protect(aiohttp.ClientSession(raise_for_status=True), **QUIET) as session:
            server.script(status(500), status(404))
            for code in (500, 404):
                with pytest.raises(aiohttp.ClientResponseError) as caught:
                    await session.get(server.url)
                assert caught.value.status == code
            assert counts(guard_of(session)) == (0, 1, 1, 0, 0)

    asyncio.run(main())


def test_the_total_time_reaches_who_reads_and_closes_the_connection(server):
    async def scene(session, guard):
        server.script(LONG)
        began = time.monotonic()
        response = await session.get(server.url)
        with pytest.raises(RequestTimeoutError) as caught:
            await response.content.readexactly(9)
        assert time.monotonic() - began < 0.7
        assert isinstance(caught.value, aiohttp.ClientError)
        assert counts(guard) == (0, 1, 0, 0, 0)
        assert response.connection is None

    run(scene, total_timeout=0.2)


def test_a_body_that_ends_in_time_is_left_alone_afterwards(server):
    async def scene(session, guard):
        async with session.get(server.url) as response:
            await response.read()
        await asyncio.sleep(0.25)
        assert counts(guard) == (1, 0, 0, 0, 0)

    run(scene, total_timeout=0.2)


def test_a_websocket_is_guarded_until_it_is_open():
    async def main():
        async def talk(request):
            socket = aiohttp.web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(message.data)
            return socket

        application = aiohttp.web.Application()
        application.router.add_get("/", talk)
        runner = aiohttp.web.AppRunner(application)
        await runner.setup()
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            async with protect(aiohttp.ClientSession(), total_timeout=0.2, **QUIET) as session:
                async with session.ws_connect(f"http://127.0.0.1:{port}/") as socket:
                    assert counts(guard_of(session)) == (1, 0, 0, 0, 0)
                    await asyncio.sleep(0.3)  # no time limit of a request ends a conversation
                    await socket.send_str("hi")
                    assert (await socket.receive()).data == "hi"
        finally:
            await runner.cleanup()

    asyncio.run(main())


def test_a_full_bulkhead_is_a_client_error(server):
    async def scene(session, guard):
        server.script(LONG)
        response = await session.get(server.url)
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(server.url)
        assert isinstance(caught.value, BulkheadFullError)
        response.close()

    run(scene, bulkhead=1)


def test_what_the_middleware_cannot_do_is_refused():
    with pytest.raises(ConfigurationError, match="refusals"):
        GuardMiddleware(refusals="respond")
    with pytest.raises(ConfigurationError, match="nothing beside"):
        GuardMiddleware(guard=GuardMiddleware().guard, bulkhead=1)
