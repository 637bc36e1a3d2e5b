# SPDX-License-Identifier: MIT OR Apache-2.0
"""The naive model answers the conformance vectors too, so vectors, model and core are held against each other.

What only a library has (refusing configurations, advice, texts) is left to test_vectors.py.
"""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from model import Breaker
from model_config import billionths, whole
from model_cusum import design
from replay import Mismatch, Replay

VECTORS = Path(__file__).parents[1] / "vectors"
ALL = [h for f in sorted(VECTORS.glob("*/*.json")) for h in json.loads(f.read_text())["histories"]]
HISTORIES = [history for history in ALL if "object" not in history]
LIBRARY_ONLY = {"config_check", "advise", "text"}
SHOWN_BY_LIBRARY = {"cusum_calls_to_detect_outage", "cusum_calls_to_detect_total"}


class ModelBreaker:
    """The model with the calls and answers that a replay wants."""

    def __init__(self, config, now):
        self.breaker = Breaker(config, now)

    def acquire(self, now):
        result, permit, wait, event = self.breaker.acquire(now)
        return result, permit or 0, wait, event

    def report(self, permit, outcome, duration, now):
        if permit == 0:
            return "error_argument", None
        return self.breaker.report(permit, outcome, duration, now)

    def renew(self, permit, now):
        return self.breaker.renew(permit, now)

    def reenter(self, permit):
        return self.breaker.reenter(permit)

    def trip(self, now, wait):
        return "ok", self.breaker.trip(now, wait)

    def control(self, op, now):
        return "ok", getattr(self.breaker, op)(now)

    def reconfigure(self, config, now):
        self.breaker.reconfigure(config, now)
        return "ok", {"field": "none", "value_kind": "none", "value_integer": 0}

    def snapshot(self, now):
        return self.breaker.snapshot(now)

    def state(self):
        return {"state": self.breaker.state, "generation": self.breaker.generation}

    def get_config(self):
        c = dict(self.breaker.given)
        c = {
            k: billionths(v) / 10**9 if k.endswith(("_rate", "_threshold")) and isinstance(v, float) else v
            for k, v in c.items()
        }
        for name, cusum in (("cusum", self.breaker.failure_cusum), ("slow_cusum", self.breaker.slow_cusum)):
            parts = cusum.design or (0, 0, 0)
            c |= dict(zip((f"{name}_{part}" for part in ("up", "down", "threshold")), parts, strict=True))
        return c


class ModelSystem:
    """The model in the place of the library."""

    def make(self, config, now):
        return "ok", {"field": "none", "value_kind": "none", "value_integer": 0}, ModelBreaker(config, now)

    def preset(self, name):
        return whole({"preset": name})

    def cusum_solve(self, wishes):
        p0, p1 = (billionths(wishes[name]) for name in ("tolerated_rate", "outage_rate"))
        up, down, threshold = design(p0, p1, Fraction(wishes["false_open_every"]))
        error = {"field": "none", "value_kind": "none", "value_integer": 0}
        return "ok", error, {"up": up, "down": down, "threshold": threshold}


def for_the_model(history):
    """The history without what only a library can answer; None if nothing is left."""
    steps = []
    for step in history["steps"]:
        if step["op"] in LIBRARY_ONLY or step.get("expect", {}).get("result", "").startswith("error_config"):
            continue
        expect = step.get("expect", {})
        kept = expect
        if step["op"] in ("cusum_solve", "snapshot"):
            library = {k for k in expect if k.startswith("calls_to_")} | SHOWN_BY_LIBRARY
            kept = {k: v for k, v in expect.items() if k not in library}
        steps.append({**step, "expect": kept})
    return {**history, "steps": steps} if steps else None


MINE = [history for history in map(for_the_model, HISTORIES) if history]


@pytest.mark.parametrize("history", MINE, ids=[h["name"] for h in MINE])
def test_the_model_answers_as_the_history_says(history):
    Replay(ModelSystem(), history).run()


def test_most_histories_concern_the_model():
    assert len(MINE) > len(HISTORIES) / 2
    with pytest.raises(Mismatch):
        Replay(ModelSystem(), {"name": "x", "ids": ["ST-01"], "config": {}, "steps": [{"op": "fly"}]}).run()
