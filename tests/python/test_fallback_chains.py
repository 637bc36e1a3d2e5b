# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-09: chains of fallbacks, with a value at the end, and by kind of error.
from concurrent.futures import CancelledError

import pytest
from trifuse import (
    CircuitBreaker,
    ConfigurationError,
    Fallback,
    circuit_breaker,
)
from trifuse._last_call import last_call
from trifuse.classify import Kind


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


class TestValues:
    def test_a_value_may_be_the_last_of_a_list_in_a_breaker(self, breaker_of):
        breaker = opened(breaker_of(fallback=[raising(KeyError()), "Sorry."]))
        assert breaker.call(print) == "Sorry."
        assert (last_call().level, last_call().fallback) == (2, "fallback_value")

    def test_a_value_before_the_last_is_refused(self):
        for given in (["Sorry.", print], [print, "a", "b"]):
            with pytest.raises(ConfigurationError, match=r"fallback=.* a value is the last"):
                CircuitBreaker("bad", fallback=given)
        with pytest.raises(ConfigurationError, match="fallback"):
            CircuitBreaker("bad", fallback=["Sorry."], fallback_value="twice")

    def test_a_list_that_begins_with_a_function_is_a_chain_and_no_value(self):
        assert Fallback([raising(KeyError()), "Sorry."]).call(raising(OSError())) == "Sorry."
        assert Fallback(["a", "b"]).call(raising(OSError())) == ["a", "b"]


class TestByKind:
    def chain(self, **more):
        return {
            "context_length": [lambda *a: "bigger"],
            "content_filter": ["No."],
            "default": ["Sorry."],
            **more,
        }

    @pytest.mark.parametrize(
        ("error", "answer"), [(TOO_LONG, "bigger"), (FILTERED, "No."), (OSError(), "Sorry.")]
    )
    def test_the_kind_of_error_chooses_the_chain(self, error, answer):
        policy = Fallback(self.chain(), name="by kind")
        assert policy.call(raising(error)) == answer
        assert last_call().level == 1
        counts = {(count.kind, count.fallback): count.answered for count in policy.snapshot().levels}
        assert sum(counts.values()) == 1

    def test_a_breaker_answers_kinds_with_a_chain_of_their_own_and_refusals_by_the_default(self, breaker_of):
        breaker = breaker_of(fallback=self.chain())
        assert breaker.call(raising(TOO_LONG)) == "bigger"
        assert breaker.call(raising(FILTERED)) == "No."
        assert breaker.snapshot().failures == 0
        for _ in range(2):
            with pytest.raises(OSError):
                breaker.call(raising(OSError()))
        assert breaker.call(print) == "Sorry."
        assert last_call().kind is Kind.refused

    def test_mistakes_of_the_caller_are_not_answered_by_default(self, breaker_of):
        policy = Fallback({"timeout": ["late"], "default": ["Sorry."]})
        for error in (TOO_LONG, FILTERED, StatusError(401), StatusError(404), CancelledError()):
            with pytest.raises((StatusError, CancelledError)):
                policy.call(raising(error))
        assert policy.call(raising(StatusError(500))) == "Sorry."
        assert policy.call(raising(TimeoutError())) == "late"
        assert not hasattr(TOO_LONG, "fallback_errors")

    def test_but_they_are_where_that_is_asked_for(self, breaker_of):
        assert Fallback({"default": ["Sorry."]}, on=StatusError).call(raising(TOO_LONG)) == "Sorry."
        breaker = breaker_of(fallback={"default": ["Sorry."]}, fallback_on=StatusError)
        assert breaker.call(raising(FILTERED)) == "Sorry."

    def test_without_a_default_other_kinds_are_raised(self, breaker_of):
        breaker = opened(breaker_of(fallback={"context_length": ["long"]}))
        with pytest.raises(Exception, match="is open"):
            breaker.call(print)
        with pytest.raises(OSError):
            Fallback({"context_length": ["long"]}).call(raising(OSError()))

    def test_the_value_of_its_own_setting_is_the_last_of_the_default(self, breaker_of):
        breaker = opened(breaker_of(fallback={"context_length": ["long"]}, fallback_value="Sorry."))
        assert breaker.call(print) == "Sorry."
        assert Fallback({"default": [raising(KeyError())]}, value="V").call(raising(OSError())) == "V"

    @pytest.mark.parametrize("key", ["context_lenght", "cancelled", 3])
    def test_an_unknown_kind_is_refused_with_those_that_are_known(self, key):
        with pytest.raises(ConfigurationError, match=rf"{key}.*one of .*context_length.*default"):
            CircuitBreaker("bad", fallback={key: [print]})
        with pytest.raises(ConfigurationError, match=rf"{key}.*one of .*context_length.*default"):
            Fallback({key: [print]})
        with pytest.raises(ConfigurationError, match=rf"{key}.*one of .*context_length.*default"):
            Fallback(by_kind={key: "value"})

    def test_an_empty_chain_is_refused(self):
        for given in ({"timeout": []}, {}):
            with pytest.raises(ConfigurationError):
                CircuitBreaker("bad", fallback=given)
            with pytest.raises(ConfigurationError):
                Fallback(by_kind=given)

    def test_a_dictionary_that_is_no_chain_stays_a_value(self):
        for value in ({"answer": "Sorry.", "sources": []}, {}):
            assert Fallback(value).call(raising(OSError())) == value
        assert Fallback(value={"default": "x"}).call(raising(OSError())) == {"default": "x"}

    def test_of_retries_that_gave_up_the_last_error_chooses(self):
        from trifuse import RetriesExhausted

        assert Fallback(self.chain()).call(raising(RetriesExhausted(3, TOO_LONG))) == "bigger"

    def test_plain_data_describes_it_and_can_be_changed(self):
        policy = Fallback(by_kind={"context_length": "long", "default": ["Sorry."]}, name="n")
        assert policy.describe()["by_kind"] == {"context_length": "long", "default": ["Sorry."]}
        policy.reconfigure(by_kind={"default": "Later."})
        assert policy.call(raising(OSError())) == "Later."
        with pytest.raises(ConfigurationError, match="by_kind"):
            policy.reconfigure(by_kind={"nothing": 1})
        with pytest.raises(ConfigurationError, match="by_kind"):
            Fallback("x").reconfigure(by_kind={"default": 1})

    def test_toml_gives_chains_by_kind(self):
        from trifuse import Pipeline

        text = '[x]\nfallback = { by_kind = { context_length = "Too long.", default = "Sorry." } }'
        pipeline = Pipeline.from_toml(text, table="x")
        assert pipeline.call(raising(TOO_LONG)) == "Too long."
        assert pipeline.call(raising(OSError())) == "Sorry."
        assert Pipeline.from_dict(pipeline.to_dict()).call(raising(TOO_LONG)) == "Too long."


def test_the_issue_in_one_line(run):
    cached, second_model = raising(KeyError()), raising(OSError())

    def rules(prompt):
        raise LookupError

    @circuit_breaker("openai", preset="llm", fallback=[cached, second_model, rules, "Sorry, later."])
    async def answer(prompt):
        return "real"

    answer.circuit_breaker.force_open()

    async def main():
        assert await answer("why?") == "Sorry, later."
        assert last_call() == ("openai", 4, "fallback_value", True, Kind.refused, None)

    run(main())
