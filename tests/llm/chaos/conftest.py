# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real clients of OpenAI and Anthropic, and their three kinds of calls."""

import anthropic
import httpx2
import openai
import pytest

ASKED = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def server(chaos_server):
    return chaos_server


@pytest.fixture
def calls(server):
    """The three calls of the two synchronous clients, by API, and the clients."""
    with httpx2.Client(verify=False) as http:  # reading certificates takes longer than most tests
        o = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0, timeout=5, http_client=http)
        a = anthropic.Anthropic(
            base_url=server.anthropic_url, api_key="k", max_retries=0, timeout=5, http_client=http
        )
        yield {**calls_of(o, a), "openai": o, "anthropic": a}


@pytest.fixture
def impatient(calls):
    """The same with a timeout per read of 0.2 s."""
    return calls_of(*(calls[name].with_options(timeout=0.2) for name in ("openai", "anthropic")))


def calls_of(o, a):
    return {
        "chat": lambda **more: o.chat.completions.create(model="m", messages=ASKED, **more),
        "responses": lambda **more: o.responses.create(model="m", input="Hi", **more),
        "messages": lambda **more: a.messages.create(model="m", max_tokens=9, messages=ASKED, **more),
    }


@pytest.fixture(params=["chat", "responses", "messages"])
def api(request):
    return request.param


@pytest.fixture
def call(calls, api):
    return calls[api]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def asked():
    return ASKED


@pytest.fixture
def text_of():
    return text_of_event


@pytest.fixture
def read():
    """Read a stream: the text until it ended, and the error that ended it."""
    return read_stream


def text_of_event(api, event):
    if api == "chat":
        return (event.choices[0].delta.content or "") if event.choices else ""
    if api == "responses":
        return event.delta if event.type == "response.output_text.delta" else ""
    delta = getattr(event, "delta", None)
    return getattr(delta, "text", None) or ""


def read_stream(api, opened):
    text = ""
    try:
        for event in opened:
            text += text_of_event(api, event)
    except Exception as error:
        return text, error
    return text, None
