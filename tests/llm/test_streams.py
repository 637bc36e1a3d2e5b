# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real streams of openai and anthropic, sync and async, guarded without protect."""

import asyncio
import contextlib
import gc
import threading
import time

import anthropic
import httpx2
import openai
import pytest
from trifuse import (
    CircuitBreaker,
    Pipeline,
    RequestTimeoutError,
    Retry,
    StreamEmptyError,
    StreamInterruptedError,
)
from trifuse._llm import streams_leaving, watcher
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync
from trifuse._llm.streams_closing import make_interruptible
from trifuse.testing.chaos import (
    ChaosServer,
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

ASKED = [{"role": "user", "content": "Hi"}]
APIS = ["chat", "responses", "messages"]


class Api:
    """One API of one SDK, in one of its two ways: opens streams, and reads them in one way."""

    def __init__(self, name, asynchronous, server, runner):
        self.name, self.asynchronous, self.server, self.runner = name, asynchronous, server, runner
        sdk, cls = (anthropic, "Anthropic") if name == "messages" else (openai, "OpenAI")
        http = (httpx2.AsyncClient if asynchronous else httpx2.Client)(verify=False, timeout=20)
        base = server.anthropic_url if name == "messages" else server.openai_url
        kind = getattr(sdk, ("Async" if asynchronous else "") + cls)
        self.sdk = sdk
        self.client = kind(api_key="k", base_url=base, http_client=http, max_retries=0)
        if not asynchronous:
            make_interruptible(self.client)
        self.breaker = CircuitBreaker(
            "api", registry=None, request_timeout=0, consecutive_failures=99, failure_rate_threshold=1.0
        )

    def opener(self):
        if self.name == "chat":
            return self.client.chat.completions.create(model="m", messages=ASKED, stream=True)
        if self.name == "responses":
            return self.client.responses.create(model="m", input="Hi", stream=True)
        return self.client.messages.create(model="m", max_tokens=9, messages=ASKED, stream=True)

    def run(self, result):
        if not self.asynchronous:
            return result
        return self.runner.run(_awaited(result))

    def open(self, policy=None, **limits):
        settings = {name: limits.pop(name) for name in ("resume",) if name in limits}
        begin = open_async if self.asynchronous else open_sync
        return self.run(begin(policy or self.breaker, None, self.opener, StreamLimits(**limits), **settings))

    def next(self, events):
        return self.run(anext(events)) if self.asynchronous else next(events)

    def text(self, events):
        if self.name == "chat":
            return "".join(c.delta.content or "" for e in events for c in e.choices)
        if self.name == "responses":
            return "".join(e.delta for e in events if e.type == "response.output_text.delta")
        return "".join(e.delta.text for e in events if e.type == "content_block_delta")

    @property
    def counts(self):
        seen = self.breaker.snapshot()
        return seen.successes, seen.failures, seen.timeouts, seen.ignored


async def _awaited(result):
    return await result


async def _all(events, got):
    async for event in events:
        got.append(event)


def eventually(test, seconds=5.0):
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def server():
    with ChaosServer() as server:
        yield server


@pytest.fixture(params=[f"{api} {way}" for api in APIS for way in ("sync", "async")])
def api(request, server):
    server.clear()
    name, way = request.param.split()
    with asyncio.Runner() as runner:
        made = Api(name, way == "async", server, runner)
        yield made
        made.run(made.client.close())
        runner.run(asyncio.sleep(0.01))


def broken_off(api, step, **limits):
    """Read a stream that breaks off; gives the text before, and the error."""
    api.server.script(step)
    got = []
    with pytest.raises(Exception) as caught:
        stream = api.open(**limits)
        while True:
            got.append(api.next(stream))
    return api.text(got), caught.value


def test_a_stream_is_one_success_at_its_end_and_its_connection_serves_the_next(api):
    api.server.script(stream("a", "b"), stream("c"))
    opened = api.open()
    assert isinstance(opened, api.sdk.AsyncStream if api.asynchronous else api.sdk.Stream)
    assert opened.response.status_code == 200
    assert api.counts == (0, 0, 0, 0)
    assert api.text(api.run(_listed(opened)) if api.asynchronous else list(opened)) == "ab"
    assert api.text(api.run(_listed(api.open())) if api.asynchronous else list(api.open())) == "c"
    assert api.counts == (2, 0, 0, 0)
    assert len(api.server.requests) == 2


async def _listed(events):
    return [event async for event in events]


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
    text, error = broken_off(api, stream("a", "b", then=then))
    assert text == "ab"
    assert type(error).__name__ in kinds
    assert error.delivered_text == "ab"
    assert api.counts == (0, 1, 0, 0)
    assert len(api.server.requests) == 1


@pytest.mark.parametrize("step", [empty(), html(), stream()], ids=["no event", "a web page", "no content"])
def test_a_stream_without_content_is_a_failure(api, step):
    text, error = broken_off(api, step)
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
        assert api.text(api.run(_listed(events)) if api.asynchronous else list(events)) == "a"
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
    got, error = broken_off(api, step, total=0.45, first_content=0.2, idle=0.2)
    took = time.monotonic() - begun
    assert (type(error), error.setting) == (RequestTimeoutError, setting)
    assert got.startswith(text)
    assert 0.2 <= took < 1.0
    assert api.counts == (0, 1, 1, 0)
    eventually(lambda: api.server.requests[-1].left)


@pytest.mark.parametrize("how", ["close", "drop", "block"])
def test_leaving_early_is_ignored_and_closes_the_connection_at_once(api, how):
    api.server.script(stream(*"a" * 100, gap=0.05))
    opened = api.open()
    api.next(opened)
    if how == "close":
        api.run(opened.close())
    elif how == "block":
        api.run(opened.__aexit__(None, None, None) if api.asynchronous else opened.__exit__(None, None, None))
    del opened
    gc.collect()
    if api.asynchronous:
        api.runner.run(asyncio.sleep(0.02))
    assert api.counts == (0, 0, 0, 1)
    eventually(lambda: api.server.requests[-1].left)


def test_before_the_first_content_a_retry_takes_over_and_after_it_never(api):
    api.server.script(status(500), overloaded(), empty(), stream("a", "b"), stream("x", then=reset()))
    policy = Pipeline("x", Retry(delay=0.001, max_retries=5), api.breaker)
    assert (
        api.text(api.run(_listed(api.open(policy))) if api.asynchronous else list(api.open(policy))) == "ab"
    )
    assert len(api.server.requests) == 4
    opened, got = api.open(policy), []
    with pytest.raises(Exception):  # noqa: B017 - the client's own
        while True:
            got.append(api.next(opened))
    assert (api.text(got), len(api.server.requests)) == ("x", 5)
    assert api.counts == (1, 4, 0, 0)


def test_the_callers_mistake_counts_as_nothing(api):
    _, error = broken_off(api, content_filter())
    assert type(error) is api.sdk.BadRequestError
    assert api.counts == (0, 0, 0, 1)


def test_a_resumed_stream_goes_on_where_it_broke_off(api):
    api.server.script(stream("a", "b", then=reset()), stream("c", "d"))
    told = []

    def again(interrupted):
        told.append(interrupted.text)
        return api.opener

    opened = api.open(resume=again)
    assert api.text(api.run(_listed(opened)) if api.asynchronous else list(opened)) == "abcd"
    assert told == ["ab"]
    assert api.counts == (1, 1, 0, 0)


def test_closing_from_elsewhere_ends_a_read(api):
    api.server.script(stream("a", then=hang()))
    opened, got = api.open(), []
    if api.asynchronous:

        async def both():
            reading = asyncio.create_task(_all(opened, got))
            await asyncio.sleep(0.05)
            await opened.close()
            await reading

        api.runner.run(both())
    else:
        thread = threading.Thread(target=lambda: got.extend(opened))
        thread.start()
        time.sleep(0.05)
        opened.close()
        thread.join(5)
        assert not thread.is_alive()
    assert api.text(got) == "a"
    assert api.counts == (0, 0, 0, 1)
    eventually(lambda: api.server.requests[-1].left)


def test_after_streams_that_ended_in_every_way_no_connection_or_watch_is_left(api):
    steps = [
        stream("a"),
        stream("a", then=truncate()),
        stream("a", then=reset()),
        stream("a", then=hang()),
        empty(),
    ]
    for number in range(100):
        api.server.script(steps[number % 5])
        with contextlib.suppress(Exception):
            opened = api.open(idle=0.02)
            if number % 3 == 0:
                del opened
                continue
            while True:
                api.next(opened)
    if api.asynchronous:
        api.runner.run(asyncio.sleep(0.05))
    gc.collect()
    pool = api.client._client._transport._pool
    assert all(connection.is_idle() or connection.is_closed() for connection in pool.connections)
    assert len(pool.connections) <= 1
    assert not pool._requests
    assert not streams_leaving._tasks
    assert all(entry[2]._close is None for entry in watcher._watcher._heap)
    assert sum(api.counts[:2]) + api.counts[3] == 100


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
    assert api.text(api.run(_listed(opened)) if api.asynchronous else list(opened)) == "b"
    assert api.counts == (1, 2, 0, 0)
    assert len(api.server.requests) == 3
