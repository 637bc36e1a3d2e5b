# SPDX-License-Identifier: MIT OR Apache-2.0
"""Random histories of a stream against a model of a few lines: what the consumer gets, what is counted."""

import random

import anyio
import pytest
from stream_fakes import ROLE, STOP, USAGE, AsyncFake, Client, SyncFake, say, wait
from trifuse import RequestTimeoutError, StreamEmptyError, StreamInterruptedError
from trifuse._llm.formats import OPENAI_CHAT
from trifuse._llm.limits import StreamLimits
from trifuse._llm.streams import open_async, open_sync

FIRST, IDLE, TOTAL = 5.0, 3.0, 15.0
ROUNDS, EACH = 30, 100


class Broken(Exception):
    pass


def script_of(chance):
    """Draw a stream: events, silences, perhaps a fault, perhaps no end."""
    steps = []
    for _ in range(chance.randrange(8)):
        steps.append(chance.choice([ROLE, say("a"), say("b"), USAGE, {"type": "ping"}]))
        if chance.random() < 0.5:
            steps.append(wait(chance.choice([0.26, 1.27, 2.29, 3.31, 6.43])))
    if chance.random() < 0.2:
        steps.append(Broken())
    if chance.random() < 0.7:
        steps.append(STOP)
        steps += chance.sample([USAGE, wait(0.26), wait(9.25), wait(11), Broken()], chance.randrange(3))
    return steps


def predicted(script, leaves_after, pause):  # noqa: C901 - all of it, in one piece
    """Give (events, kind of end, outcome) by a naive reading of the script."""
    now = 0.0
    left, setting = FIRST, "first_content"
    pending, given, content, complete = [], [], False, False
    steps = iter(script)
    while True:
        for event in pending:
            if len(given) == leaves_after:
                return given, "left", "success" if complete else "ignored"
            given.append(event)
            now += pause
        pending = []
        if len(given) == leaves_after and content:
            return given, "left", "success" if complete else "ignored"
        if content and not complete and now > TOTAL:
            return given, "total", "ignored"
        held = []
        while True:
            step = next(steps, None)
            if isinstance(step, tuple):
                limit, by = min((left, setting), (TOTAL - now, "total"))
                if complete:
                    limit = min(max(limit, 1), 10)
                if step[1] > limit:
                    if complete:
                        return given_end(given, content, complete)
                    return given, by, "timeout"
                now += step[1]
                left -= step[1]
            elif isinstance(step, Broken) and not complete:
                return given, "broken", "failure"
            elif step is None or isinstance(step, Broken):
                return given_end(given, content, complete)
            else:
                fresh = OPENAI_CHAT.is_content(step)
                complete = complete or step is STOP
                if fresh:
                    left, setting = IDLE, "idle"
                if content or fresh:
                    pending = [*held, step]
                    content = True
                    break
                held.append(step)


def given_end(given, content, complete):
    if not content:
        return given, "empty", "failure"
    return given, "end" if complete else "cut off", "success" if complete else "failure"


KINDS = {Broken: "broken", StreamEmptyError: "empty", StreamInterruptedError: "cut off"}


def kind_of(error):
    return error.setting if isinstance(error, RequestTimeoutError) else KINDS[type(error)]


async def consume_async(policy, client, leaves_after, pause):
    got = []
    try:
        async with await open_async(policy, OPENAI_CHAT, client, StreamLimits(TOTAL, FIRST, IDLE)) as stream:
            while len(got) < leaves_after:
                try:
                    got.append(await anext(stream))
                except StopAsyncIteration:
                    return got, "end"
                await anyio.sleep(pause)
            return got, "left"
    except Exception as error:
        return got, kind_of(error)


def consume_sync(policy, client, leaves_after, pause):
    got = []
    try:
        with open_sync(policy, OPENAI_CHAT, client, StreamLimits(TOTAL, FIRST, IDLE)) as stream:
            while len(got) < leaves_after:
                try:
                    got.append(next(stream))
                except StopIteration:
                    return got, "end"
                SyncFake.clock.advance(pause)
            return got, "left"
    except Exception as error:
        return got, kind_of(error)


OUTCOMES = ("successes", "failures", "timeouts", "ignored")


def difference(before, after):
    return {name: getattr(after, name) - getattr(before, name) for name in OUTCOMES}


EXPECTED = {
    "success": {"successes": 1, "failures": 0, "timeouts": 0, "ignored": 0},
    "failure": {"successes": 0, "failures": 1, "timeouts": 0, "ignored": 0},
    "timeout": {"successes": 0, "failures": 1, "timeouts": 1, "ignored": 0},
    "ignored": {"successes": 0, "failures": 0, "timeouts": 0, "ignored": 1},
}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_streams_behave_as_the_model_says(kind, run, breaker_of, seed):
    chance = random.Random(seed)
    breaker = breaker_of(consecutive_failures=0, request_timeout=0)
    seen_ends = set()

    async def histories():
        for _ in range(EACH):
            script = script_of(chance)
            leaves_after = chance.choice([1, 2, 4, 99, 99, 99])
            pause = chance.choice([0, 0, 1.5, 6.5])
            client, before = Client(kind, script), breaker.snapshot()
            if kind is AsyncFake:
                got, end = await consume_async(breaker, client, leaves_after, pause)
            else:
                got, end = consume_sync(breaker, client, leaves_after, pause)
            events, kind_of_end, outcome = predicted(script, leaves_after, pause)
            told = (seed, script, leaves_after, pause)
            assert (got, end) == (events, kind_of_end), told
            assert difference(before, breaker.snapshot()) == EXPECTED[outcome], told
            assert client.all_closed, told
            seen_ends.add(end)

    run(histories())
    assert len(seen_ends) >= 5
