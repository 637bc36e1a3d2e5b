# SPDX-License-Identifier: MIT OR Apache-2.0
"""Random histories through the naive model and the real library: every answer, event and snapshot agrees.

TRIFUSE_MODEL_STEPS says how many steps (default 1,000,000), TRIFUSE_SOAK_SECONDS for how long at least;
TRIFUSE_MODEL_SEED repeats a run.
"""

import os
import random
import time
from collections import Counter

import chooser
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from library import Core, load
from twins import run

STEPS = int(os.environ.get("TRIFUSE_MODEL_STEPS", "1000000"))
SEED = int(os.environ.get("TRIFUSE_MODEL_SEED", random.SystemRandom().randrange(2**32)))
SOAK = float(os.environ.get("TRIFUSE_SOAK_SECONDS", "0"))
MOST = 2000
EACH = 1000 * min(STEPS, 1_000_000) // 1_000_000
STATES = ("closed", "open", "half_open", "forced_open", "disabled", "metrics_only")
FORCED = STATES[3:]
CAUSES = (
    "failure_rate",
    "failure_count",
    "slow_rate",
    "consecutive",
    "cusum",
    "probe_failed",
    "probes_succeeded",
    "wait_over",
    "tripped",
    "forced",
    "reset",
)
LEGAL = [
    *("closed>open half_open>open open>half_open half_open>closed closed>closed".split()),
    *("metrics_only>metrics_only", "open>closed"),
    *(f"{origin}>closed" for origin in FORCED),
    *(f"{origin}>{to}" for origin in STATES for to in FORCED if origin != to),
]
REFUSALS = ("refused_open", "refused_half_open_limit", "refused_forced_open")
EXPECTED = [
    *LEGAL,
    *(f"cause {cause}" for cause in CAUSES),
    *REFUSALS,
    "late",
    "lost",
    "clock step back",
    "end of time",
]


@st.composite
def histories(draw):
    """Bytes of a configuration and up to MOST steps of three bytes."""
    steps = draw(st.integers(1, MOST))
    size = chooser.HEAD + 3 * steps
    return draw(st.binary(min_size=size, max_size=size))


def wanted(seen, end):
    """Whether the run is to go on."""
    return seen["steps"] < STEPS or time.monotonic() < end


def examples(core, seen, number, end):
    """One round of Hypothesis, which shrinks what fails."""

    @seed(number)
    @settings(
        max_examples=max(1, min(200, STEPS // MOST)),
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(histories())
    def round_of_examples(data):
        if wanted(seen, end):
            seen["steps"] += run(core, data, seen)

    round_of_examples()


def table(seen):
    """What was seen how often, a line each."""
    return "\n".join(
        f"{name:32}{seen[name]:>10,}" for name in (*EXPECTED, "reconfigured", "misconfigured", "steps")
    )


def test_model_and_library_agree_at_every_step_and_the_run_has_seen_enough(capsys):
    seen, core, number = Counter(), Core(*load()), SEED
    end = time.monotonic() + SOAK
    try:
        while wanted(seen, end):
            examples(core, seen, number, end)
            number += 1
    finally:
        with capsys.disabled():
            print(f"\nseen:\n{table(seen)}\nTRIFUSE_MODEL_SEED={SEED}\n")
    assert {name: seen[name] for name in EXPECTED if seen[name] < EACH} == {}
    assert {name for name in seen if ">" in name} == set(LEGAL)
