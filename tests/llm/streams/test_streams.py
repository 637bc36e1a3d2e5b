# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real streams of openai and anthropic, sync and async: what ends them how, and what may take over."""

import time

import pytest
from trifuse import Pipeline, RequestTimeoutError, Retry, StreamEmptyError, StreamInterruptedError
from trifuse.testing.chaos import (
    broken_json,
    content_filter,
    disconnect,
    empty,
    error_event,
    hang,
    html,
    overloaded,
    reset,
    status,
    stream,
    truncate,
)


def test_a_stream_is_one_success_at_its_end_and_its_connection_serves_the_next(api):
    api.server.script(stream("a", "b"), stream("c"))
    opened = api.open()
    assert isinstance(opened, api.sdk.AsyncStream if api.asynchronous else api.sdk.Stream)
    assert opened.response.status_code == 200
    assert api.counts == (0, 0, 0, 0)
    assert api.read(opened) == "ab"
    assert api.read(api.open()) == "c"
    assert api.counts == (2, 0, 0, 0)
    assert len(api.server.requests) == 2


@pytest.mark.parametrize(
    ("then", "kinds"),
    [
        (truncate(), {"StreamInterruptedError"}),
        (disconnect(), {"APIConnectionError", "RemoteProtocolError"}),
        (reset(), {"APIConnectionError", "ReadError"}),
        (error_event(), {"APIError", "APIStatusError"}),
        (broken_json(), {"JSONDecodeError"}),
    ],
    ids=["truncated", "disconnected", "reset", "error event", "broken JSON"],
)
def test_what_breaks_off_after_a_200_is_a_failure_that_says_what_was_delivered(api, then, kinds):
    text, error = api.broken_off(stream("a", "b", then=then))
    assert text == "ab"
    assert type(error).__name__ in kinds
    assert error.delivered_text == "ab"
    assert api.counts == (0, 1, 0, 0)
    assert len(api.server.requests) == 1


@pytest.mark.parametrize("step", [empty(), html(), stream()], ids=["no event", "a web page", "no content"])
def test_a_stream_without_content_is_a_failure(api, step):
    text, error = api.broken_off(step)
    assert (text, type(error)) == ("", StreamEmptyError)
    assert api.counts == (0, 1, 0, 0)


def test_length_is_a_success_and_a_filtered_answer_is_nothing(api):
    length = (
        "max_output_tokens"
        if api.name == "responses"
        else "max_tokens"
        if api.name == "messages"
        else "length"
    )
    withheld = "refusal" if api.name == "messages" else "content_filter"
    api.server.script(stream("a", finish_reason=length), stream("a", finish_reason=withheld))
    for _ in range(2):
        events = api.open()
        assert api.read(events) == "a"
    assert api.counts == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("step", "setting", "text"),
    [
        (hang(), "first_content", ""),
        (hang(keep_alive=0.03), "first_content", ""),
        (stream("a", first=9, keep_alive=0.03), "first_content", ""),
        (stream("a", then=hang()), "idle", "a"),
        (stream("a", then=hang(keep_alive=0.03)), "idle", "a"),
        (stream(*"a" * 100, gap=0.05, keep_alive=0.02), "total", "aaaa"),
    ],
    ids=["no headers", "no event", "no token", "silence", "keep-alives", "too long"],
)
def test_each_limit_ends_a_stall_in_time_and_closes_the_connection(api, step, setting, text):
    begun = time.monotonic()
    got, error = api.broken_off(step, total=0.45, first_content=0.2, idle=0.2)
    took = time.monotonic() - begun
    assert (type(error), error.setting) == (RequestTimeoutError, setting)
    assert got.startswith(text)
    assert 0.2 <= took < 1.0
    assert api.counts == (0, 1, 1, 0)
    api.wait_until_left()


def test_before_the_first_content_a_retry_takes_over_and_after_it_never(api):
    api.server.script(status(500), overloaded(), empty(), stream("a", "b"), stream("x", then=reset()))
    policy = Pipeline("x", Retry(delay=0.001, max_retries=5), api.breaker)
    assert api.read(api.open(policy)) == "ab"
    assert len(api.server.requests) == 4
    opened, got = api.open(policy), []
    with pytest.raises(Exception):  # noqa: B017 - the client's own
        while True:
            got.append(api.next(opened))
    assert (api.text(got), len(api.server.requests)) == ("x", 5)
    assert api.counts == (1, 4, 0, 0)


def test_the_callers_mistake_counts_as_nothing(api):
    _, error = api.broken_off(content_filter())
    assert type(error) is api.sdk.BadRequestError
    assert api.counts == (0, 0, 0, 1)


def test_a_resumed_stream_goes_on_where_it_broke_off(api):
    api.server.script(stream("a", "b", then=reset()), stream("c", "d"))
    told = []

    def again(interrupted):
        told.append(interrupted.text)
        return api.opener

    opened = api.open(resume=again)
    assert api.read(opened) == "abcd"
    assert told == ["ab"]
    assert api.counts == (1, 1, 0, 0)


def test_a_plainly_guarded_function_that_returns_a_stream_is_guarded_to_its_end(api):
    api.server.script(stream("a", then=truncate()), empty(), stream("b"))

    async def awaited():
        return await api.opener()

    guarded = Pipeline("x", Retry(delay=0.001), api.breaker)(awaited if api.asynchronous else api.opener)
    opened, got = api.run(guarded()), []
    assert api.counts == (0, 0, 0, 0)
    with pytest.raises(StreamInterruptedError):
        while True:
            got.append(api.next(opened))
    assert api.text(got) == "a"
    opened = api.run(guarded())
    assert api.read(opened) == "b"
    assert api.counts == (1, 2, 0, 0)
    assert len(api.server.requests) == 3
