# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

import ollama
from proof import LanguageModel, prove, reply
from trifuse.classify import Kind

ASKED = {"model": "llama", "messages": [{"role": "user", "content": "hi"}]}


def said(status, message, **headers):
    return reply(status, {"error": message}, **headers)


class TestOllama(LanguageModel):
    extra: ClassVar = {
        "429 with retry-after": (said(429, "slow down", retry_after=7), Kind.rate_limited, {"retry_after": 7}),
        "quota": (said(402, "usage limit reached"), Kind.quota_spent, {}),
        "context length": (said(400, "prompt too long; exceeded max context length by 5 tokens"),
                           Kind.context_length, {}),
        "content filter": (said(400, "rejected as a result of our safety system"), Kind.content_filter, {}),
        "404": (said(404, "model 'llama' not found"), Kind.caller, {"status": 404}),
        "503": (said(503, "server busy, please try again. maximum pending requests exceeded"), Kind.overloaded, {}),
    }  # fmt: skip

    def ask(self, server):
        return ollama.Client(host=server.url, timeout=self.limit).chat(**ASKED)

    async def ask_async(self, server):
        return await ollama.AsyncClient(host=server.url, timeout=self.limit).chat(**ASKED)

    def test_a_call_that_works_is_a_success(self, server):
        server.default = reply(
            200, {"model": "llama", "message": {"role": "assistant", "content": "x"}, "done": True}
        )
        super().test_a_call_that_works_is_a_success(server)

    def test_an_error_within_a_stream_is_transient(self, server):
        lines = b'{"message": {"role": "assistant", "content": "a"}, "done": false}\n{"error": "llama runner died"}\n'
        server.default = reply(200, lines)

        def read():
            return list(ollama.Client(host=server.url).chat(**ASKED, stream=True))

        prove(read, Kind.transient)
