# SPDX-License-Identifier: MIT OR Apache-2.0
# A stream is one call: taken at its first item, settled at its end to what its events tell, or to what was
# delivered when it broke off.
import asyncio
import gc

import anyio
import pytest
from trifuse import Pipeline, Retry, TokenBudget
from trifuse._llm.frames import Frame
from trifuse._llm.usage import Usage

TEXT = "four tokens of text "


def chunk(text=None, **usage):
    choices = [] if text is None else [{"delta": {"content": text}}]
    return {"choices": choices, "usage": usage or None}


EVENTS = [chunk(TEXT), chunk(TEXT), chunk(prompt_tokens=11, completion_tokens=31)]
MESSAGE = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"text": TEXT}},
    {"type": "message_delta", "usage": {"output_tokens": 31}},
]


def gives(items):
    def sync_items(prompt):
        for item in items:
            if isinstance(item, BaseException):
                raise item
            yield item

    async def async_items(prompt):
        for item in sync_items(prompt):
            await asyncio.sleep(0)
            yield item

    return sync_items, async_items


def read_sync(stream, most):
    got = []
    for item in stream:
        got.append(item)
        if len(got) == most:
            break
    stream.close()
    return got


async def read_async(stream, most):
    got = []
    async for item in stream:
        got.append(item)
        if len(got) == most:
            break
    await stream.aclose()
    return got


@pytest.fixture(params=["generator", "async generator", "returned", "returned async"])
def stream(request, clock, run):
    """Make (budget, reader): the reader takes so many items (all by default) and then closes the stream."""

    def make(items, **fields):
        settings = {"rpm": 10, "tpm": 1_000, "estimate": lambda prompt: Usage(100, 400)}
        budget = TokenBudget(**{**settings, **fields})
        asynchronous = "async" in request.param
        fn = gives(items)[asynchronous]
        guarded = budget((lambda prompt: fn(prompt)) if "returned" in request.param else fn)

        def read(most=None):
            return run(read_async(guarded("x"), most)) if asynchronous else read_sync(guarded("x"), most)

        return budget, read

    return make


def left(budget):
    picture = budget.snapshot()
    assert (picture.in_flight, picture.reserved) == (0, 0)
    return picture.requests_available, picture.tokens_available


@pytest.mark.parametrize("events", [EVENTS, MESSAGE], ids=["chunks", "message"])
def test_a_stream_is_settled_to_what_its_events_tell(stream, events):
    budget, read = stream(events)
    assert read() == events
    assert left(budget) == (9, 1_000 - 42)
    assert budget.snapshot().settled == 1


def test_frames_of_events_are_read_as_well(stream):
    budget, read = stream([Frame(EVENTS[:2], content=True), Frame(EVENTS[2:], content=False)])
    read()
    assert left(budget) == (9, 1_000 - 42)


def test_a_stream_that_tells_nothing_is_settled_to_its_text(stream):
    budget, read = stream([TEXT] * 8)
    read()
    assert left(budget) == (9, 1_000 - 100 - 40)


def test_a_stream_without_text_or_usage_keeps_its_estimate(stream):
    budget, read = stream([{"type": "ping"}, b"x", 7, None])
    read()
    assert left(budget) == (9, 500)


def test_one_closed_early_has_used_its_prompt_and_what_was_delivered(stream):
    budget, read = stream([TEXT] * 100)
    assert len(read(4)) == 4
    assert left(budget) == (9, 1_000 - 100 - 20)


def test_one_closed_early_that_told_its_prompts_tokens_has_used_those(stream):
    budget, read = stream(MESSAGE)
    read(2)
    assert left(budget) == (9, 1_000 - 11 - 5)


def test_one_that_breaks_off_has_used_what_was_delivered(stream):
    budget, read = stream([TEXT, TEXT, ConnectionResetError()])
    with pytest.raises(ConnectionResetError):
        read()
    assert left(budget) == (9, 1_000 - 100 - 10)


def test_one_that_gave_nothing_before_it_broke_off_keeps_its_estimate(stream):
    budget, read = stream([ConnectionResetError()])
    with pytest.raises(ConnectionResetError):
        read()
    assert left(budget) == (9, 500)


def test_one_that_never_reached_the_server_has_used_nothing(stream):
    budget, read = stream([ConnectionRefusedError()])
    with pytest.raises(ConnectionRefusedError):
        read()
    assert left(budget) == (10, 1_000)


def test_items_that_cannot_be_looked_at_pass_through(stream):
    class Foreign:
        @property
        def events(self):
            raise RuntimeError("do not look")

        choices = usage = delta = events

    item = Foreign()
    budget, read = stream([item])
    assert read() == [item]
    assert left(budget) == (9, 500)


def test_a_stream_takes_nothing_before_its_first_item(clock):
    @TokenBudget(rpm=10, tpm=1_000)
    def items(prompt):
        yield TEXT

    waiting = items("x")
    assert left(items.policy) == (10, 1_000)
    next(waiting)
    assert items.policy.snapshot().in_flight == 1
    waiting.close()


def test_an_abandoned_stream_is_settled_when_it_is_collected(clock):
    @TokenBudget(rpm=10, tpm=1_000, estimate=lambda prompt: Usage(100, 400))
    def items(prompt):
        while True:
            yield TEXT

    stream = items("x")
    next(stream)
    del stream
    gc.collect()
    assert left(items.policy) == (9, 1_000 - 100 - 5)


def test_an_abandoned_asynchronous_stream_is_settled_with_its_loop(clock):
    @TokenBudget(rpm=10, tpm=1_000, estimate=lambda prompt: Usage(100, 400))
    async def items(prompt):
        while True:
            yield TEXT

    async def main():
        stream = items("x")
        await anext(stream)

    asyncio.run(main())
    gc.collect()
    assert left(items.policy) == (9, 1_000 - 100 - 5)


@pytest.mark.anyio
async def test_a_cancelled_stream_is_settled(anyio_backend_name):
    @TokenBudget(rpm=10, tpm=1_000, estimate=lambda prompt: Usage(100, 400))
    async def items(prompt):
        yield TEXT * 4
        await anyio.sleep_forever()

    with anyio.move_on_after(1):
        async for _ in items("x"):
            pass
    picture = items.policy.snapshot()
    assert (picture.in_flight, picture.reserved, picture.refunded) == (0, 0, 380)


def test_a_retry_outside_asks_anew_for_each_attempt(clock):
    attempts = iter([[ConnectionResetError()], [ConnectionRefusedError()], EVENTS])

    def items(prompt):
        for item in next(attempts):
            if isinstance(item, BaseException):
                raise item
            yield item

    budget = TokenBudget(rpm=10, tpm=1_000, estimate=lambda prompt: 200)
    assert list(Pipeline("chat", Retry(jitter="none"), budget).call(items, "x")) == EVENTS
    picture = budget.snapshot()
    assert (picture.granted, picture.settled, picture.used) == (3, 1, 42)


def test_values_and_errors_reach_the_generator(clock):
    heard = []

    @TokenBudget(rpm=10)
    def items(prompt):
        try:
            heard.append((yield "one"))
            yield "two"
        except ValueError as error:
            heard.append(error)
        return {"usage": {"total_tokens": 3}}

    stream = items("x")
    assert next(stream) == "one"
    assert stream.send("sent") == "two"
    with pytest.raises(StopIteration) as stopped:
        stream.throw(ValueError("thrown"))
    assert stopped.value.value == {"usage": {"total_tokens": 3}}
    assert heard[0] == "sent"
    assert items.policy.snapshot().used == 3
