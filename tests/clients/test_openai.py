# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio
from typing import ClassVar

import httpx2
import openai
import pytest
from proof import LanguageModel, prove
from trifuse.classify import Kind
from trifuse.testing import chaos

ASKED = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}


class TestOpenAI(LanguageModel):
    extra: ClassVar = {
        "408": (chaos.status(408), Kind.timeout, {}),
        "409": (chaos.status(409), Kind.transient, {}),
        "413": (chaos.status(413), Kind.caller, {}),
        "504": (chaos.status(504), Kind.timeout, {}),
        "529": (chaos.status(529), Kind.overloaded, {}),
        "retry-after-ms": (
            chaos.status(429, retry_after=2.5, retry_after_as="ms"), Kind.rate_limited, {"retry_after": 2.5}
        ),
        "retry-after as a date": (
            chaos.status(429, retry_after=20, retry_after_as="date"), Kind.rate_limited, {"retry_after": 20}
        ),
        "the reset of tokens": (
            chaos.status(429, headers={
                "x-ratelimit-remaining-requests": "99", "x-ratelimit-reset-requests": "1h",
                "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2s",
            }),
            Kind.rate_limited, {"retry_after": 62},
        ),
        "a long string": (chaos.status(400, code="string_above_max_length"), Kind.context_length, {}),
        "a request that is larger than the tokens of a minute": (
            chaos.status(429, code="rate_limit_exceeded", message=(
                "Request too large for gpt on tokens per min (TPM): Limit 10000, Requested 12000."
            )),
            Kind.context_length, {},
        ),
        "a web page of a proxy": (chaos.html(502), Kind.transient, {"status": 502}),
        "quota with another code": (
            chaos.status(429, type="insufficient_quota", code="billing_hard_limit_reached"), Kind.quota_spent, {}
        ),
    }  # fmt: skip

    def client(self, server, cls=openai.OpenAI):
        # One that reads no certificates: it is made in a hundredth of the time.
        http = (httpx2.AsyncClient if cls is openai.AsyncOpenAI else httpx2.Client)(verify=False)
        return cls(
            base_url=server.openai_url, api_key="k", max_retries=0, timeout=self.limit, http_client=http
        )

    def ask(self, server):
        with self.client(server) as client:
            return client.chat.completions.create(**ASKED)

    async def ask_async(self, server):
        async with self.client(server, openai.AsyncOpenAI) as client:
            return await client.chat.completions.create(**ASKED)

    @pytest.mark.parametrize(
        ("then", "kind"),
        [
            (chaos.error_event(), Kind.transient),
            (chaos.error_event(code="rate_limit_exceeded"), Kind.rate_limited),
            (chaos.error_event(type="insufficient_quota"), Kind.quota_spent),
            (
                chaos.error_event(type="invalid_request_error", code="context_length_exceeded"),
                Kind.context_length,
            ),
            (chaos.reset(), Kind.transient),
            (chaos.disconnect(), Kind.transient),
            (chaos.hang(10), Kind.timeout),
            (chaos.broken_json(), Kind.unknown),
        ],
    )
    def test_what_a_broken_stream_raises_is_of_the_right_kind(self, server, then, kind):
        server.default = chaos.stream("a", "b", then=then)
        self.limit = 0.4 if kind is Kind.timeout else self.limit

        def read():
            with self.client(server) as client:
                return list(client.chat.completions.create(**ASKED, stream=True))

        async def read_async():
            async with self.client(server, openai.AsyncOpenAI) as client:
                return [chunk async for chunk in await client.chat.completions.create(**ASKED, stream=True)]

        prove(read, kind)
        prove(read_async, kind)

    def test_a_full_pool_of_the_client_is_local(self, server):
        server.default = chaos.hang(10)
        limits = httpx2.Limits(max_connections=1)

        async def two():
            http = httpx2.AsyncClient(limits=limits, timeout=httpx2.Timeout(5, pool=0.1))
            async with openai.AsyncOpenAI(
                base_url=server.openai_url, api_key="k", max_retries=0, http_client=http
            ) as client:
                first = asyncio.create_task(client.chat.completions.create(**ASKED))
                while not server.requests:
                    await asyncio.sleep(0.005)
                try:
                    await client.chat.completions.create(**ASKED)
                finally:
                    first.cancel()
                    await asyncio.wait([first])

        prove(two, Kind.local)

    def test_what_is_wrong_with_the_call_itself_is_the_callers(self, server, monkeypatch):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        prove(lambda: openai.OpenAI(base_url=server.openai_url), Kind.caller)
        with self.client(server) as client:
            prove(lambda: client.chat.completions.create(model="gpt"), Kind.caller)
        with openai.OpenAI(base_url="nonsense://x", api_key="k", max_retries=0) as client:
            prove(lambda: client.chat.completions.create(**ASKED), Kind.caller)

    def test_an_answer_that_does_not_fit_its_schema_is_told_by_its_reason(self, server):
        from pydantic import BaseModel

        class Answer(BaseModel):
            text: str

        def parse():
            with self.client(server) as client:
                return client.chat.completions.parse(**ASKED, response_format=Answer)

        server.default = chaos.answer('{"te', finish_reason="length")
        prove(parse, Kind.context_length)
        server.default = chaos.answer("", finish_reason="content_filter")
        prove(parse, Kind.content_filter)
