# SPDX-License-Identifier: MIT OR Apache-2.0
"""As much of SVG as the timeline needs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

Point = tuple[float, float]


class Drawing:
    """A picture of a fixed size in pixels, on white."""

    def __init__(self, width: int, height: int, title: str) -> None:
        """Begin with an empty picture; the title is what screen readers say."""
        self._root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width} {height}",
                "width": str(width),
                "height": str(height),
                "font-family": "Helvetica, Arial, sans-serif",
                "font-size": "12",
                "role": "img",
            },
        )
        ET.SubElement(self._root, "title").text = title
        self.rect(0, 0, width, height, "#ffffff")

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """Fill a rectangle."""
        self._add("rect", {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height), "fill": fill})

    def line(self, start: Point, end: Point, stroke: str = "#d0d7de") -> None:
        """Draw a thin line."""
        ends = {"x1": _n(start[0]), "y1": _n(start[1]), "x2": _n(end[0]), "y2": _n(end[1])}
        self._add("line", {**ends, "stroke": stroke})

    def path(self, points: Iterable[Point], stroke: str) -> None:
        """Draw a line through points."""
        text = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        style = {"fill": "none", "stroke": stroke, "stroke-width": "2", "stroke-linejoin": "round"}
        self._add("polyline", {"points": text, **style})

    def heading(self, at: Point, words: str) -> None:
        """Write the title of the picture; ``at`` is on its base line."""
        self._text(at, words, {"font-size": "18", "font-weight": "bold"})

    def text(self, at: Point, words: str, *, anchor: str = "start", fill: str = "#1f2328") -> None:
        """Write words; ``at`` is on their base line."""
        self._text(at, words, {"text-anchor": anchor, "fill": fill})

    def _text(self, at: Point, words: str, style: dict[str, str]) -> None:
        self._add("text", {"x": _n(at[0]), "y": _n(at[1]), **style}).text = words

    def write(self, path: Path) -> None:
        """Write the file. Raises OSError."""
        ET.indent(self._root, " ")
        path.write_text(ET.tostring(self._root, encoding="unicode") + "\n", encoding="utf-8")

    def _add(self, tag: str, attributes: dict[str, str]) -> ET.Element:
        return ET.SubElement(self._root, tag, attributes)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
