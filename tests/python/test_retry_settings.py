# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RETRY-CONF-01, RETRY-CONF-03 from Python, and what a retry shares with all policies.
import copy
import os
import pickle
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from trifuse import ConfigurationError, RetriesExhausted, Retry, retry, testing

pytestmark = pytest.mark.usefixtures("clock")


class Failing:
    """Fails so many times, then gives the number of its calls."""

    def __init__(self, times=10**9, error=OSError):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self, *args, **kwargs):
        self.calls += 1
        self.arguments = args, kwargs
        if self.calls <= self.times:
            raise self.error(self.calls) if isinstance(self.error, type) else self.error
        return self.calls


@pytest.fixture
def slept():
    with testing.no_waiting() as slept:
        yield slept


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"max_retries": 1_000_001}, "max_retries"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": "1"}, "delay"),
        ({"delay": 20}, "max_delay"),
        ({"max_delay": True}, "max_delay"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"multiplier": float("inf")}, "multiplier"),
        ({"strategy": "slow"}, "strategy"),
        ({"jitter": None}, "jitter"),
        ({"max_elapsed": -3}, "max_elapsed"),
        ({"retry_after_max": "x"}, "retry_after_max"),
        ({"on": 3}, "on"),
        ({"ignore": [int]}, "ignore"),
        ({"retry_if": 3}, "retry_if"),
        ({"delay_fn": 3}, "delay_fn"),
        ({"budget": 3}, "budget"),
        ({"on_retry": 3}, "on_retry"),
        ({"raise_exhausted": 1}, "raise_exhausted"),
        ({"nested": None}, "nested"),
        ({"seed": -1}, "seed"),
        ({"name": 3}, "name"),
    ],
)
def test_a_bad_setting_is_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        Retry(**settings)
    assert caught.value.field == field
    assert caught.value.allowed


def test_an_unknown_setting_is_a_type_error():
    with pytest.raises(TypeError, match="retries"):
        Retry(retries=3)


def test_it_describes_itself_and_can_be_made_again_of_that():
    policy = Retry(max_retries=5, delay=timedelta(seconds=1), jitter="full", name="n")
    told = policy.describe()
    assert (told["kind"], told["name"], told["max_retries"], told["delay"]) == ("retry", "n", 5, 1.0)
    again = Retry(name=policy.name, **policy._settings())
    assert again.describe() == told
    assert repr(policy).startswith("Retry('n', max_retries=5, ")


def test_reconfiguring_keeps_what_was_counted_and_refuses_as_a_whole(slept):
    policy = Retry()
    policy.call(Failing(1))
    policy.reconfigure(max_retries=1, raise_exhausted=True)
    with pytest.raises(RetriesExhausted) as caught:
        policy.call(Failing())
    assert caught.value.attempts == 2
    assert policy.snapshot().calls == 2
    for changes, field in [
        ({"max_retries": 0, "delay": -1}, "delay"),
        ({"on": OSError}, "on"),
        ({"x": 1}, "x"),
    ]:
        with pytest.raises(ConfigurationError) as refused:
            policy.reconfigure(**changes)
        assert refused.value.field == field
    assert policy.describe()["max_retries"] == 1


def test_the_decorator_works_bare_and_with_settings(slept):
    @retry
    def bare(x):
        "Doc."
        return x

    @retry(max_retries=1)
    def given(x):
        raise OSError

    class Client:
        @retry(max_retries=2)
        def fetch(self, x):
            raise OSError(x)

        @classmethod
        @retry
        def make(cls):
            return cls

    assert (bare(1), bare.__doc__, bare.__name__) == (1, "Doc.", "bare")
    assert given.policy.name.endswith("given")
    with pytest.raises(OSError):
        given(1)
    assert len(slept) == 1
    with pytest.raises(OSError, match="x"):
        Client().fetch("x")
    assert len(slept) == 3
    assert Client.make() is Client


def test_switched_off_it_calls_once_and_counts_nothing(slept):
    policy, call = Retry(), Failing()
    with testing.disabled(), pytest.raises(OSError, match="1"):
        policy.call(call)
    assert policy.snapshot().calls == 0
    with testing.disabled():
        assert Retry(retry_if=lambda r: True).call(lambda: 7) == 7


def test_threads_share_one_retry(slept):
    policy, errors = Retry(max_retries=1), []

    def work():
        for _ in range(200):
            try:
                assert policy.call(Failing(1)) == 2
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert policy.snapshot()[:5] == (1600, 1600, 0, 1600, 1600)


def test_unnamed_settings_have_the_defaults():
    assert Retry()._settings() == {
        "max_retries": 3, "strategy": "exponential", "jitter": "proportional", "multiplier": 2.0,
        "delay": 0.1, "increment": 0.1, "max_delay": 10.0, "max_elapsed": 0.0, "retry_after_max": 60.0,
        "raise_exhausted": False, "nested": False,
    }  # fmt: skip


@retry(max_retries=1)
def decorated(x):
    return x


def test_a_decorated_function_is_pickled_by_name_and_a_policy_is_never_copied():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    policy = Retry()
    assert copy.deepcopy(policy) is policy is copy.copy(policy)
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(policy)


def test_a_policy_decorates_classes_as_little_as_what_has_begun():
    for bad in (int, 3, property(lambda self: 1), (x for x in ())):
        with pytest.raises(ConfigurationError, match="function"):
            retry(max_retries=1)(bad)


@pytest.mark.end_to_end
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_with_copies_of_its_own():
    code = """if 1:
        import os
        from trifuse import LatencyHistogram, Retry, RetryBudget, deadline, remaining

        calls = []

        def failing():
            calls.append(1)
            if len(calls) % 2:
                raise OSError
            if len(calls) == 2:
                global pid
                pid = os.fork()

        budget, times = RetryBudget(ratio=0, floor=1), LatencyHistogram()
        policy = Retry(delay=0, budget=budget)
        with deadline(60):
            policy.call(failing)
            assert remaining() > 0
            if pid == 0:
                policy.call(failing)
                times.record(1)
                assert budget.snapshot().withdrawals == 2
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert (policy.snapshot().calls, budget.snapshot().withdrawals) == (1, 1)
        assert times.quantile(0.5) is None
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, timeout=60)
    assert done.returncode == 0
