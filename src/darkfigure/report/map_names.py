"""Names of cities and roads on a map, each put where there is room, the first ones first.

Each name may stand at a few places about its city. Of those at which it meets no name and no city
that one is taken which covers the least of the roads, is the nearest, and is least likely to be
taken for the name of another city.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from darkfigure.report.plot import Sheet
from darkfigure.report.svg import PAPER, QUIET

CLOSE, NEAR, FAR = (5.0, 9.0), (8.0, 16.0), (16.0, 30.0, 46.0, 64.0)
"""How far from its city a name may stand, in pixels."""
BUSY = 9.0
"""A name that would cost more stands further away, or is left out."""

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle in pixels."""

    x: float
    y: float
    x2: float
    y2: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles overlap."""
        return self.x < other.x2 and other.x < self.x2 and self.y < other.y2 and other.y < self.y2


def line(a: Point, b: Point) -> dict[str, Any]:
    """A straight line as a row of a layer."""
    return {"x": a[0], "y": a[1], "x2": b[0], "y2": b[1]}


class Names:
    """Names that meet neither each other nor a city, and roads as little as can be.

    Parameters
    ----------
    sheet : Sheet
        What they are written on.
    frame : Box
        They stay within it.
    at : mapping
        Where the cities are, in pixels.
    studied : sequence of str
        Those of the cities that are drawn large.

    Examples
    --------
    >>> sheet = Sheet(100, 40)
    >>> names = Names(sheet, Box(0, 0, 100, 40), {"Reno": (20.0, 20.0)}, ["Reno"])
    >>> names.name("Reno", 13, "black", 400), names.name("Reno", 13, "black", 400)
    (True, False)
    """

    def __init__(
        self, sheet: Sheet, frame: Box, at: Mapping[str, Point], studied: Sequence[str]
    ) -> None:
        self.sheet, self.frame, self.at = sheet, frame, at
        self.taken = [
            Box(x - r, y - r, x + r, y + r)
            for name, (x, y) in at.items()
            for r in [7.0 if name in studied else 3.0]
        ]
        self.along: list[tuple[float, float, float, float]] = []

    def avoid(self, a: Point, b: Point, weight: float, half: float) -> None:
        """A road that names should not lie on, the less the more it weighs, by half its width."""
        steps = max(2, int(math.dist(a, b) / 4))
        self.along += [
            (a[0] + (b[0] - a[0]) * i / steps, a[1] + (b[1] - a[1]) * i / steps, weight, half)
            for i in range(steps + 1)
        ]

    def name(
        self, name: str, size: int, ink: str, weight: int, away: Sequence[float] = NEAR
    ) -> bool:
        """The name of a city beside it, or further away with a line; whether there was room."""
        x, y = self.at[name]
        wide, high = (0.66 if weight >= 600 else 0.59) * size * len(name) + 2, size + 3.0
        found: list[tuple[float, float, Box]] = []
        for far in away:
            for dx, dy in itertools.product((1, -1, 0), (0.0, -1.0, 1.0, -0.5, 0.5)):
                if dx or abs(dy) == 1:
                    slant = far * (0.75 if dx and dy else 1.0)
                    left = x + dx * slant - (0 if dx > 0 else wide if dx < 0 else wide / 2)
                    up = y + dy * slant - (high if dy < 0 else 0 if dy > 0 else high / 2)
                    box = Box(left, up, left + wide, up + high)
                    cost = self._cost(box) + 0.35 * (far - 5) + (dx <= 0)
                    found.append((cost + self._doubt(box, name), far, box))
        cost, far, box = min(found)
        if math.isinf(cost) or (away != FAR and cost > BUSY):
            return False
        if far > max(NEAR):
            middle = (box.x + box.x2) / 2, (box.y + box.y2) / 2
            end = min(max(x, box.x), box.x2), box.y2 if middle[1] < y else box.y
            self.sheet.put("rule", [line((x, y), end)], stroke=QUIET, strokeWidth=0.8)
        self._write(name, box, size, ink, weight)
        return True

    def road(self, a: Point, b: Point, text: str, half: float) -> None:
        """The name of a road beside its band, if there is room."""
        size = 11
        wide, high = 0.59 * size * len(text), size + 2.0
        length = math.dist(a, b)
        if not text or length < 44:
            return
        across = (b[1] - a[1]) / length, (a[0] - b[0]) / length
        found = []
        for share, side in itertools.product((0.5, 0.4, 0.6, 0.3, 0.7), (1, -1)):
            x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
            off = side * (half + 3 + abs(across[0]) * wide / 2 + abs(across[1]) * high / 2)
            x, y = x + off * across[0], y + off * across[1]
            box = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            found.append((self._cost(box), box))
        cost, box = min(found)
        if cost < 1:
            self._write(text, box, size, QUIET, 400)

    def _cost(self, box: Box) -> float:
        frame = self.frame
        if box.x < frame.x or box.y < frame.y or box.x2 > frame.x2 or box.y2 > frame.y2:
            return math.inf
        if any(box.meets(other) for other in self.taken):
            return math.inf
        return sum(
            weight
            for x, y, weight, half in self.along
            if box.x - half < x < box.x2 + half and box.y - half < y < box.y2 + half
        )

    def _doubt(self, box: Box, name: str) -> float:
        """How far a name here could be taken for that of another city."""
        wider = Box(box.x - 8, box.y - 8, box.x2 + 8, box.y2 + 8)
        return 4.0 * sum(
            wider.meets(Box(x, y, x, y)) for other, (x, y) in self.at.items() if other != name
        )

    def _write(self, text: str, box: Box, size: int, ink: str, weight: int) -> None:
        self.taken.append(box)
        x, y = (box.x + box.x2) / 2, (box.y + box.y2) / 2
        how: dict[str, Any] = {"fontSize": size, "fontWeight": weight}
        halo: dict[str, Any] = {
            "stroke": PAPER,
            "strokeWidth": 4,
            "strokeJoin": "round",
            "color": PAPER,
        }
        self.sheet.words(x, y, text, "center", **how, **halo)
        self.sheet.words(x, y, text, "center", **how, color=ink)
