# SPDX-License-Identifier: MIT OR Apache-2.0
"""How many tokens a text has, by a rule that needs no vocabulary; long texts are sampled.

The weights were fitted by least squares of the relative error to o200k_base; docs/tokens.md has the
rule's error by language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

__all__ = ["by_rule", "count", "rough"]

# A text longer than this is counted in windows spread over it.
SAMPLED_ABOVE = 32_768
_WINDOWS = 16
_WINDOW = 1_024

# Runs of letters as camel case divides them, groups of digits, runs of other signs: one piece each.
_PIECES = (
    (re.compile(r"[A-Z]?[a-z]+|[A-Z]+"), 1.1),
    (re.compile(r"\d{1,3}"), 1.25),
    (re.compile(r"[!-/:-@\[-`{-~]+"), 0.95),
)
_LONG = (re.compile(r"[a-z]{8,}"), 0.1)
# By character: letters with accents, Greek and Cyrillic, Semitic, South Asian and the like, signs,
# Chinese and Japanese, Korean, emoji.
_CHARACTERS = (
    (re.compile("[\u0080-\u036f\u1e00-\u1fff]+"), 0.1),
    (re.compile("[\u0370-\u052f]+"), 0.4),
    (re.compile("[\u0530-\u08ff]+"), 0.45),
    (re.compile("[\u0900-\u1dff]+"), 0.5),
    (re.compile("[\u2000-\u2e7f]+"), 0.5),
    (re.compile("[\u2e80-\uabff\ud7b0-\uffff]+"), 0.75),
    (re.compile("[\uac00-\ud7af]+"), 0.7),
    (re.compile("[\U00010000-\U0010ffff]+"), 1.5),
)

Counter = Callable[[str], float]


def by_rule(text: str) -> float:
    """Give the tokens of a text by the rule."""
    pattern, weight = _LONG
    tokens = weight * sum(map(len, pattern.findall(text)))
    for pattern, weight in _PIECES:
        tokens += weight * len(pattern.findall(text))
    if not text.isascii():
        for pattern, weight in _CHARACTERS:
            tokens += weight * sum(map(len, pattern.findall(text)))
    return tokens


def count(texts: Iterable[str], counter: Counter = by_rule) -> int:
    """Give the tokens of several texts together, rounded up; of very long ones, by samples."""
    kept = [text for text in texts if text]
    length = sum(map(len, kept))
    if length <= SAMPLED_ABOVE:
        return math.ceil(sum(map(counter, kept)))
    sample = _sampled(kept, length)
    return math.ceil(counter(sample) * length / len(sample))


def rough(text: str) -> float:
    """Give the tokens of a few words of a stream, cheaply: a quarter of the characters or bytes less ASCII."""
    return len(text) / 4 if text.isascii() else len(text.encode("utf-8", "replace")) / 4


def _sampled(texts: list[str], length: int) -> str:
    """Join windows spread evenly over all texts."""
    parts, starts = [], iter(range(0, length, length // _WINDOWS))
    begins, start = 0, next(starts, None)
    for text in texts:
        ends = begins + len(text)
        while start is not None and start < ends:
            parts.append(text[start - begins : start - begins + _WINDOW])
            start = next(starts, None)
        begins = ends
    return "".join(parts)
