# SPDX-License-Identifier: MIT OR Apache-2.0
# What model pools and deployments are made of, and what they refuse.
import functools
import gc
import os

import pytest
from trifuse import CircuitBreaker, ConfigurationError, Deployment, ModelPool, TokenBudget, registry


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


def test_a_client_is_called_by_its_main_call_and_does_not_retry(clock):
    made = []

    class Client:
        def __init__(self, retries):
            self.max_retries = retries
            self.chat = self.completions = self

        def with_options(self, max_retries):
            return Client(max_retries)

        def create(self, **kwargs):
            made.append((self.max_retries, kwargs))
            return "answer"

    for given in ({"call": Client(2)}, {"client": Client(2)}, {"client": Client(0)}):
        pool = ModelPool([Deployment("a", **given, model="small")])
        assert pool.call(messages=[]) == "answer"
        assert made.pop() == (0, {"messages": [], "model": "small"})


FORMS = {
    "call": ("function",), "await": ("function", "coroutine"), "for": ("function", "generator"),
    "async for": ("function", "coroutine", "async generator"),
}  # fmt: skip


@pytest.mark.parametrize("way", FORMS)
def test_a_function_of_the_wrong_kind_is_refused_before_it_is_called(clock, of_each_kind, way, ask_by):
    called = []
    for kind, fn in of_each_kind(called.append).items():
        if kind in FORMS[way] or kind == "returning":
            continue
        for given in (fn, functools.partial(fn)):
            pool = ModelPool([Deployment(f"{kind}", given)], name=f"{way} {kind}")
            with pytest.raises(ConfigurationError):
                ask_by(way, pool, ("x",), {})
    assert called == []


def test_what_turns_out_to_be_awaited_is_refused_by_call_and_counts_as_nothing(clock):
    async def later():
        return 1

    pool = ModelPool([Deployment("a", lambda: later())])
    with pytest.raises(ConfigurationError):
        pool.call()
    gc.collect()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ModelPool([]), "deployments"),
        (lambda: ModelPool([lambda: 1]), "deployments"),
        (lambda: ModelPool([Deployment("a", print), Deployment("a", print)]), "deployments"),
        (lambda: ModelPool([Deployment("a", print)], name=""), "name"),
        (lambda: ModelPool([Deployment("a", print)], strategy="best"), "strategy"),
        (lambda: ModelPool([Deployment("a", print)], quantile=float("nan")), "quantile"),
        (lambda: ModelPool([Deployment("a", print)], max_attempts=0), "max_attempts"),
        (lambda: ModelPool([Deployment("a", print)], hedge_after="soon"), "hedge_after"),
        *(
            (lambda share=share: ModelPool([Deployment("a", print)], hedge_share=share), "hedge_share")
            for share in (-1, float("nan"), "much")
        ),
        (lambda: ModelPool([Deployment("a", print)], hedge_after=1, hedge_share=2), "hedge_share"),
        (lambda: ModelPool([Deployment("a", print)], timeout=-1), "timeout"),
        (lambda: ModelPool([Deployment("a", print)], on_attempt=7), "on_attempt"),
        (lambda: ModelPool([Deployment("a", print)], seed=[]), "seed"),
        (lambda: Deployment("a", print, model=7), "model"),
        (lambda: Deployment("a", print, format="chat"), "format"),
        (lambda: Deployment("a", print, policies=7), "policies"),
        (lambda: Deployment("a", print, policies=("retry",)), "policies"),
        (lambda: Deployment("a", client=7), "client"),
        (lambda: Deployment("a", print, weight=1e308), "weight"),
        (lambda: Deployment("", print), "name"),
        (lambda: Deployment("a", 7), "call"),
        (lambda: Deployment("a"), "call"),
        (lambda: Deployment("a", print, client=print), "call"),
        (lambda: Deployment("a", dict), "call"),
        (lambda: Deployment("a", print, price=-1), "price"),
        (lambda: Deployment("a", print, price=float("nan")), "price"),
        (lambda: Deployment("a", print, price=(1, 2, 3)), "price"),
        (lambda: Deployment("a", print, weight=0), "weight"),
        (lambda: Deployment("a", print, context=0.5), "context"),
        (lambda: Deployment("a", print, tpm=0), "tpm"),
        (lambda: Deployment("a", print, tpm=5, budget=TokenBudget(tpm=5)), "budget"),
        (lambda: Deployment("a", print, breaker=7), "breaker"),
        (lambda: Deployment("a", print, breaker=CircuitBreaker("x", registry=None), timeout=1), "timeout"),
    ],
)
def test_a_bad_setting_is_refused_by_name(make, field):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.value.field == field


def test_its_breakers_are_known_by_pool_and_deployment(places, pool_of):
    pool = pool_of(places, {"a": {"breaker": {"consecutive_failures": 1}}})
    assert registry.get("pool/a") is pool["a"].breaker
    assert pool["a"].breaker.config.consecutive_failures == 1
    assert str(pool["b"].breaker.describe()["preset"]) == "llm"
    told = pool.describe()
    assert [one["name"] for one in told["deployments"]] == ["a", "b", "c"]
    assert told["strategy"] == "order"
    with pytest.raises(KeyError):
        pool["d"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_no_attempts_in_flight(clock):
    def items():
        yield 1
        child = os.fork()
        if child == 0:
            os._exit(pool.snapshot().deployments["a"].in_flight)
        yield os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    pool = ModelPool([Deployment("a", items)])
    assert list(pool.stream()) == [1, 0]
