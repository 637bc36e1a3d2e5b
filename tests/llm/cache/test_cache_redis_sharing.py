# SPDX-License-Identifier: MIT OR Apache-2.0
# One call for many processes, by a lock in Redis.
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from trifuse.cache import RedisStore, ResultCache

TIMEOUT = 0.1


SLACK = 0.25


SHARING = """
import asyncio, sys, time
from trifuse.cache import RedisStore, ResultCache
url, share, seconds, how = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
cache = ResultCache(RedisStore(url, share=share, timeout=10))
def say(prompt):
    print("called", flush=True)
    return prompt.upper()
if how == "sync":
    @cache
    def answer(prompt):
        said = say(prompt); time.sleep(seconds); return said
    assert answer("same") == "SAME"
else:
    @cache
    async def answer(prompt):
        said = say(prompt); await asyncio.sleep(seconds); return said
    async def main():
        assert set(await asyncio.gather(*(answer("same") for _ in range(10)))) == {"SAME"}
    asyncio.run(main())
print("done", flush=True)
"""


def process(server, share, seconds, how):
    arguments = [sys.executable, "-c", SHARING, server.url, str(share), str(seconds), how]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


class TestSharing:
    """One call for many processes."""

    @pytest.mark.parametrize("how", ["sync", "async"])
    def test_processes_that_miss_at_once_make_one_call(self, server, how):
        started = [process(server, 20, 1.0, how) for _ in range(4)]
        told = "".join(one.communicate(timeout=40)[0] for one in started)
        assert (told.count("called"), told.count("done")) == (1, 4)

    def test_a_killed_one_holds_the_others_up_for_the_time_of_sharing_and_no_more(self, server):
        first = process(server, 1.0, 100, "sync")
        assert first.stdout.readline() == "called\n"
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        begun = time.monotonic()
        told = process(server, 1.0, 0, "async").communicate(timeout=30)[0]
        assert (told.count("called"), told.count("done")) == (1, 1)
        assert time.monotonic() - begun < 10

    def test_one_that_fails_or_is_cancelled_lets_the_next_call_at_once(self, server, patient):
        store = patient(server.url, share=60)
        cache, calls = ResultCache(store), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            await asyncio.sleep(0.01 if len(calls) == 1 else 30 if len(calls) == 2 else 0)
            if len(calls) == 1:
                raise OSError
            return "real"

        async def main():
            with pytest.raises(OSError):
                await answer("a")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(answer("a"), 0.2)
            begun = time.monotonic()
            assert await answer("a") == "real"
            assert time.monotonic() - begun < 5

        asyncio.run(main())
        assert len(calls) == 3

    def test_the_right_of_another_is_never_given_back(self, server, patient):
        store = patient(server.url, share=60)
        token = store.lease("k")
        assert token
        assert store.lease("k") is None
        store.release("k", "another's")
        assert store.lease("k") is None
        store.release("k", token)
        end = time.monotonic() + 5
        while store.lease("k") is None:
            assert time.monotonic() < end

    def test_a_redis_that_fails_shares_nothing_and_every_call_is_made(self, tmp_path, caching):
        _, answer, calls = caching(RedisStore(f"unix://{tmp_path}/nothing", share=60, timeout=TIMEOUT))
        begun = time.monotonic()
        for number in range(5):
            answer(f"{number}")
        assert len(calls) == 5
        assert time.monotonic() - begun < 3 * TIMEOUT + SLACK
