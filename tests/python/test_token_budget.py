# SPDX-License-Identifier: MIT OR Apache-2.0
# A token budget takes a request and its tokens together or not at all, and settles them once.
import gc
import pickle

import pytest
from trifuse import (
    ConfigurationError,
    OverCapacityError,
    Pipeline,
    RateLimitedError,
    Retry,
    TokenBudget,
    testing,
)
from trifuse._llm.token_budget import TokenBudgetError


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


def answer(total, given=0):
    return {"usage": {"prompt_tokens": given, "completion_tokens": total - given}}


def there(budget):
    picture = budget.snapshot()
    return picture.requests_available, picture.tokens_available


def test_a_call_takes_a_request_and_its_tokens(clock):
    budget = TokenBudget(rpm=10, tpm=1_000)
    grant = budget.reserve(300)
    assert there(budget) == (9, 700)
    assert (budget.snapshot().in_flight, budget.snapshot().reserved) == (1, 300)
    grant.settle(120)
    assert there(budget) == (9, 880)
    assert (budget.snapshot().in_flight, budget.snapshot().reserved) == (0, 0)


def test_what_is_refused_for_its_tokens_takes_no_request(clock):
    budget = TokenBudget(rpm=10, tpm=1_000)
    budget.reserve(900)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(200)
    assert there(budget) == (9, 100)
    error = caught.value
    assert isinstance(error, RateLimitedError)
    assert (error.limit, error.requested, error.available, error.policy) == ("tpm", 200, 100, "token_budget")
    assert error.retry_after == pytest.approx(6)


def test_what_is_refused_for_its_request_takes_no_tokens(clock):
    budget = TokenBudget(rpm=2, tpm=1_000)
    budget.reserve(1)
    budget.reserve(1)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(1)
    assert there(budget) == (0, 998)
    assert (caught.value.limit, caught.value.requested) == ("rpm", 1)


