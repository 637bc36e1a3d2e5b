# SPDX-License-Identifier: MIT OR Apache-2.0
"""Quantiles of the histogram beside exact ones, for loads of known shapes (LATENCY-01)."""

import random

import pytest
from library import Core, load
from model_traffic import within_five_percent
from objects import CoreObjects

NOW, MS = 10**9, 10**6
VALUES = 20_000
DRAWS = random.Random(7)
SHAPES = {
    "uniform": lambda: DRAWS.uniform(1, 1000) * MS,
    "log-normal": lambda: DRAWS.lognormvariate(17, 1.5),
    "bimodal": lambda: DRAWS.gauss(2, 0.2) * MS if DRAWS.random() < 0.9 else DRAWS.gauss(3000, 100) * MS,
    "constant": lambda: 123_456_789,
    "exponential": lambda: DRAWS.expovariate(1 / (50 * MS)),
    "pareto": lambda: DRAWS.paretovariate(1.1) * MS,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sliding", [0, 60 * 10**9])
def test_every_quantile_of_a_load_is_within_five_percent(shape, sliding):
    objects = CoreObjects(Core(*load()))
    _, _, histogram = objects.make("histogram", {"sliding_ns": sliding}, NOW)
    values = sorted(max(1, min(int(SHAPES[shape]()), 2**48)) for _ in range(VALUES))
    for value in DRAWS.sample(values, VALUES):
        assert objects.lib.trifuse_histogram_record(histogram, value, NOW) == 0
    word = objects.ffi.new("uint64_t *")
    for thousandth in range(1001):
        assert objects.lib.trifuse_histogram_quantile(histogram, thousandth / 1000, NOW, word) == 0
        exact = values[max(1, -(-VALUES * thousandth // 1000)) - 1]
        assert within_five_percent(word[0], exact), (shape, thousandth, exact, word[0])
