# SPDX-License-Identifier: MIT OR Apache-2.0
"""Token budgets around real clients: settled to the token by what the server tells."""

from __future__ import annotations

import anthropic
import openai
import pytest
from trifuse import RateLimitedError, RequestTimeoutError, TokenBudget
from trifuse._llm.usage import Usage, usage_of
from trifuse.testing.chaos import answer, hang, rate_limits, reset, status, stream, truncate


@pytest.fixture
def budget(side):
    """A budget of 1,000 tokens and 10 requests a minute; every call is taken to be 100 in and 300 out."""
    budget = TokenBudget("key", rpm=10, tpm=1_000, estimate=lambda *args, **kwargs: Usage(100, 300))
    side.protect(tokens=budget)
    return budget


def left(budget):
    """Give requests and tokens that are left, less what time has brought back meanwhile (17 a second)."""
    picture = budget.snapshot()
    assert (picture.in_flight, picture.reserved) == (0, 0)
    return picture.requests_available, 1_000 - picture.granted_tokens + picture.refunded - picture.owed


def test_a_call_is_settled_to_the_usage_of_its_response(side, budget):
    side.server.script(answer("hello", usage=(40, 71)), answer("hello", usage=(500, 44)))
    side.ask()
    assert left(budget)[1] == 1_000 - 111
    side.ask()
    assert left(budget)[1] == 1_000 - 111 - 544
    picture = budget.snapshot()
    assert (picture.settled, picture.used, picture.estimated) == (2, 655, 800)


def test_a_stream_is_settled_to_the_usage_of_its_last_event(side, budget):
    side.server.script(stream("a", "b", "c", usage=(40, 71)))
    extra = {"stream_options": {"include_usage": True}} if side.provider == "openai" else {}
    assert side.pieces(side.stream(**extra)) == ["a", "b", "c"]
    assert left(budget)[1] == 1_000 - 111


def test_a_stream_that_tells_no_usage_is_settled_to_its_text(side, budget):
    if side.provider == "anthropic":
        pytest.skip("its streams always tell their usage")
    side.server.script(stream("four tokens of text ", "four tokens of text "))
    side.read(side.stream())
    assert left(budget)[1] == 1_000 - 100 - 10


def test_a_stream_that_is_left_early_has_used_what_was_delivered(side, budget):
    side.server.script(stream("four tokens of text ", *["more "] * 50, gap=0.05, usage=(40, 71)))
    events = side.stream()
    while not side.text_of_event(side.next(events)):
        pass
    side.close(events)
    given = {"openai": 100, "anthropic": 40}[side.provider]  # which tells at the beginning what went in
    assert left(budget)[1] == 1_000 - given - 5


def test_a_stream_that_breaks_off_has_used_what_was_delivered(side, budget):
    side.server.script(stream("four tokens of text ", usage=(40, 71), then=truncate()))
    with pytest.raises(Exception, match="broke off"):
        side.read(side.stream())
    given = {"openai": 100, "anthropic": 40}[side.provider]
    assert left(budget)[1] == 1_000 - given - 5


@pytest.mark.parametrize("code", [400, 401, 429, 500, 529])
def test_tokens_of_a_call_that_was_answered_with_an_error_come_back(side, budget, code):
    side.server.default = status(code)
    with pytest.raises(side.sdk.APIStatusError):
        side.ask()
    assert left(budget)[1] == 1_000
    assert budget.snapshot().granted == 1
    if code != 429:
        assert left(budget)[0] == 9


def test_a_call_that_never_reached_the_server_takes_nothing(side, budget):
    side.server.stop()
    with pytest.raises(side.sdk.APIConnectionError):
        side.ask()
    assert left(budget) == (10, 1_000)


@pytest.mark.parametrize("step", [reset(), hang()])
def test_a_call_of_which_nobody_knows_keeps_its_estimate(side, budget, step):
    side.protect(tokens=budget, request_timeout=0.3, name=f"{side.name}-brief")
    side.server.default = step
    with pytest.raises((side.sdk.APIConnectionError, RequestTimeoutError)):
        side.ask()
    assert left(budget) == (9, 600)


def test_a_refusal_reaches_no_server(side):
    budget = TokenBudget("key", tpm=100)
    side.protect(tokens=budget)
    budget.reserve(100).keep()
    with pytest.raises(RateLimitedError) as caught:
        side.call(max_tokens=60)
    assert caught.value.limit == "tpm"
    assert side.server.requests == []
    assert side.counts == (0, 0, 1)


def test_after_a_429_nothing_is_sent_for_as_long_as_the_server_said(side, budget):
    side.server.script(status(429, retry_after=3))
    with pytest.raises(side.sdk.RateLimitError):
        side.ask()
    assert 2.5 < budget.snapshot().paused <= 3
    side.breaker.reset()
    with pytest.raises(RateLimitedError) as caught:
        side.ask()
    assert caught.value.retry_after > 2.5
    assert len(side.server.requests) == 1


def test_a_budget_learns_from_the_headers_of_every_answer(side):
    budget = TokenBudget("key", rpm="auto", tpm="auto", estimate=lambda *args, **kwargs: 10)
    side.protect(tokens=budget)
    told = rate_limits(requests=(60, 41, 19), tokens=(90_000, 1_234, 59))
    side.server.script(answer("hello", usage=(5, 5), limits=told))
    side.ask()
    picture = budget.snapshot()
    assert picture.limits == {"rpm": 60, "tpm": 90_000}
    assert 41 <= picture.requests_available < 50
    assert 1_234 <= picture.tokens_available < 3_000


def test_the_built_in_estimate_reads_the_request(side):
    budget = TokenBudget("key", tpm=10_000)
    side.protect(tokens=budget)
    side.server.script(answer("hello", usage=(1, 1)))
    side.call(max_tokens=1_234)
    assert 1_234 < budget.snapshot().estimated < 1_260


def test_embeddings_are_settled_too(side):
    if side.provider == "anthropic":
        pytest.skip("it has none")
    budget = TokenBudget("key", tpm=10_000)
    side.run(
        budget(side.original.embeddings.create)(model="text-embedding-3-small", input="a text of some words")
    )
    picture = budget.snapshot()
    assert picture.settled == 1
    assert picture.estimated < 12


def test_a_budget_may_stand_around_a_method_of_a_bare_client(side):
    budget = TokenBudget("key", tpm=1_000, estimate=lambda *args, **kwargs: 400)
    create = (
        side.original.chat.completions.create if side.provider == "openai" else side.original.messages.create
    )
    side.server.script(answer("hello", usage=(40, 71)), stream("a", "b", usage=(40, 71)))
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    side.run(budget(create)(**body))
    assert left(budget)[1] == 1_000 - 111
    extra = {"stream_options": {"include_usage": True}} if side.provider == "openai" else {}
    side.read(side.run(budget(create)(**body, **extra, stream=True)))
    assert left(budget)[1] == 1_000 - 222


def test_usage_is_read_from_the_objects_of_the_clients():
    chat = openai.types.chat.ChatCompletion.construct(
        usage=openai.types.CompletionUsage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
    )
    message = anthropic.types.Message.construct(
        usage=anthropic.types.Usage(input_tokens=3, output_tokens=4, cache_creation_input_tokens=5)
    )
    assert usage_of(chat) == Usage(3, 4)
    assert usage_of(message) == Usage(8, 4)
