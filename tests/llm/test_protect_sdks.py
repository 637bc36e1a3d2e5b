# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients of classes, SDKs and HTTP libraries that are not as expected: refused, never left unguarded."""

from __future__ import annotations

import openai
import pytest
from trifuse import ConfigurationError, UnsupportedError
from trifuse.contrib._protect import clients, walking
from trifuse.contrib.openai import protect


@pytest.fixture
def side(diagonal):
    return diagonal


class Tenant(openai.OpenAI):
    def __init__(self, tenant):
        super().__init__(api_key="k")
        self.tenant = tenant


def test_a_class_whose_copies_do_not_work_is_refused_by_name():
    with Tenant("t") as made, pytest.raises(ConfigurationError, match=r"copy\(\) works.*with_options"):
        protect(made, registry=None)


@pytest.mark.parametrize("name", clients._NEEDED)
def test_an_sdk_without_what_the_guards_hold_on_to_is_refused_and_not_left_unguarded(side, name, monkeypatch):
    for kind in side.kind.__mro__:
        if name in vars(kind):
            monkeypatch.delattr(kind, name)
    with pytest.raises(UnsupportedError, match=name):
        side.protect()


def test_an_http_library_that_hides_its_connections_is_not_left_without_limits(chaos_server):
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url) as made:
        transport, pool = made._client._transport, made._client._transport._pool
        transport._pool = object()
        try:
            with pytest.raises(ConfigurationError, match="hides its connections"):
                protect(made, registry=None)
        finally:
            transport._pool = pool


def test_an_sdk_whose_calls_take_another_way_is_refused(side, monkeypatch):
    async def post(self, path, **given):
        return await self._another_way(path, **given)

    monkeypatch.setattr(side.kind, "post", post)
    with pytest.raises(UnsupportedError, match=r"post\(\) by request\(\)"):
        side.protect()


class _Resource:
    def __init__(self, client):
        self._client = self._post = client

    def create(self):
        """Stand for a method."""


class _OldClient:
    """Makes its resources with itself, as the SDKs did up to 1.57."""

    def __init__(self):
        self.chat = _Resource(self)
        self.api_key = "k"
        self.with_raw_response = _Resource(self)


def test_the_resources_of_older_sdks_are_found():
    assert walking.methods_of(_OldClient()) == ["chat.create"]
