# SPDX-License-Identifier: MIT OR Apache-2.0
# What calls of every kind take of a token budget, by how they end.
import gc

import pytest
from trifuse import RateLimitedError, TokenBudget
from trifuse._llm.token_budget import TokenBudgetError
from trifuse._llm.usage import Usage


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


def answer(total, given=0):
    return {"usage": {"prompt_tokens": given, "completion_tokens": total - given}}


def there(budget):
    picture = budget.snapshot()
    return picture.requests_available, picture.tokens_available


def test_calls_of_every_kind_are_settled_to_what_their_response_tells(clock, of_each_kind, outcome):
    for kind, fn in of_each_kind(lambda prompt: answer(70, 20)).items():
        budget = TokenBudget(rpm=10, tpm=1_000, default_output_tokens=100)
        assert outcome(budget(fn), "a prompt of some words") == answer(70, 20), kind
        assert there(budget) == (9, 930), kind
        picture = budget.snapshot()
        assert (picture.settled, picture.used, picture.in_flight) == (1, 70, 0), kind
        assert picture.estimate_error == pytest.approx(picture.estimated / 70 - 1)


def test_calls_of_every_kind_are_refused_before_they_are_made(clock, of_each_kind, outcome):
    made = []
    for kind, fn in of_each_kind(made.append).items():
        budget = TokenBudget(tpm=1_000, estimate=lambda prompt: 600)
        guarded = budget(fn)
        outcome(guarded, "one")
        with pytest.raises(TokenBudgetError):
            outcome(guarded, "two")
        assert made.pop() == "one", kind
        assert not made, kind


FAILURES = {
    "refused by a policy inside": (lambda: RateLimitedError("inner"), (10, 1_000)),
    "no connection": (lambda: ConnectionRefusedError("nobody there"), (10, 1_000)),
    "no connection, said by a client": (lambda: wrapped(ConnectionRefusedError()), (10, 1_000)),
    "answered with 500": (lambda: status(500), (9, 1_000)),
    "answered with 400": (lambda: status(400), (9, 1_000)),
    "too slow": (lambda: TimeoutError("read"), (9, 500)),
    "reset": (lambda: ConnectionResetError("peer"), (9, 500)),
    "nobody knows": (lambda: ValueError("?"), (9, 500)),
    "given up": (lambda: KeyboardInterrupt(), (9, 500)),
}


class APIConnectionError(Exception):
    pass


def wrapped(cause):
    error = APIConnectionError("Connection error.")
    error.__cause__ = cause
    return error


def status(code, **headers):
    error = Exception("the server said no")
    error.status_code = code
    error.response = type("Response", (), {"headers": headers, "status_code": code})()
    return error


@pytest.mark.parametrize("failure", FAILURES)
def test_what_a_failed_call_has_taken_goes_by_how_it_failed(clock, of_each_kind, outcome, failure):
    make, left = FAILURES[failure]

    def fails(prompt):
        raise make()

    for kind, fn in of_each_kind(fails).items():
        budget = TokenBudget(rpm=10, tpm=1_000, estimate=lambda prompt: 500)
        with pytest.raises(BaseException) as caught:
            outcome(budget(fn), "x")
        assert type(caught.value) is type(make()), kind
        assert there(budget) == left, kind
        assert budget.snapshot().in_flight == 0, kind


def test_a_block_is_settled_by_what_it_raises(clock):
    budget = TokenBudget(rpm=10, tpm=1_000)
    with budget.reserve(100) as grant:
        grant.settle(30)
    with pytest.raises(ConnectionRefusedError), budget.reserve(100):
        raise ConnectionRefusedError
    with budget.reserve(100):
        pass
    assert there(budget) == (8, 870)


def test_an_awaitable_that_is_never_awaited_takes_nothing(clock):
    async def later(prompt):
        return answer(5)

    budget = TokenBudget(rpm=10, tpm=1_000)
    for fn in (later, lambda prompt: later(prompt)):
        budget(fn)("x").close()
        gc.collect()
        assert there(budget) == (10, 1_000)


def test_the_estimate_may_be_the_users_and_the_rule_stands_in_for_one_that_fails(clock, caplog):
    budget = TokenBudget("key", tpm=10_000, estimate=lambda prompt: 1 / len(prompt), default_output_tokens=0)
    budget.call(lambda prompt: None, "secret " * 4)
    assert 0 < 10_000 - there(budget)[1] < 20
    budget.call(lambda prompt: None, "")
    assert "estimate raised ConfigurationError" in caplog.text
    assert "estimate raised ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("used", [Usage(10, 5), 15])
def test_the_usage_may_be_read_by_the_user(clock, used):
    budget = TokenBudget(tpm=1_000, usage=lambda result: used if result == "mine" else None)
    budget.call(lambda prompt: "mine", "x")
    assert there(budget)[1] == 985
    assert budget.call(lambda prompt: "else", "x") == "else"
    assert budget.snapshot().settled == 1


@pytest.mark.parametrize("used", [-5, float("nan"), "many", Usage(-1, 2)])
def test_a_usage_that_is_none_keeps_the_estimate(clock, used):
    budget = TokenBudget(tpm=1_000, usage=lambda result: used, estimate=lambda prompt: 40)
    budget.call(lambda prompt: "x", "x")
    assert there(budget)[1] == 960
