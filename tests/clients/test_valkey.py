# SPDX-License-Identifier: MIT OR Apache-2.0
import valkey
from in_memory import InMemory, nobody, silent, started  # noqa: F401 - fixtures
from valkey import asyncio as asynchronous


class TestValkey(InMemory):
    module, asynchronous = valkey, asynchronous
    client, async_client = valkey.Valkey, asynchronous.Valkey
    taking = ("PING",)
