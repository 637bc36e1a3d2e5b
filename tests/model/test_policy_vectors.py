# SPDX-License-Identifier: MIT OR Apache-2.0
"""The naive models of the policies answer the conformance vectors too, so vectors, models and core are held
against each other. What only a library has (refusing configurations, texts) is left to test_vectors.py."""

import pytest
from model_concurrency import DEFAULTS as CONCURRENCY
from model_concurrency import Concurrency
from model_limiter import DEFAULTS as LIMITER
from model_limiter import PRESETS as PERMITS
from model_limiter import limiter
from model_parts import NEVER
from model_retry import BUDGET, Retry, RetryBudget, max_total
from model_retry import DEFAULTS as RETRY
from model_retry import PRESETS as RETRIES
from model_traffic import HEDGE, HISTOGRAM, THROTTLE, Hedge, Histogram, Throttle
from policies import sort_of
from replay_objects import NO_ERROR, ObjectReplay
from test_model_vectors import ALL

KINDS = {
    "limiter": (limiter, LIMITER),
    "concurrency": (Concurrency, CONCURRENCY),
    "retry": (Retry, RETRY),
    "retry_budget": (RetryBudget, BUDGET),
    "throttle": (Throttle, THROTTLE),
    "histogram": (Histogram, HISTOGRAM),
    "hedge": (Hedge, HEDGE),
}
LIBRARY_ONLY = {"config_check", "text"}


def read(value, kind="u64"):
    """A number as the vectors write it."""
    if kind == "f64":
        return float(value)
    return NEVER if value == "never" else value


class ModelObjects:
    """The models in the place of the library."""

    def make(self, kind, config, now):
        config = {name: value for name, value in config.items() if name != "preset"}
        return "ok", NO_ERROR, KINDS[kind][0](config, now)

    def preset(self, kind, chosen):
        preset = chosen.pop("preset", "default")
        found = KINDS[kind][1] | chosen
        for of, name, table in (("retry", "max_retries", RETRIES), ("limiter", "permits", PERMITS)):
            if kind == of and preset in table:
                found |= {name: table[preset]}
        return found

    def call(self, function, arguments, values, on):
        if function == "retry_max_total":
            return {"result": "ok", "total_ns": max_total(values["config"], read(values["attempt_timeout"]))}
        name = function.removeprefix(next(k for k in KINDS if function.startswith(k + "_")) + "_")
        if function.startswith("retry_budget_"):
            name = function.removeprefix("retry_budget_")
        method = getattr(on, {"get_snapshot": "snapshot"}.get(name, name))
        passed = [self.value(argument, values) for argument in arguments if self.goes_in(argument)]
        answer = method(*passed) if callable(method) else method
        first, *others = answer if isinstance(answer, tuple) else (answer,)
        if arguments and "returns" in arguments[-1]:
            return {"value": first}
        return {"result": first, "error": NO_ERROR} | self.outs(arguments, others)

    def goes_in(self, argument):
        return sort_of(argument) in ("in", "reads", "changes", "object", "config")

    def value(self, argument, values):
        sort = sort_of(argument)
        if sort == "object":
            return values.get(argument["object"])
        value = values["config" if sort == "config" else argument[sort]]
        return read(value, argument.get("type"))

    def outs(self, arguments, others):
        """What the model's answer says of each out, in their order."""
        found = {}
        for argument in arguments:
            sort = sort_of(argument)
            if sort not in ("out", "fills", "changes"):
                continue
            value = others.pop(0) if others else 0
            if sort == "out":
                found[argument["out"]] = value
            else:
                found |= {"struct": value, "members": value or {}}
        return found

    def set(self, kept, members):
        kept |= members


def for_the_model(history):
    """The history without what only a library can answer; None if nothing is left."""
    steps = [
        step
        for step in history["steps"]
        if step["op"] not in LIBRARY_ONLY and step.get("expect", {}).get("result") != "error_config"
    ]
    return {**history, "steps": steps} if steps else None


OBJECTS = [history for history in ALL if "object" in history]
MINE = [history for history in map(for_the_model, OBJECTS) if history]


@pytest.mark.parametrize("history", MINE, ids=[h["name"] for h in MINE])
def test_the_model_of_a_policy_answers_as_the_history_says(history):
    ObjectReplay(ModelObjects(), None, history).run()


def test_most_histories_of_policies_concern_the_models():
    assert len(MINE) > len(OBJECTS) * 3 / 4
    assert {history["object"] for history in MINE} == set(KINDS)
