# SPDX-License-Identifier: MIT OR Apache-2.0
from typing import ClassVar

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from proof import LanguageModel, prove
from trifuse.classify import Kind
from trifuse.testing import chaos

SAID = [ChatMessage(role="user", content="hi")]


class TestLlamaIndex(LanguageModel):
    extra: ClassVar = {
        "408": (chaos.status(408), Kind.timeout, {}),
        "529": (chaos.status(529), Kind.overloaded, {}),
    }

    def model(self, server):
        return OpenAI(
            model="gpt-4o", api_base=server.openai_url, api_key="k", max_retries=0, timeout=self.limit
        )

    def ask(self, server):
        return self.model(server).chat(SAID)

    async def ask_async(self, server):
        return await self.model(server).achat(SAID)

    @pytest.mark.parametrize(
        ("then", "kind"),
        [
            (chaos.error_event(), Kind.transient),
            (chaos.reset(), Kind.transient),
            (chaos.hang(10), Kind.timeout),
        ],
    )
    def test_what_a_broken_stream_raises_is_of_the_right_kind(self, server, then, kind):
        server.default = chaos.stream("a", "b", then=then)
        self.limit = 0.4 if kind is Kind.timeout else self.limit
        prove(lambda: list(self.model(server).stream_chat(SAID)), kind)
