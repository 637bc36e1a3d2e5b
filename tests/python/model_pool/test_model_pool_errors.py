# SPDX-License-Identifier: MIT OR Apache-2.0
# What a model pool raises when none of its deployments answers.
import gc
import weakref

import pytest
from trifuse import CircuitBreakerOpenError, OverCapacityError
from trifuse._llm.token_budget import TokenBudgetError


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


class StatusError(Exception):
    def __init__(self, status=None, code=None, **headers):
        super().__init__("the prompt was: secret")
        self.status_code, self.code = status, code
        self.response = type(
            "Response", (), {"headers": {k.replace("_", "-"): v for k, v in headers.items()}}
        )()


def calls(places):
    return [place.calls for place in places]


def test_when_none_answers_the_last_error_is_raised_as_it_is_with_what_the_others_did(places, ask, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    errors = [StatusError(500), ConnectionResetError(), StatusError(429)]
    for place, error in zip(places, errors, strict=True):
        place.error = error
    with pytest.raises(StatusError) as caught:
        ask("secret")
    assert caught.value is errors[2]
    assert caught.value.__cause__ is None
    assert caught.value.pool_errors == (("a", errors[0]), ("b", errors[1]))
    (note,) = caught.value.__notes__
    assert note == (
        "model pool 'pool': a raised StatusError (transient); b raised ConnectionResetError (transient); "
        "c raised StatusError (rate_limited)"
    )
    assert "secret" not in note
    assert pool.snapshot().failed == 1


def test_a_real_error_tells_more_than_a_refusal(places, ask, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    pool["b"].breaker.trip(30)
    pool["c"].breaker.trip(30)
    places[0].error = StatusError(500)
    with pytest.raises(StatusError) as caught:
        ask("x")
    assert caught.value is places[0].error
    assert "b was refused by its circuit_breaker (open, again in 30 s)" in caught.value.__notes__[0]
    assert calls(places) == [1, 0, 0]


def test_when_all_refuse_the_refusal_that_is_over_first_is_raised(places, ask, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    for name, wait in zip("abc", (50, 20, 90), strict=True):
        pool[name].breaker.trip(wait)
    with pytest.raises(CircuitBreakerOpenError) as caught:
        ask("x")
    assert (caught.value.name, caught.value.retry_after) == ("pool/b", 20)
    assert calls(places) == [0, 0, 0]


def test_when_all_are_out_of_tokens_the_soonest_is_told(places, ask, pool_of):
    pool = pool_of(places[:2], {"a": {"tpm": 600}, "b": {"tpm": 6_000}})
    ask = ask(pool)
    for tokens in (600, 6_000):
        pool["a" if tokens == 600 else "b"].budget.reserve(tokens).keep()
    with pytest.raises(TokenBudgetError) as caught:
        ask(prompt="", max_tokens=60)
    assert (caught.value.name, caught.value.retry_after) == ("pool/b", pytest.approx(0.6))


def test_more_tokens_than_any_can_have_are_an_error_of_their_own(places, ask, pool_of):
    ask = ask(pool_of(places[:2], {"a": {"tpm": 600}, "b": {"tpm": 900}}))
    with pytest.raises(OverCapacityError) as caught:
        ask(prompt="", max_tokens=1_000)
    assert caught.value.capacity == 900


@pytest.mark.parametrize("way", ["call", "await", "for", "async for"])
def test_raised_errors_hold_nothing_alive(places, run, way, pool_of, of_kind):
    pool = pool_of(places)
    for one in pool.deployments:
        one.call, one.form = of_kind(way, one.call), "function"

    async def asked():
        try:
            if way == "call":
                pool.call("x")
            elif way == "await":
                await pool("x")
            elif way == "for":
                list(pool.stream("x"))
            else:
                _ = [item async for item in pool.stream("x")]
        except StatusError:
            pass

    async def main():
        await asked()  # imports what it needs
        for place in places:
            place.error = StatusError(500)
        found = [weakref.ref(place.error) for place in places]
        gc.collect()
        gc.disable()
        try:
            await asked()
            for place in places:
                place.error = None
            assert [ref() for ref in found] == [None, None, None]
            places[0].error = StatusError(500)
            found = [weakref.ref(places[0].error)]
            await asked()  # the second answers
            places[0].error = None
            assert found[0]() is None
        finally:
            gc.enable()

    run(main())
