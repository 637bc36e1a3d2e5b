# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio

import pytest
import trifuse
from trifuse import CircuitBreakerOpenError, ConfigurationError, circuit_breaker


def keyed(max_keys=3, fn=None, **fields):
    settings = {"consecutive_failures": 1, **fields}

    @circuit_breaker("regions", key=lambda region, *a: region, max_keys=max_keys, **settings)
    def call(region, action=None):
        return action() if action else region

    return call


def fail():
    raise OSError


def test_each_key_has_its_own_breaker():
    call = keyed()
    with pytest.raises(OSError):
        call("north", fail)
    with pytest.raises(CircuitBreakerOpenError) as refused:
        call("north")
    assert refused.value.name == "regions[north]"
    assert call("south") == "south"
    assert {k: b.state for k, b in call.circuit_breakers.items()} == {
        "north": "open",
        "south": "closed",
    }
    assert set(trifuse.registry) == {"regions[north]", "regions[south]"}


def test_the_least_recently_used_idle_breaker_is_evicted():
    call = keyed()
    for region in ("a", "b", "c", "a", "d"):
        call(region)
    assert list(call.circuit_breakers) == ["c", "a", "d"]
    assert call.circuit_breakers.evictions == 1
    assert "regions[b]" not in trifuse.registry


def test_one_that_is_not_closed_is_never_evicted():
    call = keyed(max_keys=2)
    with pytest.raises(OSError):
        call("broken", fail)
    for region in ("a", "b", "c"):
        call(region)
    assert list(call.circuit_breakers) == ["broken", "c"]


def test_one_with_calls_in_flight_is_never_evicted():
    call = keyed(max_keys=1)

    def meanwhile():
        assert call("other") == "other"
        return list(call.circuit_breakers)

    assert call("busy", meanwhile) == ["busy"]
    call("other")
    assert list(call.circuit_breakers) == ["other"]


def test_with_none_to_evict_new_keys_share_a_counted_overflow_breaker():
    call = keyed(max_keys=1)
    with pytest.raises(OSError):
        call("broken", fail)
    assert call.circuit_breakers.overflow is None
    for region in ("a", "b", "c"):
        call(region)
    assert call.circuit_breakers.overflowed == 3
    assert call.circuit_breakers.overflow.snapshot().successes == 3
    assert len(call.circuit_breakers) == 1
    assert trifuse.registry["regions[*]"] is call.circuit_breakers.overflow


def test_asynchronous_calls_and_streams_are_in_flight_to_their_end(run):
    settings = {"key": lambda k: k, "max_keys": 1}

    @circuit_breaker("async", **settings)
    async def call(key):
        await asyncio.sleep(1)

    @circuit_breaker("stream", **settings)
    async def stream(key):
        yield 1
        await asyncio.sleep(1)
        yield 2

    @circuit_breaker("generator", **settings)
    def generator(key):
        yield 1

    async def main():
        busy = asyncio.create_task(call("busy"))
        await asyncio.sleep(0)
        await call("other")
        assert list(call.circuit_breakers) == ["busy"]
        await busy
        await call("other")
        assert list(call.circuit_breakers) == ["other"]
        items = stream("busy")
        await anext(items)
        assert [item async for item in stream("other")] == [1, 2]
        assert list(stream.circuit_breakers) == ["busy"]
        await items.aclose()

    run(main())
    assert list(generator("x")) == [1]
    assert list(generator.circuit_breakers) == ["x"]


def test_methods_may_have_a_breaker_for_each_object():
    class Client:
        def __init__(self, host):
            self.host = host

        @circuit_breaker("hosts", key=lambda self, *a: self.host)
        def get(self, path):
            return self.host + path

    assert Client("a").get("/x") == "a/x"
    assert Client("b").get("/x") == "b/x"
    assert set(Client.get.circuit_breakers) == {"a", "b"}


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "3", 10**7])
def test_a_bad_bound_is_refused(bad):
    with pytest.raises(ConfigurationError, match="max_keys"):
        keyed(max_keys=bad)


def test_a_key_that_is_no_function_is_refused():
    with pytest.raises(ConfigurationError, match="key"):
        circuit_breaker("x", key="region")(print)


def test_functions_of_the_same_name_and_settings_share_their_breakers():
    settings = {"key": lambda k: k, "max_keys": 5}

    @circuit_breaker("shared", **settings)
    def one(key):
        return "one"

    @circuit_breaker("shared", fallback_value="instead", **settings)
    def two(key):
        return "two"

    assert one.circuit_breakers is two.circuit_breakers
    assert one("a") == "one"
    one.circuit_breakers["a"].force_open()
    assert two("a") == "instead"
    with pytest.raises(ConfigurationError, match="open_duration"):
        circuit_breaker("shared", open_duration=1, **settings)(len)
    with pytest.raises(ConfigurationError, match="max_keys"):
        circuit_breaker("shared", key=len, max_keys=6)(len)
