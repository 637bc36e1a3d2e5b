# SPDX-License-Identifier: MIT OR Apache-2.0
# What all policies have in common. Proves ERR-01, PIPE-04.
import copy
import functools
import inspect
import json
import pickle

import pytest
import trifuse
from trifuse import CircuitBreaker, ConfigurationError, Policy
from trifuse._policy import checked_name

PLAIN = ("function", "coroutine", "returning")
MAKE = {
    "retry": lambda **more: trifuse.Retry(**more),
    "timeout": lambda **more: trifuse.Timeout(2, **more),
    "rate_limit": lambda **more: trifuse.RateLimit(trifuse.per(500, seconds=60), **more),
    "bulkhead": lambda **more: trifuse.Bulkhead(20, **more),
    "adaptive_limit": lambda **more: trifuse.AdaptiveLimit("gradient2", **more),
    "throttle": lambda **more: trifuse.Throttle(**more),
    "fallback": lambda **more: trifuse.Fallback(7, **more),
    "circuit_breaker": lambda name="": CircuitBreaker(name or "unnamed", registry=None),
    "pipeline": lambda name="": trifuse.Pipeline(name or "unnamed", trifuse.Timeout(2)),
}


@pytest.fixture(params=MAKE)
def make(request):
    return MAKE[request.param]


def test_every_policy_is_of_its_kind(make, request):
    policy = make()
    assert isinstance(policy, Policy)
    assert policy.kind == request.node.callspec.params["make"]


def test_a_policy_without_a_name_takes_that_of_its_first_function(make):
    policy = make()
    before = policy.name

    @policy
    def first():
        return 1

    @policy
    def second():
        return 2

    assert (first(), second()) == (1, 2)
    assert policy.name == (before or f"{__name__}.{first.__qualname__}")


def test_a_name_that_was_given_stays(make):
    policy = make(name="search")
    policy(lambda: 1)
    assert policy.name == "search"


@pytest.mark.parametrize("name", [0, 1.5, b"search"])
def test_a_name_is_a_text(name):
    with pytest.raises(ConfigurationError) as caught:
        checked_name(name)
    assert (caught.value.field, caught.value.value) == ("name", name)
    assert checked_name(None) == checked_name("") == ""


def test_a_decorated_function_looks_as_before_and_has_its_policy(make):
    policy = make()

    @policy
    def documented(a: int, *, b: str = "x") -> float:
        """Say something."""
        return a / len(b)

    assert str(inspect.signature(documented)) == "(a: int, *, b: str = 'x') -> float"
    assert documented.__doc__ == "Say something."
    assert documented.policy is policy
    assert documented(3, b="ab") == 1.5


@pytest.mark.parametrize("kind", PLAIN)
def test_every_policy_serves_functions_of_every_kind(make, kind, of_each_kind, outcome):
    policy = make()
    fn = of_each_kind(lambda x, *, y=0: x + y)[kind]
    assert outcome(policy(fn), 1, y=2) == 3
    assert outcome(policy.call, fn, 1, y=2) == 3
    assert outcome(policy(functools.partial(fn, 1)), y=2) == 3


@pytest.mark.parametrize("kind", PLAIN)
def test_every_policy_raises_what_the_function_raises_unchanged(make, kind, of_each_kind, outcome):
    policy = make()
    if policy.kind == "fallback":
        policy = trifuse.Fallback(7, on=KeyError)
    error = ValueError("mine")

    def failing():
        raise error

    with pytest.raises(ValueError, match="mine") as caught:
        outcome(policy(of_each_kind(failing)[kind]))
    assert caught.value is error


def test_static_and_class_methods_stay_what_they_are(make):
    policy = make()

    class Client:
        @policy
        @staticmethod
        def static(x):
            return x

        @policy
        @classmethod
        def of_class(cls, x):
            return cls, x

        @policy
        def method(self, x):
            return self, x

    client = Client()
    assert (Client.static(1), client.static(2)) == (1, 2)
    assert Client.of_class(3) == (Client, 3)
    assert client.method(4) == (client, 4)


@pytest.mark.parametrize(
    "wrong",
    [3, "text", dict, property(len), (i for i in ())],
    ids=["number", "text", "class", "property", "generator"],
)
def test_what_cannot_be_guarded_is_refused_when_decorating(make, wrong):
    with pytest.raises(ConfigurationError) as caught:
        make()(wrong)
    assert caught.value.field == "function"


def test_call_may_make_an_object_of_a_class(make):
    assert make().call(dict, a=1) == {"a": 1}


def test_a_policy_that_has_no_meaning_for_a_kind_of_function_says_so(of_each_kind):
    class Never(Policy):
        kind = "never"

        def __init__(self):
            self.name = "never"

    for kind, fn in of_each_kind(lambda: 1).items():
        with pytest.raises(ConfigurationError, match="a never cannot guard") as caught:
            Never()(fn)
        assert ("generator" in kind) == ("generator" in caught.value.allowed)


def test_every_policy_describes_itself_in_plain_data(make):
    policy = make(name="search")
    told = policy.describe()
    assert (told["kind"], told["name"]) == (policy.kind, "search")
    assert len(told) > 2
    assert json.loads(json.dumps(told)) == told
    assert "'search'" in repr(policy)


def test_what_a_policy_says_of_itself_makes_another_of_the_same(make):
    policy = make(name="search")
    if policy.kind == "pipeline":
        again = trifuse.Pipeline.from_dict(policy.to_dict())
    else:
        home = {"registry": None} if policy.kind == "circuit_breaker" else {}
        again = type(policy)(name="search", **home, **policy._settings())
    assert again.describe() == policy.describe()


def test_every_setting_of_a_policy_can_be_named(make):
    policy = make(name="search")
    if policy.kind != "pipeline":
        assert policy.settings >= policy._settings().keys()


def test_a_setting_that_is_not_known_is_refused_and_nothing_is_taken(make):
    policy = make(name="search")
    before = policy.describe()
    with pytest.raises((ConfigurationError, TypeError), match="no_such_setting"):
        policy.reconfigure(no_such_setting=1)
    assert policy.describe() == before


def test_a_policy_is_shared_never_copied(make):
    policy = make(name="search")
    assert copy.copy(policy) is copy.deepcopy(policy) is policy


def test_settings_are_given_by_keyword():
    with pytest.raises(TypeError, match="by keyword"):
        Policy.reconfigure(trifuse.Timeout(2), 3)


def test_a_policy_is_not_pickled_and_says_so(make):
    if make().kind == "circuit_breaker":
        pytest.skip("found again by its name")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(make())
