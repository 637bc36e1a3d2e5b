# SPDX-License-Identifier: MIT OR Apache-2.0
# Waiting for a token budget: in order, within its time, woken by what comes back; asyncio and trio.
import anyio
import pytest
from trifuse import OverCapacityError, TokenBudget, deadline
from trifuse._llm.token_budget import TokenBudgetError
from trifuse._waiting import now_ns

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def virtual(clock):
    return clock


class Times:
    """When calls got their turn, in seconds from the beginning."""

    def __init__(self, budget):
        self._budget, self._begun = budget, now_ns()
        self.made = []

    async def wait(self, number, n, max_wait=None, used=None):
        try:
            grant = await self._budget.areserve(n, max_wait=max_wait)
        except TokenBudgetError as error:
            number = f"{number} refused by {error.limit}"
            grant = None
        self.made.append((number, round((now_ns() - self._begun) / 1e9, 6)))
        if grant is not None and used is not None:
            grant.settle(used)


async def started(tasks, budget, waiting, *args):
    tasks.start_soon(*args)
    for _ in range(100):
        if budget.snapshot().waiting == waiting:
            return
        await anyio.lowlevel.checkpoint()
    raise AssertionError(f"{budget.snapshot().waiting} wait, not {waiting}")


def emptied(**fields):
    budget = TokenBudget("key", **{"tpm": 600, "rpm": 600, "max_wait": 3600, **fields})
    budget.reserve(600).keep()
    return budget


async def test_a_large_request_is_not_starved_by_small_ones():
    budget = emptied()
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, "large", 300)
        for number in range(1, 4):
            await started(tasks, budget, number + 1, times.wait, number, 10)
        with pytest.raises(TokenBudgetError) as caught:
            budget.reserve(1, max_wait=0)
        assert caught.value.retry_after == pytest.approx(33.1)
    assert times.made == [("large", 30), (1, 31), (2, 32), (3, 33)]


async def test_one_that_wants_no_tokens_stands_behind_the_others_too():
    budget = emptied()
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 100)
        await started(tasks, budget, 2, times.wait, 2, 0)
    assert sorted(times.made) == [(1, 10), (2, 10)]


async def test_one_that_wants_no_tokens_is_refused_at_once_where_the_others_take_too_long():
    budget = emptied()
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 100)
        await times.wait(2, 0, 9)
    assert times.made == [("2 refused by tpm", 0), (1, 10)]


async def test_what_comes_back_gives_the_first_its_turn_earlier():
    budget = TokenBudget("key", tpm=600, max_wait=3600)
    grant = budget.reserve(600)
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 300)
        await started(tasks, budget, 2, times.wait, 2, 300)
        grant.settle(250)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        assert times.made == [(1, 0)]
    assert times.made == [(1, 0), (2, 25)]


async def test_what_is_owed_puts_the_turns_off():
    budget = TokenBudget("key", tpm=600, max_wait=3600)
    grant = budget.reserve(600)
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 100)
        grant.settle(700)
    assert times.made == [(1, 20)]


async def test_who_would_wait_too_long_is_refused_at_once_and_takes_nothing():
    budget = emptied()
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 300)
        await times.wait(2, 100, 39)
        assert budget.snapshot().waiting == 1
        await started(tasks, budget, 2, times.wait, 3, 100, 40)
    assert times.made == [("2 refused by tpm", 0), (1, 30), (3, 40)]


async def test_the_deadline_bounds_the_wait():
    budget, begun = emptied(), now_ns()
    with deadline(5):
        with pytest.raises(TokenBudgetError):
            await budget.areserve(100)
        with pytest.raises(TokenBudgetError):
            budget.reserve(100)
    assert now_ns() == begun
    with deadline(11):
        await budget.areserve(100)
    assert now_ns() - begun == 10_000_000_000


async def test_one_whose_turn_is_put_off_past_its_time_is_refused():
    budget = TokenBudget("key", tpm=600, max_wait=3600)
    grant = budget.reserve(600)
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 100, 15)
        await started(tasks, budget, 2, times.wait, 2, 10, 30)
        grant.settle(700)
    assert times.made == [("1 refused by tpm", 0), (2, 11)]
    assert budget.snapshot().refused == 1


async def test_cancelled_waiters_leave_their_turn_and_take_nothing():
    budget = emptied()
    times, scopes = Times(budget), []

    async def waiting(number, n):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await times.wait(number, n)

    async with anyio.create_task_group() as tasks:
        for number, n in enumerate((200, 10, 300, 40, 5)):
            await started(tasks, budget, number + 1, waiting, number, n)
        for number in (0, 2, 4):
            scopes[number].cancel()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        assert budget.snapshot().waiting == 2
    assert times.made == [(1, 1), (3, 5)]
    picture = budget.snapshot()
    assert (picture.tokens_available, picture.tokens_debt, picture.requests_available) == (0, 0, 599)


async def test_a_pause_holds_up_all_and_lets_them_go_in_order_at_the_rate():
    budget = TokenBudget("key", rpm=60, tpm=6_000, max_wait=3600)
    budget.pause(20)
    assert budget.snapshot().paused == 20
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 10)
        await started(tasks, budget, 2, times.wait, 2, 10)
        budget.pause(5)  # ends earlier
        budget.pause(30)
        await times.wait(3, 10, 29)
        await started(tasks, budget, 3, times.wait, 4, 10, 30)
    assert times.made[0] == ("3 refused by paused", 0)
    assert sorted(times.made[1:]) == [(1, 30), (2, 30), (4, 30)]


async def test_so_many_may_wait_and_the_next_is_refused():
    budget = emptied(max_queue=1)
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 10)
        await times.wait(2, 10)
    assert times.made == [("2 refused by max_queue", 0), (1, 1)]


async def test_a_limit_that_is_lowered_ends_the_wait_of_who_can_never_have_so_much():
    budget = emptied()
    errors = []

    async def waiting():
        try:
            await budget.areserve(500)
        except OverCapacityError as error:
            errors.append(error.capacity)

    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, waiting)
        budget.reconfigure(tpm=400)
    assert errors == [400]
    assert budget.snapshot().waiting == 0


async def test_a_limit_that_is_lifted_lets_all_go():
    budget = emptied()
    times = Times(budget)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, times.wait, 1, 500)
        await started(tasks, budget, 2, times.wait, 2, 500)
        budget.reconfigure(tpm=None)
    assert sorted(times.made) == [(1, 0), (2, 0)]


async def test_a_function_that_gives_an_awaitable_waits_without_blocking_its_thread(anyio_backend_name):
    budget, made = emptied(), []

    async def call(prompt):
        made.append(prompt)

    guarded = budget(lambda prompt: call(prompt))
    budget.reconfigure(tpm=None)
    await guarded("first")  # tells that what comes back is awaited
    budget.reconfigure(tpm=6_000)
    budget.reserve(6_000)
    async with anyio.create_task_group() as tasks:
        await started(tasks, budget, 1, guarded, "second")
        assert made == ["first"]
    assert made == ["first", "second"]
