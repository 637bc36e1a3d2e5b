# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-29: entries in a real Redis, with clients of redis-py and valkey-py.
import asyncio
import hashlib
import time

import pydantic
import pytest
import redis
import redis.asyncio
import trio
import valkey
import valkey.asyncio
from openai.types.chat import ChatCompletion
from trifuse import ConfigurationError
from trifuse.cache import CacheMissError, CodecError, PydanticCodec, RedisStore, ResultCache


class Pool(redis.ConnectionPool):
    """A kind of pool that the store cannot make one like; it shows its password, as older ones do."""

    def __repr__(self):
        return f"Pool({self.connection_kwargs})"


class TestClients:
    def test_entries_are_under_the_keys_of_row_29_and_end_by_themselves(
        self, client, server, caching, patient
    ):
        cache, answer, calls = caching(patient(client), ttl=10, stale_if_error=20)
        assert answer("why?") == answer("why?") == cache.lookup("why?") == {"answer": "WHY?"}
        assert calls == ["why?"]
        data = server.raw.get("llm:why?")
        assert data.startswith(b"trifuse/1 ")
        assert data.endswith(b'\n{"answer":"WHY?"}')
        assert 29_000 < server.raw.pttl("llm:why?") <= 30_000

    def test_tasks_use_them_too(self, client, server, caching_async, patient):
        cache, answer, calls = caching_async(patient(client))

        async def main():
            assert await answer("why?") == await cache.lookup.in_task("why?") == {"answer": "WHY?"}
            await cache.forget_async("why?")
            with pytest.raises(CacheMissError):
                await cache.lookup.in_task("why?")

        asyncio.run(main())
        assert calls == ["why?"]

    @pytest.mark.parametrize("library", [redis, valkey])
    def test_asynchronous_clients_serve_tasks_and_refuse_others(
        self, library, server, caching_async, caching, patient
    ):
        kind = library.asyncio.Redis if library is redis else library.asyncio.Valkey

        async def main():
            client = kind(unix_socket_path=server.path)
            store = patient(client, share=5)
            cache, answer, calls = caching_async(store)
            assert await asyncio.gather(*(answer("why?") for _ in range(50))) == [{"answer": "WHY?"}] * 50
            assert await answer("why?") == {"answer": "WHY?"}
            assert calls == ["why?"]
            with pytest.raises(ConfigurationError, match="store="):
                caching(store)[1]("x")
            with pytest.raises(CacheMissError):
                cache.lookup("why?")
            end = time.monotonic() + 5
            while server.raw.dbsize() > 1:
                assert time.monotonic() < end
                await asyncio.sleep(0.01)
            await client.aclose()

        asyncio.run(main())

    def test_trio_uses_them_by_threads(self, server, patient):
        cache, calls = ResultCache(patient(server.url)), []

        @cache
        async def answer(prompt):
            calls.append(prompt)
            return prompt

        async def main():
            assert [await answer("a"), await answer("a")] == ["a", "a"]

        trio.run(main)
        assert calls == ["a"]

    def test_the_clients_own_settings_stay_as_they_are(self, server, patient):
        with redis.Redis(unix_socket_path=server.path) as client:
            before = dict(client.connection_pool.connection_kwargs)
            store = patient(client)
            store.put("k", 1, 10)
            assert client.connection_pool.connection_kwargs == before
            own = store._client.connection_pool.connection_kwargs
            assert (own["retry"]._retries, own["socket_timeout"], own["socket_connect_timeout"]) == (
                0,
                5.0,
                5.0,
            )
            assert client.connection_pool is not store._client.connection_pool

    def test_a_prefix_stands_before_every_key(self, server, caching, patient):
        caching(patient(server.url, prefix="shop:"))[1]("a")
        assert server.raw.keys() == [b"shop:llm:a"]

    def test_hashed_keys_show_nothing_of_the_prompt(self, server, caching, patient):
        _, answer, _ = caching(patient(server.url, share=5), hashed=True)
        answer("secret")
        assert f"llm:{hashlib.sha256(b'secret').hexdigest()}".encode() in server.raw.keys()
        assert not any(b"secret" in key for key in server.raw.keys())

    @pytest.mark.parametrize(
        ("field", "arguments"),
        [
            ("client", {"client": "http://x"}),
            ("client", {"client": 3}),
            ("client", {"client": "redis://user:secret@x:notaport"}),
            ("client", {"client": "redis://:secret/or@x:6379/0"}),
            ("client", {"client": "redis://x:6379/0?socket_timeout=secret"}),
            ("client", {"client": "http://x?password=secret"}),
            ("client", {"client": redis.Redis(connection_pool=Pool(password="secret"))}),
            ("timeout", {"timeout": 0}),
            ("prefix", {"prefix": 3}),
            ("share", {"share": 0}),
            ("share", {"share": "1"}),
        ],
    )
    def test_bad_settings_are_refused_without_showing_secrets(self, field, arguments):
        with pytest.raises(ConfigurationError) as caught:
            RedisStore(**{"client": "redis://x", **arguments})
        assert caught.value.field == field
        assert "secret" not in str(caught.value)

    def test_a_url_may_be_given_as_text_to_the_cache(self, server):
        assert ResultCache(server.url).store.describe()["store"] == "RedisStore"
        assert ResultCache("valkey://localhost:1/0").store._client.__class__ is valkey.Valkey


class TestEntries:
    def test_what_is_not_ours_is_a_miss_and_never_removed(self, server, caching, patient):
        cache, answer, _ = caching(patient(server.url))
        server.raw.set("llm:plain", "somebody's text")
        server.raw.rpush("llm:list", 1)
        for prompt in ("plain", "list"):
            with pytest.raises(CacheMissError):
                cache.lookup(prompt)
        assert server.raw.exists("llm:plain", "llm:list") == 2
        assert answer("list") == {"answer": "LIST"}
        assert cache.store.breaker.snapshot().failures == 0

    def test_a_spoilt_entry_is_a_miss_and_is_removed(self, server, caching, patient):
        cache, answer, calls = caching(patient(server.url))
        answer("a")
        server.raw.set("llm:a", server.raw.get("llm:a")[:-1])
        with pytest.raises(CacheMissError):
            cache.lookup("a")
        end = time.monotonic() + 5
        while server.raw.exists("llm:a"):
            assert time.monotonic() < end
            time.sleep(0.002)
        answer("a")
        assert calls == ["a", "a"]

    def test_models_are_kept_by_a_codec(self, server, patient):
        made = ChatCompletion.model_validate({
            "id": "1", "object": "chat.completion", "created": 1, "model": "m", "unknown": [1],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "é"}}],
        })  # fmt: skip
        cache = ResultCache(patient(server.url, codec=PydanticCodec(ChatCompletion)))
        cache.remember(made, "why?")
        back = cache.lookup("why?")
        assert type(back) is ChatCompletion
        assert back == made

    def test_a_model_that_would_come_back_changed_is_refused(self):
        class Plain(pydantic.BaseModel):
            text: str

        class More(Plain):
            more: int = 1

        codec = PydanticCodec(Plain)
        assert codec.decode(codec.encode(Plain(text="a"))) == Plain(text="a")
        for wrong in (More(text="a"), "a", None):
            with pytest.raises(CodecError):
                codec.encode(wrong)
        several = PydanticCodec(list[Plain])
        assert several.decode(several.encode([Plain(text="a")])) == [Plain(text="a")]
        with pytest.raises(ConfigurationError, match="model="):
            PydanticCodec(object())
