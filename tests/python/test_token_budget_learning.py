# SPDX-License-Identifier: MIT OR Apache-2.0
# A token budget learns from the headers of responses: what is left, what the limits are, when to pause.
import pytest
from trifuse import TokenBudget
from trifuse._llm.ratelimit_headers import Told, read
from trifuse._llm.token_budget import TokenBudgetError


@pytest.fixture(autouse=True)
def virtual(clock):
    return clock


def openai(**told):
    return {f"x-ratelimit-{name.replace('_', '-')}": str(value) for name, value in told.items()}


def there(budget):
    picture = budget.snapshot()
    return picture.requests_available, picture.tokens_available


class Response:
    def __init__(self, headers, **usage):
        self.headers, self.usage = headers, usage or None


class StatusError(Exception):
    def __init__(self, status, headers=()):
        super().__init__("no")
        self.status_code, self.response = status, Response(dict(headers))


@pytest.mark.parametrize(
    ("headers", "kind", "told"),
    [
        (openai(limit_requests=60, remaining_requests=59, reset_requests="1s"), "requests", Told(60, 59, 1)),
        (openai(limit_tokens=150_000, remaining_tokens=149_984, reset_tokens="6m0s"), "tokens", Told(150_000, 149_984, 360)),
        (openai(remaining_tokens=1, reset_tokens="120ms"), "tokens", Told(None, 1, 0.12)),
        (openai(remaining_tokens=1, reset_tokens="1h2m3.5s"), "tokens", Told(None, 1, 3723.5)),
        (openai(remaining_tokens=1, reset_tokens="8.64"), "tokens", Told(None, 1, 8.64)),
        ({"X-RateLimit-Remaining-Tokens": b"7"}, "tokens", Told(None, 7, None)),
        ({"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49",
          "anthropic-ratelimit-requests-reset": "2020-01-01T00:00:00Z"}, "requests", Told(50, 49, 0)),
        ({"anthropic-ratelimit-input-tokens-remaining": "12"}, "tokens", Told(None, 12, None)),
        ({"anthropic-ratelimit-tokens-remaining": "9", "anthropic-ratelimit-input-tokens-remaining": "12"},
         "tokens", Told(None, 9, None)),
    ],
)  # fmt: skip
def test_headers_are_read_in_all_their_spellings(headers, kind, told):
    assert read(headers, kind) == told


@pytest.mark.parametrize(
    "text", ["", "nan", "-1", "inf", "1e400", "many", "0x10", "1" * 400, "1, 2", "\0", "-0.5", "None"]
)
def test_garbage_is_as_if_it_were_not_there(text):
    headers = openai(limit_tokens=text, remaining_tokens=text, reset_tokens=text)
    told = read(headers, "tokens")
    assert told == Told(None, None, None)
    budget = TokenBudget(tpm=1_000)
    budget.learn(headers)
    assert there(budget) == (None, 1_000)


@pytest.mark.parametrize("headers", [None, 7, "text", [], object(), {1: 2}])
def test_what_are_no_headers_are_passed_over(headers):
    budget = TokenBudget(tpm=1_000)
    budget.learn(headers)
    assert there(budget) == (None, 1_000)


def test_less_that_is_left_there_is_left_here_too():
    budget = TokenBudget(rpm=100, tpm=1_000)
    budget.learn(openai(remaining_requests=80, remaining_tokens=400))
    assert there(budget) == (80, 400)
    assert budget.snapshot().learned == 600
    budget.learn(openai(remaining_requests=99, remaining_tokens=900))
    assert there(budget) == (80, 400)
    budget.learn(openai(remaining_requests=80, remaining_tokens=400))
    assert there(budget) == (80, 400)


def test_calls_in_flight_that_the_server_has_not_seen_are_not_given_back():
    budget = TokenBudget(tpm=1_000)
    budget.reserve(600)
    budget.learn(openai(remaining_tokens=1_000))
    assert there(budget)[1] == 400


def test_a_response_is_held_against_what_was_left_when_its_call_began(clock):
    budget = TokenBudget(tpm=6_000, estimate=lambda: 600)

    @budget
    def slow():
        clock.advance(30)
        return Response(openai(remaining_tokens=5_000), prompt_tokens=600, completion_tokens=0)

    slow()
    assert there(budget)[1] == 5_600  # others have taken 400


def test_a_response_whose_limits_were_reset_since_says_nothing_any_more(clock):
    budget = TokenBudget(tpm=6_000, estimate=lambda reset: 600)

    @budget
    def slow(reset):
        clock.advance(30)
        return Response(openai(remaining_tokens=5_000, reset_tokens=reset))

    slow("10s")
    assert there(budget)[1] == 6_000
    slow("40s")
    assert there(budget)[1] == 5_600


