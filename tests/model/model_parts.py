# SPDX-License-Identifier: MIT OR Apache-2.0
"""The small parts of the naive model: rounding, the draw of the jitter, permits, one cusum."""

from dataclasses import dataclass

NEVER = 2**64 - 1
WORD = 2**64
GOLDEN = 0x9E3779B97F4A7C15


def at_microsecond(now, wait):
    """The first whole microsecond that is not before now + wait; saturates to NEVER."""
    return min(-(-min(now + wait, NEVER) // 1000) * 1000, NEVER)


def scramble(z):
    """SplitMix64's step and finaliser."""
    z = (z + GOLDEN) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def draw(seed, generation, now):
    """The 64-bit draw of one opening."""
    z = scramble(seed ^ (generation * GOLDEN % WORD))
    return scramble(z ^ (now * 0xC2B2AE3D27D4EB4F % WORD))


@dataclass(frozen=True)
class Permit:
    """What an admission gives: the breaker, its generation, and for a probe the number of its lease."""

    owner: object
    generation: int
    lease: int | None


class Cusum:
    """One S and its design (up, down, threshold); off when the design is None."""

    def __init__(self, design):
        self.design = design
        self.s = 0
        self.stamp = 0

    def restart(self):
        self.s = self.stamp = 0

    def redesign(self, design, *, other_clock):
        if design != self.design or other_clock:
            self.design = design
            self.restart()

    def aged(self, stamp):
        return self.s >> (max(0, stamp - self.stamp) // 1024)

    def record(self, bad, stamp):
        if self.design is None or (self.s == 0 and not bad):
            return
        up, down, threshold = self.design
        self.s = self.aged(stamp)
        self.stamp = max(self.stamp, stamp)
        self.s = min(self.s + up, threshold) if bad else max(self.s - down, 0)

    def holds(self):
        return self.design is not None and self.s >= self.design[2]
