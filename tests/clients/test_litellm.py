# SPDX-License-Identifier: MIT OR Apache-2.0
import os
from typing import ClassVar

os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOCAL_POLICY_TEMPLATES="True")

import litellm
import pytest
from proof import LanguageModel, prove
from trifuse.classify import Kind
from trifuse.testing import chaos

ASKED = {"model": "openai/gpt", "messages": [{"role": "user", "content": "hi"}]}


class TestLitellm(LanguageModel):
    extra: ClassVar = {
        "408": (chaos.status(408), Kind.timeout, {}),
        "529": (chaos.status(529), Kind.overloaded, {}),
    }

    @property
    def settings(self):
        return {"api_key": "k", "max_retries": 0, "timeout": self.limit}

    def ask(self, server):
        return litellm.completion(**ASKED, api_base=server.openai_url, **self.settings)

    async def ask_async(self, server):
        return await litellm.acompletion(**ASKED, api_base=server.openai_url, **self.settings)

    @pytest.mark.parametrize(
        ("then", "kind"),
        [
            (chaos.error_event(code="insufficient_quota"), Kind.quota_spent),
            (chaos.reset(), Kind.transient),
            (chaos.hang(10), Kind.timeout),
        ],
    )
    def test_what_a_broken_stream_raises_is_of_the_right_kind(self, server, then, kind):
        server.default = chaos.stream("a", "b", then=then)
        self.limit = 0.4 if kind is Kind.timeout else self.limit
        prove(
            lambda: list(
                litellm.completion(**ASKED, api_base=server.openai_url, stream=True, **self.settings)
            ),
            kind,
        )

    def test_a_provider_that_does_not_exist_is_the_callers_mistake(self):
        prove(lambda: litellm.completion(**{**ASKED, "model": "nobody/gpt"}), Kind.caller)
