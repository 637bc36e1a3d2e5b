# SPDX-License-Identifier: MIT OR Apache-2.0
# guard_stream: functions that give streams, of every kind.
import functools
import inspect

import anyio
import pytest
from stream_fakes import GOOD, ROLE, AsyncFake, Client, SyncFake, say, wait
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    Pipeline,
    RequestTimeoutError,
    Retry,
    StreamEmptyError,
    StreamInterruptedError,
)
from trifuse._llm.formats import OPENAI_CHAT
from trifuse.streams import GuardedAsyncStream, GuardedStream, RawFormat, guard_stream

pytestmark = pytest.mark.anyio


async def listed(items):
    return [item async for item in items]


async def test_an_asynchronous_generator_is_opened_at_its_first_item(breaker_of):
    breaker, opened = breaker_of(), []

    @guard_stream(breaker, idle=2)
    async def count(n):
        """Count."""
        opened.append(n)
        for i in range(n):
            await anyio.sleep(1)
            yield i

    assert (count.__name__, count.__doc__, count.policy) == ("count", "Count.", breaker)
    items = count(3)
    assert isinstance(items, GuardedAsyncStream)
    assert opened == []
    assert await anext(items) == 0
    assert not inspect.isasyncgen(items)
    assert not hasattr(items, "asend")
    assert await listed(items) == [1, 2]
    assert breaker.snapshot().successes == 1


async def test_a_generator_is_guarded_as_well(clock, breaker_of):
    breaker = breaker_of()

    @guard_stream(breaker, idle=2, first_content=5)
    def count(*pauses):
        for pause in pauses:
            clock.advance(pause)
            yield pause

    assert isinstance(count(), GuardedStream)
    assert list(count(4.9, 1.9)) == [4.9, 1.9]
    with pytest.raises(RequestTimeoutError) as caught:
        list(count(1, 2.1))
    assert caught.value.setting == "idle"
    assert (breaker.snapshot().successes, breaker.snapshot().timeouts) == (1, 1)


async def test_an_empty_stream_is_a_failure_unless_that_is_allowed(breaker_of):
    async def nothing():
        return
        yield

    breaker = breaker_of()
    with pytest.raises(StreamEmptyError):
        await listed(guard_stream(breaker)(nothing)())
    assert await listed(guard_stream(breaker, allow_empty=True)(nothing)()) == []
    assert (breaker.snapshot().failures, breaker.snapshot().successes) == (1, 1)


async def test_a_terminal_item_tells_a_whole_stream_from_a_cut_one(breaker_of):
    breaker = breaker_of(consecutive_failures=9)

    @guard_stream(breaker, terminal=lambda item: item == "END")
    async def words(*given):
        for word in given:
            yield word

    assert await listed(words("a", "END")) == ["a", "END"]
    got = []
    with pytest.raises(StreamInterruptedError) as caught:
        async for word in words("a", "b"):
            got.append(word)
    assert got == ["a", "b"]
    assert (caught.value.delivered_events, caught.value.delivered_text) == (2, "ab")
    with pytest.raises(StreamEmptyError):
        await listed(words("END"))
    assert (breaker.snapshot().successes, breaker.snapshot().failures) == (1, 2)


async def test_what_is_no_content_satisfies_no_limit(breaker_of):
    @guard_stream(breaker_of(request_timeout=0), content=lambda item: item != ".", first_content=3)
    async def waiting():
        while True:
            await anyio.sleep(1)
            yield "."

    begun = anyio.current_time()
    with pytest.raises(RequestTimeoutError):
        await listed(waiting())
    assert anyio.current_time() - begun == pytest.approx(3)


async def test_a_retry_begins_again_until_the_first_content(breaker_of):
    begun = []

    @guard_stream(Pipeline("x", Retry(delay=0), breaker_of(consecutive_failures=9)))
    async def flaky():
        begun.append(1)
        if len(begun) < 3:
            raise OSError
        yield "a"

    assert await listed(flaky()) == ["a"]
    assert len(begun) == 3


async def test_a_resume_strategy_gives_a_generator_that_goes_on(breaker_of):
    def again(interrupted):
        (n,) = interrupted.args
        return lambda: rest(n, interrupted.text)

    async def rest(n, said):
        yield f"[{n} {said}]"

    @guard_stream(breaker_of(), resume=again)
    async def words(n):
        yield "a"
        raise OSError

    assert await listed(words(7)) == ["a", "[7 a]"]


async def test_a_function_that_is_awaited_gives_a_clients_stream(breaker_of):
    breaker, client = breaker_of(), Client(AsyncFake, GOOD)

    @guard_stream(breaker, format=OPENAI_CHAT)
    async def ask(prompt):
        return await client()

    stream = await ask("hello")
    assert isinstance(stream, AsyncFake)
    assert await listed(stream) == list(GOOD)
    breaker.trip()
    with pytest.raises(CircuitBreakerOpenError):
        await ask("hello")


async def test_a_plain_function_gives_a_clients_stream(clock, breaker_of):
    SyncFake.clock, breaker = clock, breaker_of()
    client = Client(SyncFake, (ROLE, wait(20), say("a")))
    with pytest.raises(RequestTimeoutError) as caught:
        guard_stream(breaker, format=OPENAI_CHAT, first_content=10)(client)()
    assert caught.value.setting == "first_content"
    assert client.all_closed


async def test_a_wrapper_around_an_async_def_is_seen_to_be_awaited(breaker_of):
    client = Client(AsyncFake, GOOD)

    async def ask():
        return await client()

    @functools.wraps(ask)
    def wrapper():
        return ask()

    guarded = guard_stream(breaker_of(), format=OPENAI_CHAT)(wrapper)
    assert inspect.iscoroutinefunction(guarded)
    assert await listed(await guarded()) == list(GOOD)


async def test_a_function_that_gives_no_stream_is_told_so(breaker_of):
    breaker = breaker_of()
    with pytest.raises(TypeError):
        guard_stream(breaker)(lambda: 5)()
    with pytest.raises(TypeError):
        await guard_stream(breaker)(anyio.sleep)(0)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"idle": 0}, "idle"),
        ({"format": RawFormat(), "terminal": bool}, "format"),
        ({"resume": 5}, "resume"),
        ({"format": "chat"}, "format"),
        ({"format": RawFormat}, "format"),
        ({"terminal": "[DONE]"}, "terminal"),
        ({"content": 5}, "content"),
    ],
)
async def test_bad_settings_are_refused(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        guard_stream(None, **settings)
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["terminal", "content", "error", "text", "usage"])
async def test_a_predicate_that_is_no_function_is_refused(field):
    with pytest.raises(ConfigurationError) as caught:
        RawFormat(**{field: "x"})
    assert caught.value.field == field


async def test_of_a_predicate_that_raises_the_log_has_the_type_once_and_nothing_of_the_items(caplog):
    @guard_stream(format=RawFormat(content=int, text=lambda item: {}[item]))
    async def items():
        for _ in range(50):
            yield "a secret"

    with pytest.raises(StreamEmptyError):
        await listed(items())
    assert caplog.messages == ["content of a stream's format raised ValueError; it has nothing to say"]
    assert "secret" not in caplog.text


async def test_what_cannot_be_guarded_is_refused():
    with pytest.raises(ConfigurationError):
        guard_stream(lambda: 5)
    with pytest.raises(ConfigurationError):
        guard_stream()(5)
