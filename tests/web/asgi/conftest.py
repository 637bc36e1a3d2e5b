# SPDX-License-Identifier: MIT OR Apache-2.0
"""Small ASGI applications, and asking them."""

from __future__ import annotations

import asyncio

import httpx
import pytest


async def respond(send, status=200, body=b"ok"):
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": body})


async def fine(scope, receive, send):
    await respond(send)


def client_of(app, address="10.0.0.1"):
    transport = httpx.ASGITransport(app, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def ask(app, path="/", method="GET", **settings):
    async def main():
        async with client_of(app) as client:
            return await client.request(method, path, **settings)

    return asyncio.run(main())


@pytest.fixture(name="respond")
def _respond():
    return respond


@pytest.fixture(name="fine")
def _fine():
    return fine


@pytest.fixture(name="client_of")
def _client_of():
    return client_of


@pytest.fixture
def get():
    return ask
