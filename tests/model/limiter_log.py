# SPDX-License-Identifier: MIT OR Apache-2.0
"""Beside the twins of a rate limiter: how fine a token bucket counts, and an exact log of what was granted."""

from math import ceil, gcd

from model_limiter import TokenBucket

LINES = 30
FINEST = 4096
FAR = 2**45


class Grain:
    """How fine a bucket counts: in `units` a token. They are exact where a nanosecond brings a whole number of
    them. Another rate takes over what the one before had rounded."""

    def __init__(self, model, before=None):
        self.model, self.deepest = model, 0
        common = gcd(model.speed, model.unit)
        self.period, self.speed = model.unit // common, model.speed // common
        self.inherited = before.loose() + 1 / before.units() + 1 / self.units() if before else 0

    def deepen(self, now):
        self.deepest = max(self.deepest, self.model.debt(now))

    def units(self):
        """At most 4,096 a ns, 2^59 a full bucket, 2^60 the deepest debt."""
        finest = self.period if self.speed <= FINEST else max(1, FINEST * self.period // self.speed)
        return min(finest, 2**59 // self.model.most, 2**60 // max(1, self.deepest))

    def exact(self):
        return self.units() == self.period and not self.inherited

    def far(self):
        """ns in which a bucket, or a debt, may take up a new beginning."""
        return min(FAR, 2**56 * self.model.unit // self.model.speed)

    def rounded(self):
        """Tokens that a few steps are; none where the units are exact."""
        return 0 if self.units() == self.period else 3 / self.units()

    def loose(self):
        """Tokens that the library may have less than the model, or more."""
        return self.inherited + self.rounded()

    def near(self, model, real):
        """Whether two waits are as near as that."""
        slack = ceil(self.loose() * self.model.unit / self.model.speed)
        return abs(model - real) <= (slack and 1 + slack)

    def tokens(self):
        """Whole tokens that this may hide."""
        return ceil(self.loose())


class Log:
    """What was granted, as a reader of the promise would write it down, [time, tokens] a line. A line that comes
    late stands at the time of the one before it: what the clock of a caller says does not change the order.
    (Of a bucket only while the clock does not step back: what an older now puts in has no place in it.)"""

    def __init__(self, twins):
        self.twins, self.model, self.lines = twins, twins.model, []
        if isinstance(self.model, TokenBucket):
            self.note(twins.now, (self.model.full - self.model.level(twins.now)) / self.model.unit)

    def note(self, now, n):
        """Writes a line; what is old is torn off."""
        self.lines.append([max(now, self.lines[-1][0] if self.lines else 0), n])
        del self.lines[:-LINES]
        return self.lines[-1]

    def granted(self, n, now):
        """Writes a grant down and reads the promise; the line."""
        kind = self.model.c["kind"]
        line = self.note(max(now, self.model.base) if kind == "token_bucket" else now, n)
        if kind == "token_bucket" and self.twins.steady:
            self.check_bucket()
        if kind in ("sliding_log", "fixed_window"):
            self.check_window(line[0])
        return line

    def taken_back(self, line, n, now):
        """Less was granted than the line says."""
        if not any(line is other for other in self.lines):
            self.note(now, -n)
            return
        line[1] -= n
        self.lines = [other for other in self.lines if other[1]]

    def check_bucket(self):
        """Never more than c + r t in any t that ends here; a reservation is ready on the whole ns."""
        end, per_ns, total = self.lines[-1][0], self.model.speed / self.model.unit, 0
        for time, n in reversed(self.lines):
            total += n
            if total > (self.model.most + (end - time + 1) * per_ns) * (1 + 1e-9):
                self.twins.fail("more than c + r t", self.lines, total)

    def check_window(self, end):
        """Never more than N in the window that ends here."""
        window, most = self.model.window, self.model.most
        if self.model.c["kind"] == "fixed_window":
            total = sum(n for time, n in self.lines if time // window == end // window)
        else:
            total = sum(n for time, n in self.lines if time > end - window)
        if total > most:
            self.twins.fail("more than N in a window", most, total)
