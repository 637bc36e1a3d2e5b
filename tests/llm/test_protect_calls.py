# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-10.
"""Protected clients: calls with one answer, of both SDKs, sync and async."""

from __future__ import annotations

import json
import time

import pytest
from trifuse import CircuitBreakerOpenError, RequestTimeoutError
from trifuse.testing import no_waiting
from trifuse.testing.chaos import (
    answer,
    broken_json,
    content_filter,
    context_length,
    drip,
    hang,
    html,
    raw,
    reset,
    status,
    times,
    unauthorized,
)


def test_a_protected_client_is_of_the_same_class_and_shares_the_connections(side):
    client = side.protect()
    assert isinstance(client, side.kind)
    assert type(client).__name__ == side.kind.__name__
    assert client._client is side.original._client
    assert side.ask() == "hello"


def test_the_original_client_stays_as_it_is(side):
    side.protect()
    assert (side.original.max_retries, side.client.max_retries) == (2, 0)
    assert type(side.original) is side.kind
    side.server.script(answer("unguarded"))
    assert side.text(side.call(side.original)) == "unguarded"
    assert side.counts == (0, 0, 0)


def test_retries_of_the_sdk_do_not_multiply_with_ours(side):
    side.protect(retry={"max_retries": 2, "delay": 0.001})
    side.server.default = status(500)
    with pytest.raises(side.sdk.InternalServerError):
        side.call()
    assert len(side.server.requests) == 3
    assert {request.headers["x-stainless-retry-count"] for request in side.server.requests} == {"0"}


def test_a_failure_that_passes_is_retried_unseen(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(503), reset(), answer("third"))
    assert side.ask() == "third"
    assert len(side.server.requests) == 3
    assert side.counts == (1, 2, 0)


def test_a_retry_after_a_retry_after_is_never_earlier_and_finds_the_circuit_open_for_it(side):
    side.protect(retry=1)
    side.server.script(status(429, retry_after=0.2), answer("later"))
    assert side.ask() == "later"
    first, second = side.server.requests
    assert second.at - first.at >= 0.2


@pytest.mark.parametrize("asked", [2, 20, 60])
def test_a_retry_waits_as_long_as_the_server_says_and_at_most_a_tenth_longer(side, asked):
    side.protect(retry=3, respect_retry_after=False, max_wait=0, total=600)
    side.server.script(*times(status(429, retry_after=asked), 3), answer("later"))
    with no_waiting() as slept:
        assert side.ask() == "later"
    assert len(slept) == 3
    assert all(asked <= seconds <= asked * 1.1 for seconds in slept)


def test_the_limits_of_retries_are_those_given(side):
    side.protect(retry=1)
    described = side.module.describe(side.client)["guards"][side.name]["policies"]
    assert [policy["kind"] for policy in described] == ["retry", "circuit_breaker"]
    assert described[0]["max_retries"] == 1


def test_an_outage_opens_the_circuit_after_the_five_calls_of_the_preset(side):
    side.protect()
    side.server.default = status(500)
    for _ in range(5):
        with pytest.raises(side.sdk.InternalServerError):
            side.call()
    for _ in range(3):
        with pytest.raises(CircuitBreakerOpenError):
            side.call()
    assert len(side.server.requests) == 5


@pytest.mark.parametrize(
    "step",
    [status(400), unauthorized(), status(404), status(422), context_length(), content_filter()],
    ids=repr,
)
def test_what_the_caller_did_wrong_is_neither_counted_nor_retried(side, step):
    side.protect(retry=2)
    side.server.default = step
    with pytest.raises(side.sdk.APIStatusError):
        side.call()
    assert len(side.server.requests) == 1
    assert side.counts == (0, 0, 1)


KEPT_ALIVE = raw(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 400, gap=0.05)


@pytest.mark.parametrize("step", [hang(), KEPT_ALIVE, drip(20)], ids=["hang", "kept alive", "drip"])
def test_a_call_that_takes_too_long_ends_in_time_and_leaves_the_connection(side, step, wait_until):
    side.protect(request_timeout=0.25)
    side.server.script(step)
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        side.call()
    assert 0.2 < time.monotonic() - begun < 1.5
    assert (caught.value.name, caught.value.setting, caught.value.limit) == (
        side.name,
        "request_timeout",
        0.25,
    )
    wait_until(lambda: side.server.requests[0].left)
    assert side.breaker.snapshot().timeouts == 1
    assert side.text(side.call(side.original)) == "hello"  # over the same connections


def test_the_total_bounds_all_attempts_together(side):
    side.protect(request_timeout=10, total=0.2, retry={"max_retries": 9, "delay": 0.001})
    side.server.default = hang()
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        side.call()
    assert 0.17 < time.monotonic() - begun < 1.5
    assert caught.value.setting == "total"
    assert len(side.server.requests) == 1


def test_an_attempt_that_hangs_is_followed_by_another(side):
    side.protect(request_timeout=0.25, retry={"delay": 0.001})
    side.server.script(hang(), answer("second"))
    assert side.ask() == "second"


