# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

import cohere
from proof import LanguageModel, reply
from trifuse.classify import Kind

ASKED = {"model": "command", "messages": [{"role": "user", "content": "hi"}]}
TOO_LONG = "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 200000."


def said(status, message, **headers):
    return reply(status, {"id": "1", "message": message}, **headers)


class TestCohere(LanguageModel):
    extra: ClassVar = {
        "500": (said(500, "internal server error"), Kind.transient, {"status": 500}),
        "502": (said(502, "bad gateway"), Kind.transient, {}),
        "503": (said(503, "unavailable"), Kind.overloaded, {}),
        "429": (said(429, "You are using a Trial key, which is limited to 20 API calls / minute."),
                Kind.rate_limited, {"status": 429}),
        "429 with retry-after": (said(429, "x", retry_after=7), Kind.rate_limited, {"retry_after": 7}),
        "quota": (said(402, "x"), Kind.quota_spent, {}),
        "context length": (said(400, TOO_LONG), Kind.context_length, {}),
        "content filter": (said(400, "blocked by our content filtering policy"), Kind.content_filter, {}),
        "400": (said(400, "x"), Kind.caller, {}),
        "401": (said(401, "invalid api token"), Kind.caller, {}),
        "403": (said(403, "x"), Kind.caller, {}),
        "404": (said(404, "model not found"), Kind.caller, {}),
        "422": (said(422, "x"), Kind.caller, {}),
        "498": (said(498, "invalid token"), Kind.caller, {}),
        "504": (said(504, "x"), Kind.timeout, {}),
    }  # fmt: skip
    once: ClassVar = {"max_retries": 0}

    def client(self, server, cls=cohere.ClientV2):
        return cls(api_key="k", base_url=server.url, timeout=self.limit)

    def ask(self, server):
        return self.client(server).chat(**ASKED, request_options=self.once)

    async def ask_async(self, server):
        return await self.client(server, cohere.AsyncClientV2).chat(**ASKED, request_options=self.once)

    def test_a_call_that_works_is_a_success(self, server):
        content = [{"type": "text", "text": "hello"}]
        server.default = reply(
            200,
            {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": content}},
        )
        super().test_a_call_that_works_is_a_success(server)
