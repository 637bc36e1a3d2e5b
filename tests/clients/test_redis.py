# SPDX-License-Identifier: MIT OR Apache-2.0
import redis
from in_memory import InMemory, nobody, silent, started  # noqa: F401 - fixtures
from redis import asyncio as asynchronous


class TestRedis(InMemory):
    module, asynchronous = redis, asynchronous
    client, async_client = redis.Redis, asynchronous.Redis
