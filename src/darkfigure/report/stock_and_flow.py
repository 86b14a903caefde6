"""Here on a day, here in the year: how many people are in each city, and how many ever were."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.amounts import in_full, lasting, people, spoken, when, within
from darkfigure.report.plot import AXIS, Axis, Sheet, axis_for, plain
from darkfigure.report.svg import INK, LINE, NARROW, PAPER, QUIET, SEEN, Chart, drawn_twice
from darkfigure.report.words import clipped, counted, opened

City = Mapping[str, Any]


def stock_and_flow(told: Mapping[str, Any], focus: str | None, period: str) -> Chart | None:
    """On one axis: people there on a given day, people ever there, and people on record.

    None where of no city either is told.

    Parameters
    ----------
    told : mapping
        As `circuit_tables.shown` gives it.
    focus : str or None
    period : str
        The time of the flow, such as "2024".
    """
    cities = by_flow(told["cities"])
    if not cities:
        return None
    silent = [city for city in told["cities"] if city not in cities]
    ends = [
        limit
        for city in cities
        for kind in ("stock", "flow")
        for limit in (within(city[kind]) or ())
        if limit > 0
    ]
    ends += [city["seen"] for city in cities if city["seen"]]
    stays = {city["name"]: lasting(city["stay"], told["occasion"]) for city in cities}

    def draw(width: int) -> str:
        narrow = width == NARROW
        names = max(len(clipped(city["name"], 24)) for city in cities)
        texts = max(map(len, stays.values()))
        left = 12.0 if narrow else 7.4 * names + 20
        right = width - 18.0 if narrow or not texts else width - 7.0 * max(texts, 12) - 14
        axis = axis_for(ends, left, right)
        step = 46.0 if narrow else 34.0
        top = 74.0 if narrow else 52.0
        base = top + step * len(cities) + 4
        sheet = Sheet(width, base + AXIS + 18 * len(silent) + (8 if silent else 0))
        if texts:
            sheet.words(width, top - 8, "how long a stay is", "right", color=QUIET)
        for i, city in enumerate(cities):
            y = top + step * i + (33 if narrow else step / 2)
            bold = 600 if city["name"] == focus else 400
            sheet.words(0, y - (17 if narrow else 0), clipped(city["name"], 24), fontWeight=bold)
            sheet.words(width, y - (17 if narrow else 0), stays[city["name"]], "right", color=QUIET)
            _dumbbell(sheet, axis, y, city)
        _marks_key(sheet, narrow, period)  # last, for marks that are alike are drawn together
        axis.draw(sheet, base, "people")
        for i, city in enumerate(silent):
            y = base + AXIS + 10 + 18 * i
            sheet.words(0, y, f"{city['name']}: {why_silent(city)}", color=QUIET)
        return sheet.svg("stock")

    return drawn_twice(
        "stock",
        title=_title(cities, focus, period),
        caption=f"The filled mark is how many people are in a city on a given day, the hollow one "
        f"how many different people were there at some time in {period}; the lines are their "
        f"ranges at {100 * told['level']:g}\u00a0%. The blue stroke is how many of the latter are "
        "on any record. Whoever was in two cities is a person of both, so that hollow marks must "
        "not be added up.",
        alt=f"People by city, on a given day and in {period}: "
        + "; ".join(
            f"{city['name']} {people(city['stock']) or 'not told'} and "
            f"{people(city['flow']) or 'not told'}"
            for city in cities
        )
        + ".",
        draw=draw,
        header=["City", "On a given day", f"In {period}", "On record"],
        rows=[
            [
                city["name"],
                *(in_full(city[kind], hidden=city["hidden"]) for kind in ("stock", "flow")),
                "not shown" if city["seen"] is None else f"{city['seen']:,}",
            ]
            for city in [*cities, *silent]
        ],
    )


def by_flow(cities: Sequence[City]) -> list[City]:
    """The cities of which stock or flow is told, the largest flow first."""

    def size(city: City) -> tuple[float, float]:
        flow, stock = within(city["flow"]), within(city["stock"])
        return (flow.estimate if flow else -1.0, stock.estimate if stock else -1.0)

    having = [city for city in cities if within(city["stock"]) or within(city["flow"])]
    return sorted(having, key=lambda city: tuple(-each for each in size(city)))


def why_silent(city: City) -> str:
    """Why a city has no number.

    Examples
    --------
    >>> why_silent({"hidden": True})
    'not shown, there are too few people'
    """
    return "not shown, there are too few people" if city["hidden"] else "cannot be told"


def over_time(told: Mapping[str, Any], region: str) -> Chart | None:
    """The people of the region on a given day, occasion by occasion; None for fewer than two."""
    known = [(i, within(each["stock"])) for i, each in enumerate(told["stock_by_occasion"])]
    points = [(i, found) for i, found in known if found]
    names = [each["occasion"] for each in told["stock_by_occasion"]]
    if len(points) < 2:
        return None
    most = max(min(found.upper, 3 * found.estimate) for _, found in points)

    def draw(width: int) -> str:
        narrow = width == NARROW
        height = 210.0 if narrow else 240.0
        upright = Axis(0.0, most * 1.05, height, 26.0, False)
        ticks = upright.ticks
        left = 7.6 * max(len(plain(tick)) for tick in ticks) + 12
        along = Axis(0.0, max(len(names) - 1.0, 1.0), left + 8, width - 14.0, False)
        sheet = Sheet(width, height + 30)
        sheet.words(0, 8, "people on a given day", color=QUIET)
        for tick in ticks:
            y = upright.at(tick)
            sheet.put("rule", [{"x": left, "x2": width - 4, "y": y}], stroke=LINE)
            sheet.words(left - 8, y, plain(tick), "right", color=QUIET)
        for run in _runs([i for i, _ in points]):
            of = [(along.at(i), found) for i, found in points if i in run]
            band = [
                {"x": x, "y": upright.at(f.lower), "y2": upright.at(min(f.upper, most))}
                for x, f in of
            ]
            sheet.put("area", band, fill=QUIET, opacity=0.28, line=False)
            line = [{"x": x, "y": upright.at(f.estimate)} for x, f in of]
            sheet.put("line", line, stroke=INK, strokeWidth=2.5)
        dots = [{"x": along.at(i), "y": upright.at(f.estimate)} for i, f in points]
        if len(dots) <= 30:
            sheet.put("point", dots, size=30, fill=INK, stroke=INK, opacity=1)
        for i, align in ((0, "left"), (len(names) - 1, "right")):
            x = along.at(i) + (-8 if align == "left" else 10)
            sheet.words(x, height + 20, when(names[i]), align, color=QUIET)
        return sheet.svg("time")

    return drawn_twice(
        "time",
        title=_time_title(points, names, region),
        caption=f"The line is the best guess of how many people are in {region} on a given day, "
        f"the band its range at {100 * told['level']:g}\u00a0%. Where the band is missing, the "
        "data cannot tell: most often that is so at both ends.",
        alt=f"People in {region} on a given day: "
        + "; ".join(f"{when(names[i])} {spoken(found)}" for i, found in points)
        + ".",
        draw=draw,
        header=["Occasion", "People on a given day"],
        rows=[
            [when(each["occasion"]), in_full(each["stock"])] for each in told["stock_by_occasion"]
        ],
    )


def _marks_key(sheet: Sheet, narrow: bool, period: str) -> None:
    """What the three marks are, above the picture."""
    entries = (
        ("stock", "on a given day"),
        ("flow", f"at some time in {period}" if len(period) < 9 else "at some time"),
        ("seen", "on record"),
    )
    x, y = 8.0, 9.0
    for kind, text in entries:
        if narrow and kind == "seen":
            x, y = 8.0, 31.0
        _mark(sheet, kind, x, y)
        sheet.words(x + 12, y, text)
        x += 30 + 7.0 * len(text)


def _mark(sheet: Sheet, kind: str, x: float, y: float) -> None:
    if kind == "seen":
        sheet.put("rule", [{"x": x, "y": y - 7, "y2": y + 7}], stroke=SEEN, strokeWidth=3)
        return
    fill = INK if kind == "stock" else PAPER
    how = {"fill": fill, "stroke": INK, "strokeWidth": 1.8, "opacity": 1}
    sheet.put("point", [{"x": x, "y": y}], shape="circle", size=78, **how)


def _dumbbell(sheet: Sheet, axis: Axis, y: float, city: City) -> None:
    """Both marks of a city with their ranges, and the stroke of what is recorded."""
    stock, flow = within(city["stock"]), within(city["flow"])
    if stock and flow:
        link = [{"x": axis.at(stock.estimate), "x2": axis.at(flow.estimate), "y": y}]
        sheet.put("rule", link, stroke=LINE, strokeWidth=1.5)
    for found in (stock, flow):
        if found:
            span = [{"x": axis.at(max(found.lower, axis.low)), "x2": axis.at(found.upper), "y": y}]
            sheet.put("rule", span, stroke=QUIET, strokeWidth=3.5)
            if math.isinf(found.upper):
                end = [{"x": axis.right, "y": y}]
                sheet.put("point", end, shape="triangle-right", size=60, fill=QUIET, stroke=QUIET)
    if city["seen"]:
        _mark(sheet, "seen", axis.at(city["seen"]), y)
    for kind, found in (("stock", stock), ("flow", flow)):
        if found:
            _mark(sheet, kind, axis.at(max(found.estimate, axis.low)), y)


def _title(cities: Sequence[City], focus: str | None, period: str) -> str:
    """How many times as many were ever there as are there on a day, as far as the ranges say."""
    times = {}
    for city in cities:
        stock, flow = within(city["stock"]), within(city["flow"])
        if stock and flow and 0 < stock.upper < math.inf:
            times[city["name"]] = math.floor(flow.lower / stock.upper + 1e-9)
    name = focus if focus in times else max(times, key=lambda n: times[n], default="")
    if not name or times[name] < 2:
        return f"How many people are there on a given day, and how many were in {period}"
    return (
        f"In {period} at least {_times(times[name])} as many people were in {name} as are there on "
        "a given day"
    )


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{counted(number)} times"


def _time_title(points: Sequence[tuple[int, Any]], names: Sequence[str], region: str) -> str:
    low = min(points, key=lambda point: point[1].upper)
    high = max(points, key=lambda point: point[1].lower)
    if high[1].lower <= low[1].upper:
        return f"Whether there came to be more people in {region}, or fewer, cannot be told"
    early, late = sorted((low, high))
    more = "more" if late is high else "fewer"
    return opened(
        f"if agencies looked alike all the time, there were {more} people in {region} in "
        f"{when(names[late[0]])} than in {when(names[early[0]])}"
    )


def _runs(places: Sequence[int]) -> list[set[int]]:
    """Places that follow one another without a gap."""
    groups = itertools.groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])
    return [{place for _, place in group} for _, group in groups]
