"""Intervals on a straight axis, in pixels: names on the left or above, numbers on the right.

A picture of many places needs its names, marks and numbers in columns, so that the axis is drawn
by hand, and not left to the plotting library.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from darkfigure.report.spread import round_values
from darkfigure.report.svg import INK, LINE, NARROW, PAPER, QUIET, SEEN, canvas, still
from darkfigure.report.words import clipped

STEPS = 8.0
"""Values further apart than this factor are drawn on an axis on which each step multiplies."""

AXIS = 62
"""How much room an axis takes with its numbers and its title, in pixels."""

FEW_ROWS = 16
"""More rows than this stand close together."""


class Sheet:
    """A picture as it is drawn, layer on layer, in pixels to the right and down.

    Examples
    --------
    >>> sheet = Sheet(40, 20)
    >>> sheet.put("text", [{"x": 20, "y": 10, "text": "Nevada"}])
    >>> "Nevada" in sheet.svg("some")
    True
    """

    def __init__(self, width: int, height: float) -> None:
        self.width, self.height = width, math.ceil(height)
        self._layers: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any]]] = {}

    def put(self, mark: str, rows: list[dict[str, Any]], **options: Any) -> None:
        """Some marks; see `canvas`. Those that are alike become one layer, under all later ones."""
        if rows:
            alone = len(self._layers) if mark in ("line", "area") else -1
            key = repr((mark, sorted(rows[0]), sorted(options.items()), alone))
            self._layers.setdefault(key, (mark, [], options))[1].extend(rows)

    def words(self, x: float, y: float, text: str, align: str = "left", **options: Any) -> None:
        """A line of text."""
        row = [{"x": x, "y": y, "text": text}]
        self.put("text", row, align=align, baseline="middle", **options)

    def svg(self, name: str) -> str:
        """The picture; its name and width keep its inner ids apart from other pictures'."""
        layers = [
            canvas(mark, rows, self.width, self.height, **options)
            for mark, rows, options in self._layers.values()
        ]
        return still(alt.layer(*layers), self.width, self.height, f"{name}-{self.width}")


@dataclass(frozen=True)
class Axis:
    """From a value to its place in pixels.

    Parameters
    ----------
    low, high : float
        The values at the ends.
    left, right : float
        The ends, in pixels.
    logarithmic : bool
        Whether each step multiplies.

    Examples
    --------
    >>> Axis(1, 100, 0, 200, True).at(10), Axis(0, 10, 0, 200, False).at(5)
    (100.0, 100.0)
    """

    low: float
    high: float
    left: float
    right: float
    logarithmic: bool

    def at(self, value: float) -> float:
        """Where a value stands; beyond an end, at the end."""
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    @property
    def ticks(self) -> list[float]:
        """A few round values."""
        if self.logarithmic:
            return round_values(self.low, self.high)
        step = 10.0 ** math.floor(math.log10(self.high - self.low))
        wide = (self.high - self.low) / step
        step *= 0.25 if wide < 1.5 else 0.5 if wide < 3 else 1 if wide < 6 else 2
        first = math.ceil(self.low / step)
        return [step * i for i in range(first, math.floor(self.high / step) + 1)]

    def draw(
        self, sheet: Sheet, y: float, title: str, write: Callable[[float], str] | None = None
    ) -> None:
        """Draw it at the height `y`, with its title under it; `AXIS` pixels are enough."""
        labels: list[dict[str, Any]] = []
        for tick in self.ticks:
            x, text = self.at(tick), (write or plain)(tick)
            if not labels or x - labels[-1]["x"] > 4 * (len(text) + len(labels[-1]["text"])) + 4:
                labels.append({"x": x, "y": y + 14, "text": text})
        sheet.put("rule", [{"x": self.left, "x2": self.right, "y": y}], stroke=QUIET)
        sheet.put(
            "rule", [{"x": self.at(v), "y": y, "y2": y + 5} for v in self.ticks], stroke=QUIET
        )
        sheet.put("text", labels, baseline="middle", color=QUIET)
        said = title + (" (each step multiplies)" if self.logarithmic else "")
        middle = (self.left + self.right) / 2
        across = 2 * min(middle, sheet.width - middle)
        for i, line in enumerate(textwrap.wrap(said, int(across / 6.6))):
            sheet.words(middle, y + 33 + 16 * i, line, "center", color=QUIET)


