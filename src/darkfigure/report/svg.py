"""Drawing: the colours, and a chart turned into a still picture that follows the page's colours.

A picture is drawn in the colours of ink on paper, so that it also stands alone. The page's style
sheet gives each of these colours its counterpart in dark mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

INK = "#1c1b19"
PAPER = "#fbfaf6"
QUIET = "#5f5b54"
LINE = "#cfcabf"
SEEN = "#00628a"
FONT = "system-ui, sans-serif"

WIDE, NARROW = 640, 328
"""The widths of the two drawings of each chart, in CSS pixels: for a desk or paper, for a phone."""


@dataclass(frozen=True)
class Chart:
    """A picture in two widths, with all that is needed to do without it.

    Parameters
    ----------
    name : str
        A short name, the start of its ids on the page.
    title, caption, alt : str
        What it shows, how to read it, and the same for somebody who cannot see it.
    wide_svg, narrow_svg : str
        The drawings, for a desk or paper and for a phone.
    header : list of str
        The columns of the table behind it.
    rows : list of list of str
        The table's rows.
    """

    name: str
    title: str
    caption: str
    alt: str
    wide_svg: str
    narrow_svg: str
    header: list[str]
    rows: list[list[str]]


def drawn_twice(name: str, *, draw: Callable[[int], str], **parts: Any) -> Chart:
    """The chart with its drawing made for both widths."""
    return Chart(name=name, wide_svg=draw(WIDE), narrow_svg=draw(NARROW), **parts)


def still(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, width: int, height: int, name: str
) -> str:
    """The chart as SVG of this size; `name` keeps its inner ids apart from other charts'."""
    spec: dict[str, Any] = chart.properties(width=width, height=height).to_dict(validate=False)
    size = 13 if width == WIDE else 12
    spec["padding"] = 1
    spec["background"] = "transparent"
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["config"] = {
        "aria": False,
        "font": FONT,
        "view": {"stroke": None},
        "text": {"font": FONT, "fontSize": size, "color": INK},
        "axis": {
            "labelFont": FONT,
            "titleFont": FONT,
            "labelFontSize": size,
            "titleFontSize": size,
            "titleFontWeight": "normal",
            "labelColor": QUIET,
            "titleColor": QUIET,
            "gridColor": LINE,
            "domainColor": QUIET,
            "tickColor": QUIET,
            "titlePadding": 8,
            "labelFlush": True,
            "labelOverlap": "greedy",
            "labelBound": True,
        },
    }
    drawn: str = vl_convert.vegalite_to_svg(spec)
    drawn = re.sub(r' (?:role|aria-[a-z]+|class|pointer-events)="[^"]*"', "", drawn)
    drawn = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawn)
    drawn = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawn)
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def canvas(
    mark: str, rows: list[dict[str, Any]], width: int, height: int, **options: Any
) -> alt.Chart:
    """A layer whose rows give the place of each mark in pixels, `x` to the right and `y` down."""
    drawing: alt.Chart = getattr(alt.Chart(alt.InlineData(rows)), f"mark_{mark}")(**options)
    places: dict[str, Any] = {
        "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False)),
        "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False)),
    }
    first = rows[0] if rows else {}
    if "x2" in first:
        places["x2"] = alt.X2("x2:Q")
    if "y2" in first:
        places["y2"] = alt.Y2("y2:Q")
    if "text" in first:
        places["text"] = alt.Text("text:N")
    if "opacity" in first:
        places["opacity"] = alt.Opacity("opacity:Q", scale=None)
    return drawing.encode(**places)
