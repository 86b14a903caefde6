"""The total as a function of what no data can tell: the interaction of all lists together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from darkfigure.report.spread import round_values
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice, still
from darkfigure.report.words import between, number_or_none, rounded

MARKS = (1 / 4, 1 / 2, 1, 2, 4)
NAMES = {1 / 4: "a quarter", 1 / 2: "half", 1: "as many", 2: "twice", 4: "four times"}
STEPS = 15.0
"""Totals further apart than this factor are drawn on an axis on which each step multiplies."""


@dataclass(frozen=True)
class Unknowable:
    """What the page says of it: paragraphs, and a picture."""

    text: Sequence[str]
    chart: Chart


def unknowable(told: Mapping[str, Any]) -> Unknowable | None:
    """What the page says of the interaction of all lists; None where nobody is thought unseen.

    Parameters
    ----------
    told : mapping
        As `darkfigure.size.sensitivity` gives it.
    """
    if not told["total"] > told["observed"] + 0.5:
        return None
    return Unknowable(_text(told), curve(told))


def curve(told: Mapping[str, Any]) -> Chart:
    """The total and its range by how many times as many people may be on no list."""
    points = told["curve"]
    upper = [point["upper"] or math.inf for point in points]
    seen = told["observed"]
    highest = max([limit for limit in upper if math.isfinite(limit)] or [0.0])
    ceiling = 1.04 * min(max(highest, points[-1]["total"]), 3 * points[-1]["total"])
    logarithmic = ceiling > STEPS * seen
    floor = 0.9 * seen if logarithmic else 0.0
    rows = [
        {
            "x": point["times"],
            "y": point["total"],
            "low": max(floor, point["lower"]),
            "high": min(ceiling, limit),
        }
        for point, limit in zip(points, upper, strict=True)
    ]
    spread = math.exp(told["sd"])
    shade = [{"x": max(points[0]["times"], 1 / spread), "x2": min(points[-1]["times"], spread)}]

    def draw(width: int) -> str:
        names = {str(round(100 * mark)): NAMES[mark] for mark in MARKS}
        if width == NARROW:
            names |= {"25": "¼", "50": "½", "100": "same", "200": "2×", "400": "4×"}
        label = "".join(
            f"round(100*datum.value)=={value}?'{name}':" for value, name in names.items()
        )
        x = alt.X(
            "x:Q",
            scale=alt.Scale(type="log", domain=[1 / 4, 4], nice=False),
            axis=alt.Axis(
                title="people on no list, against what the lists suggest"
                if width > NARROW
                else "on no list, against expectation",
                values=list(MARKS),
                labelExpr=f"{label}''",
                grid=False,
            ),
        )
        axis = alt.Axis(
            title="people in all" + (" (each step multiplies)" if logarithmic else ""),
            format=",.0f",
            tickCount=5,
            grid=False,
            values=round_values(floor, ceiling) if logarithmic else alt.Undefined,
        )
        scale = alt.Scale(
            type="log" if logarithmic else "linear", domain=[floor, ceiling], nice=False
        )
        y = alt.Y("y:Q", scale=scale, axis=axis)
        line = alt.Chart(alt.InlineData(rows))
        chart = alt.layer(
            alt.Chart(alt.InlineData(shade))
            .mark_rect(fill=LINE, opacity=0.35)
            .encode(x=x, x2="x2:Q"),
            line.mark_area(color=QUIET, opacity=0.3).encode(
                x=x, y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q"
            ),
            line.mark_line(color=INK, strokeWidth=2.5).encode(x=x, y=y),
            alt.Chart(alt.InlineData([{"y": seen}]))
            .mark_rule(color=SEEN, strokeWidth=2, strokeDash=[5, 4])
            .encode(y=y),
            alt.Chart(alt.InlineData([{"x": 1, "y": told["total"]}]))
            .mark_point(shape="diamond", filled=True, opacity=1, size=130, color=INK)
            .encode(x=x, y=y),
        )
        return still(chart, width, 300 if width > NARROW else 260, f"unknowable-{width}")

    doubled = told["observed"] + 2 * (told["total"] - told["observed"])
    halved = told["observed"] + 0.5 * (told["total"] - told["observed"])
    shown = [_nearest(points, mark) for mark in MARKS]
    return drawn_twice(
        "unknowable",
        title=f"If twice as many are on no list as the lists suggest, there are {rounded(doubled)} "
        "people in all",
        caption="The line is the number of people in all, if so many times as many are on no list "
        "as the overlaps of fewer lists suggest; the band about it is the range. The diamond is "
        "the estimate of this page. The dashed line marks those who were seen. The shaded middle "
        "is what is plausible; the counts fit every point of the line equally well.",
        alt=f"A curve of the people in all, rising from {rounded(shown[0]['total'])} if a quarter "
        f"as many are on no list, over {rounded(halved)} for half, {rounded(told['total'])} for as "
        f"many and {rounded(doubled)} for twice as many, to {rounded(shown[-1]['total'])} for four "
        "times as many.",
        draw=draw,
        header=["Unseen, times what the lists suggest", "People in all", "Lower limit", "Upper"],
        rows=[
            [
                f"{NAMES[mark]} ({mark:g})",
                f"{point['total']:,.0f}",
                f"{point['lower']:,.0f}",
                number_or_none(point["upper"] or math.inf),
            ]
            for mark, point in zip(MARKS, shown, strict=True)
        ],
    )


def _text(told: Mapping[str, Any]) -> list[str]:
    lists = len(told["lists"])
    all_of = "both lists" if lists == 2 else "all lists together"
    spread = math.exp(told["sd"])
    learned = (
        "on the lists themselves, where it can be looked at, such a factor is typically"
        if told["hidden"]
        else "in published tables, where it can be looked at, such a factor is typically"
    )
    plausible = between(
        told["plausible_lower"], told["plausible_upper"] or math.inf, told["observed"]
    )
    said = [
        "Every estimate of this kind rests on one thing that no data can tell: whether being "
        f"missed by {all_of} is more or less common than the overlaps of fewer lists suggest. The "
        "counts fit as well whatever the answer, and the number changes with it.",
        f"How large it may be can be guessed: {learned} {spread:.1f} up or down. With this doubt "
        f"in it the range would be {plausible}.",
    ]
    if told["method"] in ("auto", "shrinkage"):
        said[-1] += " The range of this page has some of that doubt in it already."
    limits = [
        turn for turn in told["turns"] if turn["what"] in ("the lower limit", "the upper limit")
    ]
    reached = [turn["times"] for turn in limits if turn["times"]]
    if len(reached) == 2:
        low, high = sorted(reached)
        said.append(
            f"The best guess leaves its range once {low:.2g} or {high:.2g} times as many people "
            "are on no list as the lists suggest."
        )
    return said


def _nearest(points: Sequence[Mapping[str, Any]], times: float) -> Mapping[str, Any]:
    return min(points, key=lambda point: abs(math.log(point["times"] / times)))
