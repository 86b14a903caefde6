"""Places with one count only: what the records say, and what is left of it once it is asked how
much of a high count may be that people there report more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from darkfigure.report.comparison_tables import FEW
from darkfigure.report.plot import Row, Sheet, caterpillar
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import (
    clipped,
    counted,
    exactly,
    opened,
    ordinal,
    per,
    percent,
    percent_exactly,
)

NBSP = "\u00a0"

FIRST = 5
"""So many of the first by records are followed over the assumptions, beside those in focus."""


def told_from_middle(place: Mapping[str, Any]) -> str:
    """Whether a place has more ("+") or fewer ("−") people per head than the middle one, or "".

    Examples
    --------
    >>> told_from_middle({"rate_ratio_lower": 1.2, "rate_ratio_upper": 3.0})
    '+'
    """
    if place["rate_ratio_lower"] > 1:
        return "+"
    return "−" if place["rate_ratio_upper"] is not None and place["rate_ratio_upper"] < 1 else ""


def relative(reports: Mapping[str, Any]) -> Chart:
    """People per head in every place against the middle one, with what the records alone say.

    Parameters
    ----------
    reports : mapping
        As `darkfigure.reported.reported` gives it.
    """
    places = sorted(reports["places"], key=lambda place: -place["rate_ratio"])
    rates = [p["recorded_rate"] for p in places if p["recorded_rate"] is not None]
    middle = median(rates) if rates else None
    rows = [
        Row(
            place["name"],
            place["rate_ratio"],
            place["rate_ratio_lower"],
            math.inf if place["rate_ratio_upper"] is None else place["rate_ratio_upper"],
            focus=place["name"] in reports["focus"],
            hollow=not told_from_middle(place),
            recorded=place["recorded_rate"] / middle if place["recorded_rate"] and middle else None,
        )
        for place in places
    ]
    told = sum(not row.hollow for row in rows)
    return drawn_twice(
        "relative",
        title=f"The ranges of {_most(len(rows) - told, len(rows))} places hold the middle one"
        f"{if_reporting(reports)}",
        caption="Each mark is the people per head of a place, as a multiple of the middle place, "
        f"with its range at {100 * reports['level']:g}\u00a0%{if_reporting(reports)}; hollow where "
        "the range holds the middle place. The upright stroke is what the records alone would "
        "say: where it lies outside, the records mislead on these assumptions. On a phone only "
        "the first, the last and those in question are drawn.",
        alt=f"People per head in {len(rows)} places against the middle one. "
        + "; ".join(
            f"{row.name} {per(row.middle)} ({per(row.lower)} to "
            f"{'no limit' if math.isinf(row.upper) else per(row.upper)})"
            for row in rows
            if row.focus
        )
        + ". All are in the table behind this chart.",
        draw=caterpillar("relative", rows, "times the people per head of the middle", middle=1.0),
        header=["Place", "Against the middle", "Lower", "Upper", "Its reporting, likewise"],
        rows=[
            [
                place["name"],
                *(exactly(place[f"rate_ratio{end}"]) for end in ("", "_lower", "_upper")),
                exactly(place["share_ratio"]),
            ]
            for place in places
        ],
    )


def assumptions(reports: Mapping[str, Any]) -> Chart:
    """How the rank of the places in question moves with what is assumed about awareness.

    Parameters
    ----------
    reports : mapping
        As `darkfigure.reported.reported` gives it.
    """
    naive = sorted(
        (p for p in reports["places"] if p["recorded_rank"] is not None),
        key=lambda place: place["recorded_rank"],
    )
    names = list(dict.fromkeys([*reports["focus"], *(p["name"] for p in naive[:FIRST])]))
    at = {place["name"]: place for place in reports["places"]}
    most = len(reports["places"])
    grid = sorted(reports["grid"], key=lambda each: each["part"])
    moves = {
        name: [
            (each["part"], place)
            for each in grid
            for place in each["places"]
            if place["name"] == name
        ]
        for name in names
    }
    names = [name for name in names if moves[name]]

    def draw(width: int) -> str:
        across = 2 if width == NARROW else 4
        gap, tall = 34.0, 118.0
        wide = (width - 24 - gap * (across - 1)) / across
        lines = math.ceil(len(names) / across)
        sheet = Sheet(width, lines * (tall + 66) + 22)
        for i, name in enumerate(names):
            x0 = 24 + (wide + gap) * (i % across)
            y0 = 22 + (tall + 66) * (i // across)

            def x(part: float, x0: float = x0) -> float:
                return x0 + wide * part

            def y(rank: float, y0: float = y0) -> float:
                return y0 + tall * (rank - 1) / max(1, most - 1)

            main = name in reports["focus"]
            sheet.words(x0, y0 - 13, clipped(name, 20), fontWeight=600 if main else 400)
            for rank in (1, most):
                line = [{"x": x0, "x2": x0 + wide, "y": y(rank)}]
                sheet.put("rule", line, stroke=LINE)
                sheet.words(x0 - 5, y(rank), str(rank), "right", color=QUIET)
            band = [
                {"x": x(part), "y": y(p["rank_lower"]), "y2": y(p["rank_upper"])}
                for part, p in moves[name]
            ]
            sheet.put("area", band, color=QUIET, opacity=0.28)
            best = [{"x": x(part), "y": y(p["rank_expected"])} for part, p in moves[name]]
            sheet.put("line", best, color=INK, strokeWidth=3 if main else 2)
            first = at[name]["recorded_rank"]
            if first is not None:
                dot = [{"x": x0, "y": y(first)}]
                sheet.put("point", dot, size=55, fill=SEEN, stroke=SEEN, opacity=1)
            sheet.words(x0, y0 + tall + 13, "none", color=QUIET)
            sheet.words(x0 + wide, y0 + tall + 13, "all", "right", color=QUIET)
        said = "how much of the link between awareness and records is reporting"
        if width == NARROW:
            said = "how much of the link is reporting"
        sheet.words(width / 2, lines * (tall + 66) + 10, said, "center", color=QUIET)
        return sheet.svg("assumptions")

    spans = {
        name: (min(p["rank_lower"] for _, p in move), max(p["rank_upper"] for _, p in move))
        for name, move in moves.items()
        if move
    }
    return drawn_twice(
        "assumptions",
        title=_assumptions_title(names, spans, most),
        caption="Places where people know more of trafficking record more. That may be because "
        "they report more, or because there is more. From left to right, more and more of this "
        "link is taken to be reporting, and the rest of it people. The line is the expected rank, "
        f"the band its range at {100 * reports['level']:g}\u00a0% for that place alone, the dot "
        "the rank by records; 1 is the most people per head.",
        alt="How the rank moves with what is assumed: "
        + "; ".join(
            f"{name} from {low} to {high} over all assumptions"
            for name, (low, high) in spans.items()
        )
        + ".",
        draw=draw,
        header=["Place", "Part that is reporting", "Expected rank", "From", "To", "Highest"],
        rows=[
            [
                name,
                f"{part:g}",
                f"{p['rank_expected']:.2f}",
                str(p["rank_lower"]),
                str(p["rank_upper"]),
                percent_exactly(p["probability_highest"]),
            ]
            for name in names
            for part, p in moves[name]
        ],
    )


def if_reporting(reports: Mapping[str, Any]) -> str:
    """The assumption under which a number holds that is given for one end of the grid only.

    Examples
    --------
    >>> if_reporting({"grid": []})
    ''
    """
    link = "if all of the link between awareness and records is reporting"
    return f", {link}" if reports["grid"] else ""


def apart(reports: Mapping[str, Any]) -> str:
    """What share of all pairs of places can be told apart, over all that is assumed.

    Examples
    --------
    >>> apart({"told_apart_lower": 0.02, "told_apart_upper": 0.31})
    '2 to 31\xa0% of all pairs, as is assumed,'
    >>> apart({"told_apart_lower": 0.0, "told_apart_upper": 0.0})
    'less than 1\xa0% of all pairs'
    """
    low, high = percent(reports["told_apart_lower"]), percent(reports["told_apart_upper"])
    if low == high:
        return f"{high} of all pairs"
    return f"{low.removesuffix(NBSP + '%')} to {high} of all pairs, as is assumed,"


def learned(reports: Mapping[str, Any]) -> Chart | None:
    """How much of each answer was there before the data: the overlap of prior and posterior.

    None where it was not worked out.
    """
    overlaps = reports["overlap"]
    if not overlaps:
        return None

    def draw(width: int) -> str:
        narrow = width == NARROW
        step, left, right = (40.0, 0.0, width - 60.0) if narrow else (27.0, 260.0, width - 62.0)
        sheet = Sheet(width, step * len(overlaps) + 4)
        for i, each in enumerate(overlaps):
            y = step * i + (30 if narrow else 14)
            name = clipped(opened(each["what"]), 36)
            sheet.words(0, y - (18 if narrow else 0), name)
            whole = {"x": left, "x2": right, "y": y - 7, "y2": y + 7}
            known = whole | {"x2": left + (right - left) * each["overlap"]}
            sheet.put("rect", [known], fill=QUIET, strokeWidth=0)
            sheet.put("rect", [whole], fill="transparent", stroke=QUIET)
            sheet.words(width, y, percent(each["overlap"]), "right")
        return sheet.svg("learned")

    least = max(overlaps, key=lambda each: each["overlap"])
    return drawn_twice(
        "learned",
        title=f"{opened(learned_words(least['overlap']))} on {least['what']}",
        caption="How much of each answer was there before any data were seen (the overlap of the "
        "prior and the posterior distribution): a full bar means that the data said nothing, and "
        "the answer is what was assumed; an empty one that they said everything.",
        alt="Overlap of what was assumed and what came out: "
        + "; ".join(f"{each['what']} {percent(each['overlap'])}" for each in overlaps)
        + ".",
        draw=draw,
        header=["What", "Overlap of prior and posterior"],
        rows=[[opened(each["what"]), f"{each['overlap']:.3f}"] for each in overlaps],
    )


def learned_words(overlap: float) -> str:
    """What an overlap of prior and posterior means, in words.

    Examples
    --------
    >>> learned_words(0.98), learned_words(0.2)
    ('the data say next to nothing', 'the data say much')
    """
    if overlap > 0.9:
        return "the data say next to nothing"
    return "the data say a little" if overlap > 0.4 else "the data say much"


def rank_span(reports: Mapping[str, Any], name: str) -> tuple[int, int]:
    """The ranks that a place may have over all that is assumed, at the level."""
    found = [
        (place["rank_lower"], place["rank_upper"])
        for some in (reports["places"], *(each["places"] for each in reports["grid"]))
        for place in some
        if place["name"] == name
    ]
    return min(low for low, _ in found), max(high for _, high in found)


def _assumptions_title(
    names: Sequence[str], spans: Mapping[str, tuple[int, int]], most: int
) -> str:
    name = names[0]
    low, high = spans[name]
    if low == high:
        return f"{name} is {ordinal(low)} of {most} whatever is assumed"
    return f"{name} may be anywhere from {ordinal(low)} to {ordinal(high)} of {most}"


def rate_by_records(place: Mapping[str, Any]) -> str:
    """What is recorded per head in a place, for a table."""
    if place["few"]:
        return f"{FEW} cases"
    return "not known" if place["recorded_rate"] is None else exactly(place["recorded_rate"])


def rank_by_records(place: Mapping[str, Any]) -> str:
    """The rank of a place by what is recorded, for a table."""
    return "not shown" if place["recorded_rank"] is None else f"{place['recorded_rank']:g}"


def _most(some: int, all_of_them: int) -> str:
    return "all" if some == all_of_them else f"{counted(some)} of {all_of_them}"
