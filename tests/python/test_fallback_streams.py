# SPDX-License-Identifier: MIT OR Apache-2.0
# Chains whose levels give what is awaited, or a stream: what fails before its first item lets the next be asked.
import asyncio

import pytest
from trifuse import (
    Fallback,
    Pipeline,
    fallback,
    last_fallback,
)
from trifuse._fallback_level import FallbackLevel
from trifuse._last_call import last_call
from trifuse.cache import ResultCache


class StatusError(Exception):
    """As the clients of LLMs raise them."""

    def __init__(self, status, code=None):
        super().__init__(f"status {status}")
        self.status_code, self.code = status, code


TOO_LONG = StatusError(400, "context_length_exceeded")


FILTERED = StatusError(400, "content_filter")


def raising(error):
    def fn(*args, **kwargs):
        raise error

    return fn


def opened(breaker):
    breaker.trip()
    return breaker


class Returning:
    """A callable whose result is awaited though nothing about it says so, as bound methods of SDKs."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *args):
        return self._run()

    async def _run(self):
        await asyncio.sleep(0.1)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class TestAwaitables:
    """Functions that do not look asynchronous and are."""

    def test_the_next_level_is_asked_when_what_one_gave_fails_as_it_is_awaited(self, breaker_of, run):
        breaker = opened(breaker_of(fallback=[Returning(OSError()), Returning("second"), "Sorry."]))
        guarded = breaker(Returning("real"))

        async def main():
            assert await guarded() == "second"
            assert (last_call().level, last_fallback.get().level) == (2, 2)

        run(main())

    def test_all_failing_the_error_of_the_call_is_raised(self, breaker_of, run):
        policy = Fallback(Returning(KeyError()), Returning(ValueError()))

        async def main():
            with pytest.raises(OSError) as caught:
                await policy.call(raising(OSError()))
            assert [type(each) for each in caught.value.fallback_errors] == [KeyError, ValueError]

        run(main())

    def test_a_value_is_awaited_where_the_function_is_seen_to_be_awaited(self, breaker_of, run):
        import functools

        async def create(prompt):
            return "real"

        @functools.wraps(create)
        def bound(prompt):
            return create(prompt)

        breaker = opened(breaker_of(fallback_value="Sorry."))
        plain = opened(breaker_of())

        async def main():
            assert await breaker(bound)("x") == "Sorry."
            assert await breaker.call(bound, "x") == "Sorry."
            assert await Pipeline("p", Fallback("Sorry."), plain)(bound)("x") == "Sorry."
            assert (
                await Pipeline("p", Pipeline("q", Fallback("Sorry."), Pipeline("r", plain))).call(bound, "x")
                == "Sorry."
            )

        run(main())

    def test_what_runs_a_coroutine_to_its_end_by_itself_is_answered_by_the_value_itself(self, breaker_of):
        import functools

        async def ask(prompt):
            return "real"

        @functools.wraps(ask)
        def answer(prompt):
            return asyncio.run(ask(prompt))

        breaker = breaker_of(fallback_value="Sorry.")
        pipeline = Pipeline("p", Fallback("Sorry."), opened(breaker_of()))
        cached = ResultCache()(answer)
        assert (breaker(answer)("x"), cached("x"), cached("x")) == ("real", "real", "real")
        opened(breaker)
        assert (breaker(answer)("x"), pipeline(answer)("x")) == ("Sorry.", "Sorry.")


def no_items(*args):
    raise OSError("mine")
    yield


async def no_async_items(*args):
    raise OSError("mine")
    yield


class TestStreams:
    @pytest.fixture(params=["policy", "breaker", "refused"])
    def guard(self, request, breaker_of):
        """Guard a stream that fails, or is refused, by a chain."""

        def make(fn, *chain):
            if request.param == "policy":
                return Fallback(*chain)(fn)
            breaker = breaker_of(fallback=list(chain), fallback_on=OSError)
            return (opened(breaker) if request.param == "refused" else breaker)(fn)

        return make

    def test_a_level_that_fails_before_its_first_item_lets_the_next_be_asked(self, guard):
        def second():
            yield "second"
            yield "more"

        assert list(guard(no_items, no_items, second)()) == ["second", "more"]
        assert last_call().level == 2

    def test_so_does_an_asynchronous_one(self, guard, run):
        async def second():
            await asyncio.sleep(1)
            yield "second"

        async def open_stream():
            return second()

        async def refused():
            raise KeyError

        async def main():
            for level in (second, open_stream, lambda: ["second"]):
                guarded = guard(no_async_items, no_async_items, refused, level)
                assert [item async for item in guarded()] == ["second"]
                assert last_call().level == 3

        run(main())

    def test_a_level_that_turns_out_to_be_awaited_has_failed_where_nobody_can_await_it(self, guard):
        assert list(guard(no_items, Returning([1]), [2])()) == [2]

    def test_a_level_without_items_answers_with_none(self, guard, run):
        def nothing():
            yield from ()

        async def read(items):
            return [item async for item in items]

        assert list(guard(no_items, nothing, [1])()) == []
        assert run(read(guard(no_async_items, nothing, [1])())) == []

    def test_after_its_first_item_a_level_that_fails_is_not_replaced(self, guard):
        def second():
            yield "second"
            raise KeyError

        got = []
        with pytest.raises(KeyError):
            for item in guard(no_items, second, ["third"])():
                got.append(item)
        assert got == ["second"]

    def test_what_is_sent_and_thrown_reaches_the_level(self):
        def second():
            sent = yield 1
            try:
                yield sent
            except ValueError:
                yield "thrown"
            return "end"

        stream = Fallback(second)(no_items)()
        assert (next(stream), stream.send("sent"), stream.throw(ValueError())) == (1, "sent", "thrown")
        with pytest.raises(StopIteration) as end:
            next(stream)
        assert end.value.value == "end"

    def test_closing_early_closes_the_stream_that_a_level_gave(self, guard, run):
        class Client:
            closed = 0

            def __aiter__(self):
                return self

            async def __anext__(self):
                return "item"

            async def close(self):
                type(self).closed += 1

        class SyncClient:
            closed = 0

            def __iter__(self):
                return self

            def __next__(self):
                return "item"

            def close(self):
                type(self).closed += 1

        async def main():
            stream = guard(no_async_items, Client)()
            assert await anext(stream) == "item"
            await stream.aclose()

        run(main())
        assert Client.closed == 1
        stream = guard(no_items, SyncClient)()
        assert next(stream) == "item"
        stream.close()
        assert SyncClient.closed == 1

    def test_a_stream_level_has_its_breaker_and_its_time_to_the_first_item(self, run):
        async def hanging():
            await asyncio.sleep(100)
            yield "late"

        level = FallbackLevel(hanging, breaker="stream level", timeout=2)

        async def main():
            begun = asyncio.get_running_loop().time()
            stream = Fallback(level, ["Sorry."])(no_async_items)()
            assert [item async for item in stream] == ["Sorry."]
            assert asyncio.get_running_loop().time() - begun == pytest.approx(2)

        run(main())
        assert level.breaker.snapshot().timeouts == 1

    def test_a_cancelled_level_is_a_cancellation_and_not_a_reason_for_the_next(self, run):
        async def hanging():
            await asyncio.sleep(100)
            yield "late"

        async def read():
            return [item async for item in Fallback(hanging, ["Sorry."])(no_async_items)()]

        async def main():
            task = asyncio.create_task(read())
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main())


def test_a_level_that_is_cancelled_is_not_a_reason_for_the_next(run):
    async def hanging():
        await asyncio.sleep(100)

    @fallback(hanging, "Sorry.")
    async def failing():
        raise OSError

    async def main():
        task = asyncio.create_task(failing())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
