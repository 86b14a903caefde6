"""The people as dots, and the overlap of the lists. Each picture says in its title what it shows,
and has its numbers in a table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from darkfigure.disclosure import publishable_overlaps
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report.svg import INK, LINE, QUIET, SEEN, WIDE, Chart, canvas, drawn_twice, still
from darkfigure.report.words import clipped, is_one, limits, number_or_none, one_in, opened, rounded

MOST_DOTS = 250
MOST_ROWS = 16
FURTHEST = 3.0
"""How many times the estimate the fringe of dots may reach; beyond, it is cut and said so."""


def people_per_dot(people: float) -> int:
    """The round number of people that one dot stands for.

    Examples
    --------
    >>> people_per_dot(180), people_per_dot(15_000), people_per_dot(1_000_000)
    (1, 100, 5000)
    """
    for power in itertools.count():
        for digit in (1, 2, 5):
            if digit * 10**power * MOST_DOTS >= people:
                return int(digit * 10**power)
    raise AssertionError("unreachable")  # pragma: no cover


def dots(histories: CaptureHistories, estimate: Estimate) -> Chart:
    """Everybody as dots: seen, unseen, and the fringe of what is not known.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 300, 250, 120])
    >>> dots(h, Estimate(1295.0, 1150.0, 1480.0, 0.95, 670, "independent", ("a", "b"))).title
    'About half of all the people were seen'
    """
    furthest = min(estimate.upper, FURTHEST * estimate.total)
    one = people_per_dot(furthest)
    seen = max(1, round(histories.observed / one))
    sure = max(seen, round(max(estimate.lower, histories.observed) / one))
    likely = max(sure, round(estimate.total / one))
    last = max(likely, round(furthest / one))
    share = one_in(estimate.coverage)
    if estimate.details.get("lower_bound"):
        share = f"at most {share}"
    were = "was" if is_one(estimate.coverage) else "were"
    unit = "one person" if one == 1 else f"{one:,} people"
    cut = estimate.upper > furthest
    reach = "any number more" if math.isinf(estimate.upper) else f"up to {_outer(estimate)}"
    key = [
        ("seen", f"seen: {rounded(histories.observed)} people on at least one list"),
        ("unseen", f"unseen: about {rounded(estimate.unseen)} more, on no list"),
        ("fringe", f"not known: perhaps {reach}"),
    ]

    def draw(width: int) -> str:
        columns = 25 if width == WIDE else 16
        gap = (width - 4) / columns
        top = 26 * len(key) + 6
        height = math.ceil(top + gap * math.ceil(last / columns) + 4)

        def place(index: int) -> dict[str, Any]:
            return {
                "x": 2 + gap * (index % columns + 0.5),
                "y": top + gap * (index // columns + 0.5),
                "opacity": _opacity(index, sure, likely, last),
            }

        mark = {"x": 10, "opacity": 1.0}
        size = 0.34 * gap
        filled = [place(i) for i in range(seen)]
        hollow = [place(i) for i in range(seen, last)]
        fading = [{"x": 10 + 15 * i, "y": 65, "opacity": o} for i, o in enumerate((0.7, 0.45, 0.2))]
        words = [
            {"x": 56 if name == "fringe" else 26, "y": 13 + 26 * i, "text": text}
            for i, (name, text) in enumerate(key)
        ]
        area = math.pi * size**2
        radius = math.pi * 5.5**2
        return still(
            alt.layer(
                canvas("circle", filled, width, height, size=area * 1.15, color=SEEN),
                canvas("point", hollow, width, height, size=area, stroke=INK, strokeWidth=1.3),
                canvas("circle", [mark | {"y": 13}], width, height, size=radius, color=SEEN),
                canvas(
                    "point",
                    [mark | {"y": 39}, *fading],
                    width,
                    height,
                    size=radius,
                    stroke=INK,
                    strokeWidth=1.3,
                ),
                canvas("text", words, width, height, align="left", baseline="middle"),
            ),
            width,
            height,
            f"dots-{width}",
        )

    return drawn_twice(
        "dots",
        title=f"{opened(share)} of all the people {were} seen",
        caption=f"Each dot is {unit}. Filled dots were seen by at least one agency; hollow dots "
        "are the estimate of those whom none saw. The dots fade where the range runs on beyond the "
        f"best guess{', and the range runs on past the picture' if cut else ''}.",
        alt=f"Dots, each {unit}: {seen} filled for the people seen, {likely - seen} hollow "
        f"for the estimate of the unseen, and {last - likely} fading for what is not known.",
        draw=draw,
        header=["People", "Number", "Dots"],
        rows=[
            ["seen, on at least one list", f"{histories.observed:,}", f"{seen:,}"],
            ["unseen, best guess", f"{estimate.unseen:,.0f}", f"{likely - seen:,}"],
            ["in all, lower limit", f"{estimate.lower:,.0f}", f"{sure:,}"],
            ["in all, best guess", f"{estimate.total:,.0f}", f"{likely:,}"],
            ["in all, upper limit", number_or_none(estimate.upper), "cut" if cut else f"{last:,}"],
        ],
    )


def overlaps(histories: CaptureHistories, smallest_count: int) -> Chart:
    """Which lists share people: one row for each combination of lists (an UpSet plot).

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 70, 25])
    >>> overlaps(h, 1).title
    'About four in five of the people seen are on one list only'
    """
    shown = publishable_overlaps(histories, smallest_count)
    lists = histories.lists
    others = shown.others or 0
    drawn = [(set(names), count) for names, count in shown.rows[:MOST_ROWS]]
    rest = others + sum(count for _, count in shown.rows[MOST_ROWS:])
    most = max([count for _, count in drawn] + [rest])
    longest = max(len(_short(name)) for name in lists)

    def draw(width: int) -> str:
        wanted = max(26.0, 9.0 * longest + 6) if longest <= 5 else 26.0
        step = min(wanted, width * 0.5 / len(lists))
        upright = longest * 9 <= step
        top = 24 if upright else 7.5 * longest + 14
        row = 24
        number = 8.5 * len(f"{most:,}") + 8
        start = max(step * len(lists) + 12, 150 if rest else 60)
        end = width - number
        lines = len(drawn) + (1 if rest else 0)
        height = math.ceil(top + row * lines + 30)
        columns = [step * (j + 0.5) for j in range(len(lists))]
        empty, full, links, bars = [], [], [], []
        for i, (names, count) in enumerate(drawn):
            y = top + row * (i + 0.5)
            on = [x for x, name in zip(columns, lists, strict=True) if name in names]
            full += [{"x": x, "y": y} for x in on]
            empty += [{"x": x, "y": y} for x in columns if x not in on]
            links.append({"x": on[0], "x2": on[-1], "y": y})
            bars.append((y, count))
        words = []
        if rest:
            y = top + row * (len(drawn) + 0.5)
            words.append({"x": 0, "y": y, "text": "all others together"})
            bars.append((y, rest))
        heads = [
            {"x": x, "y": top - 8, "text": _short(name)}
            for x, name in zip(columns, lists, strict=True)
        ]
        shapes = [
            {"x": start, "x2": start + (end - start) * n / most, "y": y - 7, "y2": y + 7}
            for y, n in bars
        ]
        counts = [
            {"x": start + (end - start) * n / most + 6, "y": y, "text": f"{n:,}"} for y, n in bars
        ]
        base = top + row * lines
        turned: dict[str, Any] = (
            {"align": "center", "baseline": "bottom"}
            if upright
            else {"align": "left", "baseline": "middle", "angle": 270}
        )
        radius = math.pi * min(5.5, 0.38 * step) ** 2
        left = start + 240 <= width
        unit = [
            {
                "x": start if left else width - 2,
                "y": base + 16,
                "text": "people on exactly these lists",
            }
        ]
        axis = [{"x": start, "x2": start, "y": top, "y2": base}]
        layers = [
            canvas("circle", empty, width, height, size=radius, color=LINE, opacity=1),
            canvas("rule", links, width, height, stroke=SEEN, strokeWidth=2.5),
            canvas("circle", full, width, height, size=radius, color=SEEN, opacity=1),
            canvas("rect", shapes, width, height, fill=SEEN),
            canvas("rule", axis, width, height, stroke=QUIET),
            canvas("text", counts, width, height, align="left", baseline="middle"),
            canvas("text", heads, width, height, **turned),
            canvas("text", words, width, height, align="left", baseline="middle"),
            canvas(
                "text",
                unit,
                width,
                height,
                align="left" if left else "right",
                baseline="middle",
                color=QUIET,
            ),
        ]
        return still(alt.layer(*layers), width, height, f"overlaps-{width}")

    if shown.rows:
        told = sum(count for _, count in shown.rows)
        alone = sum(count for names, count in shown.rows if len(names) == 1) / told
        people = "people in the combinations shown" if shown.rounded else "people seen"
        are = "is" if is_one(alone) else "are"
        title = f"{opened(one_in(alone))} of the {people} {are} on one list only"
    else:
        title = "No combination of lists has enough people to be shown"
    held_back = (
        f" Combinations with fewer than {smallest_count} people, and where need be the next few, "
        "are only shown added up, so that nobody can be picked out."
        if smallest_count > 1
        else ""
    )
    largest = "; ".join(f"{_joined(names)} {count:,}" for names, count in shown.rows[:3])
    largest = f"The largest: {largest}. " if largest else ""
    rows = [[_joined(names), f"{count:,}"] for names, count in shown.rows]
    if others:
        rows.append(["all other combinations together", f"{others:,}"])
    return drawn_twice(
        "overlaps",
        title=title,
        caption="Each row is one combination of lists: the filled, linked dots say which. The bar "
        "is the number of people on exactly those lists and no other. People on several lists are "
        f"what tells how many are on none.{held_back}",
        alt="Bars of how many people are on exactly which lists. "
        f"{largest}All rows are in the table behind this chart.",
        draw=draw,
        header=["On exactly these lists", "People"],
        rows=rows,
    )


def _opacity(index: int, sure: int, likely: int, last: int) -> float:
    """How strongly a dot is drawn: in full up to the lower limit, fainter to the estimate, then
    fading away up to the upper limit."""
    if index < sure:
        return 1.0
    if index < likely:
        return 0.75
    return 0.6 - 0.45 * (index - likely + 1) / (last - likely + 1)


def _outer(estimate: Estimate) -> str:
    return f"{limits(estimate.lower, estimate.upper, estimate.observed)[1]:,.0f} in all"


def _joined(names: Sequence[str]) -> str:
    return f"{names[0]} only" if len(names) == 1 else " + ".join(names)


def _short(name: str) -> str:
    return clipped(name, 20)
