# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves BUDGET-01, BUDGET-02, BUDGET-03, BUDGET-04, BUDGET-06, BUDGET-08 from Python.
import copy
import gc
import pickle
import weakref

import pytest
from trifuse import ConfigurationError, Retry, RetryBudget, RetryBudgetError, testing

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(autouse=True)
def slept():
    with testing.no_waiting() as slept:
        yield slept


def failing():
    raise OSError("mine")


def test_from_cold_the_floor_of_its_whole_time_can_come_at_once():
    budget = RetryBudget()
    assert budget.available == 100
    assert sum(budget.try_withdraw() for _ in range(150)) == 100
    assert budget.snapshot()[:3] == (0, 0, 100)
    assert budget.snapshot().refused == 50


def test_five_first_attempts_pay_one_retry():
    budget = RetryBudget(ratio=0.2, floor=0)
    for _ in range(4):
        budget.deposit()
    assert not budget.try_withdraw()
    budget.deposit()
    assert budget.try_withdraw()
    assert not budget.try_withdraw()


def test_a_refused_retry_surfaces_the_original_error(slept):
    policy = Retry(budget=RetryBudget(ratio=0, floor=0.1))
    with pytest.raises(OSError, match="mine"):
        policy.call(failing)
    assert len(slept) == 1
    assert policy.snapshot().refused_budget == 1


def test_the_reason_is_told_to_listeners():
    told = []
    with pytest.raises(OSError):
        Retry(budget=RetryBudget(ratio=0, floor=0), on_give_up=told.append).call(failing)
    assert [event.stopped for event in told] == ["budget"]


def test_retries_do_not_pay_in():
    budget = RetryBudget(ratio=1, floor=1)
    with pytest.raises(OSError):
        Retry(budget=budget).call(failing)
    assert budget.snapshot()[1:3] == (1, 3)


def test_attempts_of_a_retry_around_are_no_first_attempts():
    budget = RetryBudget(ratio=1, floor=1)
    with pytest.raises(OSError):
        Retry(budget=budget)(Retry(budget=budget)(failing))()
    assert budget.snapshot()[1:3] == (1, 3)


def test_calls_of_several_retries_share_it_and_successes_pay_in():
    budget = RetryBudget(ratio=0.2, floor=0)
    one, other = Retry(budget=budget), Retry(budget=budget, max_retries=1)
    for _ in range(9):
        one.call(int)
    with pytest.raises(OSError):
        other.call(failing)
    assert other.snapshot().retries == 1
    assert one.budget is budget
    assert budget.available == 1


def test_what_is_older_than_its_time_is_forgotten(clock):
    budget = RetryBudget(ratio=0.2, floor=0, ttl=10)
    for _ in range(10):
        budget.deposit()
    assert budget.available == 2
    clock.advance(11)
    assert budget.available == 0
    assert budget.snapshot()[3:] == (10, 0, 0)


def test_withdraw_raises_a_refusal_that_is_picklable():
    budget = RetryBudget(ratio=0, floor=0, name="client")
    with pytest.raises(RetryBudgetError) as caught:
        budget.withdraw()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.name, again.policy, again.reason, again.retry_after) == (
        "client",
        "retry_budget",
        "retry_budget",
        None,
    )


def test_a_budget_can_be_put_in_place_and_taken_out_while_running(slept):
    policy = Retry()
    policy.reconfigure(budget=RetryBudget(ratio=0, floor=0))
    with pytest.raises(OSError):
        policy.call(failing)
    assert slept == []
    policy.reconfigure(budget=None)
    with pytest.raises(OSError):
        policy.call(failing)
    assert len(slept) == 3
    with pytest.raises(ConfigurationError, match="budget"):
        policy.reconfigure(budget=3)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"ratio": -0.1}, "ratio"),
        ({"ratio": float("nan")}, "ratio"),
        ({"ratio": "x"}, "ratio"),
        ({"floor": -1}, "floor"),
        ({"floor": float("inf")}, "floor"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": "x"}, "ttl"),
        ({"name": 3}, "name"),
    ],
)
def test_a_bad_setting_is_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        RetryBudget(**settings)
    assert caught.value.field == field


def test_it_describes_itself_and_is_never_copied():
    budget = RetryBudget(name="b")
    assert repr(budget) == "RetryBudget(ratio=0.2, floor=10.0, ttl=10.0, name='b')"
    assert budget.describe()["ttl"] == 10
    assert copy.deepcopy([budget])[0] is budget is copy.copy(budget)


def test_switched_off_nothing_is_paid_in():
    budget = RetryBudget()
    with testing.disabled():
        Retry(budget=budget).call(int)
    assert budget.snapshot().total_deposits == 0


def test_a_budget_that_is_taken_out_while_it_is_asked_lives_until_it_has_answered(slept):
    class Failed(Exception):
        @property
        def retry_after(self):
            policy.reconfigure(budget=None)
            gc.collect()
            alive.append(budget() is not None)

    alive = []
    policy = Retry(max_retries=2, budget=RetryBudget())
    budget = weakref.ref(policy.budget)

    @policy
    def failing():
        raise Failed

    with pytest.raises(Failed):
        failing()
    assert alive == [True, False, False]
    assert len(slept) == 2
