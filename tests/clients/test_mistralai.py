# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

from mistralai.client import Mistral
from proof import LanguageModel, prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

ASKED = {"model": "mistral", "messages": [{"role": "user", "content": "hi"}]}
TOO_LONG = "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"


def said(status, message, kind="invalid_request_error", code="3051"):
    return reply(status, {"object": "error", "message": message, "type": kind, "param": None, "code": code})


class TestMistral(LanguageModel):
    extra: ClassVar = {
        "context length": (said(400, TOO_LONG, "invalid_request_prompt"), Kind.context_length, {"status": 400}),
        "content filter": (said(403, "The content violates our content_policy_violation"), Kind.content_filter, {}),
        "402": (said(402, "Payment required"), Kind.quota_spent, {}),
        "422": (
            reply(422, {"detail": [{"loc": ["body", "model"], "msg": "field required", "type": "missing"}]}),
            Kind.caller, {"status": 422},
        ),
    }  # fmt: skip

    def client(self, server):
        return Mistral(api_key="k", server_url=server.url, timeout_ms=int(self.limit * 1000))

    def ask(self, server):
        return self.client(server).chat.complete(**ASKED)

    async def ask_async(self, server):
        return await self.client(server).chat.complete_async(**ASKED)

    def test_what_a_broken_stream_raises_is_of_the_right_kind(self, server):
        for then, kind in ((chaos.reset(), Kind.transient), (chaos.hang(10), Kind.timeout)):
            server.default = chaos.stream("a", "b", then=then)
            self.limit = 0.4 if kind is Kind.timeout else self.limit
            prove(lambda: list(self.client(server).chat.stream(**ASKED)), kind)
