"""The cities and the roads between them, with how many people go over each road.

Degrees of longitude are shortened by the cosine of the middle latitude, roads are straight. A road
of which nothing is shown is drawn like one that nobody goes over, for to tell these apart would
tell of the few.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from darkfigure.report.amounts import in_a, in_full, in_percent, spoken, within
from darkfigure.report.map_names import CLOSE, FAR, NEAR, Box, Names, Point, line
from darkfigure.report.plot import Sheet
from darkfigure.report.svg import INK, LINE, NARROW, PAPER, QUIET, Chart, drawn_twice
from darkfigure.report.words import counted

MARGIN = 0.12
"""Cities that are not studied are drawn as far as this share of the map beyond those that are."""
BEYOND = 3.0
"""No band is wider than so many times its best guess."""
CROWD = 12
"""More cities than this may not all have room for their names."""
_MARKS = re.compile(r"\s*\([^)]*\)")

Leg = Mapping[str, Any]


def road_map(told: Mapping[str, Any], focus: str | None) -> Chart | None:
    """The map, or None where the coordinates of fewer than two cities or the roads are not known.

    Parameters
    ----------
    told : mapping
        As `circuit_tables.shown` gives it.
    focus : str or None
        The city that is set off.
    """
    studied = [city["name"] for city in told["cities"]]
    corridors, network = told["corridors"], told["network"]
    every = [*(network["cities"] if network else ()), *told["cities"]]
    places = {
        city["name"]: projected(city["latitude"], city["longitude"], _middle(every))
        for city in every
        if city["latitude"] is not None and city["longitude"] is not None
    }
    if not network or len([name for name in studied if name in places]) < 2:
        return None
    used = [
        leg
        for leg in (corridors["legs"] if corridors else [])
        if leg["city_a"] in places and leg["city_b"] in places
    ]
    used = sorted(used, key=lambda leg: leg["moves"])
    carrying = {frozenset((leg["city_a"], leg["city_b"])) for leg in used}
    inside = _inside(places, {*studied, *itertools.chain(*carrying)} & places.keys())
    bare = [
        (leg["a"], leg["b"])
        for leg in network["legs"]
        if {leg["a"], leg["b"]} <= inside
        and frozenset((leg["a"], leg["b"])) not in carrying
        and "(through)" not in (leg["highway"] or "")
    ]
    marked = {name for pair in bare for name in pair} | {*studied, *itertools.chain(*carrying)}
    inside &= marked
    most = max((_widest(leg) for leg in used), default=1.0)
    unit = f"people {in_a(told['occasion'])}"

    def draw(width: int) -> str:
        narrow = width == NARROW
        at, map_width, map_height = _fitted({n: places[n] for n in inside}, width, narrow)
        at = {name: (x + (width - map_width) / 2, y) for name, (x, y) in at.items()}
        lengths = [math.dist(at[leg["city_a"]], at[leg["city_b"]]) for leg in used]
        widest = 15.0 if narrow else 20.0
        thickest = min(widest, max(7.0, 0.6 * median(lengths))) if used else widest
        sheet = Sheet(width, map_height + (116 if narrow else 66))
        for a, b in bare:
            sheet.put("rule", [line(at[a], at[b])], stroke=LINE, strokeWidth=1.5)
        for ink, least in ((LINE, 1.6), (QUIET, 0.9)):
            for leg in used:
                value = _widest(leg) if ink == LINE else leg["lower"]
                if value:
                    road = [line(at[leg["city_a"]], at[leg["city_b"]])]
                    thick = round(max(least, thickest * value / most), 1)
                    sheet.put("rule", road, stroke=ink, strokeWidth=thick, strokeCap="round")
        _cities(sheet, at, studied, focus)
        names = Names(sheet, Box(0, 0, width, map_height), at, studied)
        for a, b in bare:
            names.avoid(at[a], at[b], 0.3, 0.0)
        for leg in used:
            half = thickest * _widest(leg) / most / 2
            names.avoid(at[leg["city_a"]], at[leg["city_b"]], 1.0, half)
        size = 12 if narrow else 13
        left = sorted(set(studied) & inside, key=lambda n: (n != focus, studied.index(n)))
        for away in (NEAR, FAR):
            left = [
                name
                for name in left
                if not names.name(name, size, INK, 600 if name == focus else 500, away)
            ]
        for leg in reversed(used):
            half = thickest * _widest(leg) / most / 2
            ends = at[leg["city_a"]], at[leg["city_b"]]
            names.road(*ends, _MARKS.sub("", leg["highway"] or ""), half)
        passed = set(itertools.chain(*carrying))
        for name in sorted(inside - set(studied), key=lambda n: (n not in passed, n)):
            if not narrow or name in passed:
                names.name(name, 11, QUIET, 400, CLOSE)
        _key(sheet, map_height + 12, thickest / most, most, unit, bands=bool(used))
        return sheet.svg("map")

    return drawn_twice(
        "map",
        title=_title(used, unit, partly=bool(corridors and corridors["hidden"])),
        caption=_caption(used, unit, crowded=len(studied) > CROWD),
        alt=_alt(used, unit, studied),
        draw=draw,
        header=["Road", "There", "Back", "Both ways", "Share of all"],
        rows=[
            [
                f"{leg['city_a']} – {leg['city_b']} {_unbroken(leg['highway'] or '')}".strip(),
                *(
                    in_full(_amount(leg[way]), hidden=not leg[way]["moves"])
                    for way in ("there", "back")
                ),
                in_full(_amount(leg)),
                in_percent(_amount(leg, "share")),
            ]
            for leg in reversed(used)
        ],
    )


def projected(latitude: float, longitude: float, middle: float) -> Point:
    """A place in degrees of latitude to the right and down, by an equirectangular projection.

    Examples
    --------
    >>> x, y = projected(60.0, 10.0, 60.0)
    >>> round(x, 2), y
    (5.0, -60.0)
    """
    return longitude * math.cos(math.radians(middle)), -latitude


def _middle(cities: Sequence[Mapping[str, Any]]) -> float:
    known = [city["latitude"] for city in cities if city["latitude"] is not None]
    return (min(known) + max(known)) / 2 if known else 0.0


def _inside(places: Mapping[str, Point], needed: set[str]) -> set[str]:
    """The places within the needed ones and a margin about them."""
    (left, right), (top, bottom) = (
        (min(places[n][i] for n in needed), max(places[n][i] for n in needed)) for i in (0, 1)
    )
    pad = MARGIN * max(right - left, bottom - top)
    return {
        name
        for name, (x, y) in places.items()
        if left - pad <= x <= right + pad and top - pad <= y <= bottom + pad
    }


def _fitted(
    places: Mapping[str, Point], width: int, narrow: bool
) -> tuple[dict[str, Point], float, float]:
    """The places in pixels, and the width and the height that the map takes."""
    xs, ys = zip(*places.values(), strict=True)
    across, down = max(max(xs) - min(xs), 1e-6), max(max(ys) - min(ys), 1e-6)
    side, over = (44.0, 24.0) if narrow else (74.0, 26.0)
    scale = min((width - 2 * side) / across, ((430.0 if narrow else 540.0) - 2 * over) / down)
    at = {
        name: (side + scale * (x - min(xs)), over + scale * (y - min(ys)))
        for name, (x, y) in places.items()
    }
    return at, 2 * side + scale * across, 2 * over + scale * down


def _widest(leg: Leg) -> float:
    upper = leg["upper"]
    most = BEYOND * leg["moves"]
    return float(
        leg["moves"] if leg["lower"] is None else most if upper is None else min(upper, most)
    )


def _cities(
    sheet: Sheet, at: Mapping[str, Point], studied: Sequence[str], focus: str | None
) -> None:
    """Studied cities as dots, the one in question as a diamond, all others small."""
    for name, (x, y) in at.items():
        if name not in studied:
            sheet.put("point", [{"x": x, "y": y}], size=26, fill=PAPER, stroke=QUIET, opacity=1)
    for name, (x, y) in at.items():
        if name in studied:
            shape, size = ("diamond", 170) if name == focus else ("circle", 90)
            how = {"fill": INK, "stroke": PAPER, "strokeWidth": 2, "opacity": 1}
            sheet.put("point", [{"x": x, "y": y}], shape=shape, size=size, **how)


def _key(sheet: Sheet, top: float, scale: float, most: float, unit: str, *, bands: bool) -> None:
    """What the widths stand for, under the map; beside each other where there is room."""
    narrow = sheet.width == NARROW
    left, bar, y = 8.0, 38.0, top
    if bands:
        for value in _round_below(most):
            thick = round(max(0.9, scale * value), 1)
            row = [{"x": left, "x2": left + bar, "y": y}]
            sheet.put("rule", row, stroke=QUIET, strokeWidth=thick)
            sheet.words(left + bar + 10, y, f"{value:g} {unit}")
            y += 25
        left, y = (8.0, y) if narrow else (232.0, top)
        for ink, thick in ((LINE, 13.0), (QUIET, 5.0)):
            row = [{"x": left, "x2": left + bar, "y": y}]
            sheet.put("rule", row, stroke=ink, strokeWidth=thick)
        sheet.words(left + bar + 10, y, "core: at least; edge: at most")
        y += 25
    sheet.put("rule", [{"x": left, "x2": left + bar, "y": y}], stroke=LINE, strokeWidth=1.5)
    sheet.words(left + bar + 10, y, "nobody, or too few to be shown")


def _round_below(most: float) -> list[float]:
    """One or two round numbers up to this one, the larger first.

    Examples
    --------
    >>> _round_below(74.0), _round_below(0.9)
    ([50.0, 10.0], [0.5, 0.1])
    """
    power = 10.0 ** math.floor(math.log10(most))
    first = max(d for d in (1, 2, 5) if d * power <= most * 1.0001) * power
    return [float(f"{value:.3g}") for value in (first, first / 5)]


def _amount(row: Mapping[str, Any], of: str = "moves") -> dict[str, Any]:
    before = "share_" if of == "share" else ""
    return {
        "estimate": row.get(of),
        "lower": row.get(f"{before}lower"),
        "upper": row.get(f"{before}upper"),
    }


def _unbroken(highway: str) -> str:
    return highway.replace("-", "\u2011").replace(" ", "\u00a0")


def _named(leg: Leg) -> str:
    return f"{leg['city_a']} and {leg['city_b']}"


def _title(used: Sequence[Leg], unit: str, *, partly: bool) -> str:
    if not used:
        return "The cities and the roads between them; how many people go where is not shown"
    ranked = used[::-1]
    first = within(_amount(ranked[0]))
    if first is None:
        return f"Roads that people go over, most often between {_named(ranked[0])}"
    rest = [leg["upper"] for leg in ranked[1:]]
    said = f"between {_named(ranked[0])}: {spoken(first)} {unit}"
    if rest and all(upper is not None and upper < first.lower for upper in rest):
        return f"{'Of those shown, most' if partly else 'Most'} people go {said}"
    if rest:
        return f"Which road the most people go over cannot be told; it may be that {said}"
    return f"People go {said}"


def _caption(used: Sequence[Leg], unit: str, *, crowded: bool) -> str:
    if not used:
        return (
            "Straight lines stand for freeways, not for anybody's way. Diamonds and dots are the "
            "cities of this study, small circles other cities."
        )
    return (
        f"The wider a band, the more {unit} go over that road, both ways taken together, as "
        "far as they may be shown: its core is the lower limit, its edge the upper one. "
        "Movement from city to city is put on the fastest way; nobody was followed. A thin "
        "line is a road that nobody goes over, or too few to be shown. Small circles "
        "are cities that this study does not watch."
        + (" A band without a core has no range." if any(not leg["lower"] for leg in used) else "")
        + (" Where there is no room, names are left out." if crowded else "")
    )


def _alt(used: Sequence[Leg], unit: str, studied: Sequence[str]) -> str:
    said = f"Map of {counted(len(studied))} cities and the roads between them."
    roads = [
        f"{leg['city_a']} to {leg['city_b']} {spoken(found)}"
        for leg in used[::-1]
        for found in [within(_amount(leg))]
        if found
    ]
    return f"{said} {unit.capitalize()}, by road: {'; '.join(roads)}." if roads else said
