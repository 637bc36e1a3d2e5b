# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: answers that are kept, and given when there are no others."""

from __future__ import annotations

import pytest
from trifuse import CircuitBreaker, ConfigurationError, Fallback, Pipeline, ResultCache, last_call
from trifuse.testing.chaos import answer, status, stream

KEY = "llm:{model}:{messages}"


@pytest.fixture
def side(diagonal):
    return diagonal


def cache_of(**settings):
    return ResultCache(key=KEY, hashed=True, **settings)


def test_an_answer_that_was_kept_costs_no_request(side):
    side.protect(cache=cache_of())
    side.server.script(answer("first"), answer("second"))
    assert [side.ask(), side.ask()] == ["first", "first"]
    other = [{"role": "user", "content": "other"}]
    assert side.ask(messages=other) == "second"
    assert len(side.server.requests) == 2


def test_an_answer_that_was_kept_is_a_level_of_the_fallback(side):
    cache = cache_of(serve="never")
    side.protect(cache=cache, fallback=[cache.lookup, "Sorry"])
    side.server.script(answer("real"))
    assert side.ask() == "real"
    side.server.default = status(500)
    assert side.ask() == "real"
    if not side.asynchronous:
        assert (last_call().fallback, last_call().degraded) == ("ResultCache.lookup", True)
    assert side.ask(messages=[{"role": "user", "content": "other"}]) == "Sorry"
    assert cache.snapshot().stored == 1


def test_a_stream_that_was_kept_is_one_of_the_sdk(side):
    cache = cache_of()
    side.protect(cache=cache, fallback=cache.lookup)
    side.server.script(stream("a", "b"))
    for _ in range(2):
        events = side.stream()
        assert side.pieces(events) == ["a", "b"]
        side.close(events)
    assert len(side.server.requests) == 1


def test_a_stream_that_was_kept_stands_in_for_one_that_fails(side):
    cache = cache_of(serve="never")
    side.protect(cache=cache, fallback=[cache.lookup, "Sorry"])
    side.server.script(stream("a", "b"))
    side.pieces(side.stream())
    side.server.default = status(500)
    assert side.pieces(side.stream()) == ["a", "b"]


def test_helpers_read_streams_that_were_kept(side):
    side.protect(cache=cache_of())
    side.server.script(stream("a", "b"))
    for _ in range(2):
        manager = side.helper()
        helper = side.enter(manager)
        assert side.final(helper) == "ab"
        side.leave(manager)
    assert len(side.server.requests) == 1


def test_raw_views_are_never_kept_nor_given(side):
    side.protect(cache=cache_of())
    more = {} if side.provider == "openai" else {"max_tokens": 9}
    asked = [{"role": "user", "content": "Hi"}]
    for _ in range(2):
        made = side.view("with_raw_response").create(model="m", messages=asked, **more)
        assert side.run(made).headers
    assert side.ask() == side.ask() == "hello"
    assert len(side.server.requests) == 3


def test_a_cache_of_an_own_pipeline_keeps_too(openai_side):
    side, cache = openai_side, cache_of()
    breaker = CircuitBreaker(f"{side.name}-own", registry=None)
    side.protect(pipeline=Pipeline("own", Fallback(cache.lookup, "Sorry"), cache, breaker))
    assert side.ask() == side.ask() == "hello"
    assert len(side.server.requests) == 1


def test_a_cache_must_tell_calls_apart(openai_side):
    for cache in (ResultCache(), "memory"):
        with pytest.raises(ConfigurationError) as caught:
            openai_side.protect(cache=cache, registry=None)
        assert caught.value.field == "cache"
