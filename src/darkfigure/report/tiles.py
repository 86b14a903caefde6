"""The states of the USA as tiles: what is recorded, and which can be told from the middle one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from darkfigure.report.comparison_tables import FEW
from darkfigure.report.one_count import (
    if_reporting,
    rank_by_records,
    rate_by_records,
    told_from_middle,
)
from darkfigure.report.plot import Sheet
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import counted, listed, opened, per

GRID = """
AK . . . . . . . . . ME
. . . . . . . . . VT NH
WA ID MT ND MN IL WI MI NY RI MA
OR NV WY SD IA IN OH PA NJ CT .
CA UT CO NE MO KY WV VA MD DE .
. AZ NM KS AR TN NC SC DC . .
. . . OK LA MS AL GA . . .
HI . . TX . . . . FL . .
"""
"""The states as tiles of one size, so that none is large for its land alone."""

STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR",
    "California": "CA", "Colorado": "CO", "Connecticut": "CT", "Delaware": "DE",
    "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS",
    "Kentucky": "KY", "Louisiana": "LA", "Maine": "ME", "Maryland": "MD",
    "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS",
    "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV",
    "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM", "New York": "NY",
    "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK",
    "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC",
    "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX", "Utah": "UT",
    "Vermont": "VT", "Virginia": "VA", "Washington": "WA", "West Virginia": "WV",
    "Wisconsin": "WI", "Wyoming": "WY", "District of Columbia": "DC", "Washington, D.C.": "DC",
}  # fmt: skip
"""Their two letters, by name."""


def letters(name: str) -> str | None:
    """The two letters of a state of the USA, or None.

    Examples
    --------
    >>> letters("New Mexico"), letters("Washington, D.C."), letters("Bavaria")
    ('NM', 'DC', None)
    """
    return STATES.get(name)


def tiles(reports: Mapping[str, Any]) -> Chart | None:
    """Two maps of the states as tiles: what is recorded, and which can be told from the middle.

    None where any place is no state of the USA.

    Parameters
    ----------
    reports : mapping
        As `darkfigure.reported.reported` gives it.
    """
    places = {letters(place["name"]): place for place in reports["places"]}
    if None in places or len(places) < len(reports["places"]):
        return None
    at = {
        state: (row, column)
        for row, line in enumerate(GRID.split("\n")[1:])
        for column, state in enumerate(line.split())
        if state != "."
    }
    rates = sorted(p["recorded_rate"] for p in places.values() if p["recorded_rate"] is not None)
    if not rates:
        return None
    low, high = max(rates[0], rates[-1] / 100), rates[-1]
    unit = f"per {reports['per']:,}"
    few = any(place["few"] for place in places.values())

    def shade(rate: float) -> float:
        inside = min(max(rate, low), high)
        return 0.06 + 0.4 * (math.log(inside / low) / math.log(high / low) if high > low else 1)

    def draw(width: int) -> str:
        narrow = width == NARROW
        step = 29.0 if narrow else 27.5
        side = step * 11
        map_height = 26 + step * 8 + (66 if narrow else 70)
        sheet = Sheet(width, map_height * (2 if narrow else 1))
        for second in (False, True):
            left = 0.0 if narrow or not second else width - side
            top = map_height if narrow and second else 0.0
            title = "which can be told from the middle" if second else "what is recorded"
            sheet.words(left, top + 9, title, fontWeight=600)
            for state, (row, column) in at.items():
                place = places.get(state)
                x, y = left + step * column, top + 24 + step * row
                box = {"x": x + 1, "x2": x + step - 1, "y": y + 1, "y2": y + step - 1}
                edge = {"stroke": LINE, "strokeWidth": 1.0}
                if place and place["name"] in reports["focus"]:
                    edge = {"stroke": INK, "strokeWidth": 2.5}
                mark = ""
                if place and second:
                    mark = told_from_middle(place)
                    if mark:
                        fill = [box | {"opacity": 0.4 if mark == "+" else 0.15}]
                        sheet.put("rect", fill, fill=INK, strokeWidth=0)
                elif place and place["recorded_rate"] is not None:
                    fill = [box | {"opacity": shade(place["recorded_rate"])}]
                    sheet.put("rect", fill, fill=SEEN, strokeWidth=0)
                sheet.put("rect", [box], fill="transparent", **edge)
                up = 5 if mark else 0
                ink = INK if place else QUIET
                middle = {"fontSize": 11, "color": ink}
                sheet.words(x + step / 2, y + step / 2 - up, state, "center", **middle)
                if mark:
                    sheet.words(x + step / 2, y + step / 2 + 7, mark, "center", fontWeight=700)
            y = top + 24 + step * 8 + 16
            key: list[tuple[str, float, str]]
            if second:
                key = [("+", 0.4, "more"), ("−", 0.15, "fewer"), ("", 0.0, "cannot be told")]
            else:
                some = sorted({low, math.sqrt(low * high), high})
                key = [(SEEN, shade(rate), per(rate)) for rate in some]
                key += [("", 0.0, FEW)] if few else []
            x = left
            for sign, opacity, text in key:
                box = {"x": x + 1, "x2": x + 17, "y": y - 8, "y2": y + 8}
                if opacity:
                    ink = SEEN if sign == SEEN else INK
                    sheet.put("rect", [box | {"opacity": opacity}], fill=ink, strokeWidth=0)
                sheet.put("rect", [box], fill="transparent", stroke=LINE, strokeWidth=1.0)
                if sign in ("+", "−"):
                    sheet.words(x + 9, y, sign, "center", fontWeight=700)
                sheet.words(x + 23, y, text)
                x += 38 + 7.2 * len(text)
            under = "people per head, against the middle place" if second else f"{unit} a year"
            sheet.words(left, y + 22, under, color=QUIET)
        return sheet.svg("states")

    told = sum(bool(told_from_middle(place)) for place in places.values())
    n = len(places)
    return drawn_twice(
        "states",
        title=f"{opened(counted(told)) if told else 'None'} of {n} states can be told from the "
        f"middle one{if_reporting(reports)}",
        caption="Each tile is a state; those the question is about have a thick edge. On the first "
        "map, the stronger the shade, the more is recorded per head. On the second, only states of "
        "which it can be told are filled: with a plus those that have more people per head than "
        "the middle state, with a minus those that have fewer."
        + (
            " The second map takes it that all of the link between awareness and records is "
            "reporting; were it less, other states could be told."
            if reports["grid"]
            else ""
        ),
        alt="Two maps of the states as tiles. More people per head than the middle state"
        f"{if_reporting(reports)}: "
        f"{_names(places.values(), '+')}. Fewer: {_names(places.values(), '−')}. Of all others it "
        "cannot be told.",
        draw=draw,
        header=["State", "Inhabitants", f"Recorded {unit}", "Rank by records", "Can be told"],
        rows=[
            [
                place["name"],
                f"{place['population']:,.0f}",
                rate_by_records(place),
                rank_by_records(place),
                {"+": "more", "−": "fewer", "": "no"}[told_from_middle(place)],
            ]
            for place in sorted(places.values(), key=lambda place: str(place["name"]))
        ],
    )


def _names(places: Iterable[Mapping[str, Any]], mark: str) -> str:
    return listed([p["name"] for p in places if told_from_middle(p) == mark]) or "none"
