# SPDX-License-Identifier: MIT OR Apache-2.0
# Single flight: of those who miss at once one makes the call; whoever is cancelled hands it over.
import random

import anyio
import pytest
from trifuse import RequestTimeoutError, Timeout, deadline
from trifuse.cache import ResultCache


def left(cache):
    """What calls have left behind: nothing."""
    return len(cache._flights)


@pytest.mark.anyio
class TestTasks:
    async def test_1000_tasks_that_miss_at_once_make_one_call(self):
        cache, calls = ResultCache(), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            await anyio.sleep(1)
            return object()

        got = []

        async def task():
            got.append(await answer("a"))

        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(task)
        assert calls == ["a"]
        assert len(got) == 1000
        assert len(set(map(id, got))) == 1
        assert cache.snapshot()[1:6] == (0, 0, 1, 999, 1)
        assert left(cache) == 0

    async def test_different_keys_do_not_wait_for_one_another(self):
        cache, running = ResultCache(), []

        @cache
        async def answer(prompt):
            running.append(prompt)
            await anyio.sleep(10)
            return prompt

        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(answer, f"{number}")
            await anyio.sleep(5)
            assert len(running) == 50
        assert left(cache) == 0

    async def test_a_cancelled_leader_hands_the_call_to_the_one_who_waited_longest(self):
        cache, calls, got = ResultCache(), [], []

        @cache
        async def answer(prompt):
            me = len(calls)
            calls.append(me)
            await anyio.sleep(10)
            return me

        async def task(number, scope):
            with scope:
                got.append((number, await answer("a")))

        scopes = [anyio.CancelScope() for _ in range(5)]
        async with anyio.create_task_group() as group:
            for number, scope in enumerate(scopes):
                group.start_soon(task, number, scope)
                await anyio.sleep(0.1)
            scopes[2].cancel()  # one who waits
            scopes[0].cancel()  # the leader
            await anyio.sleep(1)
            assert calls == [0, 1]
            scopes[1].cancel()  # the next leader
            await anyio.sleep(1)
            assert calls == [0, 1, 2]
        assert sorted(got) == [(3, 2), (4, 2)]
        assert left(cache) == 0

    async def test_when_all_are_cancelled_nothing_is_left_and_the_next_call_is_made(self):
        cache, calls = ResultCache(), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            await anyio.sleep(10)
            return "real"

        with anyio.move_on_after(1):
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(answer, "a")
        assert left(cache) == 0
        assert await answer("a") == "real"

    async def test_an_error_is_raised_to_all_who_waited_and_the_next_call_is_made(self):
        cache, calls, errors = ResultCache(), [], []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            await anyio.sleep(1)
            raise OSError("mine")

        async def task():
            try:
                await answer("a")
            except OSError as error:
                errors.append(error)
                depth, trace = 0, error.__traceback__
                while trace is not None:
                    depth, trace = depth + 1, trace.tb_next
                assert depth < 15

        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(task)
        assert len(calls) == 1
        assert len(errors) == 200
        assert len(set(map(id, errors))) == 1
        await task()
        assert len(calls) == 2
        assert left(cache) == 0

    async def test_one_who_waits_keeps_its_own_time_limit(self):
        cache = ResultCache()

        @cache
        async def answer(prompt):
            await anyio.sleep(10)
            return "real"

        async def impatient():
            with pytest.raises(RequestTimeoutError, match="within 2 s"):
                await Timeout(2).call(answer, "a")
            with pytest.raises(RequestTimeoutError):
                async with deadline(1):
                    await answer("a")

        async with anyio.create_task_group() as group:
            group.start_soon(answer, "a")
            await anyio.sleep(1)
            group.start_soon(impatient)
        assert left(cache) == 0

    async def test_a_leader_whose_time_is_over_hands_over_too(self):
        cache, calls = ResultCache(), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            await anyio.sleep(5 if len(calls) == 1 else 1)
            return len(calls)

        async def impatient():
            with pytest.raises(RequestTimeoutError):
                await Timeout(2).call(answer, "a")

        got = []

        async def patient():
            await anyio.sleep(0.5)
            got.append(await answer("a"))

        async with anyio.create_task_group() as group:
            group.start_soon(impatient)
            group.start_soon(patient)
        assert got == [2]

    async def test_a_call_within_the_same_call_is_made_and_does_not_wait_for_itself(self):
        cache, depth = ResultCache(), []

        @cache
        async def answer(prompt):
            depth.append(prompt)
            await anyio.sleep(1)
            if len(depth) < 3:
                return await answer(prompt)
            return "real"

        with anyio.fail_after(60):
            assert await answer("a") == "real"
        assert len(depth) == 3
        assert left(cache) == 0

    async def test_nor_does_a_task_that_the_call_has_started(self):
        cache, calls = ResultCache(), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            if len(calls) == 1:
                async with anyio.create_task_group() as group:
                    group.start_soon(answer, prompt)
            return "real"

        with anyio.fail_after(60):
            assert await answer("a") == "real"
        assert len(calls) == 2

    @pytest.mark.parametrize("seed", range(10))
    async def test_random_cancellations_leave_nothing_behind(self, seed):
        rng = random.Random(seed)
        cache, running, most = ResultCache(ttl=1e-9), {}, []

        @cache
        async def answer(prompt):
            running[prompt] = running.get(prompt, 0) + 1
            most.append(running[prompt])
            try:
                await anyio.sleep(rng.choice([0.1, 1, 3]))
                if rng.random() < 0.2:
                    raise OSError
                return prompt
            finally:
                running[prompt] -= 1

        async def task():
            await anyio.sleep(rng.random() * 3)
            prompt = f"{rng.randrange(3)}"
            with anyio.move_on_after(rng.choice([0.05, 0.5, 2, 100])):
                try:
                    assert await answer(prompt) == prompt
                except OSError:
                    pass

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(task)
        assert max(most) == 1, seed
        assert left(cache) == 0, seed
        assert all(count == 0 for count in running.values())
