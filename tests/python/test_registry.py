# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-06.
import copy
import pickle
import threading

import pytest
import trifuse
from trifuse import (
    CircuitBreaker,
    CircuitBreakerRegistry,
    ConfigurationError,
    TrifuseError,
    circuit_breaker,
)


def test_breakers_are_found_by_name_and_iterated_for_monitoring():
    payments = CircuitBreaker("payments", "payment")
    users = CircuitBreaker("users", "user")
    assert trifuse.registry["payments"] is payments
    assert dict(trifuse.registry.items()) == {"payments": payments, "users": users}
    assert {name: breaker.state for name, breaker in trifuse.registry.items()} == {
        "payments": "closed",
        "users": "closed",
    }
    assert payments.config.open_duration != users.config.open_duration
    with pytest.raises(KeyError):
        trifuse.registry["nobody"]


def test_the_same_name_and_settings_share_one_breaker():
    @circuit_breaker("shared", minimum_calls=5)
    def one():
        pass

    @circuit_breaker("shared", minimum_calls=5, fallback_value=3)
    def two():
        pass

    assert one.circuit_breaker is two.circuit_breaker
    assert CircuitBreaker("shared", "default", minimum_calls=5) is one.circuit_breaker


def test_a_name_taken_with_other_settings_is_refused_and_says_what_differs():
    CircuitBreaker("taken", open_duration=5)
    with pytest.raises(ConfigurationError, match="open_duration") as caught:
        CircuitBreaker("taken", open_duration=6)
    assert (caught.value.field, caught.value.value) == ("name", "taken")
    with pytest.raises(ConfigurationError, match="preset"):
        CircuitBreaker("taken", "aggressive", open_duration=5)
    with pytest.raises(ConfigurationError, match="fallbacks"):
        CircuitBreaker("taken", open_duration=5, fallback=print)


def test_a_reconfigured_breaker_is_still_the_one_its_declaration_means():
    breaker = CircuitBreaker("reloaded", open_duration=5)
    breaker.reconfigure(open_duration=50)
    assert CircuitBreaker("reloaded", open_duration=5) is breaker
    assert breaker.config.open_duration == 50
    with pytest.raises(ConfigurationError):
        CircuitBreaker("reloaded", open_duration=50)


def test_an_application_may_have_its_own_registry():
    mine = CircuitBreakerRegistry()
    ours = CircuitBreaker("x", registry=mine)
    assert mine["x"] is ours is mine.breaker("x")
    assert "x" not in trifuse.registry
    private = CircuitBreaker("x", registry=None)
    assert private is not ours
    assert mine.remove("x") is ours
    assert len(mine) == 0

    @circuit_breaker("y", registry=mine)
    def guarded():
        pass

    assert mine["y"] is guarded.circuit_breaker


def test_a_breaker_pickles_by_its_name():
    breaker = CircuitBreaker("pickled")
    assert pickle.loads(pickle.dumps(breaker)) is breaker
    assert copy.copy(breaker) is copy.deepcopy(breaker) is breaker


def test_unpickling_without_a_breaker_of_that_name_says_what_to_do():
    pickled = pickle.dumps(CircuitBreaker("elsewhere"))
    trifuse.registry.clear()
    with pytest.raises(TrifuseError, match="'elsewhere' was pickled by its name"):
        pickle.loads(pickled)


def test_a_breaker_that_could_not_be_found_again_refuses_to_be_pickled():
    for registry in (None, CircuitBreakerRegistry()):
        with pytest.raises(TrifuseError, match="cannot be pickled"):
            pickle.dumps(CircuitBreaker("private", registry=registry))


@circuit_breaker("module level")
def module_level(x):
    return x


def test_a_guarded_function_pickles_as_any_function():
    assert module_level(3) == 3
    assert module_level.__qualname__ == "module_level"


def test_many_threads_that_want_one_name_get_one_breaker():
    barrier, found = threading.Barrier(16), []

    def want():
        barrier.wait()
        found.append(CircuitBreaker("wanted"))

    threads = [threading.Thread(target=want) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(breaker) for breaker in found}) == 1
