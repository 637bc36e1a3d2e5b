# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients of clouds, under trio, inside other guards, and what a call leaves for its task to read."""

from __future__ import annotations

import asyncio
import json

import anthropic
import httpx2
import openai
import pytest
import trio
from trifuse import RequestTimeoutError, deadline, last_call, registry
from trifuse.contrib._protect import answers_anthropic, answers_openai
from trifuse.contrib.anthropic import protect as protect_anthropic
from trifuse.contrib.openai import describe, protect
from trifuse.testing.chaos import answer, hang, raw, status, stream, truncate

ASKED = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def side(diagonal):
    return diagonal


def whole(body):
    """Make a step of a path that the server does not know: what the API would send there."""
    sent = json.dumps(body)
    head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json"
    return raw(f"{head}\r\ncontent-length: {len(sent)}\r\n\r\n{sent}".encode())


def test_azure_clients_are_protected_as_what_they_are(chaos_server):
    chaos_server.script(
        status(500),
        whole(answers_openai.chat("azure", "m", 1)),
        path="/openai/deployments/m/chat/completions",
    )
    with openai.AzureOpenAI(api_key="k", azure_endpoint=chaos_server.url, api_version="1") as made:
        client = protect(made, name="protected-azure", retry={"delay": 0.001})
        assert isinstance(client, openai.AzureOpenAI)
        copied = client.with_options(timeout=5)
        assert copied._api_version == "1"
        assert copied.chat.completions.create(model="m", messages=ASKED).choices[0].message.content == "azure"
    assert registry["protected-azure"].snapshot().calls == 2


def test_clients_of_vertex_are_protected_as_what_they_are(chaos_server):
    path = "/v1/projects/p/locations/r/publishers/anthropic/models/m:rawPredict"
    chaos_server.script(status(500), whole(answers_anthropic.message("vertex", "m", 1)), path=path)
    base = f"{chaos_server.url}/v1"
    with anthropic.AnthropicVertex(region="r", project_id="p", access_token="t", base_url=base) as made:
        client = protect_anthropic(made, name="protected-vertex", retry={"delay": 0.001})
        assert isinstance(client, anthropic.AnthropicVertex)
        given = client.messages.create(model="m", max_tokens=9, messages=ASKED)
        assert given.content[0].text == "vertex"
    assert len(chaos_server.requests) == 2
    assert registry["protected-vertex"].snapshot().calls == 2


# The SDK leaves its own inner generators of a stream to the garbage collector, of which trio tells.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_under_trio_calls_and_streams_are_guarded_and_ended_in_time(chaos_server, wait_until):
    async def main():
        http = httpx2.AsyncClient(verify=False)
        async with openai.AsyncOpenAI(
            api_key="k", base_url=chaos_server.openai_url, http_client=http
        ) as made:
            client = protect(
                made, name="protected-trio", request_timeout=0.3, minimum_calls=99, retry={"delay": 0.001}
            )
            chaos_server.script(status(500), answer("called"))
            given = await client.chat.completions.create(model="m", messages=ASKED)
            assert given.choices[0].message.content == "called"
            chaos_server.script(stream("a", "b"))
            events = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
            assert len([event async for event in events]) == 4
            chaos_server.script(hang(), hang(), hang())
            with pytest.raises(RequestTimeoutError):
                await client.chat.completions.create(model="m", messages=ASKED)
            with trio.move_on_after(0.05):
                chaos_server.script(hang())
                await client.chat.completions.create(model="m", messages=ASKED)

    trio.run(main)
    wait_until(lambda: all(request.left for request in chaos_server.requests[3:]))
    assert registry["protected-trio"].snapshot().timeouts == 3


def test_a_deadline_around_bounds_a_call(side):
    side.protect(request_timeout=5, retry=2)
    side.server.default = hang()

    async def within():
        async with deadline(0.2):
            await side.start()

    with pytest.raises(RequestTimeoutError) as caught:
        if side.asynchronous:
            side.run(within())
        else:
            with deadline(0.2):
                side.call()
    assert caught.value.setting == "deadline"
    assert len(side.server.requests) == 1


def test_which_level_answered_is_there_to_read(chaos_server):
    async def main():
        http = httpx2.AsyncClient(verify=False)
        async with openai.AsyncOpenAI(
            api_key="k", base_url=chaos_server.openai_url, http_client=http
        ) as made:
            client = protect(made, name="protected-last", retry=None, fallback=["Sorry"])
            await client.chat.completions.create(model="m", messages=ASKED)
            assert not last_call().degraded
            chaos_server.default = status(500)
            await client.chat.completions.create(model="m", messages=ASKED)
            told = last_call()
            assert (told.name, told.level, told.degraded) == ("protected-last", 1, True)
            chaos_server.default = stream("a")
            await client.chat.completions.create(model="m", messages=ASKED, stream=True)
            assert not last_call().degraded

    asyncio.run(main())


def test_a_stream_that_broke_off_goes_on_where_the_user_says_how(side):
    def go_on(interrupted):
        assert interrupted.text == "ab"
        return lambda: side.start(side.original, stream=True)

    side.protect(resume=go_on)
    side.server.script(stream("a", "b", then=truncate()), stream("c"))
    assert side.pieces(side.stream()) == ["a", "b", "c"]


def test_a_description_is_plain_data(side):
    import json

    client = side.protect(fallback="Sorry", rpm=5, tpm=50, retry=2)
    told = describe(client) if side.provider == "openai" else side.module.describe(client)
    assert json.loads(json.dumps(told)) == told
    assert told["name"] == side.name
    assert told["sdk_retries"] == {"now": 0, "before": 2}


def test_structured_answers_are_parsed_under_guard(openai_side):
    from pydantic import BaseModel

    class City(BaseModel):
        name: str

    side = openai_side
    side.protect(retry={"delay": 0.001})
    side.server.script(status(500), answer('{"name": "Oslo"}'))
    parsed = side.run(
        side.client.chat.completions.parse(model="m", messages=ASKED, response_format=City)
    )  # fmt: skip
    assert parsed.choices[0].message.parsed == City(name="Oslo")
    assert side.counts == (1, 1, 0)
