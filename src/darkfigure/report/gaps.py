"""The gap between two places taken apart: more people there, or a larger share of them found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.places import between_rates, by_rate, no_limit
from darkfigure.report.plot import AXIS, Sheet, axis_for
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import clipped, exactly, listed, opened, per, percent_exactly

MOST_PAIRS = 6

PARTS = (
    ("recorded", "cases recorded", "recorded", SEEN, "circle"),
    ("prevalence", "people there", "people", INK, "diamond"),
    ("detection", "share found", "found", QUIET, "square"),
)

Pair = Mapping[str, Any]


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
            heads = f"{opened(pair['a'])} {'v.' if narrow else 'against'} {pair['b']}"
            sheet.words(0, top + 9, clipped(heads, 46 if narrow else 80), fontWeight=600)
            for j, (part, long, short, ink, shape) in enumerate(PARTS):
                y = top + 28 + row * j
                sheet.words(0, y, short if narrow else long, color=QUIET)
                ratio, lower, upper = _ratio(pair, part)
                if ratio is None or lower is None:
                    sheet.words(width, y, "not known", "right", color=QUIET)
                    continue
                high = no_limit(upper)
                line = [{"x": axis.at(max(lower, axis.low)), "x2": axis.at(high), "y": y}]
                sheet.put("rule", line, stroke=ink, strokeWidth=2.5)
                mark = [{"x": axis.at(max(ratio, axis.low)), "y": y}]
                sheet.put("point", mark, shape=shape, size=70, fill=ink, stroke=ink, opacity=1)
                range_of = f" ({between_rates(lower, high)})" if not narrow else ""
                sheet.words(width, y, f"{per(ratio)}×{range_of}", "right")
        axis.draw(sheet, base, "times as much", lambda v: f"{v:g}×")
        return sheet.svg("gaps")

    first = pairs[0]
    return drawn_twice(
        "gaps",
        title=_gaps_title(first),
        caption="What is recorded in one place over what is recorded in the other (circle) is the "
        "people there (diamond) times the share of them that is found (square), all per head. "
        "The further a line reaches to both sides of 1, the less is known of which has more."
        + _brought(pairs),
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


def _ratio(pair: Pair, part: str) -> tuple[float | None, float | None, float | None]:
    return tuple(pair[f"{part}_ratio{end}"] for end in ("", "_lower", "_upper"))


def _ratio_full(pair: Pair, part: str) -> str:
    ratio, lower, upper = _ratio(pair, part)
    if ratio is None:
        return "not known"
    return f"{exactly(ratio)} ({exactly(lower)} to {exactly(no_limit(upper))})"


def _brought(pairs: Sequence[Pair]) -> str:
    """That what is recorded is no bare fact where it had to be brought to one length of time."""
    some = {pair["b"]: pair["brought"] for pair in pairs if pair["brought"]}
    if not some:
        return ""
    who = "all" if len(some) == len(pairs) else listed(list(some))
    return (
        f" Against {who} the circle is of numbers brought to the {next(iter(some.values()))} under "
        "the assumed stay, and its line is as long as that makes it."
    )


def _gaps_title(pair: Pair) -> str:
    ratio, chance = pair["prevalence_ratio"], pair["probability_prevalence_higher"]
    a, b = opened(pair["a"]), pair["b"]
    if pair["told_apart"] and ratio is not None:
        return f"{a} has {'more' if chance > 0.5 else 'fewer'} people per head than {b}"
    return f"Whether {pair['a']} has more people per head than {b} cannot be told"
