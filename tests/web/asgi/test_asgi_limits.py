# SPDX-License-Identifier: MIT OR Apache-2.0
"""What comes in is limited: by rate, by places, by time, for all or by key."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from trifuse import (
    AdaptiveLimit,
    Bulkhead,
    per,
    remaining,
)
from trifuse.contrib.asgi import Resilience, by_client, by_header, by_path


def raising(error):
    async def app(scope, receive, send):
        raise error() if isinstance(error, type) or callable(error) else error

    return app


def test_the_rate_of_all_requests_is_limited_and_health_checks_are_exempt(fine, client_of):
    app = Resilience(fine, rate_limit=per(2, seconds=60))

    async def main():
        async with client_of(app) as client:
            found = [
                (await client.get(path)).status_code
                for path in ("/", "/", "/", "/health", "/ready/", "/healthy")
            ]
            refused = await client.get("/")
            return found, refused

    found, refused = asyncio.run(main())
    assert found == [200, 200, 429, 200, 200, 429]
    assert 28 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["title"] == "Too Many Requests"


def test_each_key_has_a_rate_of_its_own_and_keys_are_bounded(fine, client_of):
    app = Resilience(fine, rate_limit=per(1, seconds=60), key=by_header("X-Api-Key"), max_keys=2)

    async def main():
        async with client_of(app) as client:
            keys = ["a", "a", "b", "c", "d", "a"]
            return [(await client.get("/", headers={"x-api-key": key})).status_code for key in keys]

    assert asyncio.run(main()) == [200, 429, 200, 200, 429, 429]
    assert len(app._inbound.rates) == 2


def test_the_key_may_be_the_peer_or_the_path(fine, client_of):
    app = Resilience(
        fine, rate_limit=per(1, seconds=60), key=lambda scope: (by_client(scope), by_path(scope))
    )

    async def ask(address, path):
        async with client_of(app, address) as client:
            return (await client.get(path)).status_code

    asked = [("10.0.0.1", "/a"), ("10.0.0.1", "/a"), ("10.0.0.2", "/a"), ("10.0.0.1", "/b")]

    async def main():
        return [await ask(*each) for each in asked]

    assert asyncio.run(main()) == [200, 429, 200, 200]


def test_the_peer_may_be_unknown(client_of):
    assert by_client({"client": None}) == ""
    assert by_header("x")({"headers": []}) == ""


async def at_once(client_of, app, count, release, headers=lambda n: {}):
    async with client_of(app) as client:
        tasks = [asyncio.create_task(client.get("/", headers=headers(n))) for n in range(count)]
        await asyncio.sleep(0.05)
        release.set()
        return [answer.status_code for answer in await asyncio.gather(*tasks)]


def test_requests_worked_at_are_bounded_and_the_rest_is_refused_at_once(respond, client_of):
    async def main():
        release = asyncio.Event()

        async def app(scope, receive, send):
            await release.wait()
            await respond(send)

        limit = Bulkhead(3)
        statuses = await at_once(client_of, Resilience(app, adaptive_limit=limit), 10, release)
        return sorted(statuses), limit.in_flight

    assert asyncio.run(main()) == ([200] * 3 + [503] * 7, 0)


def test_each_key_has_places_of_its_own_and_idle_keys_make_room(client_of, respond):
    async def main():
        release = asyncio.Event()

        async def app(scope, receive, send):
            await release.wait()
            await respond(send)

        guarded = Resilience(app, adaptive_limit=lambda: Bulkhead(1), key=by_header("x-user"), max_keys=2)
        users = ["a", "a", "b", "c", "d"]
        statuses = await at_once(client_of, guarded, 5, release, lambda n: {"x-user": users[n]})
        async with client_of(guarded) as client:
            again = (await client.get("/", headers={"x-user": "e"})).status_code
        return statuses, again, len(guarded._inbound.places)

    # c and d share the overflow's one place, for a and b are busy.
    assert asyncio.run(main()) == ([200, 503, 200, 200, 503], 200, 2)


def test_an_adaptive_limit_learns_from_status_and_error(get, fine, respond):
    limit = AdaptiveLimit("aimd", limit=20, backoff_ratio=0.5)

    async def failing(scope, receive, send):
        await respond(send, 500)

    get(Resilience(failing, adaptive_limit=limit))
    assert (limit.limit, limit.snapshot().failures) == (10, 1)
    with contextlib.suppress(KeyError):
        get(Resilience(raising(KeyError("x")), adaptive_limit=limit))
    assert (limit.limit, limit.in_flight) == (5, 0)
    get(Resilience(fine, adaptive_limit=limit))
    assert limit.snapshot().failures == 2


def test_a_request_has_a_deadline_that_is_504_and_that_what_it_calls_sees(get):
    seen = []

    async def app(scope, receive, send):
        seen.append(remaining())
        await asyncio.sleep(10)

    answer = get(Resilience(app, timeout=0.05))
    assert (answer.status_code, answer.json()["reason"]) == (504, "deadline")
    assert 0 < seen[0] <= 0.05


def test_a_client_that_leaves_gives_its_place_back():
    async def main():
        limit = Bulkhead(1)

        async def app(scope, receive, send):
            await asyncio.sleep(10)

        guarded = Resilience(app, adaptive_limit=limit)
        task = asyncio.create_task(guarded({"type": "http", "path": "/", "headers": []}, None, None))
        await asyncio.sleep(0)
        assert limit.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return limit.in_flight

    assert asyncio.run(main()) == 0


def test_a_thousand_requests_at_once_never_exceed_the_limit_and_leave_nothing_behind(client_of, respond):
    async def main():
        limit, most, now = Bulkhead(50, max_queue=1000), 0, 0

        async def app(scope, receive, send):
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            await respond(send)

        guarded = Resilience(app, adaptive_limit=limit, rate_limit=per(800, seconds=3600))
        async with client_of(guarded) as client:
            answers = await asyncio.gather(*(client.get("/") for _ in range(1000)))
        statuses = [answer.status_code for answer in answers]
        return statuses.count(200), statuses.count(429), most, limit.in_flight

    assert asyncio.run(main()) == (800, 200, 50, 0)
