# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients whose streams do as they are told, for the tests of guarded streams."""

import anyio
from trifuse import Bulkhead, Pipeline
from trifuse._llm.formats import OPENAI_CHAT
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync


def chunk(index=0, reason=None, **delta):
    return {"choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def say(text):
    return chunk(content=text)


ROLE = chunk(role="assistant", content="")
STOP = chunk(reason="stop")
USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
GOOD = (ROLE, say("a"), say("b"), STOP, USAGE)


def wait(seconds):
    """A script's silence."""
    return ("wait", seconds)


def text_of(events):
    return "".join(OPENAI_CHAT.text_of(event) for event in events)


class Script:
    """What both kinds of fake streams are: events, silences ("wait", s) and errors, in order."""

    def __init__(self, steps):
        self.steps = iter(steps)
        self.closed = 0
        self.response = "the response"


class AsyncFake(Script):
    def __aiter__(self):
        return self

    async def __anext__(self):
        for step in self.steps:
            if isinstance(step, tuple):
                await anyio.sleep(step[1])
            elif isinstance(step, BaseException):
                raise step
            else:
                return step
        raise StopAsyncIteration

    async def close(self):
        self.closed += 1
        await anyio.sleep(0)


class SyncFake(Script):
    clock = None

    def __iter__(self):
        return self

    def __next__(self):
        for step in self.steps:
            if isinstance(step, tuple):
                self.clock.advance(step[1])
            elif isinstance(step, BaseException):
                raise step
            else:
                return step
        raise StopIteration

    def close(self):
        self.closed += 1


class Client:
    """Opens one scripted stream after the other; an error in place of a script is raised instead."""

    def __init__(self, kind, *scripts, opening=0):
        self.kind, self.scripts, self.opening = kind, list(scripts), opening
        self.opened = []
        self.calls = 0

    def _next(self):
        self.calls += 1
        script = self.scripts.pop(0)
        if isinstance(script, BaseException):
            raise script
        self.opened.append(self.kind(script))
        return self.opened[-1]

    def __call__(self):
        return self._open() if self.kind is AsyncFake else self._next()

    async def _open(self):
        await anyio.sleep(self.opening)
        return self._next()

    @property
    def all_closed(self):
        return all(stream.closed == 1 for stream in self.opened)


class Read:
    """What a consumer got: events, and the error or None."""

    def __init__(self):
        self.events, self.error, self.stream = [], None, None

    @property
    def text(self):
        return text_of(self.events)


def limits(**fields):
    return StreamLimits(**fields)


async def read_async(policy, client, *, fmt=OPENAI_CHAT, pause=0, **settings):
    given = StreamLimits(**settings.pop("limits", {}))
    read = Read()
    try:
        read.stream = await open_async(policy, fmt, client, given, **settings)
        async for event in read.stream:
            read.events.append(event)
            if pause:
                await anyio.sleep(pause)
    except Exception as error:
        read.error = error
    return read


def read_sync(policy, client, *, fmt=OPENAI_CHAT, pause=0, **settings):
    given = StreamLimits(**settings.pop("limits", {}))
    read = Read()
    try:
        read.stream = open_sync(policy, fmt, client, given, **settings)
        for event in read.stream:
            read.events.append(event)
            if pause:
                SyncFake.clock.advance(pause)
    except Exception as error:
        read.error = error
    return read


def world(breaker_of):
    """Make a breaker in half-open with one probe, a bulkhead for one, and their pipeline."""
    breaker, one = breaker_of(half_open_max_calls=1), Bulkhead(1, max_queue=0)
    return breaker, one, Pipeline("x", breaker, one)


def free(breaker, bulkhead):
    return bulkhead.snapshot().in_flight == 0 and breaker.snapshot().probes_in_flight == 0
