# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves CONC-CONF-01, CONC-ADAPT-02, CONC-ADAPT-03, CONC-AIMD-01, CONC-AIMD-02, WRAP-CLASS-01: in Python.
import pickle

import anyio
import pytest
from trifuse import (
    AdaptiveLimit,
    BulkheadFullError,
    ConfigurationError,
    RateLimitedError,
    TrifuseError,
    adaptive_limit,
    testing,
)


@pytest.fixture
def limit():
    """An AIMD limit of 10 that shows at once what a call was counted as, when it is in full use."""
    return AdaptiveLimit("aimd", limit=10, min_limit=1, max_limit=100, name="a")


def full(limit):
    return [limit.acquire() for _ in range(limit.limit - 1)]


def test_the_limit_moves_with_the_outcomes_of_calls(limit):
    places = full(limit)
    assert limit(lambda: 5)() == 5
    assert limit.limit == 11
    with pytest.raises(OSError, match="x"):
        limit(fails)(OSError("x"))
    assert limit.snapshot().limit_exact == pytest.approx(9.9, rel=1e-4)
    assert limit.snapshot().failures == 1
    assert len(places) == 9


def fails(error):
    raise error


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RateLimitedError("other"), BulkheadFullError("other")]
)
def test_what_says_nothing_about_the_backend_moves_nothing(limit, error):
    places = full(limit)
    with pytest.raises(type(error)):
        limit(fails)(error)
    assert limit.snapshot().limit_exact == 10
    assert limit.in_flight == len(places)


def test_a_timeout_is_a_failure_and_so_is_what_was_said_to_be_one():
    limit = AdaptiveLimit(
        "aimd", limit=10, failure_on=(KeyError, TimeoutError), failure_if=lambda r: r == "no"
    )
    places = full(limit)[:6]
    for error, after in ((TimeoutError(), 9), (OSError(), 9), (KeyError(), 8.1)):
        with pytest.raises(type(error)):
            limit(fails)(error)
        assert limit.snapshot().limit_exact == pytest.approx(after, rel=1e-4)
    assert places
    assert limit(lambda: "no")() == "no"
    assert limit.snapshot().limit_exact == pytest.approx(7.29, rel=1e-4)
    assert limit(lambda: "yes")() == "yes"
    assert limit.snapshot().limit_exact == pytest.approx(8.29, rel=1e-4)


def test_ignored_errors_move_nothing():
    limit = AdaptiveLimit("aimd", limit=10, ignore=KeyError)
    places = full(limit)
    with pytest.raises(KeyError):
        limit(fails)(KeyError())
    assert limit.snapshot().limit_exact == 10
    assert places


def test_the_duration_of_a_call_is_that_of_the_core_s_clock(clock):
    limit = AdaptiveLimit("aimd", limit=10, timeout=1)
    places = full(limit)
    limit(clock.advance)(1)
    assert limit.limit == 11
    limit(clock.advance)(1.001)
    assert limit.snapshot().limit_exact == pytest.approx(9.9, rel=1e-4)
    place = limit.acquire() if limit.limit > limit.in_flight else places.pop()
    clock.advance(5)
    place.release()
    assert limit.snapshot().failures == 2


def test_each_of_many_calls_is_measured_by_itself(clock):
    limit = AdaptiveLimit("gradient2")
    first = limit.acquire()
    clock.advance(3)
    second = limit.acquire()
    clock.advance(2)
    second.release()
    assert limit.snapshot().short == 2
    first.release()
    assert limit.snapshot().short == 5


def test_a_place_is_given_back_with_an_outcome(limit):
    places = full(limit)
    places.pop().release("failure")
    assert limit.snapshot().limit_exact == 9
    places.pop().release("ignored")
    assert limit.snapshot().limit_exact == 9
    with pytest.raises(ConfigurationError, match="outcome='good'"):
        places[0].release("good")
    with places.pop():
        pass
    with pytest.raises(OSError, match="x"), places.pop():
        raise OSError("x")
    assert limit.snapshot().failures == 2
    place = places.pop()
    place.release("timeout")
    with pytest.raises(TrifuseError):
        place.release()


def test_blocks_are_counted_by_what_ended_them(limit):
    places = full(limit)
    with pytest.raises(KeyError), limit:
        raise KeyError
    assert limit.snapshot().limit_exact == 9
    assert len(places) == 9


def test_blocks_are_measured_by_themselves_and_left_in_the_order_of_their_nesting(clock):
    limit = AdaptiveLimit("gradient2")
    with limit as outer:
        clock.advance(3)
        with limit:
            clock.advance(2)
        assert limit.snapshot().short == 2
        outer.release()
        assert limit.snapshot().short == 5
    assert limit.in_flight == 0
    with pytest.raises(RuntimeError, match="not entered"):
        limit.__exit__(None, None, None)


