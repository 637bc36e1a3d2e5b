# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: streams, the helpers of the SDKs, and views of responses that are read in pieces."""

from __future__ import annotations

import gc
import time

import pytest
from trifuse import CircuitBreakerOpenError, RequestTimeoutError, StreamEmptyError, StreamInterruptedError
from trifuse.testing.chaos import (
    broken_json,
    empty,
    error_event,
    hang,
    html,
    reset,
    status,
    stream,
    truncate,
)


def test_a_stream_is_one_call_with_its_outcome_at_the_end(side):
    side.protect()
    side.server.script(stream("a", "b"))
    events = side.stream()
    assert side.counts == (0, 0, 0)
    assert side.pieces(events) == ["a", "b"]
    assert side.counts == (1, 0, 0)


def test_a_guarded_stream_is_taken_for_one_of_the_sdk(side):
    side.protect()
    side.server.script(stream("a"))
    events = side.stream()
    assert isinstance(events, side.sdk.AsyncStream if side.asynchronous else side.sdk.Stream)
    assert events.response.headers["content-type"].startswith("text/event-stream")
    side.close(events)


@pytest.mark.parametrize(
    "step",
    [status(500), html(), empty(), stream(then=truncate()), stream(then=hang()), stream(then=reset())],
    ids=repr,
)
def test_what_fails_before_the_first_content_is_retried_unseen(side, step):
    side.protect(request_timeout=0.3, retry={"delay": 0.001})
    side.server.script(step, stream("a", "b"))
    assert side.pieces(side.stream()) == ["a", "b"]
    assert len(side.server.requests) == 2
    assert side.counts == (1, 1, 0)


@pytest.mark.parametrize(
    ("then", "error"),
    [
        (truncate(), StreamInterruptedError),
        (hang(), RequestTimeoutError),
        (hang(keep_alive=0.03), RequestTimeoutError),
        (broken_json(), ValueError),
        (reset(), Exception),
        (error_event(), Exception),
    ],
    ids=repr,
)
def test_what_fails_after_content_is_a_failure_and_never_begins_again(side, then, error):
    side.protect(idle=0.25, retry={"delay": 0.001}, fallback="not asked")
    side.server.script(stream("a", "b", then=then))
    events = side.stream()
    with pytest.raises(error) as caught:
        side.read(events)
    assert caught.value.delivered_text == "ab"
    assert len(side.server.requests) == 1
    assert side.counts == (0, 1, 0)


@pytest.mark.parametrize(
    "step", [hang(), hang(keep_alive=0.03), stream(then=hang(keep_alive=0.03))], ids=repr
)
def test_keep_alives_do_not_stand_in_for_the_first_content(side, step, wait_until):
    side.protect(first_content=0.25)
    side.server.script(step)
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        side.stream()
    assert 0.2 < time.monotonic() - begun < 1.5
    assert caught.value.setting == "first_content"
    wait_until(lambda: side.server.requests[0].left)


def test_the_total_ends_a_stream_that_goes_on_and_on(side, wait_until):
    side.protect(total=0.2)
    side.server.script(stream(*"abcdefghij", gap=0.05))
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        side.read(side.stream())
    assert 0.15 < time.monotonic() - begun < 1.5
    assert caught.value.setting == "total"
    wait_until(lambda: side.server.requests[0].left)


def test_a_stream_that_is_closed_early_is_not_counted_and_closes_its_connection(side, wait_until):
    side.protect()
    side.server.script(stream("a", "b", then=hang()))
    events = side.stream()
    side.next(events)
    side.close(events)
    assert side.counts == (0, 0, 1)
    wait_until(lambda: side.server.requests[0].left)


def test_a_stream_that_is_dropped_gives_everything_back(side, wait_until):
    side.protect(consecutive_failures=1, open_duration=0.05, bulkhead=1)
    side.server.script(status(500), stream("a", then=hang()), stream("b"))
    with pytest.raises(side.sdk.InternalServerError):
        side.call()
    time.sleep(0.06)
    side.next(side.stream())
    gc.collect()
    if side.asynchronous:
        side.run(_turns())
    wait_until(lambda: side.server.requests[1].left)
    assert side.breaker.snapshot().probes_in_flight == 0
    assert side.pieces(side.stream()) == ["b"]


