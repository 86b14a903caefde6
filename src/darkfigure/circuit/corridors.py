"""Corridors: over which roads people go from city to city, and how many.

The moves that are expected between two cities (`darkfigure.circuit.moves`) are put on the legs of
the fastest way: what is told is where the roads lead, not where anybody was seen to drive.

Limits of moves are on the scale of logarithms, those of shares on that of logits, by the delta
method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.circuit.moves import expected_moves
from darkfigure.circuit.multistate import Fit
from darkfigure.circuit.roads import Leg, Roads
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Within:
    """A number with its standard error and limits, which are None where they mean nothing."""

    estimate: float
    standard_error: float | None
    lower: float | None
    upper: float | None

    def to_dict(self, name: str, before: str = "") -> dict[str, float | None]:
        """Its numbers, ready for JSON.

        Examples
        --------
        >>> Within(3.0, 1.0, 1.6, 5.8).to_dict("moves")
        {'moves': 3.0, 'standard_error': 1.0, 'lower': 1.6, 'upper': 5.8}
        """
        numbers = (self.estimate, self.standard_error, self.lower, self.upper)
        names = (name, f"{before}standard_error", f"{before}lower", f"{before}upper")
        return dict(zip(names, numbers, strict=True))


@dataclass(frozen=True)
class Flow:
    """Who goes from one city to another.

    Attributes
    ----------
    city, to : str
    hours : float
        Of the fastest way.
    moves : Within
        People expected to go in one step between occasions.
    share : Within
        Of all movement between cities that is told.
    """

    city: str
    to: str
    hours: float
    moves: Within
    share: Within


@dataclass(frozen=True)
class Load:
    """Who goes over a leg of road, from city to city and maybe far beyond.

    Attributes
    ----------
    leg : Leg
        From its end that is first in the alphabet.
    there, back, both : Within
        People expected to go over it in one step between occasions, from its first end to the
        other, back, and both together.
    share : Within
        Of all movement that is told, the part that goes over this leg. Who goes over two legs is
        counted on each, so that these do not add up to one.
    """

    leg: Leg
    there: Within
    back: Within
    both: Within
    share: Within


@dataclass(frozen=True, eq=False)
class Corridors:
    """Where people move, per step between occasions.

    Attributes
    ----------
    flows : tuple of Flow
        The largest first.
    legs : tuple of Load
        The largest first; legs that no flow goes over are not among them.
    total : Within
        All movement that is told.
    unknown : tuple of (str, str)
        From and to, of which the data cannot tell.
    steps : int
        Over how many steps the mean is taken.
    """

    flows: tuple[Flow, ...]
    legs: tuple[Load, ...]
    total: Within
    unknown: tuple[tuple[str, str], ...]
    steps: int

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON. It is not made to be published: see `published_corridors`."""
        return {
            "total": self.total.to_dict("moves"),
            "flows": [
                {"city": flow.city, "to": flow.to, "hours": flow.hours}
                | flow.moves.to_dict("moves")
                | flow.share.to_dict("share", "share_")
                for flow in self.flows
            ],
            "legs": [
                {"city_a": load.leg.a, "city_b": load.leg.b, "highway": load.leg.name}
                | {"hours": load.leg.hours, "miles": load.leg.miles}
                | {way: getattr(load, way).to_dict("moves") for way in ("there", "back")}
                | load.both.to_dict("moves")
                | load.share.to_dict("share", "share_")
                for load in self.legs
            ],
            "unknown": [list(pair) for pair in self.unknown],
            "steps": self.steps,
        }

    def __str__(self) -> str:
        lines = [f"{'':<42}{'moves':>8}{'lower':>8}{'upper':>8}{'share':>8}"]
        for load in self.legs:
            name = f"{load.leg.a} – {load.leg.b}, {load.leg.name}".removesuffix(", ")
            lines.append(f"{name:<42}{_cells(load.both)}{load.share.estimate:>8.1%}")
        return "\n".join([*lines, f"{'all movement':<42}{_cells(self.total)}"])


