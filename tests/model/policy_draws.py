# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the naive models of the policies share: rates in billionths, uniform draws, windows of buckets."""

from model_parts import GOLDEN, WORD, draw, scramble

BILLION = 10**9


def billionths(rate):
    """The nearest whole number of 1e-9."""
    return int(rate * 1e9 + 0.5)


def uniform(x, most):
    """0..most from 64 random bits."""
    return x * (most + 1) // WORD


class Stream:
    """Random bits of one call: its number among the calls that drew, the seed and the time make the start."""

    def __init__(self, seed, number, now):
        self.at = draw(seed, number, now)

    def next(self):
        bits = scramble(self.at)
        self.at = (self.at + GOLDEN) % WORD
        return bits


class Buckets:
    """Counts of several series in B buckets of `width`, by epoch; what is older than the newest B is gone."""

    def __init__(self, width, buckets, series, now):
        self.width, self.buckets = width, buckets
        self.newest = now // width
        self.counts = [{} for _ in range(series)]
        self.totals = [0] * series

    def see(self, now):
        """Time has come so far; forgets what is out of the window."""
        if now // self.width <= self.newest:
            return
        self.newest = now // self.width
        for series in self.counts:
            for epoch in [e for e in series if e <= self.newest - self.buckets]:
                del series[epoch]

    def add(self, series, now):
        """Counts in the bucket of now; too old for the window, in the total alone."""
        self.see(now)
        self.totals[series] += 1
        epoch = now // self.width
        if epoch > self.newest - self.buckets:
            self.counts[series][epoch] = self.counts[series].get(epoch, 0) + 1

    def sum(self, series, now=0):
        """What counts at the newest time, or at now if that is later."""
        epoch = now // self.width
        if epoch <= self.newest:
            return sum(self.counts[series].values())
        return sum(n for e, n in self.counts[series].items() if e > epoch - self.buckets)
