# SPDX-License-Identifier: MIT OR Apache-2.0
# No call waits longer for Redis than the time limit of the store: killed, frozen, slow, silent, not there.
import asyncio
import signal
import socket
import time

import pytest
import redis
import redis.asyncio
from trifuse import CircuitBreaker, Fallback, Pipeline
from trifuse._last_call import last_call
from trifuse.cache import RedisStore, ResultCache

TIMEOUT = 0.1


SLACK = 0.25


class TestTrouble:
    """No call waits for Redis longer than the store's time limit, and none fails because of it."""

    def timed(self, answer, prompt):
        begun = time.monotonic()
        assert answer(prompt) == {"answer": prompt.upper()}
        return time.monotonic() - begun

    def test_killed_in_the_middle_and_started_again(self, own_server, caching_async):
        store = RedisStore(own_server.url, timeout=5, breaker=CircuitBreaker(
            "killed", registry=None, consecutive_failures=3, failure_rate_threshold=1.0, open_duration=0.2,
            request_timeout=None))  # fmt: skip
        cache, answer, calls = caching_async(store)

        async def main():
            done = 0

            async def client(number):
                nonlocal done
                for step in range(30):
                    prompt = f"{number} {step % 10}"
                    assert await answer(prompt) == {"answer": prompt.upper()}
                    done += 1
                    await asyncio.sleep(0.001)

            clients = asyncio.gather(*(client(number) for number in range(20)))
            while done < 100:
                await asyncio.sleep(0)
            own_server.kill()
            await asyncio.wait_for(clients, 20)

        asyncio.run(main())
        assert store.breaker.state == "open"
        assert cache.snapshot().store_errors > 0
        assert len(cache._flights) == 0
        own_server.start()
        end = time.monotonic() + 10
        while store.breaker.state != "closed":
            assert time.monotonic() < end
            asyncio.run(main_of(answer, "again"))
            time.sleep(0.02)
        before = len(calls)
        asyncio.run(main_of(answer, "kept"))
        asyncio.run(main_of(answer, "kept"))
        assert len(calls) == before + 1

    def test_frozen_it_costs_the_time_limit_until_the_breaker_opens(self, own_server, caching):
        store = RedisStore(own_server.url, timeout=TIMEOUT)
        _, answer, calls = caching(store)
        answer("warm")
        own_server.signal(signal.SIGSTOP)
        try:
            times = [self.timed(answer, f"{number}") for number in range(30)]
        finally:
            own_server.signal(signal.SIGCONT)
        assert sum(times) < 3 * TIMEOUT + SLACK
        assert store.breaker.state == "open"
        assert len(calls) == 31
        assert max(times) < 2 * TIMEOUT + SLACK  # looking, and keeping

    @pytest.mark.parametrize("trouble", [{"delay": 3.0}, {"drip": 0.06}, {"silent": True}])
    @pytest.mark.parametrize("way", ["sync", "tasks", "asynchronous client"])
    def test_slow_dripping_or_silent_it_costs_the_time_limit(
        self, proxy, trouble, way, caching_async, caching
    ):
        for name, value in trouble.items():
            setattr(proxy, name, value)
        begun = time.monotonic()
        if way == "sync":
            _, answer, calls = caching(RedisStore(proxy.url, timeout=TIMEOUT))
            for number in range(20):
                self.timed(answer, f"{number}")
        else:

            async def main():
                client = redis.asyncio.Redis.from_url(proxy.url) if way != "tasks" else proxy.url
                _, answer, calls = caching_async(RedisStore(client, timeout=TIMEOUT))
                for number in range(20):
                    assert await answer(f"{number}") == {"answer": f"{number}"}
                if way != "tasks":
                    await client.aclose()
                return calls

            calls = asyncio.run(main())
        assert len(calls) == 20
        assert time.monotonic() - begun < 3 * TIMEOUT + 2 * SLACK

    def test_nobody_there_costs_next_to_nothing(self, caching):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        _, answer, calls = caching(RedisStore(f"redis://127.0.0.1:{port}", timeout=TIMEOUT))
        begun = time.monotonic()
        for number in range(50):
            self.timed(answer, f"{number}")
        assert len(calls) == 50
        assert time.monotonic() - begun < 3 * TIMEOUT + SLACK

    def test_the_event_loop_never_waits(self, proxy, caching_async):
        proxy.delay = 0.5
        _, answer, _ = caching_async(RedisStore(proxy.url, timeout=TIMEOUT), seconds=0.05)

        async def main():
            work = asyncio.gather(*(answer(f"{number}") for number in range(300)))
            lags = []
            while not work.done():
                begun = time.monotonic()
                await asyncio.sleep(0.005)
                lags.append(time.monotonic() - begun - 0.005)
            assert len(await work) == 300
            return sorted(lags)[len(lags) // 2]

        assert asyncio.run(main()) < 0.05

    def test_1000_tasks_make_one_call_and_few_requests(self, server, caching_async, patient):
        cache, answer, calls = caching_async(patient(server.url), seconds=0.05)

        async def main():
            return await asyncio.gather(*(answer("same") for _ in range(1000)))

        before = server.raw.info("stats")["total_commands_processed"]
        assert asyncio.run(main()) == [{"answer": "SAME"}] * 1000
        assert calls == ["same"]
        assert cache.snapshot().shared == 999
        assert server.raw.info("stats")["total_commands_processed"] - before < 12

    def test_it_answers_as_the_first_level_of_a_chain_while_the_model_is_down(self, server, patient):
        cache = ResultCache(patient(server.url), ttl=0.001)
        down = False

        async def ask(prompt):
            if down:
                raise OSError
            return prompt.upper()

        guarded = Pipeline("p", Fallback(cache.lookup, "Sorry."), cache)(ask)

        async def main():
            nonlocal down
            assert await guarded("a") == "A"
            down = True
            await asyncio.sleep(0.01)
            assert (await guarded("a"), last_call().level) == ("A", 1)
            server.raw.flushall()
            assert (await guarded("a"), last_call().level) == ("Sorry.", 2)

        asyncio.run(main())


async def main_of(answer, prompt):
    return await answer(prompt)
