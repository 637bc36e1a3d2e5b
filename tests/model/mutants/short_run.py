# SPDX-License-Identifier: MIT OR Apache-2.0
"""A short run of the random model test without Hypothesis: exit status 1 at the first difference."""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "vectors")]

import chooser  # noqa: E402
from library import Core, load  # noqa: E402
from twins import run  # noqa: E402

STEPS = 150_000


def main():
    core, draws, done = Core(*load()), random.Random(1), 0
    while done < STEPS:
        done += run(core, draws.randbytes(chooser.HEAD + 3 * draws.randint(1, 2000)))


if __name__ == "__main__":
    main()
