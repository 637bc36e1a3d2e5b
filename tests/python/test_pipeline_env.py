# SPDX-License-Identifier: MIT OR Apache-2.0
# Pipelines from environment variables, alone or over a dictionary. Proves PIPE-06.
import pytest
from trifuse import ConfigurationError, Pipeline

pytestmark = pytest.mark.usefixtures("clock")

FULL = {
    "name": "search",
    "retry": {"max_retries": 2, "delay": 0.5},
    "circuit_breaker": {"preset": "aggressive", "open_duration": 20},
    "rate_limit": {"rate": "500/minute"},
    "bulkhead": 20,
    "timeout": 2,
}


def kinds(pipeline):
    return [key for key, _ in pipeline.items()]


def refused(make, *args, **kwargs):
    with pytest.raises(ConfigurationError) as caught:
        make(*args, **kwargs)
    return caught.value


def env(**variables):
    return {f"TRIFUSE_{name}": value for name, value in variables.items()}


def test_the_environment_alone_makes_a_pipeline_in_the_recommended_order():
    environ = env(
        SEARCH_TIMEOUT="2", SEARCH_RATE_LIMIT_RATE="500/minute", SEARCH_RETRY_MAX_RETRIES="1",
        SEARCH_CIRCUIT_BREAKER="critical", SEARCH_BULKHEAD_LIMIT="7", SEARCH_HEDGE="off", OTHER_TIMEOUT="9",
    )  # fmt: skip
    pipeline = Pipeline.from_env("search", environ=environ)
    assert kinds(pipeline) == ["retry", "circuit_breaker", "rate_limit", "bulkhead", "timeout"]
    assert pipeline["retry"].describe()["max_retries"] == 1
    assert pipeline["circuit_breaker"].config.consecutive_failures == 3
    assert (pipeline["bulkhead"].limit, pipeline["timeout"].seconds) == (7, 2)


def test_the_environment_is_laid_over_a_dictionary():
    environ = env(
        SEARCH_RETRY_MAX_RETRIES="4", SEARCH_TIMEOUT="off", SEARCH_BULKHEAD_MAX_QUEUE="5", SEARCH_THROTTLE="on",
        SEARCH_RETRY_JITTER="full", SEARCH_FALLBACK="Sorry.",
    )  # fmt: skip
    pipeline = Pipeline.from_env("search", FULL, environ=environ)
    assert kinds(pipeline) == ["fallback", "retry", "circuit_breaker", "throttle", "rate_limit", "bulkhead"]
    assert pipeline["fallback"].describe()["value"] == "Sorry."
    told = pipeline["retry"].describe()
    assert (told["max_retries"], told["delay"], told["jitter"]) == (4, 0.5, "full")
    assert (pipeline["bulkhead"].limit, pipeline["bulkhead"].describe()["max_queue"]) == (20, 5)
    assert FULL["bulkhead"] == 20


def test_an_order_that_was_written_stays_and_what_is_new_finds_its_place():
    data = {"order": ["timeout", "retry"], "retry": True, "timeout": 2}
    pipeline = Pipeline.from_env("search", data, environ=env(SEARCH_BULKHEAD="3"))
    assert kinds(pipeline) == ["timeout", "retry", "bulkhead"]
    environ = env(SEARCH_BULKHEAD="3", SEARCH_ORDER="retry, bulkhead, timeout")
    assert kinds(Pipeline.from_env("search", data, environ=environ)) == ["retry", "bulkhead", "timeout"]


def test_a_profile_and_a_second_of_a_kind_may_come_from_the_environment():
    environ = env(MY_API_V2_PROFILE="normal", MY_API_V2_TIMEOUT_2_SECONDS="3", MY_API_V2_RETRY="7")
    pipeline = Pipeline.from_env("my-api.v2", environ=environ)
    assert kinds(pipeline) == ["retry", "circuit_breaker", "rate_limit", "timeout"]
    assert pipeline["timeout"].seconds == 3
    assert pipeline["retry"].describe()["max_retries"] == 7


def test_the_processes_own_environment_is_read_by_default(monkeypatch):
    monkeypatch.setenv("TRIFUSE_SEARCH_TIMEOUT", "2.5")
    assert Pipeline.from_env("search")["timeout"].seconds == 2.5


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SEARCH_RETRY_MAX_RETRIES", "many", "whole number"),
        ("SEARCH_RETRY_MAX_RETRYS", "3", "did you mean max_retries?"),
        ("SEARCH_RETRYS", "3", "did you mean retry?"),
        ("SEARCH_TIMEOUT", "-1", "365 days"),
        ("SEARCH_CIRCUIT_BREAKER_OPEN_DURATION", "0", "365 days"),
        ("SEARCH_RATE_LIMIT_RATE", "fast", "500/minute"),
        ("SEARCH_RATE_LIMIT", "fast", "500/minute"),
        ("SEARCH_ORDER", "timer", "did you mean timeout?"),
        ("SEARCH_PROFILE", "urgent", "critical, normal, batch"),
        ("SEARCH_THROTTLE", "3", "a table of settings, true or false"),
    ],
)
def test_what_is_wrong_in_the_environment_is_refused_by_the_variable(variable, value, says):
    error = refused(Pipeline.from_env, "search", {"timeout": 2}, environ=env(**{variable: value}))
    assert error.field == f"TRIFUSE_{variable}"
    assert says in error.allowed


def test_an_error_in_the_dictionary_under_the_environment_keeps_its_path():
    error = refused(
        Pipeline.from_env, "search", {"retry": {"delay": -1}}, environ=env(SEARCH_RETRY_MAX_RETRIES="2")
    )
    assert error.field == "search.retry.delay"


def test_variables_of_a_pipeline_with_a_longer_name_are_left_to_it():
    environ = env(
        SEARCH_TIMEOUT="2",
        SEARCH_API_TIMEOUT="3",
        SEARCH_API_RETRY_DELAY="1",
        SEARCH_API_ORDER="timeout, retry",
    )
    assert [key for key, _ in Pipeline.from_env("search", environ=environ).items()] == ["timeout"]
    assert Pipeline.from_env("search api", environ=environ)["retry"].describe()["delay"] == 1


@pytest.mark.parametrize("data", [3, "retry", [1]])
def test_what_it_is_laid_over_is_a_table(data):
    assert refused(Pipeline.from_env, "search", data, environ={}).field == "data"


def test_a_rate_limit_of_the_environment_without_a_rate_is_refused_by_a_variable():
    error = refused(Pipeline.from_env, "search", environ=env(SEARCH_RATE_LIMIT="on"))
    assert error.field == "TRIFUSE_SEARCH_RATE_LIMIT"