def test_streams_count_at_their_end():
    limit = AdaptiveLimit("aimd", limit=1, max_limit=10)

    @limit
    def items(n):
        yield from range(n)
        if n == 3:
            raise OSError("broken")

    assert list(items(2)) == [0, 1]
    assert limit.limit == 2
    with pytest.raises(OSError, match="broken"):
        list(items(3))
    assert limit.snapshot().failures == 1
    stream = items(5)
    next(stream)
    stream.close()
    assert limit.snapshot()[7:10] == (0, 3, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("returned", [False, True])
async def test_awaited_calls_count_at_their_end_and_cancelled_ones_for_nothing(returned):
    with testing.virtual_clock() as clock:
        limit = AdaptiveLimit("aimd", limit=2, timeout=5)

        async def work(seconds, error=None):
            await anyio.sleep(seconds)
            clock.advance(seconds)
            if error is not None:
                raise error

        call = limit((lambda *args: work(*args)) if returned else work)
        await call(1)
        assert limit.limit == 3
        with limit:
            with pytest.raises(OSError, match="x"):
                await call(1, OSError("x"))
            assert limit.snapshot().limit_exact == pytest.approx(2.7, rel=1e-4)
            with anyio.move_on_after(0.5):
                await call(1)
            assert limit.snapshot().limit_exact == pytest.approx(2.7, rel=1e-4)
        assert limit.in_flight == 0


@pytest.mark.anyio
async def test_a_limit_that_grows_lets_waiters_in():
    limit = AdaptiveLimit("aimd", limit=1, max_limit=50, max_queue=100)
    order = []

    @limit
    async def work(number):
        order.append(number)
        await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(work, number)
            await anyio.wait_all_tasks_blocked()
    assert sorted(order) == list(range(20))
    assert limit.limit > 1
    assert limit.snapshot()[4:6] == (0, 0)


def test_each_algorithm_takes_its_own_numbers_and_shows_them():
    assert AdaptiveLimit("vegas", alpha=2, name="v").describe() == {
        "kind": "adaptive_limit", "name": "v", "algorithm": "vegas", "limit": 20, "min_limit": 1,
        "max_limit": 1000, "alpha": 2.0, "beta": 6.0, "probe_every": 30, "max_queue": 0,
    }  # fmt: skip
    limit = AdaptiveLimit("aimd", timeout=0.5, max_queue=3, max_wait=1)
    again = AdaptiveLimit(**limit._settings())
    assert again._settings() == limit._settings()


@pytest.mark.parametrize(
    ("algorithm", "fields", "name"),
    [
        ("fixed", {}, "algorithm"),
        ("aimd", {"alpha": 3}, "alpha"),
        ("aimd", {"limit": 0}, "limit"),
        ("aimd", {"backoff_ratio": 1.5}, "backoff_ratio"),
        ("aimd", {"backoff_ratio": float("nan")}, "backoff_ratio"),
        ("aimd", {"timeout": -1}, "timeout"),
        ("vegas", {"alpha": "3"}, "alpha"),
        ("vegas", {"beta": 1}, "beta"),
        ("gradient2", {"max_limit": 5}, "limit"),
        ("gradient2", {"smoothing": 0}, "smoothing"),
        ("gradient2", {"min_limit": 10, "max_limit": 5}, "max_limit"),
        ("gradient2", {"failure_on": 5}, "failure_on"),
    ],
)
def test_a_bad_setting_is_refused_by_name_with_what_is_allowed(algorithm, fields, name):
    with pytest.raises(ConfigurationError) as caught:
        AdaptiveLimit(algorithm, **fields)
    assert caught.value.field == name
    assert caught.value.allowed


def test_the_limit_is_set_within_its_bounds(limit):
    limit.set_limit(50)
    assert limit.limit == 50
    for bad in (0, 101, 1.5):
        with pytest.raises(ConfigurationError, match="limit"):
            limit.set_limit(bad)
    with pytest.raises(ConfigurationError, match="made with"):
        limit.reconfigure(backoff_ratio=0.5)
    assert limit.limit == 50


def test_a_refusal_names_the_kind_of_policy():
    @adaptive_limit("aimd", limit=1, name="a")
    def work():
        return work()

    with pytest.raises(BulkheadFullError) as caught:
        work()
    assert caught.value.policy == "adaptive_limit"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert "adaptive limit 'a' is full" in str(caught.value)
