"""Who is counted in more than one city, and how that changes the order of the cities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.amounts import Within, in_full, in_percent, share_range, spoken, within
from darkfigure.report.plot import AXIS, Axis, Sheet
from darkfigure.report.stock_and_flow import why_silent
from darkfigure.report.svg import INK, LINE, NARROW, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import (
    clipped,
    counted,
    exactly,
    is_one,
    listed,
    one_in,
    opened,
    per,
    percent,
)

City = Mapping[str, Any]


def counted_twice(told: Mapping[str, Any], focus: str | None, period: str) -> Chart | None:
    """By city, the share of its people who were in another one too: on record, and of them all.

    None where of no city either is told.
    """
    cities = [city for city in told["cities"] if _recorded(city) is not None or _share(city)]
    if not cities:
        return None
    cities.sort(key=lambda city: -(_share(city) or Within(_recorded(city) or 0.0, 0, 0)).estimate)
    silent = [city for city in told["cities"] if city not in cities]
    least = any(city["at_least"] for city in cities)

    def draw(width: int) -> str:
        narrow = width == NARROW
        names = max(len(clipped(city["name"], 24)) for city in cities)
        left = 18.0 if narrow else 7.4 * names + 20
        axis = Axis(0.0, 1.0, left, width - (20.0 if narrow else 96.0), False)
        step, top = (54.0, 30.0) if narrow else (36.0, 30.0)
        base = top + step * len(cities) + 2
        sheet = Sheet(width, base + AXIS + 18 * len(silent) + (8 if silent else 0))
        bar = [{"x": 0, "x2": 16, "y": 4, "y2": 14}]
        sheet.put("rect", bar, fill=SEEN)
        sheet.words(22, 9, "of those on record")
        sheet.put("rule", [{"x": 158, "x2": 182, "y": 9}], stroke=INK, strokeWidth=2.5)
        sheet.put("point", [{"x": 170, "y": 9}], size=60, fill=INK, stroke=INK, opacity=1)
        sheet.words(190, 9, "of all people, by the model" if not narrow else "of all people")
        for i, city in enumerate(cities):
            y = top + step * i + (33 if narrow else step / 2)
            bold = 600 if city["name"] == focus else 400
            label = y - (21 if narrow else 0)
            sheet.words(0, label, clipped(city["name"], 24), fontWeight=bold)
            recorded, share = _recorded(city), _share(city)
            ground = [{"x": axis.left, "x2": axis.right, "y": y + 12}]
            sheet.put("rule", ground, stroke=LINE, strokeWidth=0.8)
            if recorded is not None:
                box = {"x": axis.left, "x2": axis.at(recorded), "y": y + 1, "y2": y + 11}
                sheet.put("rect", [box], fill=SEEN)
            if share:
                span = [{"x": axis.at(share.lower), "x2": axis.at(share.upper), "y": y - 6}]
                sheet.put("rule", span, stroke=INK, strokeWidth=2.5)
                mark = [{"x": axis.at(share.estimate), "y": y - 6}]
                sheet.put("point", mark, size=60, fill=INK, stroke=INK, opacity=1)
                sheet.words(width, label, share_range(share), "right", color=QUIET)
        axis.draw(sheet, base, "share also in another city", lambda v: f"{100 * v:.0f}\u00a0%")
        for i, city in enumerate(silent):
            y = base + AXIS + 10 + 18 * i
            sheet.words(0, y, f"{city['name']}: {why_silent(city)}", color=QUIET)
        return sheet.svg("twice")

    return drawn_twice(
        "twice",
        title=_title(told, cities, focus, period),
        caption="The blue bar is the share of the people on record in a city who are on record in "
        "another of these cities too. The mark with its range is the same share of all people who "
        f"were there in {period}, recorded or not; most often it is larger, for not every stay is "
        "recorded."
        + (" Bars say what the share is at the least, for small counts are hidden." * least),
        alt="Share of each city's people who were in another of the cities too: "
        + "; ".join(
            f"{city['name']} {share_range(share)}"
            for city in cities
            for share in [_share(city)]
            if share
        )
        + ".",
        draw=draw,
        header=["City", "On record", "On record elsewhere too", "Of all, share elsewhere too"],
        rows=[
            [
                city["name"],
                "not shown" if city["seen"] is None else f"{city['seen']:,}",
                _recorded_text(city),
                in_percent(city["elsewhere"], hidden=city["hidden"]),
            ]
            for city in [*cities, *silent]
        ],
    )


def order(told: Mapping[str, Any], focus: str | None) -> Chart | None:
    """By city, its rank by what is recorded, and the ranks it may have by people there; or None."""
    rows = [row for row in told["comparison"] or () if row["recorded_rank"] is not None]
    if len(rows) < 2:
        return None
    rows.sort(key=lambda row: row["recorded_rank"])
    n = max(round(rank) for row in rows for rank in (row["recorded_rank"], row["rank_upper"] or 1))
    ranked = [row for row in rows if row["rank_lower"] is not None]

    def draw(width: int) -> str:
        narrow = width == NARROW
        names = max(len(clipped(row["city"], 24)) for row in rows)
        left = 0.0 if narrow else 7.6 * names + 20
        cell = min(64.0, (width - left) / n)
        step, size = (48.0, 24.0) if narrow else (32.0, 26.0)
        sheet = Sheet(width, 56 + step * n + 2)
        sheet.put("point", [{"x": 8, "y": 9}], size=100, fill=SEEN, stroke=SEEN, opacity=1)
        sheet.words(20, 9, "by records")
        box = [{"x": 104, "x2": 128, "y": 2, "y2": 16, "opacity": 0.22}]
        sheet.put("rect", box, fill=INK, strokeWidth=0)
        sheet.words(134, 9, "by people there on a given day")
        for j in range(n):
            if cell >= 24 or j % 2 == 0:
                sheet.words(left + cell * (j + 0.5), 40, f"{j + 1}", "center", color=QUIET)
        for i, row in enumerate(rows):
            y = 56 + step * (i + 1) - size - 2
            bold = 600 if row["city"] == focus else 400
            sheet.words(
                0, y - 11 if narrow else y + size / 2, clipped(row["city"], 24), fontWeight=bold
            )
            for j in range(n):
                x = left + cell * j
                box = [{"x": x + 1, "x2": x + cell - 1, "y": y, "y2": y + size}]
                sheet.put("rect", box, stroke=LINE, fill="transparent")
            if row["rank_lower"] is not None:
                x, x2 = (left + cell * (row["rank_lower"] - 1), left + cell * row["rank_upper"])
                box = [{"x": x + 1, "x2": x2 - 1, "y": y, "y2": y + size, "opacity": 0.22}]
                sheet.put("rect", box, fill=INK, strokeWidth=0)
            mark = [{"x": left + cell * (row["recorded_rank"] - 0.5), "y": y + size / 2}]
            sheet.put("point", mark, size=110, fill=SEEN, stroke=SEEN, opacity=1)
        return sheet.svg("order")

    return drawn_twice(
        "order",
        title=_order_title(rows, focus),
        caption="Each row is a city, each column a rank by people per 100,000 inhabitants, the "
        "first the most. The blue dot is the rank by people on record; the grey box takes in all "
        "ranks that the city may have by people there on a given day. A dot outside its box is a "
        "rank that comes from how many pass through and how hard agencies look, and not from how "
        "many are there."
        + (" A row without a box has no rank." if len(ranked) < len(rows) else ""),
        alt="Rank of each city per head, by records, and by people there on a given day: "
        + "; ".join(f"{row['city']} {row['recorded_rank']:g}, and {_ranks(row)}" for row in rows)
        + ".",
        draw=draw,
        header=[
            "City",
            "On record per 100,000",
            "Rank",
            "In the period per 100,000",
            "On a given day per 100,000",
            "Ranks",
        ],
        rows=[
            [
                row["city"],
                exactly(row["recorded_rate"]),
                f"{row['recorded_rank']:g}",
                in_full(row["flow_rate"]),
                in_full(row["stock_rate"]),
                _ranks(row),
            ]
            for row in rows
        ],
    )


def order_text(told: Mapping[str, Any], focus: str | None) -> str:
    """What is recorded and who is there of the city in question, per head; may be empty."""
    row = next((row for row in told["comparison"] or () if row["city"] == focus), None)
    there = within(row["stock_rate"]) if row else None
    if row is None or row["recorded_rate"] is None or there is None:
        return ""
    return (
        f"In {focus} {per(row['recorded_rate'])} people per 100,000 inhabitants are on record; "
        f"{spoken(there)} are there on a given day."
    )


def _share(city: City) -> Within | None:
    return within(city["elsewhere"])


def _recorded(city: City) -> float | None:
    if not city["seen"] or city["elsewhere_seen"] is None:
        return None
    return float(city["elsewhere_seen"] / city["seen"])


def _recorded_text(city: City) -> str:
    recorded = _recorded(city)
    if recorded is None:
        return "not shown"
    least = "at least " if city["at_least"] else ""
    return f"{least}{city['elsewhere_seen']:,} ({percent(recorded)})"


def _title(told: Mapping[str, Any], cities: Sequence[City], focus: str | None, period: str) -> str:
    region = told["region"]
    if region["naive"] is not None:
        return (
            f"The cities' own counts add up to about {region['naive']:,}, and are of "
            f"{region['seen']:,} people"
        )
    main = next((city for city in cities if city["name"] == focus and _share(city)), None)
    main = main or next((city for city in cities if _share(city)), None)
    share = _share(main) if main else None
    if main is None or share is None:
        return "Some people are on record in more than one city"
    was = "was" if is_one(share.estimate) else "were"
    return opened(
        f"{one_in(share.estimate)} of the people in {main['name']} in {period} "
        f"({share_range(share)}) {was} in another of these cities too"
    )


def _ranks(row: Mapping[str, Any]) -> str:
    low, high = row["rank_lower"], row["rank_upper"]
    if low is None:
        return "no rank"
    return f"{low}" if low == high else f"{low}\u00a0to\u00a0{high}"


def _order_title(rows: Sequence[Mapping[str, Any]], focus: str | None) -> str:
    ranked = [row for row in rows if row["rank_lower"] is not None]
    if all(row["rank_lower"] == 1 and row["rank_upper"] >= len(ranked) for row in ranked):
        return "By the people there on a given day the cities cannot be ranked"
    out = [
        row["city"]
        for row in ranked
        if not row["rank_lower"] <= row["recorded_rank"] <= row["rank_upper"]
    ]
    if not out:
        return "The people there do not speak against any city's rank by records"
    out.sort(key=lambda city: city != focus)
    stand = "stands" if len(out) == 1 else "stand"
    names = listed(out) if len(out) <= 3 else f"{counted(len(out))} cities"
    return opened(f"{names} {stand} elsewhere by the people there than by records")