def plain(value: float) -> str:
    """A round value as it stands at an axis.

    Examples
    --------
    >>> plain(10_000.0), plain(0.25)
    ('10,000', '0.25')
    """
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def axis_for(values: Sequence[float], left: float, right: float, *, whole: bool = False) -> Axis:
    """An axis that holds all these values, on which each step multiplies if they are far apart.

    Parameters
    ----------
    values : sequence of float
        Infinite ones are left out.
    left, right : float
        Its ends, in pixels.
    whole : bool
        Whether each step multiplies in any case, as for ratios.

    Examples
    --------
    >>> axis_for([5.0, 500.0], 0, 100).logarithmic, axis_for([5.0, 8.0], 0, 100).low
    (True, 4.82)
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    positive = [value for value in finite if value > 0]
    if positive and (whole or high > STEPS * max(low, 1e-9)):
        low = max(min(positive), high / 1e4)
        return Axis(low / 1.15, max(high, 1.5 * low) * 1.15, left, right, True)
    pad = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return Axis(max(0.0, low - pad), high + pad, left, right, False)


@dataclass(frozen=True)
class Row:
    """A place with a value and its range.

    Parameters
    ----------
    name : str
    middle, lower, upper : float
        `upper` may be infinite.
    focus : bool
        Whether the question is about it.
    hollow : bool
        Whether it cannot be told from what it is held against.
    share : float or None
        The share seen, between 0 and 1, drawn as a bar.
    text : str
        What stands on the right.
    recorded : float or None
        What the records alone say, marked on the same axis.
    """

    name: str
    middle: float
    lower: float
    upper: float
    focus: bool = False
    hollow: bool = False
    share: float | None = None
    text: str = ""
    recorded: float | None = None


def shortlist(rows: Sequence[Row], ends: int = 10) -> list[Row]:
    """The places in focus, and the first and the last, where there is no room for all.

    Examples
    --------
    >>> rows = [Row(str(i), 1.0, 1.0, 1.0, focus=i == 25) for i in range(51)]
    >>> [row.name for row in shortlist(rows, 2)]
    ['0', '1', '25', '49', '50']
    """
    if len(rows) <= 2 * ends + 3:
        return list(rows)
    last = len(rows) - ends
    return [row for i, row in enumerate(rows) if row.focus or i < ends or i >= last]


def caterpillar(
    name: str,
    rows: Sequence[Row],
    unit: str,
    *,
    head: str = "",
    silent: Sequence[str] = (),
    middle: float | None = None,
) -> Callable[[int], str]:
    """How to draw places with their ranges, one under the other, at a width.

    Parameters
    ----------
    name : str
        Of the chart, for its ids.
    rows : sequence of Row
    unit : str
        What is along the axis.
    head : str
        What the numbers on the right are.
    silent : sequence of str
        Places without a range, each with why; they stand under the others, hollow.
    middle : float, optional
        A value marked by a line through all rows.
    """

    def draw(width: int) -> str:
        narrow = width == NARROW
        shown = shortlist(rows) if narrow else list(rows)
        close = len(shown) > FEW_ROWS
        texts = max(len(row.text) for row in shown)
        bars = any(row.share is not None for row in shown) and not narrow
        left = 8.0 if narrow else 7.4 * max(len(clipped(row.name, 26)) for row in shown) + 18
        right = width - 8.0 if narrow or not texts else width - 7.0 * texts - 12
        right -= 78 if bars else 0
        ends = [x for r in shown for x in (r.lower, r.middle, r.upper, r.recorded) if x is not None]
        axis = axis_for([*ends, *([] if middle is None else [middle])], left, right)
        step = (30.0 if close else 40.0) if narrow else (15.0 if close else 27.0)
        top = 22.0 if head else 4.0
        base = top + step * len(shown) + 6
        lines = [_wrapped(each, 44 if narrow else 84) for each in silent]
        sheet = Sheet(width, base + AXIS + 17 * sum(map(len, lines)) + (14 if lines else 0))
        if middle is not None:
            through = [{"x": axis.at(middle), "y": top, "y2": base}]
            sheet.put("rule", through, stroke=LINE, strokeWidth=2)
        for i, row in enumerate(shown):
            y = top + step * (i + (0.72 if narrow else 0.5))
            level = y - (15 if narrow else 0)
            ink, weight = (INK, 3.5) if row.focus else (QUIET, 2.0)
            at = {"x": axis.at(row.middle), "y": y}
            span = {"x": axis.at(row.lower), "x2": axis.at(row.upper), "y": y}
            sheet.put("rule", [span], stroke=ink, strokeWidth=weight)
            sheet.put(
                "point",
                [at],
                shape="diamond" if row.focus else "circle",
                size=110 if row.focus else 34 if close else 60,
                fill=PAPER if row.hollow else ink,
                stroke=ink,
                strokeWidth=1.6,
                opacity=1,
            )
            bold = 600 if row.focus else 400
            sheet.words(0, level, clipped(row.name, 26), fontWeight=bold)
            sheet.words(width, level, row.text, "right", color=QUIET)
            if row.upper > axis.high:
                beyond = [{"x": axis.right, "y": y}]
                sheet.put("point", beyond, shape="triangle-right", size=60, fill=ink, stroke=ink)
            if row.recorded is not None:
                there = axis.at(row.recorded)
                tick = [{"x": there, "y": y - 6, "y2": y + 6}]
                sheet.put("rule", tick, stroke=SEEN, strokeWidth=3)
            if bars and row.share is not None:
                start = right + 16
                bar = [{"x": start, "x2": start + 60 * row.share, "y": y - 5, "y2": y + 5}]
                sheet.put("rect", bar, fill=SEEN)
        if head:
            sheet.words(width, 8, head, "right", color=QUIET)
        axis.draw(sheet, base, unit)
        y = base + AXIS + 8
        for some in lines:
            sheet.put("point", [{"x": 8, "y": y}], size=50, stroke=INK, strokeWidth=1.3)
            for line in some:
                sheet.words(20, y, line)
                y += 17
        return sheet.svg(name)

    return draw


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, max_lines=3, placeholder=" …")
