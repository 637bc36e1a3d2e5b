# SPDX-License-Identifier: MIT OR Apache-2.0
# A model pool: which deployment is asked, and who takes over.
import asyncio
import logging

import pytest
from trifuse import Deployment, Fallback, ModelPool, RequestTimeoutError, last_call


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


def test_the_first_answers_as_long_as_it_can(places, ask, pool_of):
    ask = ask(pool_of(places))
    assert [ask("x") for _ in range(3)] == ["a", "a", "a"]
    assert calls(places) == [3, 0, 0]


@pytest.mark.parametrize(
    "error", [StatusError(500), StatusError(429), StatusError(529), TimeoutError(), ConnectionError(), ValueError("?"),
              StatusError(429, "insufficient_quota")],
)  # fmt: skip
def test_the_next_takes_over_when_one_fails(places, ask, error, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    places[0].error = error
    assert ask("x") == "b"
    assert calls(places) == [1, 1, 0]
    picture = pool.snapshot()
    assert (picture.calls, picture.answered, picture.failed, picture.failovers) == (1, 1, 0, 1)
    assert picture.deployments["a"].failed == 1


@pytest.mark.parametrize(
    "error", [StatusError(400), StatusError(401), StatusError(404), StatusError(422), StatusError(400, "content_filter"),
              StatusError(400, "context_length_exceeded")],
)  # fmt: skip
def test_the_mistakes_of_callers_are_theirs(places, ask, error, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    places[0].error = error
    with pytest.raises(StatusError) as caught:
        ask("x")
    assert caught.value is error
    assert calls(places) == [1, 0, 0]
    assert pool["a"].breaker.snapshot().failures == 0


def test_too_long_a_prompt_goes_to_those_that_take_more(places, ask, pool_of):
    pool = pool_of(places, {"a": {"context": 8_000}, "b": {"context": 8_000}, "c": {"context": 200_000}})
    ask = ask(pool)
    places[0].error = StatusError(400, "context_length_exceeded")
    assert ask("x") == "c"
    assert calls(places) == [1, 0, 1]
    places[2].error = places[0].error
    with pytest.raises(StatusError):
        ask("x")
    assert pool["a"].breaker.state == "closed"


def test_a_deployment_that_fails_is_left_alone_and_gets_its_probe(places, ask, clock, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    places[0].error = StatusError(500)
    for _ in range(20):
        assert ask("x") == "b"
    assert calls(places) == [5, 20, 0]
    assert pool.snapshot().deployments["a"].state == "open"
    clock.advance(29.9)
    ask("x")
    assert places[0].calls == 5
    clock.advance(0.1)
    assert ask("x") == "b"  # the probe has failed, and the call has not
    assert places[0].calls == 6
    ask("x")
    assert places[0].calls == 6
    places[0].error = None
    clock.advance(30)
    assert [ask("x"), ask("x")] == ["a", "a"]
    assert pool.snapshot().deployments["a"].state == "closed"


def test_a_server_that_says_when_to_come_back_is_not_asked_before(places, ask, clock, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    places[0].error = StatusError(429, retry_after="7")
    assert ask("x") == "b"
    places[0].error = None
    clock.advance(6.999)
    assert ask("x") == "b"
    assert pool.snapshot().deployments["a"].retry_after == pytest.approx(0.001, abs=1e-6)
    clock.advance(0.001)
    assert ask("x") == "a"


def test_one_that_is_forced_open_is_left_alone(places, ask, pool_of):
    pool = pool_of(places)
    ask = ask(pool)
    pool["a"].breaker.force_open()
    assert ask("x") == "b"
    assert calls(places) == [0, 1, 0]


def test_one_without_tokens_leaves_the_call_to_the_next_and_is_not_to_blame(places, ask, pool_of):
    pool = pool_of(places, {"a": {"tpm": 1_000}})
    ask = ask(pool)
    assert ask(prompt="x", max_tokens=600) == "a"
    assert ask(prompt="x", max_tokens=600) == "b"
    assert ask(prompt="x", max_tokens=5_000) == "b"  # more than it can ever have
    assert pool["a"].breaker.snapshot().failures == 0
    assert pool.snapshot().deployments["a"].refused == 1
    assert pool["a"].budget.name == "pool/a"


def test_so_many_are_tried_and_no_more(places, ask, pool_of):
    ask = ask(pool_of(places, max_attempts=2))
    for place in places:
        place.error = StatusError(500)
    with pytest.raises(StatusError) as caught:
        ask("x")
    assert caught.value is places[1].error
    assert calls(places) == [1, 1, 0]


def test_the_model_of_a_deployment_takes_the_place_of_the_callers(places, ask, pool_of):
    ask = ask(pool_of(places, {"a": {"model": "large"}}))
    ask(model="small", temperature=0)
    assert places[0].kwargs == {"model": "large", "temperature": 0}


def test_the_deployment_that_answered_is_told_to_the_caller(places, pool_of):
    pool = pool_of(places)
    places[0].error = StatusError(500)
    pool.call("x")
    assert (last_call().name, last_call().deployment, last_call().degraded) == ("pool", "b", False)


def test_listeners_are_told_of_each_attempt(places, ask, clock, pool_of):
    events = []
    pool = pool_of(places, {"b": {"tpm": 10}}, on_attempt=events.append)
    ask = ask(pool)
    pool.on_attempt(lambda event: 1 / 0)
    places[0].error = StatusError(503)
    pool["b"].budget.reserve(10).keep()
    ask(prompt="x", max_tokens=5)
    assert [(e.deployment, e.attempt, e.outcome, e.kind, e.hedge) for e in events] == [
        ("a", 1, "failed", "overloaded", False),
        ("b", 2, "refused", "refused", False),
        ("c", 3, "answered", None, False),
    ]


def test_a_failover_is_logged_without_a_word_of_the_prompt(places, ask, caplog, pool_of):
    caplog.set_level(logging.DEBUG, "trifuse")
    ask = ask(pool_of(places))
    places[0].error = StatusError(500)
    ask("secret")
    assert "model pool 'pool': b answers after a (transient)" in caplog.text
    assert "secret" not in caplog.text


def test_a_pool_may_have_no_more_time_than_it_is_given(places, ask, clock, pool_of):
    pool = pool_of(places, timeout=10)
    ask = ask(pool)
    places[0].error = StatusError(500)
    places[0].takes = 11
    with pytest.raises((StatusError, RequestTimeoutError)):
        ask("x")
    assert calls(places) == [1, 0, 0]


def test_an_attempt_may_take_so_long(clock, run):
    async def hangs(prompt):
        await asyncio.sleep(3600)

    async def answers(prompt):
        return "b"

    pool = ModelPool([Deployment("a", hangs, timeout=2), Deployment("b", answers)])
    assert run(pool("x")) == "b"
    assert pool["a"].breaker.snapshot().timeouts == 1


def test_a_pool_is_called_through_other_policies_too(places, run):
    async def answers(prompt):
        raise StatusError(500)

    pool = ModelPool([Deployment("a", answers)])
    assert run(Fallback(value="sorry")(pool)("x")) == "sorry"
