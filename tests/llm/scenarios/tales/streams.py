# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams that end wrongly after HTTP 200."""

from kit.scenario import scenario
from kit.world import named, named_sync
from trifuse.testing.chaos import (
    broken_json,
    disconnect,
    empty,
    error_event,
    hang,
    html,
    reset,
    status,
    stream,
    times,
    truncate,
)


@scenario(
    "an error event before the first word is retried unseen",
    server="answers 200, then says in the stream that it is overloaded; the next stream is good",
    reach=2,
    gets="a whole answer",
    state="closed",
)
async def error_before(w):
    w.server.script(
        stream(then=error_event("Overloaded", type="overloaded_error")), stream("a whole ", "answer")
    )
    client = w.anthropic(retry={"delay": 0.001})
    return await w.ask(client, stream=True)


@scenario(
    "an error event after the first word is never retried; what was delivered is told, and it counts",
    server="breaks every stream off by an error event after two pieces",
    reach=5,
    gets=["APIError after 'ab'"] * 5 + ["Sorry."],
    state="open",
)
async def error_after(w):
    w.server.default = stream("a", "b", then=error_event())
    client = w.openai(retry=2, fallback=["Sorry."])
    return await w.ask_many(client, 6, stream=True)


@scenario(
    "a stream without its last event is no success",
    server="ends its stream in order, without finish_reason and [DONE]",
    reach=1,
    gets="StreamInterruptedError after 'half an '",
    state="closed",
)
async def truncated(w):
    w.server.default = stream("half ", "an ", then=truncate())
    client = w.openai(retry=2, fallback=["Sorry."])
    return await w.ask(client, stream=True)


@scenario(
    "a web page with status 200 is no empty stream, and after enough of them nobody asks any more",
    server="a proxy answers for it with a web page",
    reach=5,
    gets=["StreamEmptyError"] * 5 + ["CircuitBreakerOpenError"] * 5,
    state="open",
)
async def web_page(w):
    w.server.default = html()
    client = w.anthropic(retry=None)
    return [await w.ask(client, stream=True) for _ in range(10)]


@scenario(
    "a web page with status 200 is no answer",
    server="a proxy answers for it with a web page, then the service itself",
    reach=2,
    gets="hello",
    state="closed",
)
async def web_page_whole(w):
    w.server.script(html())
    client = w.openai(retry={"delay": 0.001})
    return await w.ask(client)


@scenario(
    "a stream of nothing goes to the fallback, as text in the shape of the stream",
    server="answers 200 with no event at all",
    reach=1,
    gets="Sorry.",
    state="closed",
)
async def nothing(w):
    w.server.default = empty()
    client = w.openai(retry=None, fallback=["Sorry."])
    return await w.ask(client, stream=True)


@scenario(
    "broken JSON in a stream of a synchronous client is told with what came before it",
    server="cuts an event off in the middle of its JSON",
    reach=2,
    gets=["JSONDecodeError after 'first second '", "JSONDecodeError after 'first second '"],
    state="closed",
)
def broken(w):
    w.server.default = stream("first ", "second ", then=broken_json())
    client = w.openai(sync=True, retry=2)

    def read_with_helper():
        with client.chat.completions.stream(model="m", messages=[]) as opened:
            return opened.get_final_completion()

    return [named_sync(lambda: list(w.create(client, stream=True))), named_sync(read_with_helper)]


@scenario(
    "a reset in the middle is resumed where the user says how",
    server="resets the connection after two pieces; asked to go on, it goes on",
    reach=2,
    gets="Once upon a time.",
    state="closed",
)
async def resumed(w):
    w.server.script(stream("Once ", "upon ", then=reset()), stream("a ", "time."))
    raw = w.plain()

    async def go_on(interrupted):
        said = {"role": "assistant", "content": interrupted.text}
        return lambda: raw.chat.completions.create(model="m", messages=[said], stream=True)

    client = w.openai(retry=None, resume=go_on)
    got = await w.ask(client, stream=True)
    sent = w.server.requests[-1].body["messages"][-1]["content"]
    return got if sent == "Once upon " else f"asked to go on after {sent!r}"


@scenario(
    "a failed response of the responses API is a failure, though the client raises nothing",
    server="tells of its failure in a last event, then answers",
    reach=2,
    gets="well",
    state="closed",
)
async def failed_response(w):
    w.server.script(stream(then=error_event("Failed.", type="failed")), stream("well"))
    client = w.openai(retry={"delay": 0.001})
    events = await client.responses.create(model="m", input="Hi", stream=True)
    return await w.read(events)


@scenario(
    "a stream that its reader leaves counts for nothing, and its connection is closed",
    server="fails twice, streams without end ten times, fails again",
    reach=15,
    gets=[
        ["InternalServerError"] * 2,
        ["a"] * 10,
        ["InternalServerError"] * 3 + ["CircuitBreakerOpenError"],
        10,
    ],
    state="open",
)
async def left_early(w):
    w.server.script(*times(status(500), 2), *times(stream("a", then=hang(keep_alive=0.05)), 10))
    w.server.default = status(500)
    client = w.openai(sdk_retries=0, retry=None, consecutive_failures=5, minimum_calls=100)
    before = await w.ask_many(client, 2, stream=True)
    seen = []
    for _ in range(10):
        async with await w.create(client, stream=True) as opened:
            async for event in opened:
                if event.choices[0].delta.content:
                    seen.append(event.choices[0].delta.content)
                    break
    after = await w.ask_many(client, 4, stream=True)
    await w.server.await_until(lambda: w.server.left == 10)
    return [before, seen, after, w.server.left]


@scenario(
    "the helper for streams is guarded as the call is",
    server="closes the connection after one piece, again and again",
    reach=5,
    gets=["RemoteProtocolError after 'a'"] * 5 + ["CircuitBreakerOpenError"] * 3,
    state="open",
)
async def helper(w):
    w.server.default = stream("a", then=disconnect())
    client = w.anthropic(retry=None)

    async def final():
        asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        async with client.messages.stream(**asked) as opened:
            return await opened.get_final_text()

    return [await named(final()) for _ in range(8)]


@scenario(
    "failover happens before the first word, and after it never",
    server="the first model breaks off before its first word, then after it; the second answers",
    reach=3,
    gets=["second", "APIConnectionError after 'fi'"],
    state={"": "closed", ":second": "closed"},
)
async def before_and_after(w):
    w.server.script(stream(then=disconnect()), stream("fi", then=disconnect()), model="m")
    w.server.script(model="second", default=stream("sec", "ond"))
    second = w.openai(name=w.named(":second"), retry=None)

    async def ask_second(**body):
        return await second.chat.completions.create(**{**body, "model": "second"})

    client = w.openai(retry=None, fallback=[ask_second])
    return await w.ask_many(client, 2, stream=True)
