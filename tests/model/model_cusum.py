# SPDX-License-Identifier: MIT OR Apache-2.0
"""The statistical detector's design, by its definition and in exact fractions.

Slow on purpose: a linear system of Fractions, solved by elimination. For thresholds up to ~60.
"""

import math
from fractions import Fraction
from functools import cache


def run_length(up, down, threshold, rate):
    """Expected calls from S = 0 until S >= threshold, each call failing with probability rate.

    L(s) = 1 + rate * L(s + up) + (1 - rate) * L(max(0, s - down)), and L = 0 from threshold on.
    """
    n = threshold
    rows = []
    for s in range(n):
        row = [Fraction(0)] * n + [Fraction(1)]
        row[s] += 1
        if s + up < n:
            row[s + up] -= rate
        row[max(0, s - down)] -= 1 - rate
        rows.append(row)
    return _first_unknown(rows)


def _first_unknown(rows):
    n = len(rows)
    for column in range(n - 1, 0, -1):
        pivot = rows[column]
        for row in rows[:column]:
            factor = row[column] / pivot[column]
            if factor:
                for k, value in enumerate(pivot):
                    if value:
                        row[k] -= factor * value
    return rows[0][n] / rows[0][0]


def steps(p0, p1):
    """The (up, down) of the smallest down in 1..16 that fits, or None."""
    r = math.log(p1 / p0) / math.log((1 - p0) / (1 - p1))
    for down in range(1, 17):
        up = round(down * r)
        if up and abs(up - down * r) <= 0.05 * down * r and p0 < down / (up + down) < p1:
            return up, down
    return None


@cache
def design(p0, p1, every):
    """(up, down, threshold) for two rates (as 1e-9 integers) and the calls between false openings."""
    a, b = Fraction(p0, 10**9), Fraction(p1, 10**9)
    up, down = steps(float(a), float(b))
    threshold = 1
    while run_length(up, down, threshold, a) < every:
        threshold += 1
    return up, down, threshold
