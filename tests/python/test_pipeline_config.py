# SPDX-License-Identifier: MIT OR Apache-2.0
# Pipelines of plain data: dictionaries, TOML, and changes while running. Proves PIPE-06.
import json
import os
import threading

import pytest
from trifuse import ConfigurationError, Fallback, Pipeline, RateLimitedError, registry

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


def test_a_dictionary_has_a_table_for_each_part_in_its_order():
    pipeline = Pipeline.from_dict(FULL)
    assert (pipeline.name, kinds(pipeline)) == ("search", list(FULL)[1:])
    assert pipeline["retry"].describe()["max_retries"] == 2
    config = pipeline["circuit_breaker"].config
    assert (config.failure_rate_threshold, config.open_duration) == (0.3, 20)
    assert pipeline["rate_limit"].available() == 500
    assert (pipeline["bulkhead"].limit, pipeline["timeout"].seconds) == (20, 2)


def test_the_order_of_the_tables_is_that_of_the_parts():
    assert kinds(Pipeline.from_dict({"timeout": 2, "retry": True}, "search")) == ["timeout", "retry"]


def test_an_order_may_be_given_and_true_and_false_say_whether_there_is_a_part():
    data = {"timeout": 2, "retry": {}, "bulkhead": False, "order": ["retry", "bulkhead", "hedge", "timeout"]}
    assert kinds(Pipeline.from_dict(data, "search")) == ["retry", "hedge", "timeout"]
    data["order"] = "timeout > retry > bulkhead"
    assert kinds(Pipeline.from_dict(data, "search")) == ["timeout", "retry"]


def test_a_second_of_a_kind_has_a_number():
    data = {"timeout": 10, "retry": True, "timeout_2": {"seconds": 2, "name": "attempt"}}
    pipeline = Pipeline.from_dict(data, "search")
    assert [policy.name for policy in pipeline] == ["search", "search", "attempt"]
    assert pipeline["timeout_2"].seconds == 2


def test_code_may_give_functions_and_types_too():
    data = {"fallback": {"value": "instead", "on": OSError}, "circuit_breaker": {"ignore": (KeyError,)}}
    pipeline = Pipeline.from_dict(data, "search")
    assert isinstance(pipeline["fallback"], Fallback)
    with pytest.raises(KeyError):
        pipeline.call({}.__getitem__, "x")
    assert pipeline["circuit_breaker"].snapshot().ignored == 1


@pytest.mark.parametrize(
    ("fallback", "answer"),
    [("Sorry.", "Sorry."), (None, None), (len, 3), ([{}.__getitem__, len], 3)],
    ids=["value", "None", "function", "functions"],
)
def test_a_fallback_is_a_value_or_functions(fallback, answer):
    pipeline = Pipeline.from_dict({"fallback": fallback}, "search")
    assert pipeline.call({}.__getitem__, "abc") == answer


def test_a_pipeline_may_hold_another():
    pipeline = Pipeline.from_dict({"retry": True, "pipeline": {"name": "inner", "timeout": 2}}, "outer")
    assert pipeline["pipeline"].name == pipeline["pipeline"]["timeout"].name == "inner"


def test_a_profile_is_what_to_begin_with():
    pipeline = Pipeline.from_dict({"profile": "batch", "rate_limit": False, "retry": {"delay": 1}}, "search")
    assert kinds(pipeline) == ["retry", "circuit_breaker"]
    told = pipeline["retry"].describe()
    assert (told["max_retries"], told["delay"]) == (5, 1)


def test_the_breaker_is_known_by_the_pipelines_name():
    pipeline = Pipeline.from_dict(FULL)
    assert registry["search"] is pipeline["circuit_breaker"]
    assert Pipeline.from_dict(FULL)["circuit_breaker"] is pipeline["circuit_breaker"]
    private = Pipeline.from_dict(FULL, registry=None)
    assert private["circuit_breaker"] is not pipeline["circuit_breaker"]


def test_what_it_says_of_itself_makes_another_of_the_same():
    pipeline = Pipeline.from_dict({**FULL, "pipeline": {"name": "inner", "retry": {"max_retries": 7}}})
    data = pipeline.to_dict()
    assert json.loads(json.dumps(data)) == data
    again = Pipeline.from_dict(data, registry=None)
    assert again.describe() == pipeline.describe()
    assert again.to_dict() == data


