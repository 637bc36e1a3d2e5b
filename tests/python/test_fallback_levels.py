# SPDX-License-Identifier: MIT OR Apache-2.0
# Levels of a chain with a breaker and a time limit of their own, for some errors only; how often each has answered.
import asyncio
import logging

import pytest
from trifuse import (
    CircuitBreaker,
    ConfigurationError,
    Fallback,
    RequestTimeoutError,
    Timeout,
    registry,
)
from trifuse._fallback_level import FallbackLevel
from trifuse._last_call import last_call


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


class TestLevels:
    def test_a_level_has_a_breaker_of_its_own_that_lets_the_next_be_asked(self, clock):
        asked = []

        def second(question):
            asked.append(question)
            raise OSError

        level = FallbackLevel(
            second,
            breaker=CircuitBreaker("second", consecutive_failures=2, failure_rate_threshold=1.0),
            name="second",
        )
        policy = Fallback(level, "Sorry.")
        for number in range(5):
            assert policy.call(raising(OSError()), number) == "Sorry."
        assert asked == [0, 1]
        assert level.breaker.state == "open"

    def test_a_name_makes_or_finds_the_breaker_of_a_level(self):
        level = FallbackLevel(len, breaker="model b", timeout=2.5)
        assert registry["model b"] is level.breaker
        assert level.breaker.config.request_timeout == 2.5
        assert FallbackLevel(len, breaker="model b").breaker is level.breaker
        assert level("four") == 4

    @pytest.mark.parametrize("breaker", [None, "late"])
    def test_a_level_has_a_time_limit_of_its_own(self, breaker, run):
        async def slow(question):
            await asyncio.sleep(100)

        async def main():
            loop = asyncio.get_running_loop()
            policy = Fallback(FallbackLevel(slow, breaker=breaker, timeout=3), "Sorry.")
            begun = loop.time()
            assert await policy.call(failing, "x") == "Sorry."
            assert loop.time() - begun == pytest.approx(3)

        async def failing(question):
            raise OSError

        run(main())

    def test_a_timeout_policy_is_taken_as_it_is(self, run):
        async def slow():
            await asyncio.sleep(100)

        level = FallbackLevel(slow, timeout=Timeout(2, name="mine"), breaker="with timeout")

        async def main():
            with pytest.raises(RequestTimeoutError, match="mine"):
                await level()

        run(main())
        assert level.breaker.config.request_timeout == 0

    @pytest.mark.parametrize(
        ("when", "error", "answered"),
        [
            ("timeout", TimeoutError(), True),
            ("timeout", OSError(), False),
            (OSError, ConnectionResetError(), True),
            (["timeout", OSError], OSError(), True),
            (lambda error: "yes" in str(error), OSError("no"), False),
            ("context_length", TOO_LONG, True),
        ],
    )
    def test_a_level_may_be_for_some_errors_only(self, when, error, answered):
        policy = Fallback(FallbackLevel(lambda: "special", when=when), "other")
        assert policy.call(raising(error)) == ("special" if answered else "other")
        assert last_call().level == (1 if answered else 2)

    def test_when_no_level_is_for_an_error_it_is_raised_as_it_is(self, caplog):
        error = OSError("mine")
        with pytest.raises(OSError, match="mine"):
            Fallback(FallbackLevel(lambda: "special", when="timeout")).call(raising(error))
        assert not hasattr(error, "fallback_errors")
        assert "fallbacks failed" not in caplog.text

    def test_arguments_and_the_error_reach_the_function_of_a_level(self):
        level = FallbackLevel(lambda question, *, error: (question, type(error)), breaker="reached")
        assert Fallback(level).call(raising(OSError()), "why") == ("why", OSError)
        assert Fallback(FallbackLevel(lambda: "bare")).call(raising(OSError()), "why") == "bare"

    @pytest.mark.parametrize(
        ("field", "arguments"),
        [
            ("fn", {"fn": "Sorry."}),
            ("breaker", {"fn": len, "breaker": 3}),
            ("timeout", {"fn": len, "timeout": -1}),
            ("when", {"fn": len, "when": "no such kind"}),
            ("when", {"fn": len, "when": int}),
            ("when", {"fn": len, "when": []}),
            ("name", {"fn": len, "name": ""}),
            ("thread", {"fn": len, "thread": True}),
        ],
    )
    def test_bad_settings_of_a_level_are_refused(self, field, arguments):
        with pytest.raises(ConfigurationError) as caught:
            FallbackLevel(**arguments)
        assert caught.value.field == field

    def test_a_name_given_is_what_is_told(self, caplog):
        with caplog.at_level(logging.INFO, "trifuse"):
            Fallback(FallbackLevel(lambda: 1, name="model b"), name="chain").call(
                raising(TimeoutError("secret"))
            )
        (record,) = caplog.records
        assert (record.trifuse_event, record.trifuse_policy) == ("fallback", "fallback")
        assert (record.trifuse_name, record.trifuse_level) == ("chain", 1)
        assert (record.trifuse_fallback, record.trifuse_kind) == ("model b", "timeout")
        assert "secret" not in str(vars(record))


class TestCounts:
    def test_a_snapshot_tells_how_often_each_level_has_answered(self):
        def picky(number):
            if number % 2:
                raise KeyError
            return "picky"

        policy = Fallback(picky, raising(KeyError()), name="n")
        for number in range(4):
            try:
                policy.call(raising(OSError()), number)
            except OSError:
                pass
        told = policy.snapshot()
        assert [count.answered for count in told.levels] == [2, 0]
        assert (told.name, told.exhausted) == ("n", 2)

    def test_a_pipeline_shows_the_counts(self):
        from trifuse import Pipeline

        pipeline = Pipeline("p", Fallback("Sorry."))
        pipeline.call(raising(OSError()))
        assert pipeline.snapshot()["fallback"].levels[0].answered == 1

    def test_the_counts_go_on_when_the_value_is_changed(self):
        policy = Fallback(lambda: 1, "x")
        policy.call(raising(OSError()))
        policy.reconfigure(value="y")
        assert policy.snapshot().levels[0].answered == 1