def test_what_others_took_is_taken_once_though_two_responses_tell_it(clock):
    budget = TokenBudget(tpm=6_000, rpm=100)
    one, other = budget.reserve(500), budget.reserve(500)
    for grant, remaining in ((other, 4_000), (one, 4_500)):  # in the wrong order
        budget._learning.learn(openai(remaining_tokens=remaining), grant)
    assert there(budget)[1] == 4_000
    assert budget.snapshot().learned == 1_000


def test_a_late_response_takes_nothing_that_came_back_since(clock):
    budget = TokenBudget(tpm=6_000)
    grant = budget.reserve(6_000)
    grant.keep()
    clock.advance(60)
    budget._learning.learn(openai(remaining_tokens=0), grant)
    assert there(budget)[1] == 6_000


def test_learning_within_a_call_goes_by_that_call(clock):
    budget = TokenBudget(tpm=6_000, estimate=lambda: 600)

    @budget
    def slow():
        clock.advance(6)
        budget.learn(openai(remaining_tokens=5_400))

    slow()
    assert there(budget)[1] == 6_000


def test_limits_may_be_what_the_server_says(clock):
    budget = TokenBudget("key", rpm="auto", tpm="auto")
    budget.reserve(1_000_000).settle(0)
    assert there(budget) == (None, None)
    budget.learn(openai(limit_requests=60, remaining_requests=50, limit_tokens=9_000, remaining_tokens=8_000))
    assert there(budget) == (50, 8_000)
    assert budget.snapshot().limits == {"rpm": 60, "tpm": 9_000}
    budget.learn(openai(limit_tokens=4_000))
    assert there(budget) == (50, 4_000)
    budget.learn(openai(limit_tokens=0, limit_requests=1 << 52))
    assert budget.snapshot().limits == {"rpm": 60, "tpm": 4_000}
    assert budget.describe()["tpm"] == "auto"


def test_limits_that_were_given_are_not_changed_by_headers():
    budget = TokenBudget(tpm=1_000)
    budget.learn(openai(limit_tokens=5_000, remaining_tokens=5_000))
    assert budget.snapshot().limits == {"tpm": 1_000}


def test_headers_about_a_day_are_those_of_the_limit_that_is_as_large():
    budget = TokenBudget(rpm=100, rpd=2_000)
    budget.learn(openai(limit_requests=2_000, remaining_requests=5))
    assert budget.snapshot().requests_available == 5
    assert budget._buckets.levels(budget._buckets.paused_ns)["rpm"] == 100


def failing(budget, error):
    def call():
        raise error

    with pytest.raises(type(error)):
        budget.call(call)


def test_a_429_pauses_the_budget_for_as_long_as_it_says_and_leaves_no_burst(clock):
    budget = TokenBudget(rpm=60, tpm=6_000, estimate=lambda: 100)
    failing(budget, StatusError(429, {"retry-after": "20"}))
    picture = budget.snapshot()
    assert (picture.paused, picture.requests_available, picture.tokens_available) == (20, 0, 0)
    with pytest.raises(TokenBudgetError) as caught:
        budget.reserve(1)
    assert (caught.value.limit, caught.value.retry_after) == ("paused", 20)
    clock.advance(20)
    assert there(budget) == (20, 2_000)


def test_a_429_that_tells_what_is_left_empties_only_that(clock):
    budget = TokenBudget(rpm=60, tpm=6_000, estimate=lambda: 100)
    failing(
        budget, StatusError(429, {**openai(remaining_requests=0, remaining_tokens=5_900), "retry-after": "1"})
    )
    assert there(budget) == (0, 5_900)


def test_a_429_without_a_word_lets_calls_come_at_the_rate(clock):
    budget = TokenBudget(rpm=60, tpm=6_000, estimate=lambda: 100)
    failing(budget, StatusError(429))
    assert (budget.snapshot().paused, there(budget)) == (0, (0, 0))
    clock.advance(1)
    assert there(budget) == (1, 100)


@pytest.mark.parametrize("wait", ["nan", "-5", "soon", "1e400", "0"])
def test_a_wait_that_is_none_does_not_pause(clock, wait):
    budget = TokenBudget(rpm=60, estimate=lambda: 100)
    failing(budget, StatusError(429, {"retry-after": wait}))
    assert budget.snapshot().paused == 0


@pytest.mark.parametrize("status", [400, 401, 500, 503, 529])
def test_other_errors_neither_pause_nor_empty(clock, status):
    budget = TokenBudget(rpm=60, tpm=6_000, estimate=lambda: 100)
    failing(budget, StatusError(status, {"retry-after": "20"}))
    assert (budget.snapshot().paused, there(budget)) == (0, (59, 6_000))
