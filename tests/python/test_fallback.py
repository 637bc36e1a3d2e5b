# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio
import inspect
import logging

import pytest
from trifuse import (
    CircuitBreaker,
    CircuitBreakerOpenError,
    ConfigurationError,
    Fallback,
    RequestTimeoutError,
    circuit_breaker,
    last_fallback,
)


def opened(breaker):
    breaker.trip()
    return breaker


def test_a_value_answers_a_refused_call_untouched(breaker_of):
    value = object()
    breaker = opened(breaker_of(fallback_value=value))
    assert breaker.call(print) is value
    assert opened(breaker_of(fallback_value=None)).call(print) is None


def test_a_function_answers_with_the_calls_arguments(breaker_of):
    breaker = opened(breaker_of(fallback=lambda a, b=0: ("fallback", a, b)))
    assert breaker(print)(1, b=2) == ("fallback", 1, 2)


def test_a_function_gets_the_error_if_it_wants_it(breaker_of):
    breaker = opened(breaker_of(fallback=lambda x, *, error: (x, error.reason)))
    assert breaker.call(print, 1) == (1, "open")


def test_a_function_without_parameters_is_called_without_arguments(breaker_of):
    assert opened(breaker_of(fallback=lambda: "sorry")).call(print, 1, sep="") == "sorry"
    assert opened(breaker_of(fallback=lambda error: error.name)).call(print, 1) == last_fallback.get().name


def test_a_call_that_succeeds_has_no_fallback(breaker_of):
    breaker = breaker_of(fallback=lambda *a: pytest.fail("not needed"))
    assert breaker.call(int, "3") == 3
    assert last_fallback.get() is None


def test_failures_pass_through_unless_the_fallback_is_for_them_too(breaker_of):
    with pytest.raises(ZeroDivisionError):
        breaker_of(fallback_value=0).call(lambda: 1 / 0)
    breaker = breaker_of(fallback_value=0, fallback_on=(ZeroDivisionError,))
    assert breaker.call(lambda: 1 / 0) == 0
    with pytest.raises(KeyError):
        breaker.call({}.__getitem__, 1)
    assert breaker.snapshot().failures == 2


def test_a_chain_is_asked_in_order_and_the_level_is_visible(breaker_of, caplog):
    def cached(prompt):
        raise LookupError("secret " + prompt)

    def spare_model(prompt):
        return "spare"

    breaker = opened(breaker_of(fallback=[cached, spare_model], fallback_value="default"))
    told = []
    breaker.on_call(told.append)
    with caplog.at_level(logging.INFO, "trifuse"):
        assert breaker.call(print, "prompt") == "spare"
    answered = last_fallback.get()
    assert (answered.name, answered.level) == (breaker.name, 2)
    assert answered.fallback.endswith("spare_model")
    assert (told[0].outcome, told[0].fallback_level) == ("refused", 2)
    assert "level 2" in caplog.text
    assert "prompt" not in caplog.text.replace("prompt)", "")


def test_a_failing_chain_raises_the_original_error_with_the_others_attached(breaker_of):
    def one():
        raise KeyError("one")

    def two():
        raise OSError("two")

    breaker = opened(breaker_of(fallback=[one, two]))
    with pytest.raises(CircuitBreakerOpenError) as caught:
        breaker.call(print)
    assert [type(e) for e in caught.value.fallback_errors] == [KeyError, OSError]
    assert "KeyError, OSError" in caught.value.__notes__[0]


def test_a_failure_with_a_failing_chain_is_raised_itself(breaker_of):
    breaker = breaker_of(fallback=lambda: 1 / 0, fallback_on=OSError)
    error = OSError("mine")

    def failing():
        raise error

    with pytest.raises(OSError, match="mine") as caught:
        breaker.call(failing)
    assert caught.value is error


def test_a_fallback_is_not_called_again_with_its_own_error(breaker_of):
    calls = []

    def fallback():
        calls.append(1)
        raise OSError

    breaker = breaker_of(fallback=fallback, fallback_on=OSError)
    with pytest.raises(OSError, match="mine"):
        breaker.call(lambda: (_ for _ in ()).throw(OSError("mine")).__next__() if 0 else raise_mine())
    assert calls == [1]


def raise_mine():
    raise OSError("mine")


def test_asynchronous_guards_await_asynchronous_fallbacks(breaker_of, run):
    async def other(x):
        await asyncio.sleep(1)
        return x, "other"

    async def first(x):
        raise LookupError

    breaker = opened(breaker_of(fallback=[first, other]))

    async def target(x):
        return x

    async def main():
        assert await breaker(target)(3) == (3, "other")
        assert last_fallback.get().level == 2
        assert await breaker.call(target, 4) == (4, "other")
        assert await breaker.call(lambda x: target(x), 5) == (5, "other")
        breaker.reset()
        assert await breaker(target)(6) == 6
        assert last_fallback.get() is None

    run(main())


