# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

import anthropic
import httpx2
import pytest
from proof import LanguageModel, prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

ASKED = {"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


def said(status, kind, message, **more):
    return reply(status, {"type": "error", "error": {"type": kind, "message": message, **more}})


def limits(kind, left, reset):
    return {f"anthropic-ratelimit-{kind}-remaining": left, f"anthropic-ratelimit-{kind}-reset": reset}


class TestAnthropic(LanguageModel):
    extra: ClassVar = {
        "408": (chaos.status(408), Kind.timeout, {}),
        "409": (chaos.status(409), Kind.transient, {}),
        "413": (chaos.status(413), Kind.caller, {}),
        "504": (chaos.status(504), Kind.timeout, {}),
        "529": (chaos.overloaded(), Kind.overloaded, {"status": 529, "code": "overloaded_error"}),
        "a credit balance that is too low": (
            said(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            Kind.quota_spent, {},
        ),
        "a limit of what may be spent": (
            said(400, "invalid_request_error", "x", details={"error_code": "enforced_spend_limit_reached"}),
            Kind.quota_spent, {},
        ),
        "input and max_tokens too long together": (
            said(400, "invalid_request_error",
                 "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
            Kind.context_length, {},
        ),
        "the reset of input tokens": (
            chaos.status(429, headers={
                **limits("requests", "40", "2999-01-01T00:00:00Z"),
                **limits("input-tokens", "0", "2998-01-01T00:00:00Z"),
            }),
            Kind.rate_limited, {"retry_after": 365 * 86_400},
        ),
    }  # fmt: skip

    def client(self, server, cls=anthropic.Anthropic):
        # One that reads no certificates: it is made in a hundredth of the time.
        http = (httpx2.AsyncClient if cls is anthropic.AsyncAnthropic else httpx2.Client)(verify=False)
        return cls(
            base_url=server.anthropic_url, api_key="k", max_retries=0, timeout=self.limit, http_client=http
        )

    def ask(self, server):
        with self.client(server) as client:
            return client.messages.create(**ASKED)

    async def ask_async(self, server):
        async with self.client(server, anthropic.AsyncAnthropic) as client:
            return await client.messages.create(**ASKED)

    @pytest.mark.parametrize(
        ("then", "kind"),
        [
            (chaos.error_event(), Kind.transient),
            (chaos.error_event(type="overloaded_error"), Kind.overloaded),
            (chaos.error_event(type="rate_limit_error"), Kind.rate_limited),
            (
                chaos.error_event("prompt is too long: 9 tokens > 8", type="invalid_request_error"),
                Kind.context_length,
            ),
            (chaos.error_event(type="invalid_request_error"), Kind.caller),
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
                return list(client.messages.create(**ASKED, stream=True))

        async def read_async():
            async with self.client(server, anthropic.AsyncAnthropic) as client:
                return [event async for event in await client.messages.create(**ASKED, stream=True)]

        prove(read, kind)
        prove(read_async, kind)

    def test_what_is_wrong_with_the_call_itself_is_the_callers(self, server, monkeypatch):
        with anthropic.Anthropic(base_url=server.anthropic_url, api_key="k", max_retries=0) as client:
            prove(lambda: client.messages.create(**{**ASKED, "max_tokens": 100_000}), Kind.caller)
            prove(lambda: client.messages.create(model="claude"), Kind.caller)
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        with anthropic.Anthropic(base_url=server.anthropic_url, max_retries=0) as client:
            prove(lambda: client.messages.create(**ASKED), Kind.caller)
        assert not server.requests
