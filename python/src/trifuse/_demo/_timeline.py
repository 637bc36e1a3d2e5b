# SPDX-License-Identifier: MIT OR Apache-2.0
"""The picture of a run: what the server went through, what reached it, what users got."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from trifuse._demo import _words
from trifuse._demo._figures import Measured
from trifuse._demo._svg import Drawing, Point

_WIDTH, _LEFT, _RIGHT = 960, 170, 930
_MOST_BINS = 90
LANE_COLOURS = {"without": "#cf222e", "bare": "#e8a33d", "with": "#0969da"}
_GOT_COLOURS = {"answer": "#4ac26b", "fallback": "#e8c341", "error": "#cf222e"}
_GOT_WORDS = {"answer": "answered", "fallback": "fallback", "error": "failed"}
_PHASE_COLOURS = {
    "healthy": "#2da44e",
    "errors": "#cf222e",
    "hangs": "#8250df",
    "brownout": "#8250df",
    "slow": "#8250df",
    "overload": "#cf222e",
    "healed": "#2da44e",
}
_PHASE_WORDS = {
    "healthy": "well",
    "errors": "answers 500",
    "hangs": "hangs",
    "brownout": "three of five hang",
    "slow": "slow",
    "overload": "three times the questions",
}
_STATE_COLOURS = {"closed": "#2da44e", "open": "#cf222e", "half_open": "#6e7781"}
_MUTED = "#57606a"


def write_timeline(path: Path, measured: Measured) -> None:
    """Draw a run and write the file. Raises OSError."""
    _Timeline(measured).draw().write(path)


class _Timeline:
    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._span = measured.script.seconds
        self._bin = max(1.0, math.ceil(self._span / _MOST_BINS))
        self._bins = math.ceil(self._span / self._bin)
        self._picture = Drawing(_WIDTH, 700, "trifuse demo: " + measured.script.script.picture)

    def draw(self) -> Drawing:
        self._head()
        words = {**_PHASE_WORDS, "healed": self._measured.script.script.over}
        self._strip(62, "the server", self._phase_spans(), _PHASE_COLOURS, words)
        if self._measured.limits:
            self._limit_strip(92)
        else:
            self._strip(92, "the breaker", self._state_spans(), _STATE_COLOURS, _words.STATES)
        self._lines(
            150,
            "requests that reach",
            "the server, per " + self._bin_words(),
            self._arrival_rates(),
        )
        self._lines(290, "longest wait in seconds,", "by the time of asking", self._waits())
        for y, key in ((430, "with"), (530, "without")):
            self._bars(y, self._measured.labels[key] + ":", key)
        self._axis(640)
        self._legend(682)
        return self._picture

    def _bin_words(self) -> str:
        return "second" if self._bin == 1 else f"{self._bin:g} s"

    def _x(self, seconds: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(max(seconds / self._span, 0.0), 1.0)

    def _head(self) -> None:
        figures = {f.key: f for f in self._measured.lanes()}
        without, guarded = figures["without"], figures["with"]
        script = self._measured.script.script
        self._picture.heading((20, 26), script.picture)
        requests = (
            f"server {guarded.requests} instead of {without.requests}"
            if script.workers
            else f"{script.trouble} server {guarded.load_on_broken} instead of {without.load_on_broken}"
        )
        words = (
            f"errors seen by users {guarded.errors} ({guarded.fallbacks} fallbacks) "
            f"instead of {without.errors}; "
            f"requests to the {requests}; "
            f"time waited in vain {_words.seconds(guarded.waited_in_vain)} "
            f"instead of {_words.seconds(without.waited_in_vain)}"
        )
        self._picture.text((20, 46), words, fill=_MUTED)

    def _phase_spans(self) -> list[tuple[float, str]]:
        return list(self._measured.phase_changes)

    def _state_spans(self) -> list[tuple[float, str]]:
        return [(0.0, "closed"), *((c.at, c.after) for c in self._measured.changes)]

    def _strip(
        self, y: float, label: str, spans: Sequence[tuple[float, str]],
        colours: dict[str, str], words: dict[str, str],
    ) -> None:  # fmt: skip
        self._label(y + 15, label)
        ends = [at for at, _ in spans[1:]] + [self._span]
        for (begin, name), end in zip(spans, ends, strict=True):
            left, width = self._x(begin), self._x(end) - self._x(begin)
            self._picture.rect(left, y, width, 22, colours[name])
            if width > 7 * len(words[name]):
                self._picture.text((left + 6, y + 15), words[name], fill="#ffffff")

    def _limit_strip(self, y: float) -> None:
        self._label(y + 15, "the adaptive limit")
        most = max(limit.limit for limit in self._measured.limits)
        points = [(self._x(at), y + 22 - 20 * limit / most) for at, limit in self._measured.limits]
        self._picture.path(points, LANE_COLOURS["with"])
        self._picture.text((_LEFT - 4, y + 10), str(most), anchor="end", fill=_MUTED)

    def _binned(self, times: Iterable[float]) -> list[int]:
        counts = Counter(int(at / self._bin) for at in times)
        return [counts[number] for number in range(self._bins)]

    def _arrival_rates(self) -> dict[str, list[float]]:
        began, arrivals = self._measured.began, self._measured.arrivals
        return {
            key: [float(n) for n in self._binned(a.at - began for a in arrivals if a.key == key)]
            for key in self._measured.labels
        }

    def _waits(self) -> dict[str, list[float]]:
        longest = {key: [0.0] * self._bins for key in self._measured.labels}
        for call in self._measured.calls:
            number = min(int((call.began - self._measured.began) / self._bin), self._bins - 1)
            longest[call.lane][number] = max(longest[call.lane][number], call.seconds)
        return longest

    def _lines(self, y: float, first: str, second: str, series: dict[str, list[float]]) -> None:
        height = 110.0
        most = math.ceil(max(1.0, *(max(values) for values in series.values())))
        self._frame(y, height, first, second, most)
        for key, values in series.items():
            self._picture.path(self._steps(values, y + height, height / most), LANE_COLOURS[key])

    def _steps(self, values: Sequence[float], base: float, scale: float) -> Iterable[Point]:
        for number, value in enumerate(values):
            yield self._x(number * self._bin), base - value * scale
            yield self._x((number + 1) * self._bin), base - value * scale

    def _bars(self, y: float, first: str, key: str) -> None:
        height, began = 80.0, self._measured.began
        calls = [c for c in self._measured.calls if c.lane == key]
        most = max(1, *self._binned(c.began - began for c in calls))
        self._frame(y, height, first, "what users got", most)
        base = [y + height] * self._bins
        for got, colour in _GOT_COLOURS.items():
            counts = self._binned(c.began - began for c in calls if c.got == got)
            for number, count in enumerate(counts):
                left, right = self._x(number * self._bin), self._x((number + 1) * self._bin)
                tall = count * height / most
                base[number] -= tall
                if count:
                    self._picture.rect(left + 0.5, base[number], right - left - 1, tall, colour)

    def _frame(self, y: float, height: float, first: str, second: str, most: int) -> None:
        self._label(y + height / 2 - 4, first)
        self._label(y + height / 2 + 12, second)
        for share in (0.0, 0.5, 1.0):
            level = y + height * (1 - share)
            self._picture.line((_LEFT, level), (_RIGHT, level))
        self._picture.text((_LEFT - 4, y + 10), str(most), anchor="end", fill=_MUTED)

    def _label(self, y: float, words: str) -> None:
        self._picture.text((20, y), words)

    def _axis(self, y: float) -> None:
        step = next(s for s in (5, 10, 30, 60) if self._span <= 12 * s)
        for second in range(0, int(self._span) + 1, step):
            self._picture.text((self._x(second), y), f"{second} s", anchor="middle", fill=_MUTED)

    def _legend(self, y: float) -> None:
        entries = [(LANE_COLOURS[key], label) for key, label in self._measured.labels.items()]
        entries += [(colour, _GOT_WORDS[got]) for got, colour in _GOT_COLOURS.items()]
        entries.append((_STATE_COLOURS["half_open"], "half-open"))
        x = float(_LEFT)
        for colour, words in entries:
            self._picture.rect(x, y - 10, 12, 12, colour)
            self._picture.text((x + 18, y), words)
            x += 34 + 6.2 * len(words)
