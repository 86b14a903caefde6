"""Places side by side: rates with their ranges, gaps taken apart, and the ranks of each place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.comparison_tables import FEW
from darkfigure.report.plot import AXIS, Row, Sheet, axis_for, caterpillar
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
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

MOST_PAIRS = 6
MOST_RANKS = 12
"""With more places, ranks are taken together in the picture."""

PARTS = (
    ("recorded", "cases recorded", "recorded", SEEN, "circle"),
    ("prevalence", "people there", "people", INK, "diamond"),
    ("detection", "share found", "found", QUIET, "square"),
)

Place = Mapping[str, Any]
Pair = Mapping[str, Any]


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
            _limit(place["rate_upper"]),
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
    return drawn_twice(
        "rates",
        title=_rates_title(ranked),
        caption=f"Each mark is the best guess of a place, the line through it its range at "
        f"{_level(comparison)}. The numbers on the right are the share of the people who are on "
        "any record: a place can record many because there are many, or because it finds a larger "
        f"share.{kept}",
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
                exactly(_limit(place["rate_upper"])),
                recorded(place),
                _share_full(place),
            ]
            for place in ranked
        ]
        + [[opened(p["name"]), "no estimate", "", "", recorded(p), ""] for p in silent],
    )


def gaps(comparison: Mapping[str, Any], pairs: Sequence[Pair]) -> Chart:
    """Each of these gaps taken apart: what is recorded, the people there, the share found.

    Parameters
    ----------
    comparison : mapping
        As `without_small_counts` gives it; all its pairs stand in the table.
    pairs : sequence of mapping
        Those that are drawn, each as it is to be read: `a` over `b`.
    """

    def draw(width: int) -> str:
        narrow = width == NARROW
        left, right = (84.0, width - 52.0) if narrow else (138.0, width - 150.0)
        values = [1.0] + [
            limit
            for pair in pairs
            for part, *_ in PARTS
            for limit in _ratio(pair, part)
            if limit is not None and 0 < limit < math.inf
        ]
        axis = axis_for(values, left, right, whole=True)
        block, row = 84.0, 19.0
        base = block * len(pairs) + 2
        sheet = Sheet(width, base + AXIS)
        for i, pair in enumerate(pairs):
            top = block * i
            start = top + 28 - 9
            through = [{"x": axis.at(1), "y": start, "y2": start + 3 * row}]
            sheet.put("rule", through, stroke=LINE, strokeWidth=2)
            heads = f"{opened(pair['a'])} against {pair['b']}"
            sheet.words(0, top + 9, clipped(heads, 42 if narrow else 80), fontWeight=600)
            for j, (part, long, short, ink, shape) in enumerate(PARTS):
                y = top + 28 + row * j
                sheet.words(0, y, short if narrow else long, color=QUIET)
                ratio, lower, upper = _ratio(pair, part)
                if ratio is None or lower is None:
                    sheet.words(width, y, "not known", "right", color=QUIET)
                    continue
                high = _limit(upper)
                line = [{"x": axis.at(max(lower, axis.low)), "x2": axis.at(high), "y": y}]
                sheet.put("rule", line, stroke=ink, strokeWidth=2.5)
                mark = [{"x": axis.at(max(ratio, axis.low)), "y": y}]
                sheet.put("point", mark, shape=shape, size=70, fill=ink, stroke=ink, opacity=1)
                range_of = f" ({_between(lower, high)})" if not narrow else ""
                sheet.words(width, y, f"{per(ratio)}×{range_of}", "right")
        axis.draw(sheet, base, "times as much", lambda v: f"{v:g}×")
        return sheet.svg("gaps")

    first = pairs[0]
    return drawn_twice(
        "gaps",
        title=_gaps_title(first),
        caption="What is recorded in one place over what is recorded in the other (circle) is the "
        "people there (diamond) times the share of them that is found (square), all per head. "
        "Where a line crosses 1, it is not known which place has more.",
        alt=" ".join(pair["sentence"] for pair in pairs),
        draw=draw,
        header=["Places", "Recorded", "People there", "Share found", "More in the first"],
        rows=[
            [
                f"{opened(pair['a'])} against {pair['b']}",
                *(_ratio_full(pair, part) for part, *_ in PARTS),
                percent_exactly(pair["probability_prevalence_higher"]),
            ]
            for pair in comparison["pairs"]
        ],
    )


def chosen_pairs(comparison: Mapping[str, Any], focus: Sequence[str]) -> list[Pair]:
    """The pairs that the page draws: the places in focus, else the highest, against each other.

    Each is read from the place in focus, and they go by the other place, the highest first.

    Examples
    --------
    >>> place = dict(coverage=None, rate_lower=1.0, rate_upper=3.0)
    >>> shown = {"places": [place | {"name": "A", "rate": 1.0}, place | {"name": "B", "rate": 2.0}]}
    >>> pair = {"a": "A", "b": "B", "prevalence_ratio": 0.5, "prevalence_ratio_lower": 0.2}
    >>> pair |= {"prevalence_ratio_upper": None, "probability_prevalence_higher": 0.1}
    >>> chosen_pairs(shown | {"pairs": [pair]}, ["B"])[0]["prevalence_ratio_upper"]
    5.0
    """
    order = [place["name"] for place in by_rate(comparison)]
    main = [name for name in focus if name in order] or order[:1]
    found: list[tuple[tuple[int, int], Pair]] = []
    for pair in comparison["pairs"]:
        a, b = pair["a"], pair["b"]
        if b in main and (a not in main or main.index(b) < main.index(a)):
            pair, a, b = turned(pair), b, a
        if a in main:
            found.append(((main.index(a), order.index(b)), pair))
    return [pair for _, pair in sorted(found, key=lambda each: each[0])][:MOST_PAIRS]


def turned(pair: Pair) -> dict[str, Any]:
    """The same pair read the other way, `b` over `a`."""
    over = {**pair, "a": pair["b"], "b": pair["a"]}
    for key in pair:
        if key.endswith("_ratio"):
            ratio, lower, upper = (pair[key + end] for end in ("", "_lower", "_upper"))
            over[key] = 1 / ratio if ratio else None
            over[f"{key}_upper"] = 1 / lower if lower else None
            over[f"{key}_lower"] = None if lower is None else 1 / upper if upper else 0.0
    over["probability_prevalence_higher"] = 1 - pair["probability_prevalence_higher"]
    return over


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
            word = f"{group[0] + 1}" if together == 1 else f"{group[0] + 1}–{group[-1] + 1}"
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
        + (" A row with several shaded boxes has no rank that could be said." if places else ""),
        alt="How probable each rank of each place is: "
        + "; ".join(f"{p['name']} {_standing(p)}" for p in places)
        + ".",
        draw=draw,
        header=["Place", "Expected rank", "From", "To", "Probability of each rank"],
        rows=[
            [
                opened(place["name"]),
                f"{place['rank_expected']:.2f}",
                str(place["rank_lower"]),
                str(place["rank_upper"]),
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
    return _between(place["rate_lower"], _limit(place["rate_upper"]))


def recorded(place: Place) -> str:
    """How many people of a place are on record, for a table."""
    if place["few"]:
        return FEW
    return "not known" if place["observed"] is None else f"{place['observed']:,}"


def _between(lower: float, upper: float) -> str:
    if math.isinf(upper):
        return f"{per(lower)} or more"
    return f"{per(lower)} to {per(upper)}"


def _limit(upper: float | None) -> float:
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


def _ratio(pair: Pair, part: str) -> tuple[float | None, float | None, float | None]:
    return tuple(pair[f"{part}_ratio{end}"] for end in ("", "_lower", "_upper"))


def _ratio_full(pair: Pair, part: str) -> str:
    ratio, lower, upper = _ratio(pair, part)
    if ratio is None:
        return "not known"
    return f"{exactly(ratio)} ({exactly(lower)} to {exactly(_limit(upper))})"


def _rates_title(ranked: Sequence[Place]) -> str:
    top = ranked[0]
    meeting = [p for p in ranked[1:] if _limit(p["rate_upper"]) >= top["rate_lower"]]
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


def _gaps_title(pair: Pair) -> str:
    ratio, chance = pair["prevalence_ratio"], pair["probability_prevalence_higher"]
    a, b = opened(pair["a"]), pair["b"]
    if pair["told_apart"] and ratio is not None:
        return f"{a} has {'more' if chance > 0.5 else 'fewer'} people per head than {b}"
    return f"Whether {pair['a']} has more people per head than {b} cannot be told"


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
    if row[best] >= comparison["level"]:
        return said
    second = max((i for i in range(len(row)) if i != best), key=row.__getitem__)
    return f"{said}, and {ordinal(second + 1)} with {percent(row[second])}"