@pytest.mark.parametrize(
    ("rate", "tokens"),
    [
        ("500/minute", 500), ("10 / s", 10), ("20/10 seconds", 20), ("100 per hour", 100), ("7/day", 7),
        ("3/0.5 sec", 3), ({"permits": 40, "seconds": 60}, 40), (25, 25),
    ],
)  # fmt: skip
def test_rates_are_written_in_text_or_numbers(rate, tokens):
    limit = Pipeline.from_dict({"rate_limit": {"rate": rate}}, "search")["rate_limit"]
    assert limit.available() == tokens


def test_the_period_of_a_rate_in_text_is_exact():
    pipeline = Pipeline.from_dict({"rate_limit": "1/10 seconds"}, "search")
    pipeline.call(print)
    with pytest.raises(RateLimitedError) as caught:
        pipeline.call(print)
    assert caught.value.retry_after == 10


@pytest.mark.parametrize("rate", ["many", "10/month", "10", "/s", "-3/s", "1.5/s", {"permits": 3}, None])
def test_a_rate_that_cannot_be_read_is_refused_by_its_path(rate):
    error = refused(Pipeline.from_dict, {"rate_limit": {"rate": rate}}, "search")
    assert error.field == "search.rate_limit.rate"


@pytest.mark.parametrize(
    ("data", "field", "says"),
    [
        ({"retry": {"max_retries": -1}}, "search.retry.max_retries", "0"),
        ({"retry": {"max_retrys": 1}}, "search.retry.max_retrys", "did you mean max_retries?"),
        ({"retries": {}}, "search.retries", "did you mean retry?"),
        ({"bulkhead": {"max_queue": "many"}}, "search.bulkhead.max_queue", ""),
        ({"timeout": None}, "search.timeout", "a table of settings"),
        ({"throttle": 3}, "search.throttle", "a table of settings"),
        ({"timeout": -2}, "search.timeout.seconds", "365 days"),
        ({"circuit_breaker": {"open_duration": 0}}, "search.circuit_breaker.open_duration", ""),
        ({"circuit_breaker": "agressive"}, "search.circuit_breaker.preset", "aggressive"),
        ({"order": ["retry", "timer"], "retry": True}, "search.order", "did you mean timeout?"),
        ({"order": ["retry"], "timeout": 2}, "search.order", "each of timeout, once"),
        ({"order": ["timeout", "timeout"], "timeout": 2}, "search.order", "once"),
        ({"order": 3, "timeout": 2}, "search.order", "a list of policies"),
        ({"profile": "urgent"}, "search.profile", "critical, normal, batch"),
        ({"pipeline": {"retry": {"delay": -1}}}, "search.retry.delay", ""),
        ({"fallback": True}, "search.fallback.fallbacks", "at least one"),
        ({"pipeline": True}, "search.pipeline", "a table"),
        ({"rate_limit": {"wait": 2}}, "search.rate_limit.rate", "per_second"),
        ({"adaptive_limit": []}, "search.adaptive_limit.algorithm", "gradient2"),
        ({"retry": False}, "search", "at least one of"),
        ({}, "search", "at least one of"),
        ({3: True}, "search.3", "a policy"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path_and_told_what_is_allowed(data, field, says):
    error = refused(Pipeline.from_dict, data, "search")
    assert error.field == field
    assert says in error.allowed
    assert field in str(error)
    assert len(registry) == 0


def test_a_pipeline_has_a_name_and_is_a_table():
    assert refused(Pipeline.from_dict, {"retry": True}).field == "name"
    assert refused(Pipeline.from_dict, {"retry": True, "name": 3}).field == "name"
    assert refused(Pipeline.from_dict, "retry", "search").field == "pipeline"


TOML = """
[services.search]
order = ["retry", "circuit_breaker", "timeout"]
timeout = 2
[services.search.retry]
max_retries = 2
[services.search.circuit_breaker]
preset = "critical"
"""


@pytest.mark.parametrize("way", ["text", "path", "name of a file"])
def test_toml_is_read_from_a_text_or_a_file(way, tmp_path):
    path = tmp_path / "services.toml"
    path.write_text(TOML)
    source = {"text": TOML, "path": path, "name of a file": os.fspath(path)}[way]
    pipeline = Pipeline.from_toml(source, table="services.search")
    assert (pipeline.name, kinds(pipeline)) == ("search", ["retry", "circuit_breaker", "timeout"])
    assert pipeline["retry"].describe()["max_retries"] == 2


def test_toml_without_a_table_is_the_pipeline_itself():
    assert Pipeline.from_toml("name = 'search'\ntimeout = 2\n").name == "search"
    assert Pipeline.from_toml("timeout = 2\n", name="other").name == "other"
    assert refused(Pipeline.from_toml, "timeout = 2\n").field == "name"


def test_a_table_that_is_not_there_and_text_that_is_no_toml_are_told():
    error = refused(Pipeline.from_toml, TOML, table="services.find")
    assert (error.field, error.value) == ("table", "services.find")
    assert "search" in error.allowed
    assert refused(Pipeline.from_toml, "timeout = = 2\n").field == "toml"
    assert refused(Pipeline.from_toml, None).field == "source"
    assert refused(Pipeline.from_toml, TOML, table=3).field == "table"
    with pytest.raises(FileNotFoundError):
        Pipeline.from_toml("no/such/file.toml")


# While running.


def test_reconfigured_while_running_it_keeps_what_was_counted():
    pipeline = Pipeline.from_dict(FULL)
    for _ in range(100):
        pipeline.call(abs, -1)
    pipeline.reconfigure({"retry": {"max_retries": 7}, "rate_limit": "450/minute", "timeout": 9}, bulkhead=5)
    assert pipeline["retry"].describe()["max_retries"] == 7
    assert pipeline["rate_limit"].available() == 400
    assert (pipeline["timeout"].seconds, pipeline["bulkhead"].limit) == (9, 5)
    assert pipeline["circuit_breaker"].snapshot().successes == 100


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"circuit_breaker": {"open_duration": -1}}, "search.circuit_breaker.open_duration", ""),
        ({"circuit_breaker": {"thread": True}}, "search.circuit_breaker.thread", "cannot be changed"),
        ({"timeout": {"secs": 1}}, "search.timeout.secs", "did you mean seconds?"),
        ({"hedge": {"share": 0.1}}, "search.hedge", "a part of this pipeline"),
        ({"bulkhead": False}, "search.bulkhead", "cannot be added or taken out"),
        ({"rate_limit": {"rate": "fast"}}, "search.rate_limit.rate", "500/minute"),
    ],
)
def test_changes_are_taken_all_or_none(changes, field, says):
    pipeline = Pipeline.from_dict(FULL)
    before = pipeline.describe()
    error = refused(pipeline.reconfigure, {"retry": {"max_retries": 7}, **changes})
    assert error.field == field
    assert says in error.allowed
    assert pipeline.describe() == before