def corridors(
    histories: Histories,
    found: Fit,
    roads: Roads,
    *,
    only: npt.ArrayLike | None = None,
    workers: int | None = None,
) -> Corridors:
    """Put the movement of a fit on the roads.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit
        Its level and c-hat are taken.
    roads : Roads
        With all cities of the histories.
    only : array of bool, shape (R, R), optional
        From and to, of which movement is told; the rest is left out everywhere, in totals too.
    workers : int, optional
        How many cores to use.

    Returns
    -------
    Corridors

    Raises
    ------
    InputError
        For a single city, one that the roads lack, or two that they do not connect.
    NoEstimateError
        If there is no step of which survival, detection and movement are known.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> from darkfigure.circuit.road_tables import shipped_roads
    >>> rows = [[1, 1, 1], [1, 2, 0], [2, 2, 2], [2, 1, 2], [1, 0, 1], [2, 0, 0]]
    >>> h = Histories(("Reno", "Oakland"), ("1", "2", "3"), rows, [60, 20, 40, 10, 9, 30])
    >>> found = corridors(h, fit(h, starts=2), shipped_roads())
    >>> [f"{flow.city} to {flow.to}: {flow.moves.estimate:.0f}" for flow in found.flows]
    ['Reno to Oakland: 13', 'Oakland to Reno: 7']
    >>> found.legs[0].leg.name, round(found.legs[0].share.estimate, 2)
    ('I-80', 1.0)
    """
    cities = histories.cities
    if len(cities) == 1:
        raise InputError("With a single city nobody moves; two or more are needed.")
    hours = roads.hours(cities)
    told = ~np.eye(len(cities), dtype=bool)
    if only is not None:
        told &= np.asarray(only, bool)
    expected = expected_moves(histories, found, workers=workers)
    keep = told[tuple(expected.pairs.T)]
    pairs = expected.pairs[keep]
    made = _Sums(
        expected.moves[keep],
        expected.covariance[np.ix_(keep, keep)],
        expected.at_boundary[keep],
        found.settings["level"],
    )
    flows = [
        Flow(cities[r], cities[s], float(hours[r, s]), made.sum(at), made.share(at))
        for at, (r, s) in zip(np.eye(len(pairs)), pairs, strict=True)
    ]
    over: dict[tuple[str, str], tuple[Leg, Floats]] = {}
    for at, (r, s) in enumerate(pairs):
        for leg in roads.stretches(cities[r], cities[s]):
            first = leg if leg.ends == (leg.a, leg.b) else leg.reversed()
            _, ways = over.setdefault(leg.ends, (first, np.zeros((2, len(pairs)))))
            ways[int(leg is not first), at] += 1.0
    loads = []
    for leg, ways in over.values():
        both = ways.sum(axis=0)
        sums = made.sum(ways[0]), made.sum(ways[1]), made.sum(both)
        loads.append(Load(leg, *sums, made.share(both)))
    return Corridors(
        tuple(sorted(flows, key=lambda flow: (-flow.moves.estimate, flow.city, flow.to))),
        tuple(sorted(loads, key=lambda load: (-load.both.estimate, load.leg.ends))),
        made.sum(np.ones(len(pairs))),
        tuple((cities[r], cities[s]) for r, s in expected.unknown if told[r, s]),
        expected.steps,
    )


class _Sums:
    """Sums of moves, and shares of them all, with their limits."""

    def __init__(self, moves: Floats, covariance: Floats, loose: Bools, level: float) -> None:
        self.moves, self.covariance, self.loose = moves, covariance, loose
        self.total = float(moves.sum())
        self.z = NormalDist().inv_cdf((1 + level) / 2)

    def sum(self, parts: Floats) -> Within:
        value = float(parts @ self.moves)
        error = math.sqrt(max(float(parts @ self.covariance @ parts), 0.0))
        if value <= 0 or np.all(self.loose[parts > 0]):
            return Within(value, None, None, None)
        wide = math.exp(self.z * error / value)
        return Within(value, error, value / wide, value * wide)

    def share(self, parts: Floats) -> Within:
        value = min(float(parts @ self.moves) / self.total, 1.0) if self.total > 0 else 0.0
        if value <= 0 or np.all(self.loose[parts > 0]):
            return Within(value, None, None, None)
        change = (parts - value) / self.total
        error = math.sqrt(max(float(change @ self.covariance @ change), 0.0))
        if value > 1 - 1e-9:
            return Within(1.0, 0.0, 1.0, 1.0)
        wide = math.exp(self.z * error / (value * (1 - value)))
        odds = value / (1 - value)
        return Within(value, error, odds / (odds + wide), odds * wide / (1 + odds * wide))


def _cells(each: Within) -> str:
    numbers = (each.estimate, each.lower, each.upper)
    return "".join(f"{'–' if x is None else format(x, '.1f'):>8}" for x in numbers)