def test_a_timeout_falls_back_where_asked(breaker_of, run):
    breaker = breaker_of(fallback_value="instead", fallback_on=RequestTimeoutError)

    async def main():
        assert await breaker(asyncio.sleep)(1000) == "instead"
        assert await breaker.call(lambda: asyncio.sleep(1000)) == "instead"

    run(main())


def test_an_asynchronous_chain_that_fails_raises_the_original(breaker_of, run):
    async def failing(x):
        raise LookupError

    breaker = opened(breaker_of(fallback=failing))

    async def main():
        with pytest.raises(CircuitBreakerOpenError) as caught:
            await breaker(asyncio.sleep)(1)
        assert len(caught.value.fallback_errors) == 1

    run(main())


def test_a_cancelled_call_never_falls_back(breaker_of, run):
    breaker = breaker_of(fallback_value="instead", fallback_on=Exception)

    async def main():
        task = asyncio.create_task(breaker(asyncio.sleep)(100))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_bad_fallbacks_are_refused():
    for fields in (
        {"fallback": 3},
        {"fallback": [None, print]},
        {"fallback": "sorry"},
        {"fallback_on": OSError},
    ):
        with pytest.raises(ConfigurationError):
            CircuitBreaker("bad", **fields)
    for name in ("failure_on", "ignore"):
        for bad in (3, int, (OSError, 3), [object]):
            with pytest.raises(ConfigurationError) as caught:
                CircuitBreaker("bad", **{name: bad})
            assert caught.value.field == name


def no_items():
    yield from ()
    raise OSError("stream")


async def no_async_items():
    raise OSError("stream")
    yield


async def spare():
    return [1]


@pytest.mark.parametrize("items", [no_items, no_async_items])
@pytest.mark.parametrize("way", ["decorated", "called", "by key"])
def test_a_value_that_cannot_stand_in_for_a_stream_is_refused_at_once(breaker_of, items, way):
    def guard(**fields):
        if way == "by key":
            return circuit_breaker("streams", key=lambda: 1, registry=None, **fields)(items)
        breaker = breaker_of(**fields)
        return breaker(items) if way == "decorated" else breaker.call(items)

    for value in (None, 5):
        with pytest.raises(
            ConfigurationError, match=f"fallback_value={value} is not allowed; allowed: items"
        ):
            guard(fallback_value=value)
    guard(fallback_value=[])


def test_a_generator_cannot_await_its_fallback(breaker_of):
    with pytest.raises(ConfigurationError, match=r"fallback=.* not awaited"):
        breaker_of(fallback=spare)(no_items)
    with pytest.raises(ConfigurationError, match=r"fallbacks=.* not awaited"):
        Fallback(spare)(no_items)
    breaker_of(fallback=spare)(no_async_items)


@pytest.mark.parametrize("kind", ["circuit breaker", "policy"])
@pytest.mark.parametrize("fn", [no_items, lambda: no_items(), no_async_items, lambda: no_async_items()])
def test_a_fallback_that_gives_a_stream_no_items_has_failed(breaker_of, fn, kind, run):
    def guard(*chain):
        if kind == "policy":
            return Fallback(*chain)(fn)
        return breaker_of(fallback=list(chain), fallback_on=OSError)(fn)

    async def read(items):
        return list(items) if inspect.isgenerator(items) else [item async for item in items]

    def gives_none():
        return None

    with pytest.raises(OSError, match="stream") as caught:
        run(read(guard(gives_none)()))
    assert "a NoneType, where a stream needs items" in str(caught.value.fallback_errors[0])
    assert run(read(guard(gives_none, lambda: [7])())) == [7]


@pytest.mark.parametrize("fn", [lambda n: no_items(), lambda n: no_async_items()])
def test_the_fallback_of_a_returned_stream_gets_the_calls_arguments(breaker_of, fn, run):
    async def read(items):
        return list(items) if inspect.isgenerator(items) else [item async for item in items]

    breaker = breaker_of(fallback=lambda n: range(n), fallback_on=OSError)
    assert run(read(breaker(fn)(3))) == [0, 1, 2]


def test_a_refused_stream_whose_fallback_gives_no_items_is_refused(breaker_of, run):
    def give_none():
        return None

    async def read(items):
        return [item async for item in items]

    breaker = opened(breaker_of(fallback=give_none))
    with pytest.raises(CircuitBreakerOpenError):
        list(breaker(no_items)())
    with pytest.raises(CircuitBreakerOpenError):
        run(read(breaker(no_async_items)()))
