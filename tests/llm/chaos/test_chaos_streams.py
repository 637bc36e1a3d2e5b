# SPDX-License-Identifier: MIT OR Apache-2.0
"""The chaos server under the real clients of OpenAI and Anthropic: streams, silences, ends."""

import asyncio
import json
import time

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from trifuse.testing.chaos import (
    answer,
    broken_json,
    disconnect,
    drip,
    empty,
    end,
    error_event,
    hang,
    html,
    pause,
    raw,
    reset,
    stream,
    truncate,
)

EVENTS = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "responses": TypeAdapter(ResponseStreamEvent),
    "messages": TypeAdapter(RawMessageStreamEvent),
}
WHOLE = {"chat": ChatCompletion, "responses": Response, "messages": Message}
APIS = list(WHOLE)


class TestStreams:
    def test_a_good_stream_ends_without_an_error(self, server, call, api, read):
        server.default = stream("a", "b", then=end())
        assert read(api, call(stream=True)) == ("ab", None)

    def test_a_request_for_no_stream_gets_the_same_whole(self, server, calls):
        server.default = stream("a", "b", gap=0.02)
        assert calls["chat"]().choices[0].message.content == "ab"

    def test_a_reset_after_content_is_an_error_after_content(self, server, call, api, read):
        server.default = stream("a", "b", then=reset())
        text, error = read(api, call(stream=True))
        assert text == "ab"
        assert isinstance(error, httpx2.ReadError if api == "messages" else openai.APIConnectionError)

    def test_a_closed_connection_in_the_middle_is_an_error(self, server, call, api, read):
        server.default = stream("a", then=disconnect())
        text, error = read(api, call(stream=True))
        assert text == "a"
        assert isinstance(
            error, httpx2.RemoteProtocolError if api == "messages" else openai.APIConnectionError
        )

    @pytest.mark.parametrize("finished", [False, True])
    def test_a_missing_last_event_ends_quietly(self, server, call, api, finished, text_of):
        server.default = stream("a", then=truncate(finished=finished))
        events = list(call(stream=True))
        assert "".join(text_of(api, e) for e in events) == "a"
        kinds = {getattr(e, "type", None) for e in events}
        assert not kinds & {"message_stop", "response.completed"}
        if api == "chat":
            assert (events[-1].choices[0].finish_reason == "stop") is finished

    def test_an_error_event_is_the_clients_error(self, server, calls, read):
        server.default = stream("a", then=error_event("Broken.", type="overloaded_error", code="c"))
        text, error = read("chat", calls["chat"](stream=True))
        assert (text, type(error), error.code) == ("a", openai.APIError, "c")
        text, error = read("messages", calls["messages"](stream=True))
        assert (text, error.status_code, error.body["error"]["type"]) == ("a", 200, "overloaded_error")

    @pytest.mark.parametrize(("kind", "event"), [(None, "error"), ("failed", "response.failed")])
    def test_an_error_event_of_responses_is_an_event(self, server, calls, kind, event):
        server.default = stream("a", then=error_event("Broken.", type=kind))
        *_, last = calls["responses"](stream=True)
        EVENTS["responses"].validate_python(last.to_dict())
        assert last.type == event

    def test_broken_json_is_what_it_says(self, server, call, api, read):
        server.default = stream("a", then=broken_json())
        text, error = read(api, call(stream=True))
        assert (text, type(error)) == ("a", json.JSONDecodeError)
        with pytest.raises(json.JSONDecodeError):
            call()

    @pytest.mark.parametrize("step", [html(), empty()], ids=str)
    def test_no_event_at_all_ends_quietly(self, server, call, api, step):
        server.default = step
        assert list(call(stream=True)) == []

    def test_a_web_page_is_a_str(self, server, call):
        server.default = html()
        assert isinstance(call(), str)

    def test_a_stream_without_pieces_has_its_frame(self, server, call, api, read):
        server.default = stream()
        assert read(api, call(stream=True)) == ("", None)
        assert list(call(stream=True))

    def test_bytes_past_http_reach_the_client(self, server, calls):
        server.default = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", then=reset())
        with pytest.raises(openai.APIConnectionError):
            calls["chat"]()


class TestSilences:
    """The client's timeout is per read: it is what tells silences with and without keep-alives apart."""

    def test_silence_before_the_headers_times_out(self, server, impatient, api):
        server.default = hang()
        with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
            impatient[api]()
        server.wait_until(lambda: server.left == 1)

    def test_silence_in_the_middle_times_out_after_the_content(self, server, impatient, api, read):
        server.default = stream("a", pause(60), "b")
        text, error = read(api, impatient[api](stream=True))
        assert text == "a"
        assert isinstance(error, (openai.APITimeoutError, httpx2.ReadTimeout))

    @pytest.mark.parametrize(
        "step",
        [
            stream("a", "b", gap=0.45, keep_alive=0.05),
            stream("a", pause(0.45, keep_alive=0.05), "b"),
            stream("a", "b", first=0.45, keep_alive=0.05),
        ],
        ids=["between pieces", "a pause", "before the first"],
    )
    def test_keep_alives_keep_the_client_waiting(self, server, impatient, api, step, read):
        server.default = step
        began = time.monotonic()
        assert read(api, impatient[api](stream=True)) == ("ab", None)
        assert time.monotonic() - began >= 0.45

    def test_a_hang_with_keep_alives_lasts_as_long_as_it_says(self, server, impatient, api, read):
        server.default = stream("a", then=hang(0.4, keep_alive=0.05))
        began = time.monotonic()
        text, error = read(api, impatient[api](stream=True))
        assert time.monotonic() - began >= 0.4
        assert (text, isinstance(error, (openai.APIConnectionError, httpx2.RemoteProtocolError))) == (
            "a",
            True,
        )
        assert not isinstance(error, openai.APITimeoutError)

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_drip_passes_the_timeout_and_is_whole(self, server, impatient, api, streamed, read):
        server.default = drip(0.5, "a", "b")
        began = time.monotonic()
        given = impatient[api](stream=streamed)
        if streamed:
            assert read(api, given) == ("ab", None)
        else:
            WHOLE[api].model_validate(given.to_dict())
        assert 0.5 <= time.monotonic() - began < 3


@pytest.mark.anyio
class TestAsync:
    async def test_a_cancelled_call_closes_its_connection(self, server, asked):
        server.default = stream("a", pause(60))
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="k", max_retries=0) as client:
            opened = await client.chat.completions.create(model="m", messages=asked, stream=True)
            await anext(opened)
            await anext(opened)
            reading = asyncio.create_task(anext(opened))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await server.await_until(lambda: server.left == 1)

    async def test_hundreds_of_calls_at_once_are_all_answered(self, server, asked):
        server.default = answer(after=0.2)
        limits = httpx2.Limits(max_connections=1000)
        async with (
            httpx2.AsyncClient(limits=limits) as http,
            anthropic.AsyncAnthropic(
                base_url=server.anthropic_url, api_key="k", max_retries=0, http_client=http
            ) as client,
        ):
            calls = (client.messages.create(model="m", max_tokens=9, messages=asked) for _ in range(300))
            assert {m.content[0].text for m in await asyncio.gather(*calls)} == {"hello"}
        assert server.most_in_flight > 100
        await server.await_until(lambda: server.open_connections == 0)
        assert server.left == 0