async def _turns():
    import asyncio

    await asyncio.sleep(0.02)


def test_an_open_circuit_refuses_a_stream_where_it_is_opened(side):
    side.protect()
    side.breaker.force_open()
    side.breaker.reset()
    side.breaker.trip(retry_after=30)
    with pytest.raises(CircuitBreakerOpenError):
        side.stream()
    assert len(side.server.requests) == 0


def test_the_helpers_of_the_sdk_work_with_their_events_and_final_answers(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), stream("a", "b"))
    manager = side.helper()
    helper = side.enter(manager)
    kinds = {event.type for event in side.read(helper)}
    assert {"content.delta", "content.done"} <= kinds or {"text", "message_stop"} <= kinds
    assert side.final(helper) == "ab"
    side.leave(manager)
    assert side.counts == (1, 1, 0)


def test_a_helper_that_is_left_early_closes_its_connection(side, wait_until):
    side.protect()
    side.server.script(stream("a", "b", then=hang()))
    manager = side.helper()
    side.next(side.enter(manager))
    side.leave(manager)
    assert side.counts == (0, 0, 1)
    wait_until(lambda: side.server.requests[0].left)


def test_responses_are_guarded_whole_and_as_streams(openai_side):
    side = openai_side
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), stream("a", "b"))
    assert side.run(side.client.responses.create(model="m", input="Hi")).output_text == "ab"
    side.server.script(stream("a", "b", then=truncate()))
    events = side.run(side.client.responses.create(model="m", input="Hi", stream=True))
    with pytest.raises(StreamInterruptedError):
        side.read(events)
    assert side.counts == (1, 2, 0)
    side.server.script(stream("c", "d"))
    helper = side.enter(side.client.responses.stream(model="m", input="Hi"))
    assert side.run(helper.get_final_response()).output_text == "cd"


def test_the_raw_view_of_a_stream_gives_a_guarded_stream(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), stream("a", "b", then=truncate()))
    response = _create(side, "with_raw_response", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    with pytest.raises(StreamInterruptedError):
        side.read(side.run(response.parse()))
    assert side.counts == (0, 2, 0)


def test_a_response_that_is_read_in_pieces_is_one_call(side):
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), stream("a", "b"))
    manager = _create(side, "with_streaming_response")
    response = side.enter(manager)
    assert side.counts == (0, 1, 0)
    assert side.text(side.run(response.parse())) == "ab"
    side.leave(manager)
    assert side.counts == (1, 1, 0)


@pytest.mark.parametrize("then", [hang(), hang(keep_alive=0.03)], ids=repr)
def test_a_response_that_is_read_in_pieces_has_its_limits(side, then, wait_until):
    side.protect(idle=0.25)
    side.server.script(stream("a", "b", then=then))
    manager = _create(side, "with_streaming_response", stream=True)
    response = side.enter(manager)
    with pytest.raises(RequestTimeoutError):
        side.read(response.iter_lines())
    side.leave(manager)
    assert side.counts == (0, 1, 0)
    wait_until(lambda: side.server.requests[0].left)


def test_a_response_that_is_read_in_pieces_and_left_early_is_not_counted(side, wait_until):
    side.protect()
    side.server.script(stream("a", "b", then=hang()))
    manager = _create(side, "with_streaming_response", stream=True)
    side.next(side.enter(manager).iter_lines())
    side.leave(manager)
    assert side.counts == (0, 0, 1)
    wait_until(lambda: side.server.requests[0].left)


def _create(side, view, **body):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **body}
    if side.provider == "anthropic":
        body["max_tokens"] = 9
    made = side.view(view).create(**body)
    return side.run(made) if view == "with_raw_response" else made


def test_a_stream_without_content_is_a_failure(side):
    side.protect()
    side.server.default = html()
    with pytest.raises(StreamEmptyError):
        side.stream()
    assert side.counts == (0, 1, 0)
