"""Places side by side: rates with their ranges, and the ranks of each place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.comparison_tables import FEW
from darkfigure.report.plot import Row, Sheet, caterpillar, shortlist
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, Chart, drawn_twice
from darkfigure.report.words import (
    clipped,
    counted,
    exactly,
    listed,
    opened,
    ordinal,
    per,
    percent,
    percent_exactly,
)

MOST_RANKS = 12
"""With more places, ranks are taken together in the picture."""

ALL_AT_ONCE = "All at once"
"""The head of the ranks that hold for all places together."""

Place = Mapping[str, Any]


def rates(comparison: Mapping[str, Any], focus: Sequence[str], time: str) -> Chart:
    """People per head in every place, with the share of them that is seen.

    Parameters
    ----------
    comparison : mapping
        As `without_small_counts` gives it.
    focus : sequence of str
        The places that are set off.
    time : str
        The time of which the people are, such as "in a year".
    """
    ranked = by_rate(comparison)
    silent = [place for place in comparison["places"] if place["rate"] is None]
    unit = f"people in every {comparison['per']:,} inhabitants {time}"
    rows = [
        Row(
            opened(place["name"]),
            place["rate"],
            place["rate_lower"],
            no_limit(place["rate_upper"]),
            focus=place["name"] in focus,
            share=place["coverage"],
            text=_share(place),
        )
        for place in ranked
    ]
    without = [f"{opened(place['name'])}, no estimate: {_why(place)}." for place in silent]
    kept = (
        " Places with a hollow mark under the picture have no estimate, and no rank."
        if silent
        else ""
    )
    skipped = (
        " On a phone only the first, the last and those in question are drawn."
        if len(shortlist(rows)) < len(rows)
        else ""
    )
    return drawn_twice(
        "rates",
        title=_rates_title(ranked),
        caption=f"Each mark is the best guess of a place, the line through it its range at "
        f"{_level(comparison)}. The numbers on the right are the share of the people who are on "
        "any record: a place can record many because there are many, or because it finds a larger "
        f"share.{kept}{skipped}",
        alt="People per head by place, the highest first: "
        + "; ".join(f"{p['name']} {per(p['rate'])} ({span(p)})" for p in ranked)
        + ".",
        draw=caterpillar("rates", rows, unit, head="share on record", silent=without),
        header=[
            "Place",
            f"Per {comparison['per']:,}",
            "Lower",
            "Upper",
            "On record",
            "Share of all",
        ],
        rows=[
            [
                opened(place["name"]),
                *(exactly(place[key]) for key in ("rate", "rate_lower")),
                exactly(no_limit(place["rate_upper"])),
                recorded(place),
                _share_full(place),
            ]
            for place in ranked
        ]
        + [[opened(p["name"]), "no estimate", "", "", recorded(p), ""] for p in silent],
    )


def ranks(comparison: Mapping[str, Any], focus: Sequence[str]) -> Chart:
    """The probability of every rank of every place, as shades.

    Parameters
    ----------
    comparison : mapping
        As `without_small_counts` gives it.
    focus : sequence of str
        The places that are set off.
    """
    places = sorted(
        (place for place in comparison["places"] if place["rate"] is not None),
        key=lambda place: place["rank_expected"],
    )
    chance = comparison["rank_probabilities"]
    together = math.ceil(len(places) / MOST_RANKS)
    groups = [
        range(i, min(i + together, len(places))) for i in range(0, len(places), together)
    ]  # of ranks, counted from 0

    def draw(width: int) -> str:
        narrow = width == NARROW
        names = [clipped(opened(place["name"]), 26) for place in places]
        left = 0.0 if narrow else 7.4 * max(map(len, names)) + 14
        cell = min(72.0, (width - left) / len(groups))
        step, size = (46.0, 26.0) if narrow else (31.0, 29.0)
        sheet = Sheet(width, 24 + step * len(places) + 4)
        for j, group in enumerate(groups):
            word = f"{group[0] + 1}"
            if together > 1 and not narrow:
                word += f"–{group[-1] + 1}"
            sheet.words(left + cell * (j + 0.5), 9, word, "center", color=QUIET)
        for i, place in enumerate(places):
            y = 24 + step * (i + 1) - size
            bold = 600 if place["name"] in focus else 400
            at = y - 10 if narrow else y + size / 2
            sheet.words(0, at, names[i], fontWeight=bold)
            for j, group in enumerate(groups):
                p = sum(chance[place["name"]][rank] for rank in group)
                x = left + cell * j
                box = {"x": x + 1, "x2": x + cell - 1, "y": y, "y2": y + size - 2}
                sheet.put("rect", [box], stroke=LINE, fill="transparent")
                sheet.put("rect", [box | {"opacity": 0.4 * p}], fill=INK, strokeWidth=0)
                if p >= 0.005 and cell >= 30:
                    text = f"{100 * p:.0f}" if p < 0.995 else ">99"
                    sheet.words(x + cell / 2, y + size / 2, text, "center")
        return sheet.svg("ranks")

    return drawn_twice(
        "ranks",
        title=_ranks_title(comparison, places, focus),
        caption="Each row is a place, each column a rank, the first the most people per head. The "
        "stronger the shade, the more probable is that rank (the numbers are per cent)."
        " A row with several shaded boxes has no rank that could be said."
        + (f" Ranks are taken {counted(together)} at a time." if together > 1 else "")
        + f" In the table, the ranks from and to are {_level(comparison)} sure of one place named "
        "beforehand, those of all at once of the whole order.",
        alt="How probable each rank of each place is: "
        + "; ".join(f"{p['name']} {_standing(p)}" for p in places)
        + ".",
        draw=draw,
        header=["Place", "Expected rank", "From", "To", ALL_AT_ONCE, "Probability of each rank"],
        rows=[
            [
                opened(place["name"]),
                f"{place['rank_expected']:.2f}",
                str(place["rank_lower"]),
                str(place["rank_upper"]),
                all_at_once(place),
                ", ".join(
                    f"{rank}: {percent_exactly(p)}"
                    for rank, p in enumerate(chance[place["name"]], start=1)
                    if p >= 0.0005
                ),
            ]
            for place in places
        ],
    )


def by_rate(comparison: Mapping[str, Any]) -> list[Place]:
    """The places that have an estimate, the highest rate first."""
    having = [place for place in comparison["places"] if place["rate"] is not None]
    return sorted(having, key=lambda place: -place["rate"])


def span(place: Place) -> str:
    """The range of a place's rate, as people speak.

    Examples
    --------
    >>> span({"rate_lower": 129.4, "rate_upper": 696.7})
    '130 to 700'
    >>> span({"rate_lower": 2.0, "rate_upper": None})
    '2.0 or more'
    """
    return between_rates(place["rate_lower"], no_limit(place["rate_upper"]))


def recorded(place: Place) -> str:
    """How many people of a place are on record, for a table."""
    if place["few"]:
        return FEW
    return "not known" if place["observed"] is None else f"{place['observed']:,}"


def all_at_once(place: Place) -> str:
    """The ranks of a place that hold together with those of all others, for a table."""
    return f"{place['simultaneous_lower']} to {place['simultaneous_upper']}"


def between_rates(lower: float, upper: float) -> str:
    """A range of rates or ratios, as people speak.

    Examples
    --------
    >>> between_rates(0.81, 1.63), between_rates(2.0, math.inf)
    ('0.81 to 1.6', '2.0 or more')
    """
    if math.isinf(upper):
        return f"{per(lower)} or more"
    return f"{per(lower)} to {per(upper)}"


def no_limit(upper: float | None) -> float:
    """An upper limit; infinite where there is none."""
    return math.inf if upper is None else upper


def _why(place: Place) -> str:
    return str(place["why"] or "nobody knows how many are on no list").rstrip(".")


def _share(place: Place) -> str:
    if place["few"]:
        return "not shown"
    if place["coverage"] is None:
        return "not known"
    return percent(place["coverage"])


def _share_full(place: Place) -> str:
    if place["coverage"] is None:
        return _share(place)
    low, high = 100 * place["coverage_lower"], 100 * place["coverage_upper"]
    return f"{100 * place['coverage']:.1f}\u00a0% ({low:.1f} to {high:.1f})"


def _level(comparison: Mapping[str, Any]) -> str:
    return f"{100 * comparison['level']:g}\u00a0%"


def _rates_title(ranked: Sequence[Place]) -> str:
    top = ranked[0]
    meeting = [p for p in ranked[1:] if no_limit(p["rate_upper"]) >= top["rate_lower"]]
    if not meeting:
        return f"{opened(top['name'])} has the most people per head"
    if len(meeting) == len(ranked) - 1:
        return "The ranges of all places meet that of the highest"
    names = (
        listed([place["name"] for place in meeting])
        if len(meeting) <= 3
        else f"{counted(len(meeting))} other places"
    )
    those = "that" if len(meeting) == 1 else "those"
    return f"The range of {top['name']} meets {those} of {names}"


def _standing(place: Place) -> str:
    first, last = place["rank_lower"], place["rank_upper"]
    return ordinal(first) if first == last else f"{ordinal(first)} to {ordinal(last)}"


def _ranks_title(
    comparison: Mapping[str, Any], places: Sequence[Place], focus: Sequence[str]
) -> str:
    if not comparison["ranked"]:
        return "No place can be told from another, so they are not ranked"
    main = next((place for place in places if place["name"] in focus), places[0])
    row = comparison["rank_probabilities"][main["name"]]
    best = max(range(len(row)), key=row.__getitem__)
    said = (
        f"{opened(main['name'])} is {ordinal(best + 1)} with a probability of {percent(row[best])}"
    )
    if row[best] >= comparison["sure"]:
        return said
    second = max((i for i in range(len(row)) if i != best), key=row.__getitem__)
    return f"{said}, and {ordinal(second + 1)} with {percent(row[second])}"
