# SPDX-License-Identifier: MIT OR Apache-2.0
"""A short run of the random model tests without Hypothesis: exit status 1 at the first difference."""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "vectors")]

import chooser  # noqa: E402
import policy_twins  # noqa: E402
from library import Core, load  # noqa: E402
from twins import run  # noqa: E402
from twins_concurrency import ConcurrencyTwins  # noqa: E402
from twins_limiter import LimiterTwins  # noqa: E402
from twins_retry import BudgetTwins, RetryTwins  # noqa: E402
from twins_traffic import HedgeTwins, HistogramTwins, ThrottleTwins  # noqa: E402

POLICIES = (
    HedgeTwins,
    RetryTwins,
    BudgetTwins,
    ThrottleTwins,
    HistogramTwins,
    ConcurrencyTwins,
    LimiterTwins,
)
STEPS = 150_000
STEPS_OF_A_POLICY = 40_000


def policies(core, draws):
    for twins in POLICIES:
        done = 0
        while done < STEPS_OF_A_POLICY:
            data = draws.randbytes(twins.head() + 3 * draws.randint(1, 2000))
            done += policy_twins.run(twins, core, data)


def main():
    core, draws, done = Core(*load()), random.Random(1), 0
    policies(core, draws)
    while done < STEPS:
        done += run(core, draws.randbytes(chooser.HEAD + 3 * draws.randint(1, 2000)))


if __name__ == "__main__":
    main()