def test_the_wait_that_is_told_is_the_longer_one_to_the_nanosecond(clock):
    budget = TokenBudget(rpm=3, tpm=700)
    for _ in range(3):
        budget.reserve(200)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(400)
    wait = round(caught.value.retry_after * 1e9)
    assert caught.value.limit == "tpm"
    assert wait == -(-300 * 60_000_000_000 // 700)
    clock.advance((wait - 1) / 1e9)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(400)
    assert round(caught.value.retry_after * 1e9) == 1
    clock.advance(1e-9)
    budget.reserve(400)


def test_more_tokens_than_there_can_be_are_an_error_of_their_own(clock):
    budget = TokenBudget("key", rpm=10, tpm=1_000, max_wait=3600)
    with pytest.raises(OverCapacityError) as caught:
        budget.reserve(1_001)
    assert (caught.value.name, caught.value.requested, caught.value.capacity) == ("key", 1_001, 1_000)
    assert there(budget) == (10, 1_000)
    assert budget.snapshot().refused == 0


def test_a_settled_debt_is_paid_before_anything_is_granted(clock):
    budget = TokenBudget(tpm=600)
    budget.reserve(100).settle(900)
    assert budget.snapshot().tokens_debt == 300
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(1)
    assert caught.value.retry_after == pytest.approx(30.1)
    clock.advance(30.1)
    budget.reserve(1)


SETTLED = {
    "settle": (lambda grant: grant.settle(50), (9, 950)),
    "keep": (lambda grant: grant.keep(), (9, 600)),
    "reject": (lambda grant: grant.reject(), (9, 1_000)),
    "cancel": (lambda grant: grant.cancel(), (10, 1_000)),
    "failed": (lambda grant: grant.failed(ConnectionRefusedError()), (10, 1_000)),
}


@pytest.mark.parametrize("first", SETTLED)
def test_a_grant_is_settled_once_whatever_comes_after(clock, first):
    budget = TokenBudget(rpm=10, tpm=1_000)
    grant = budget.reserve(400)
    settle, wanted = SETTLED[first]
    settle(grant)
    assert there(budget) == wanted
    grant.settle(999)
    grant.cancel()
    del grant
    gc.collect()
    assert there(budget) == wanted
    assert budget.snapshot().in_flight == 0


def test_a_grant_that_is_dropped_keeps_its_estimate(clock):
    budget = TokenBudget(rpm=10, tpm=1_000)
    budget.reserve(400)
    gc.collect()
    assert there(budget) == (9, 600)
    assert budget.snapshot().in_flight == 0


def test_a_usage_beyond_all_bounds_is_owed_for_a_long_time(clock):
    budget = TokenBudget(tpm=1_000)
    budget.reserve(10).settle(1 << 70)
    assert budget.snapshot().tokens_debt > 1 << 33
    assert budget.snapshot().in_flight == 0
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(1)
    assert caught.value.retry_after > 86_400


@pytest.mark.parametrize("used", [-1, 1.5, True, float("nan"), "12", None])
def test_what_is_no_number_of_tokens_settles_nothing(clock, used):
    grant = TokenBudget(tpm=1_000).reserve(10)
    with pytest.raises(ConfigurationError):
        grant.settle(used)
    assert grant.open


def test_a_guess_at_the_output_makes_no_call_impossible(clock):
    budget = TokenBudget(tpm=100)
    budget.call(lambda prompt: None, prompt="a few words")
    assert there(budget)[1] == 0
    with pytest.raises(OverCapacityError):
        budget.call(lambda prompt, max_tokens: None, prompt="a few words", max_tokens=101)


def test_burst_says_how_much_of_a_minute_may_come_at_once(clock):
    budget = TokenBudget(rpm=600, tpm=60_000, burst=0.1)
    assert there(budget) == (60, 6_000)
    with pytest.raises(OverCapacityError):
        budget.reserve(6_001)
    budget.reserve(6_000)
    clock.advance(1)
    assert there(budget)[1] == 1_000


def test_a_day_may_be_limited_too(clock):
    budget = TokenBudget(rpm=100, rpd=2, tpd=1_000)
    budget.reserve(100)
    budget.reserve(100)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(100)
    assert caught.value.limit == "rpd"
    assert caught.value.retry_after == pytest.approx(43_200)
    assert budget.snapshot().limits == {"rpm": 100, "rpd": 2, "tpd": 1_000}


def test_limits_change_while_it_runs_and_what_was_taken_stays_taken(clock):
    budget = TokenBudget(rpm=10, tpm=1_000)
    budget.reserve(800)
    budget.reconfigure(tpm=2_000, rpm=None)
    assert there(budget) == (None, 200)
    clock.advance(3)
    assert there(budget) == (None, 300)
    before = budget.describe()
    with pytest.raises(ConfigurationError):
        budget.reconfigure(tpm=500, burst=7)
    assert budget.describe() == before
    with pytest.raises(ConfigurationError):
        budget.reconfigure(rpm=5, tpm=1 << 50)
    assert budget.describe() == before
    assert there(budget) == (None, 300)
    budget.reconfigure(tpm=100)
    assert there(budget)[1] == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rpm", 0), ("rpm", 1.5), ("tpm", True), ("tpm", -1), ("tpm", float("nan")), ("tpm", 1 << 60), ("tpd", "auto"),
        ("burst", 0), ("burst", 2), ("burst", float("nan")), ("max_wait", -1), ("max_wait", float("inf")),
        ("max_queue", -1), ("default_output_tokens", None), ("estimate", 7), ("usage", "x"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused_by_name(field, value):
    with pytest.raises(ConfigurationError) as caught:
        TokenBudget(**{"tpm": 1_000, field: value})
    assert caught.value.field == field


def test_a_budget_without_any_limit_is_refused():
    with pytest.raises(ConfigurationError):
        TokenBudget()


def test_it_is_a_part_of_a_pipeline(clock):
    budget = TokenBudget(rpm=10, tpm=2_000)
    failing = iter([ConnectionResetError(), None])

    def call(prompt):
        error = next(failing)
        if error:
            raise error
        return answer(30)

    pipeline = Pipeline("chat", Retry(jitter="none"), budget)
    assert pipeline.call(call, "hello") == answer(30)
    assert budget.name == "chat"
    assert budget.snapshot().granted == 2
    assert pipeline.snapshot()["token_budget"].used == 30


def test_its_description_makes_another_one_like_it():
    budget = TokenBudget("key", rpm=10, tpm="auto", max_wait=3, burst=0.5)
    settings = budget.describe()
    assert settings.pop("kind") == "token_budget"
    assert TokenBudget(**settings).describe() == budget.describe()


def test_errors_travel_between_processes_and_grants_do_not(clock):
    budget = TokenBudget("key", tpm=10)
    with pytest.raises(TypeError):
        pickle.dumps(budget.reserve(10))
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(1)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.limit) == (str(caught.value), "tpm")


def test_switched_off_it_lets_all_through_and_counts_nothing(clock, of_each_kind, outcome):
    budget = TokenBudget(tpm=10)
    with testing.disabled():
        for fn in of_each_kind(lambda prompt: answer(50)).values():
            assert outcome(budget(fn), "x") == answer(50)
        budget.reserve(9_999).settle(5)
    assert there(budget) == (None, 10)
    assert budget.snapshot().granted == 0
