"""The pictures of a scenario: the change year by year, how often it helps, and what matters."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.plot import AXIS, Axis, Sheet
from darkfigure.report.scenario_concluded import CHANGES, outcome, ranged, signed
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import counted, opened, percent_exactly

Told = Mapping[str, Any]

MOST = 8
"""Unknowns in a picture; the files have all of them."""
SHORT = {
    "exploited_person_years": "years of exploitation",
    "harm": "harm",
    "arrests_exploited": "arrests of exploited people",
}


def over_years(told: Told) -> Chart:
    """How many more or fewer people are exploited, year by year, with the range."""
    path = told["path"]
    ends = [each["difference"][key] for each in path for key in ("lower", "upper")]
    high, low = max(*ends, 1.0), min(*ends, -1.0)

    def draw(width: int) -> str:
        left, right, height = 62.0, width - 12.0, 250.0 if width == NARROW else 290.0
        across = Axis(0, told["years"], left, right, False)
        upright = Axis(low - 0.06 * (high - low), high + 0.06 * (high - low), height, 26, False)
        sheet = Sheet(width, height + 52)
        band = [
            {
                "x": across.at(each["year"]),
                "y": upright.at(each["difference"]["lower"]),
                "y2": upright.at(each["difference"]["upper"]),
            }
            for each in path
        ]
        sheet.put("area", band, fill=QUIET, opacity=0.28, line=False)
        for tick in upright.ticks:
            y = upright.at(tick)
            still = [{"x": left, "x2": right, "y": y}]
            sheet.put("rule", still, stroke=INK if tick == 0 else LINE)
            sheet.words(left - 8, y, signed(tick), "right", color=QUIET)
        line = [
            {"x": across.at(e["year"]), "y": upright.at(e["difference"]["estimate"])} for e in path
        ]
        sheet.put("line", line, stroke=INK, strokeWidth=2.5)
        sheet.words(0, 10, "people exploited, more (above 0) or fewer (below 0)", color=QUIET)
        for year in range(0, told["years"] + 1, -(-told["years"] // 5)):
            sheet.words(across.at(year), height + 16, str(year), "center", color=QUIET)
        middle = (left + right) / 2
        sheet.words(middle, height + 38, "years after the shift", "center", color=QUIET)
        return sheet.svg("years")

    last = path[-1]["difference"]
    if last["lower"] < 0 < last["upper"]:
        title = "Whether there would be more exploited people, or fewer, cannot be told"
    elif last["lower"] == last["upper"] == 0:
        title = "Nothing changes"
    else:
        word = "fewer" if last["upper"] <= 0 else "more"
        title = f"In the end there would be {word} exploited people"
    return drawn_twice(
        "years",
        title=title,
        caption="The difference between the shift and today, in exploited people in all cities "
        f"together. The line is the middle of the runs; {100 * told['level']:g}\u00a0% of them lie "
        "in the band. Below the line at 0 there are fewer.",
        alt="Difference in exploited people by year after the shift: "
        + "; ".join(f"year {e['year']} {ranged(e['difference'])}" for e in path)
        + ".",
        draw=draw,
        header=["Year after the shift", "Today's hours", "Shifted", "Difference"],
        rows=[
            [str(e["year"]), *(ranged(e[way]) for way in ("today", "shifted", "difference"))]
            for e in path
        ],
    )


def helps(told: Told) -> Chart:
    """In how many of the runs the shift helps, for each of what it is to lessen."""
    shares = {name: outcome(told, name)["probability_helps"] for name in CHANGES}

    def draw(width: int) -> str:
        step, top = 46.0, 4.0
        axis = Axis(0, 1, 14, width - 22.0, False)
        base = top + step * len(shares) + 4
        sheet = Sheet(width, base + AXIS)
        for i, (name, share) in enumerate(shares.items()):
            y = top + step * i
            sheet.words(14, y + 10, opened(CHANGES[name][0]))
            sheet.words(width - 22, y + 10, percent_exactly(share), "right", color=QUIET)
            whole = [{"x": axis.at(0), "x2": axis.at(1), "y": y + 22, "y2": y + 36}]
            sheet.put("rect", whole, fill=LINE, opacity=0.6)
            bar = [{"x": axis.at(0), "x2": axis.at(share), "y": y + 22, "y2": y + 36}]
            sheet.put("rect", bar, fill=SEEN)
        half = [
            {"x": axis.at(0.5), "y": top + step * i + 19, "y2": top + step * i + 39}
            for i in range(len(shares))
        ]
        sheet.put("rule", half, stroke=INK, strokeDash=[3, 3])
        axis.draw(sheet, base, "share of the runs", lambda v: f"{100 * v:.0f}\u00a0%")
        return sheet.svg("helps")

    most = max(shares, key=lambda name: shares[name])
    least = min(shares, key=lambda name: shares[name])
    if max(shares.values()) - min(shares.values()) < 0.15:
        title = "How often the shift helps, by what it is to lessen"
    else:
        title = f"The shift means {CHANGES[most][0]} more often than {CHANGES[least][0]}"
    return drawn_twice(
        "helps",
        title=title,
        caption="Each bar is the share of the runs in which the shift does better than today. At "
        "the dashed line, half, it is like tossing a coin. The shares hang on what was put in.",
        alt="Share of the runs in which the shift means "
        + "; ".join(f"{CHANGES[n][0]} {percent_exactly(s)}" for n, s in shares.items())
        + ".",
        draw=draw,
        header=["The shift means", "Share of the runs"],
        rows=[[opened(CHANGES[n][0]), percent_exactly(s)] for n, s in shares.items()],
    )


def matters(told: Told, name: str) -> Chart | None:
    """Which unknown the answer hangs on, for one outcome: bars of its total index."""
    every = [each for each in told["sobol"] if each["outcome"] == name]
    ordered = sorted(every, key=lambda each: -each["total"])
    some = [each for each in ordered if each["total"] > 0.005][:MOST]
    if not some:
        return None
    furthest = max(1.0 if some[0]["total"] > 0.7 else 0.0, 1.15 * _upper(some[0]))

    def draw(width: int) -> str:
        narrow = width == NARROW
        axis = Axis(0, furthest, 14, width - 22.0, False)
        sheet_rows, y = [], 2.0
        for each in some:
            lines = textwrap.wrap(opened(each["words"]), 46 if narrow else 92)[:2]
            sheet_rows.append((each, lines, y))
            y += 17 * len(lines) + 26
        sheet = Sheet(width, y + AXIS)
        for each, lines, at in sheet_rows:
            for i, line in enumerate(lines):
                sheet.words(14, at + 9 + 17 * i, line)
            top = at + 17 * len(lines) + 3
            bar = [{"x": axis.at(0), "x2": axis.at(each["total"]), "y": top, "y2": top + 12}]
            sheet.put("rect", bar, fill=SEEN)
            span = [
                {
                    "x": axis.at(max(0.0, each["total"] - 1.96 * each["total_se"])),
                    "x2": axis.at(_upper(each)),
                    "y": top + 6,
                }
            ]
            sheet.put("rule", span, stroke=INK, strokeWidth=1.5)
        axis.draw(
            sheet,
            y,
            "share of the spread of the difference",
            lambda v: f"{100 * v:.0f}\u00a0%",
        )
        return sheet.svg(f"matters-{name.split('_')[0]}")

    first = some[0]["words"]
    return drawn_twice(
        f"matters-{name.split('_')[0]}",
        title=f"What {SHORT[name]} hangs on most: {first}",
        caption="Each bar is how much of the spread between the runs would be left if all but this "
        "one were known (its total Sobol index); the thin line is the range of that. The longest "
        "bars are what to measure next. Bars may add up to more than 100\u00a0%, for unknowns act "
        "together.",
        alt=f"Total Sobol indices for {SHORT[name]}: "
        + "; ".join(f"{opened(each['words'])} {100 * each['total']:.0f} %" for each in some)
        + ".",
        draw=draw,
        header=["Unknown", "In total", "By itself"],
        rows=[
            [
                opened(each["words"]),
                f"{each['total']:.3f} ± {1.96 * each['total_se']:.3f}",
                f"{signed(each['first'], 3)} ± {1.96 * each['first_se']:.3f}",
            ]
            for each in ordered
        ],
    )


def _upper(each: Mapping[str, Any]) -> float:
    return float(each["total"] + 1.96 * each["total_se"])


def measure_next(told: Told, names: Sequence[str]) -> list[str]:
    """What to measure next, in sentences: the unknowns on which most hangs."""
    said = []
    grades = {each["unknown"]: each["grade"] for each in told["assumptions"]}
    for name in names:
        every = [each for each in told["sobol"] if each["outcome"] == name]
        best = sorted(every, key=lambda each: -each["total"])[:3]
        best = [each for each in best if each["total"] > 0.02]
        if not best:
            continue
        known = {"assumption": "an assumption", "A": "grade A", "B": "grade B"}
        parts = "; ".join(
            f"{each['words']} ({100 * each['total']:.0f}\u00a0%, {known[grades[each['unknown']]]})"
            for each in best
        )
        said.append(f"For {SHORT[name]}, the {counted(len(best))} that matter most: {parts}.")
    return said
