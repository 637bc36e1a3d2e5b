# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

from google import genai
from google.genai import types
from proof import LanguageModel, prove, reply
from trifuse.classify import Kind

INFO = "type.googleapis.com/google.rpc."


def said(status, name, message="x", *details, **headers):
    body = {"error": {"code": status, "status": name, "message": message, "details": list(details)}}
    return reply(status, body, **headers)


def spent(quota, delay):
    return (
        {"@type": f"{INFO}QuotaFailure", "violations": [{"quotaId": quota, "quotaMetric": "m"}]},
        {"@type": f"{INFO}RetryInfo", "retryDelay": delay},
    )


PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


class TestGoogleGenai(LanguageModel):
    extra: ClassVar = {
        "500": (said(500, "INTERNAL"), Kind.transient, {"status": 500, "code": "INTERNAL"}),
        "503": (said(503, "UNAVAILABLE", "The model is overloaded."), Kind.overloaded, {}),
        "429": (said(429, "RESOURCE_EXHAUSTED"), Kind.rate_limited, {"status": 429}),
        "429 with retry-after": (
            said(429, "RESOURCE_EXHAUSTED", "x", *spent(PER_MINUTE, "27s")), Kind.rate_limited, {"retry_after": 27}
        ),
        "429 with the header": (
            said(429, "RESOURCE_EXHAUSTED", retry_after="7"), Kind.rate_limited, {"retry_after": 7}
        ),
        "quota": (said(429, "RESOURCE_EXHAUSTED", "x", *spent(PER_DAY, "0s")), Kind.quota_spent, {}),
        "context length": (said(400, "INVALID_ARGUMENT", TOO_LONG), Kind.context_length, {}),
        "content filter": (
            said(400, "INVALID_ARGUMENT", "Request was blocked by our safety system."), Kind.content_filter, {}
        ),
        "400": (said(400, "INVALID_ARGUMENT"), Kind.caller, {}),
        "401": (said(401, "UNAUTHENTICATED"), Kind.caller, {}),
        "403": (said(403, "PERMISSION_DENIED"), Kind.caller, {}),
        "404": (said(404, "NOT_FOUND"), Kind.caller, {}),
        "422": (said(422, "INVALID_ARGUMENT"), Kind.caller, {}),
        "504": (said(504, "DEADLINE_EXCEEDED"), Kind.timeout, {}),
    }  # fmt: skip
    works: ClassVar = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]
    }

    def client(self, server):
        options = types.HttpOptions(base_url=server.url + "/google", timeout=int(self.limit * 1000))
        return genai.Client(api_key="k", http_options=options)

    def ask(self, server):
        client = self.client(server)  # one that nobody holds closes itself
        return client.models.generate_content(model="gemini", contents="hi")

    async def ask_async(self, server):
        client = self.client(server)
        return await client.aio.models.generate_content(model="gemini", contents="hi")

    def test_a_client_that_was_closed_is_the_callers_mistake(self, server):
        prove(lambda: self.client(server).models.generate_content(model="gemini", contents="hi"), Kind.caller)

    def test_a_call_that_works_is_a_success(self, server):
        server.default = reply(200, self.works)
        super().test_a_call_that_works_is_a_success(server)

    def test_a_client_without_a_key_is_the_callers_mistake(self, monkeypatch):
        for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        prove(genai.Client, Kind.caller)
