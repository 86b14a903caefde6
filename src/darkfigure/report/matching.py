"""How the records of the lists were matched, and how much of the doubt comes from that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from darkfigure.estimate import Estimate
from darkfigure.report.svg import INK, LINE, QUIET, SEEN, WIDE, Chart, canvas, drawn_twice, still
from darkfigure.report.words import counted, listed, one_in, opened, rounded

LITTLE = 0.05


@dataclass(frozen=True)
class Matching:
    """What the page says of the matching: sentences, pictures, and tables behind them."""

    text: tuple[str, ...]
    charts: tuple[Chart, ...]
    lists: list[list[str]]
    rules: list[list[str]]


def matching(linkage: Mapping[str, Any], estimate: Estimate) -> Matching:
    """The part of the page about the matching of records.

    Parameters
    ----------
    linkage : mapping
        `hide`, `records`, `protected`, `levels` (field, level, weight), `rules` (words, pairs,
        used) and `lists` (list, used, filled), as a run has found them.
    estimate : Estimate
        With `details["linkage"]`.

    Examples
    --------
    >>> same = {"field": "birth date", "level": "same", "m": 0.9, "u": 0.001, "weight": 9.8}
    >>> levels = [same, same | {"level": "different", "m": 0.1, "u": 0.999, "weight": -3.3}]
    >>> how = {"hide": False, "records": 812, "protected": False, "levels": levels}
    >>> how |= {"rules": [], "lists": []}
    >>> drawn = {"draws": 20, "share": 0.25, "observed": [640, 655]}
    >>> e = Estimate(900.0, 800.0, 999.0, 0.95, 650, "bic", ("a",), details={"linkage": drawn})
    >>> [chart.title for chart in matching(how, e).charts]
    ['About one in four parts of the doubt are about who is who', 'The same birth date says most \
for two records being one person']
    """
    drawn = estimate.details["linkage"]
    fields = [f.removesuffix(", encoded") for f in (each["field"] for each in linkage["levels"])]
    fields = list(dict.fromkeys(fields))
    hide = linkage["hide"]  # every number of records or pairs helps to work out hidden counts
    low, high = (rounded(n) for n in drawn["observed"])
    seen = f"about {low}" if low == high else f"between {low} and {high}"
    kept = (
        " No agency gave out a name: each wrote its list in an encoding that can be compared and "
        "not be read."
        if linkage["protected"]
        else ""
    )
    number = "many" if hide else f"about {rounded(linkage['records'])}"
    text = (
        f"The lists hold {number} records, several of them of the same person: on one list more "
        "than once, or on several. They were compared by "
        f"{listed(fields)}.{kept} Nobody said which belong together; that was learned from how "
        "often records agree.",
        f"Two records can look alike and be of two people, or look different and be of one. So who "
        f"is who was not decided once but drawn {counted(drawn['draws'])} times, each time as "
        f"likely as the records make it. That gave {seen} different people, and each draw its own "
        "estimate; the range above holds all of them.",
    )
    share = drawn["share"]
    charts = (*([] if share is None else [_doubt(share)]), _weights(linkage["levels"]))
    lists = [
        [
            each["list"],
            "not shown" if hide else f"about {rounded(each['used'])}",
            *(
                "encoded" if linkage["protected"] else _share(each, part)
                for part in ("birth_year", "phone", "place")
            ),
        ]
        for each in linkage["lists"]
    ]
    rules = [
        [rule["words"], "not shown" if hide else f"about {rounded(rule['pairs'])}",
         "yes" if rule["used"] else "no, too many"]
        for rule in linkage["rules"]
        if rule["pairs"] or hide
    ]  # fmt: skip
    return Matching(text, charts, lists, rules)


def _share(each: Mapping[str, Any], part: str) -> str:
    filled = each["filled"].get(part, 0)
    return f"{5 * round(20 * filled / max(each['used'], 1))}\u00a0%" if filled else "none"


def _doubt(share: float) -> Chart:
    """One bar, parted into doubt of who is who and doubt of chance."""
    percent = round(100 * share)

    def draw(width: int) -> str:
        height, end = 84, width - 4
        middle = 2 + (end - 2) * share
        bars = [{"x": 2, "x2": middle, "y": 30, "y2": 56}]
        rest = [{"x": middle, "x2": end, "y": 30, "y2": 56}]
        left = [{"x": 2, "y": 15, "text": f"who is who: {percent} %"}]
        right = [{"x": end, "y": 72, "text": f"chance: {100 - percent} %"}]
        return still(
            alt.layer(
                canvas("rect", bars, width, height, fill=SEEN),
                canvas("rect", rest, width, height, fill=LINE),
                canvas("text", left, width, height, align="left", baseline="middle"),
                canvas("text", right, width, height, align="right", baseline="middle"),
            ),
            width,
            height,
            f"doubt-{width}",
        )

    if share < LITTLE:
        title = "Hardly any of the doubt is about who is who"
    else:
        title = f"{opened(one_in(share))} parts of the doubt are about who is who"
    return drawn_twice(
        "doubt",
        title=title,
        caption="The whole bar is how far the estimate could have come out differently (the "
        "variance of the logarithm of the unseen). The filled part comes from not being sure which "
        "records are one person, the rest from whom the agencies happened to meet.",
        alt=f"A bar: {percent} per cent of the doubt is about who is who, {100 - percent} per cent "
        "is chance.",
        draw=draw,
        header=["Doubt from", "Share"],
        rows=[["who is who", f"{percent} %"], ["chance", f"{100 - percent} %"]],
    )


def _weights(levels: Sequence[Mapping[str, Any]]) -> Chart:
    """What each agreement and disagreement says, as bars to the right and to the left."""
    told = [level for level in levels if abs(level["weight"]) >= 0.05]
    best = max(told, key=lambda level: level["weight"])
    far = max(abs(level["weight"]) for level in told)
    fields = list(dict.fromkeys(level["field"] for level in told))

    def draw(width: int) -> str:
        row, head = 19, 26
        words, letters = (250, 34) if width == WIDE else (136, 19)
        zero = words + (width - words) * 0.42
        reach = min(zero - words, width - zero) - 30
        bars, heads, names, numbers = [], [], [], []
        y = 4.0
        for field in fields:
            heads.append({"x": 0, "y": y + head / 2 + 2, "text": opened(field)})
            y += head
            for level in (each for each in told if each["field"] == field):
                to = zero + reach * level["weight"] / far
                bars.append({"x": min(zero, to), "x2": max(zero, to), "y": y + 4, "y2": y + row - 4,
                             "for": level["weight"] > 0})  # fmt: skip
                names.append(
                    {"x": words - 6, "y": y + row / 2, "text": _short(level["level"], letters)}
                )
                numbers.append({"x": to + (5 if to >= zero else -5), "y": y + row / 2,
                                "text": f"{level['weight']:+.0f}", "for": to >= zero})  # fmt: skip
                y += row
        height = math.ceil(y + 6)
        axis = [{"x": zero, "x2": zero, "y": 4, "y2": y}]
        layers = [
            canvas("rect", [b for b in bars if b["for"]], width, height, fill=SEEN),
            canvas("rect", [b for b in bars if not b["for"]], width, height, fill=QUIET),
            canvas("rule", axis, width, height, stroke=QUIET),
            canvas("text", heads, width, height, align="left", baseline="middle", fontWeight=600),
            canvas("text", names, width, height, align="right", baseline="middle"),
            *(
                canvas("text", [n for n in numbers if n["for"] is side], width, height,
                       align="left" if side else "right", baseline="middle", color=INK)
                for side in (True, False)
            ),
        ]  # fmt: skip
        return still(alt.layer(*layers), width, height, f"weights-{width}")

    same = best["level"] == "same"
    subject = f"The same {best['field']}" if same else f"{opened(best['field'])}: {best['level']}"
    return drawn_twice(
        "weights",
        title=f"{subject} says most for two records being one person",
        caption="Bars to the right speak for one person, bars to the left for two. Each step "
        "doubles the odds: +10 makes one person about a thousand times as likely as before. A rare "
        "name says more than a common one; shown is the average.",
        alt=f"Bars of what each agreement says. The strongest: {best['field']}, {best['level']}, "
        f"{best['weight']:+.0f} doublings of the odds.",
        draw=draw,
        header=["Compared", "Finding", "Doublings of the odds", "Same person", "Strangers"],
        rows=[
            [
                level["field"],
                level["level"],
                f"{level['weight']:+.1f}",
                _often(level["m"]),
                _often(level["u"]),
            ]
            for level in told
        ],
    )


def _often(share: float) -> str:
    """A share of pairs: a percentage, or one in so many where it is small."""
    return f"{100 * share:.0f}\u00a0%" if share >= 0.01 else f"1 in {rounded(1 / share)}"


def _short(words: str, letters: int) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1].rstrip()}…"