def test_a_page_in_place_of_an_answer_is_a_failure(side):
    side.protect()
    side.server.script(html())
    with pytest.raises(side.sdk.APIResponseValidationError, match="no JSON"):
        side.call()
    assert side.counts == (0, 1, 0)


def test_a_page_in_place_of_an_answer_is_retried(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(html(), broken_json(), answer("real"))
    assert side.ask() == "real"
    assert side.counts == (1, 2, 0)


def test_broken_json_is_a_failure(side):
    side.protect()
    side.server.script(broken_json())
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        side.call()
    assert side.counts == (0, 1, 0)


def test_a_filtered_answer_is_given_and_not_counted(side):
    side.protect(retry=2, fallback="not asked")
    reason = "content_filter" if side.provider == "openai" else "refusal"
    side.server.default = answer("cut", finish_reason=reason)
    assert side.ask() == "cut"
    assert len(side.server.requests) == 1
    assert side.counts == (0, 0, 1)


def test_a_refused_connection_is_a_failure(side):
    side.protect()
    with side.server.down(), pytest.raises(side.sdk.APIConnectionError):
        side.call()
    assert side.counts == (0, 1, 0)


def test_every_attempt_sends_the_whole_body_even_of_iterators(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(*times(status(500), 2))
    asked = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    side.call(messages=(message for message in asked))
    assert [request.body["messages"] for request in side.server.requests] == [asked] * 3


def test_copies_of_a_protected_client_share_its_guards_and_stay_without_retries(side):
    side.protect()
    side.server.default = status(500)
    copies = [
        side.client.with_options(max_retries=5), side.client.copy(timeout=9), side.client.with_options().copy(),
    ]  # fmt: skip
    for client in [*copies, side.client, side.client]:
        with pytest.raises(side.sdk.InternalServerError):
            side.call(client)
    assert len(side.server.requests) == 5
    assert all(client.max_retries == 0 and isinstance(client, side.kind) for client in copies)
    for client in copies:
        with pytest.raises(CircuitBreakerOpenError):
            side.call(client)
    assert len(side.server.requests) == 5


def test_the_raw_view_of_a_response_is_guarded(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), html(), answer("raw"))
    body = {} if side.provider == "openai" else {"max_tokens": 9}
    view = side.view("with_raw_response")
    response = side.run(view.create(model="m", messages=[{"role": "user", "content": "Hi"}], **body))
    assert response.headers["content-type"].startswith("application/json")
    assert side.text(side.run(response.parse())) == "raw"
    assert side.counts == (1, 2, 0)


def test_pages_of_a_list_are_guarded(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500))
    page = side.run(side.client.models.list())
    assert page.data
    assert len(side.server.requests) == 2


def test_what_is_not_known_passes_through_as_before_and_is_told(side):
    side.protect()
    side.server.script(status(503, retry_after=0.001), answer(), path="/surprise")
    side.run(side.client.get("/surprise", cast_to=object))
    assert [request.headers["x-stainless-retry-count"] for request in side.server.requests] == ["0", "1"]
    described = side.module.describe(side.client)
    assert described["seen_unguarded"] == ["GET /surprise"]
    assert "files.create" in described["passed_through"] or "beta.files.upload" in described["passed_through"]
    assert side.counts == (0, 0, 0)


def test_each_group_of_operations_has_a_breaker_of_its_own(openai_side):
    side = openai_side
    side.protect(embeddings={"consecutive_failures": 1})
    side.server.script(status(500))
    with pytest.raises(side.sdk.InternalServerError):
        side.embed()
    with pytest.raises(CircuitBreakerOpenError, match=f"{side.name}:embeddings"):
        side.embed()
    assert side.ask() == "hello"


def test_models_may_have_breakers_of_their_own(openai_side):
    side = openai_side
    side.protect(per="model", consecutive_failures=1)
    side.server.script(status(500))
    with pytest.raises(side.sdk.InternalServerError):
        side.ask(model="a")
    with pytest.raises(CircuitBreakerOpenError, match=f"{side.name}:a"):
        side.ask(model="a")
    assert side.ask(model="b") == "hello"


ERROR = {"error": {"message": "overloaded", "code": "overloaded_error"}}


def test_an_error_in_place_of_an_answer_is_a_failure(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(lambda _request: json_step(ERROR), answer("second"))
    assert side.ask() == "second"
    assert side.counts == (1, 1, 0)
    side.server.default = lambda _request: json_step(ERROR)
    assert side.call().error == ERROR["error"]


def test_a_response_that_says_it_failed_is_a_failure(openai_side):
    side = openai_side
    side.protect(retry={"delay": 0.001})
    failed = {
        "id": "1", "object": "response", "status": "failed", "output": [], "model": "m",
        "error": {"code": "server_error", "message": "x"},
    }  # fmt: skip
    side.server.script(lambda _request: json_step(failed), answer("second"))
    assert side.run(side.client.responses.create(model="m", input="Hi")).output_text == "second"
    assert side.counts == (1, 1, 0)


def json_step(body):
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return raw(head.encode() + data)