def test_what_the_core_refuses_only_when_it_is_done_undoes_the_others():
    pipeline = Pipeline.from_dict(
        {"retry": True, "circuit_breaker": {"window_count": 10}, "timeout": 2}, "search"
    )
    before = pipeline.describe()
    changes = {"retry": {"max_retries": 7}, "timeout": 5, "circuit_breaker": {"window_count": 4000}}
    error = refused(pipeline.reconfigure, changes)
    assert error.field == "search.circuit_breaker.window_count"
    assert "all that fits" in error.allowed
    assert pipeline.describe() == before


def test_calls_of_other_threads_go_on_while_it_is_reconfigured():
    pipeline, stop, wrong = Pipeline.from_dict({**FULL, "rate_limit": "100000/second"}), [], []

    def calling():
        while not stop:
            try:
                if pipeline.call(abs, -3) != 3:
                    wrong.append("another result")
            except Exception as error:
                wrong.append(error)
                return

    threads = [threading.Thread(target=calling) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 60):
        pipeline.reconfigure(
            retry={"max_retries": number % 5}, bulkhead=3 + number, circuit_breaker={"open_duration": number},
            rate_limit=f"{100_000 + number}/second", timeout=number,
        )  # fmt: skip
    stop.append(True)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert pipeline["timeout"].seconds == 59
    assert pipeline["bulkhead"].in_flight == 0


def test_a_pipeline_within_is_reconfigured_by_its_parts():
    pipeline = Pipeline.from_dict({"retry": True, "pipeline": {"name": "inner", "timeout": 2}}, "outer")
    pipeline.reconfigure(pipeline={"timeout": {"seconds": 3}})
    assert pipeline["pipeline"]["timeout"].seconds == 3
    error = refused(pipeline.reconfigure, {"retry": {"max_retries": 1}, "pipeline": {"timeout": -1}})
    assert error.field.endswith("timeout.seconds")
