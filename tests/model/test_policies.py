# SPDX-License-Identifier: MIT OR Apache-2.0
"""Random histories through the naive model of each policy and the real library: every answer agrees.

TRIFUSE_MODEL_STEPS says how many steps each kind of object gets (default 1,000,000), TRIFUSE_SOAK_SECONDS for
how long each runs at least; TRIFUSE_MODEL_SEED repeats a run.
"""

import os
import random
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from library import Core, load
from policy_twins import run
from twins_concurrency import ConcurrencyTwins
from twins_limiter import LimiterTwins
from twins_retry import BudgetTwins, RetryTwins
from twins_traffic import HedgeTwins, HistogramTwins, ThrottleTwins

STEPS = int(os.environ.get("TRIFUSE_MODEL_STEPS", "1000000"))
SEED = int(os.environ.get("TRIFUSE_MODEL_SEED", random.SystemRandom().randrange(2**32)))
SOAK = float(os.environ.get("TRIFUSE_SOAK_SECONDS", "0"))
MOST = 2000
EACH = 1000 * min(STEPS, 1_000_000) // 1_000_000
CLOCK = ("clock step back", "clock stands")
JITTERS = ("none", "proportional", "full", "equal", "decorrelated")
EXPECTED = {
    LimiterTwins: [
        *(
            "ok refused_rate_limited error_over_capacity error_argument error_unsupported error_config".split()
        ),
        *("patience", "reserved", "reshaped", "given back in part"),
    ],
    ConcurrencyTwins: [
        *("ok", "refused_bulkhead_full", "error_not_held", "error_config"),
        *(f"{kind} {way}" for kind in ("aimd", "vegas", "gradient2") for way in ("up", "down")),
    ],
    RetryTwins: [
        *"ok stop_retries stop_deadline stop_retry_after refused_retry_budget draws".split(),
        *(f"{strategy} {jitter}" for strategy in ("fixed", "linear", "exponential") for jitter in JITTERS),
    ],
    BudgetTwins: ["ok", "refused_retry_budget", "large floor"],
    ThrottleTwins: ["ok", "refused_throttled", "certain", "likely"],
    HistogramTwins: ["ok", "empty", "merged"],
    HedgeTwins: ["ok", "refused_hedge_budget", "nothing more to save"],
}


def histories(twins):
    """Bytes of a configuration and up to MOST steps of three bytes."""

    @st.composite
    def drawn(draw):
        size = twins.head() + 3 * draw(st.integers(1, MOST))
        return draw(st.binary(min_size=size, max_size=size))

    return drawn()


def wanted(seen, end):
    """Whether the run is to go on."""
    return seen["steps"] < STEPS or time.monotonic() < end


def examples(twins, core, seen, number, end):
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
    @given(histories(twins))
    def round_of_examples(data):
        if wanted(seen, end):
            seen["steps"] += run(twins, core, data, seen)

    round_of_examples()


@pytest.mark.parametrize("twins", EXPECTED, ids=[twins.KIND for twins in EXPECTED])
def test_model_and_library_of_a_policy_agree_and_the_run_has_seen_enough(twins, capsys):
    seen, core, number = Counter(), Core(*load()), SEED
    end = time.monotonic() + SOAK
    names = [*EXPECTED[twins], *CLOCK]
    try:
        while wanted(seen, end):
            examples(twins, core, seen, number, end)
            number += 1
    finally:
        with capsys.disabled():
            lines = "\n".join(f"{name:32}{seen[name]:>10,}" for name in (*names, "end of time", "steps"))
            print(f"\n{twins.KIND}, seen:\n{lines}\nTRIFUSE_MODEL_SEED={SEED}\n")
    assert {name: seen[name] for name in names if seen[name] < EACH} == {}
    assert seen["end of time"] >= EACH // 20
    if twins is HistogramTwins:
        assert all(seen[f"octave {bits}"] >= EACH // 10 for bits in range(50))
    if twins is RetryTwins:
        assert abs(seen["in the upper half"] / seen["draws"] - 0.5) < 2.5 / seen["draws"] ** 0.5
