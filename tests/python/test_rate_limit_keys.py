# SPDX-License-Identifier: MIT OR Apache-2.0
import threading

import anyio
import pytest
from trifuse import (
    ConfigurationError,
    KeyedRateLimits,
    Pipeline,
    RateLimitedError,
    Retry,
    per,
    rate_limit,
    testing,
)


def by_user(**fields):
    return rate_limit(per(1, seconds=10), key=lambda user, *_: user, name="users", **fields)


def test_each_key_has_a_limit_of_its_own(clock):
    @by_user()
    def call(user):
        return user

    assert [call("ann"), call("bob")] == ["ann", "bob"]
    with pytest.raises(RateLimitedError) as caught:
        call("ann")
    assert caught.value.name == "users[ann]"
    assert list(call.policy) == ["bob", "ann"]
    assert call.policy["bob"].available() == 0
    clock.advance(10)
    assert call("ann") == "ann"


def test_a_key_may_wait(clock):
    call = by_user(wait=15)(lambda user: clock.now)
    assert call("ann") + 10 == pytest.approx(call("ann"))


def test_an_idle_key_gives_way_to_a_new_one_and_a_busy_one_does_not(clock):
    call = by_user(max_keys=2)(lambda user: user)
    limits = call.policy
    call("a")
    clock.advance(5)
    call("b")
    clock.advance(5)
    call("c")
    assert list(limits) == ["b", "c"]  # a was full again
    call("d")
    assert list(limits) == ["b", "c"]
    assert (limits.evictions, limits.overflowed) == (1, 1)
    with pytest.raises(RateLimitedError) as caught:
        call("e")
    assert caught.value.name == "users[*]"
    assert limits.overflow.available() == 0


def test_a_hundred_thousand_keys_are_bounded(clock):
    limits = KeyedRateLimits(5, max_keys=1000)
    for key in range(100_000):
        limits.pick(key).try_acquire()
        clock.advance(0.01)
    assert len(limits) == 1000
    assert limits.evictions + 1000 + limits.overflowed == 100_000
    assert limits.overflowed == 0


@pytest.mark.anyio
async def test_functions_of_every_kind_ask_the_limit_of_their_key():
    with testing.virtual_clock():
        limits = KeyedRateLimits(per(1, seconds=10), key=lambda user: user, name="users")

        async def coroutine(user):
            return user

        def items(user):
            yield user

        async def async_items(user):
            yield user

        assert await limits(coroutine)("a") == "a"
        assert list(limits(items)("b")) == ["b"]
        assert [item async for item in limits(async_items)("c")] == ["c"]
        assert await limits(lambda user: coroutine(user))("d") == "d"
        for attempt in (coroutine, lambda user: coroutine(user)):
            with pytest.raises(RateLimitedError):
                await limits(attempt)("a")
        with pytest.raises(RateLimitedError):
            list(limits(items)("a"))
        with pytest.raises(RateLimitedError):
            _ = [item async for item in limits(async_items)("a")]


@pytest.mark.anyio
async def test_a_call_that_gives_an_awaitable_waits_when_it_is_awaited():
    with testing.virtual_clock() as clock:

        @by_user(wait=60)
        def call(user):
            return answer(user)

        async def answer(user):
            await anyio.sleep(0)
            return clock.now

        first = await call("a")
        assert await call("a") - first == pytest.approx(10)


def test_many_threads_share_the_limits_of_their_keys(clock):
    limits, granted = KeyedRateLimits(per(50, seconds=1), max_keys=100), []

    def run():
        for number in range(1000):
            if limits.pick(number % 10).try_acquire():
                granted.append(1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 500


def test_all_keys_are_reconfigured_and_so_are_those_to_come(clock):
    limits = KeyedRateLimits(per(1, seconds=10), key=lambda user: user, max_keys=5, name="users")
    limits.pick("a").acquire()
    limits.reconfigure(rate=per(3, seconds=10), max_keys=7)
    assert (limits["a"].available(), limits.pick("b").available()) == (0, 3)
    assert limits.describe() == {
        "kind": "rate_limit", "name": "users", "rate": {"permits": 3, "seconds": 10.0},
        "algorithm": "token_bucket", "wait": 0.0, "max_keys": 7,
    }  # fmt: skip
    for changes in ({"rate": 0}, {"max_keys": 0}, {"key": 1}):
        with pytest.raises(ConfigurationError):
            limits.reconfigure(**changes)
    assert limits["a"].snapshot().per_second == pytest.approx(0.3)
    again = KeyedRateLimits(**limits._settings())
    assert again._settings() == limits._settings()


@pytest.mark.parametrize("fields", [{"max_keys": 0}, {"max_keys": 1.5}, {"key": 5}, {"rate": None}])
def test_a_bad_setting_is_refused_by_name(fields):
    name = next(iter(fields))
    with pytest.raises(ConfigurationError) as caught:
        KeyedRateLimits(**{"rate": 5, **fields})
    assert caught.value.field == name


def test_to_decorate_functions_it_must_know_the_key():
    with pytest.raises(ConfigurationError, match="key"):
        KeyedRateLimits(5)(lambda user: user)("a")


def test_a_pipeline_with_a_keyed_limit_is_read_back_from_its_own_data(clock):
    keyed = rate_limit(per(2, seconds=10), key=lambda user: user, max_keys=7)
    data = Pipeline("search", Retry(), keyed).to_dict()
    assert data["rate_limit"]["max_keys"] == 7
    limits = Pipeline.from_dict(data)["rate_limit"]
    assert isinstance(limits, KeyedRateLimits)
    assert limits.describe() == keyed.describe()
    assert limits.pick("ann").try_acquire(2)


def test_a_keyed_limit_of_plain_data_guards_once_code_gives_it_its_key(clock):
    data = {"name": "search", "rate_limit": {"rate": "1/10 seconds", "max_keys": 7}}
    with pytest.raises(ConfigurationError, match="key=None"):
        Pipeline.from_dict(data)(lambda user: user)
    with pytest.raises(ConfigurationError, match="key=None"):
        Pipeline.from_dict(data).call(lambda user: user, "ann")
    data["rate_limit"]["key"] = lambda user: user
    call = Pipeline.from_dict(data)(lambda user: user)
    assert [call("ann"), call("bob")] == ["ann", "bob"]
    with pytest.raises(RateLimitedError):
        call("ann")
    with pytest.raises(ConfigurationError, match=r"search\.rate_limit\.max_keys=0"):
        Pipeline.from_dict({"name": "search", "rate_limit": {"rate": 1, "max_keys": 0}})
    with pytest.raises(ConfigurationError, match=r"search\.rate_limit\.rate=None"):
        Pipeline.from_dict({"name": "search", "rate_limit": {"max_keys": 5}})
