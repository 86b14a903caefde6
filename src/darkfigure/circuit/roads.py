"""Roads between cities: how far apart they are in hours, and which way one drives.

A network is made of legs, each a stretch of road between two cities with its miles and its hours on
an empty road, the same in both directions. The way between two cities is the fastest over any legs
there are, through cities that are not studied too.

Some legs are direct journeys past the centres between, marked "(through)": faster than from centre
to centre, but the same freeway. `Roads.stretches` puts them on the legs that they run along.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from darkfigure.errors import InputError, Problem

Floats = npt.NDArray[np.float64]

THROUGH = "(through)"
DETOUR = 1.1  # hours on other highways count for so much more where a leg's own are looked for
_MARKS = re.compile(r"\([^)]*\)")

Where = Callable[[int, str], dict[str, Any]]
"""The file, line and column of a row and a column."""


@dataclass(frozen=True)
class Leg:
    """A stretch of road.

    Attributes
    ----------
    a, b : str
        The cities at its ends.
    hours : float
        On an empty road, without a stop.
    miles : float or None
    name : str
        Its highways, "I-80 / I-580"; "(through)" marks a direct journey past the centres between.
    """

    a: str
    b: str
    hours: float
    miles: float | None = None
    name: str = ""

    def reversed(self) -> Leg:
        """The same the other way."""
        return Leg(self.b, self.a, self.hours, self.miles, self.name)

    @property
    def ends(self) -> tuple[str, str]:
        """Both cities in the order of the alphabet: the same for both directions."""
        return (self.a, self.b) if self.a < self.b else (self.b, self.a)


@dataclass(frozen=True)
class City:
    """A place that roads lead to: its name, and where known its inhabitants and coordinates."""

    name: str
    population: float | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class Roads:
    """A network of roads.

    Parameters
    ----------
    cities : tuple of City
        All different.
    legs : tuple of Leg
        Between those, no two between the same.

    Raises
    ------
    InputError
        For a leg or a city that cannot be, in the words of `read_roads`.

    Examples
    --------
    >>> roads = Roads(
    ...     (City("Reno"), City("Sacramento"), City("Oakland")),
    ...     (Leg("Reno", "Sacramento", 2.2, 132, "I-80"), Leg("Sacramento", "Oakland", 1.35)),
    ... )
    >>> roads.hours(("Reno", "Oakland")).round(2)
    array([[0.  , 3.55],
           [3.55, 0.  ]])
    >>> [leg.b for leg in roads.route("Reno", "Oakland")]
    ['Sacramento', 'Oakland']
    """

    cities: tuple[City, ...]
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        problems = wrong_cities(self.cities, _nowhere)
        problems += wrong_legs(self.legs, self.names, _nowhere)
        if problems:
            raise InputError(problems)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the cities."""
        return tuple(city.name for city in self.cities)

    def __contains__(self, city: str) -> bool:
        return city in self._number

    def hours(self, cities: Sequence[str]) -> Floats:
        """The hours of the fastest way between cities, shape (R, R), in the order given.

        Raises
        ------
        InputError
            If the network lacks a city, or the roads do not connect two of them.
        """
        at = [self._at(city) for city in cities]
        found: Floats = self._fastest[0][np.ix_(at, at)]
        apart = np.argwhere(np.isinf(found))
        if apart.size:
            r, s = apart[0]
            raise InputError(
                f"The roads do not connect {cities[r]} and {cities[s]}; add the legs between them, "
                "or leave one of them out."
            )
        return found

    def populations(self, cities: Sequence[str]) -> Floats:
        """The inhabitants of cities, shape (R,).

        Raises
        ------
        InputError
            If the network lacks a city, or does not know how many people live there.
        """
        found = [self.cities[self._at(city)].population for city in cities]
        missing = [city for city, number in zip(cities, found, strict=True) if number is None]
        if missing:
            raise InputError(
                f"How many people live in {_listed(missing)} is not known; give it in the column "
                "population of the table of cities."
            )
        return np.array(found, float)

    def route(self, start: str, end: str) -> tuple[Leg, ...]:
        """The legs of the fastest way, each in the direction of the journey.

        The way back is the same.

        Raises
        ------
        InputError
            If the network lacks a city, or the roads do not connect them.
        """
        self.hours((start, end))
        return self._way(start, end, self._fastest[1])

    def stretches(self, start: str, end: str) -> tuple[Leg, ...]:
        """The legs on the ground: of the fastest way, with direct journeys put where they run.

        A leg marked "(through)" runs along a way over legs without that mark, if there is one that
        bears all its highways; else it is a stretch of its own.

        Examples
        --------
        >>> from darkfigure.circuit.road_tables import shipped_roads
        >>> roads = shipped_roads()
        >>> [leg.name for leg in roads.route("Sacramento", "Oakland")]
        ['I-80 (through)']
        >>> [leg.b for leg in roads.stretches("Sacramento", "Oakland")]
        ['Davis', 'Fairfield', 'Vallejo', 'Richmond', 'Oakland']
        """
        return tuple(each for leg in self.route(start, end) for each in self._along(leg))

    def _along(self, leg: Leg) -> tuple[Leg, ...]:
        """The legs that a leg runs along, which is most often itself.

        Of ways about as fast, that on its own highways is taken.
        """
        if THROUGH not in leg.name:
            return (leg,)
        if leg.a > leg.b:
            return tuple(each.reversed() for each in reversed(self._along(leg.reversed())))
        centres = [each for each in self.legs if THROUGH not in each.name]
        own = _highways(leg)
        weights = [each.hours * (1 if own & _highways(each) else DETOUR) for each in centres]
        hours, before = self._shortest(centres, weights)
        if math.isinf(hours[self._pair(leg)]):
            return (leg,)
        way = self._way(leg.a, leg.b, before)
        borne = {highway for each in way for highway in _highways(each)}
        return way if own <= borne else (leg,)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def _at(self, city: str) -> int:
        if city not in self._number:
            raise InputError(
                f"There is no {city} among the {len(self.cities)} cities of the roads; add it with "
                "the legs that lead there, or write its name as it is there."
            )
        return self._number[city]

    def _pair(self, leg: Leg) -> tuple[int, int]:
        return self._number[leg.a], self._number[leg.b]

    @cached_property
    def _between(self) -> dict[tuple[int, int], Leg]:
        both = [way for leg in self.legs for way in (leg, leg.reversed())]
        return {self._pair(leg): leg for leg in both}

    @cached_property
    def _fastest(self) -> tuple[Floats, npt.NDArray[np.int32]]:
        return self._shortest(self.legs, [leg.hours for leg in self.legs])

    def _shortest(
        self, legs: Sequence[Leg], hours: Sequence[float]
    ) -> tuple[Floats, npt.NDArray[np.int32]]:
        """The hours of the fastest way between all pairs, and the city before the last on it."""
        places = [self._pair(leg) for leg in legs]
        a, b = np.array(places, np.int64).reshape(-1, 2).T
        size = len(self.cities)
        graph = csr_array((np.array(hours), (a, b)), shape=(size, size))
        return dijkstra(graph, directed=False, return_predecessors=True)  # type: ignore[no-any-return]

    def _way(self, start: str, end: str, before: npt.NDArray[np.int32]) -> tuple[Leg, ...]:
        first, last = self._at(start), self._at(end)
        if first > last:  # of two ways that are as fast, the same one both ways
            return tuple(leg.reversed() for leg in reversed(self._way(end, start, before)))
        found = []
        while last != first:
            previous = int(before[first, last])
            found.append(self._between[previous, last])
            last = previous
        return tuple(reversed(found))


def wrong_cities(cities: Sequence[City], where: Where) -> list[Problem]:
    """What is wrong with the cities, each with its place."""
    found = []
    for i, city in enumerate(cities):
        if not city.name:
            found.append(Problem("The city has no name.", **where(i, "city")))
        elif city.name in [other.name for other in cities[:i]]:
            message = f"{city.name} is there more than once."
            found.append(Problem(message, **where(i, "city")))
        if city.population is not None and not 0 < city.population < math.inf:
            message = f"A number of people above zero was expected for {city.name}."
            found.append(Problem(message, **where(i, "population")))
        for what, name, value, most in (
            ("latitude", "lat", city.latitude, 90),
            ("longitude", "lon", city.longitude, 180),
        ):
            if value is not None and not -most <= value <= most:
                message = (
                    f"The {what} of {city.name} lies between -{most} and {most} degrees; "
                    "was it mixed up with the other coordinate?"
                )
                found.append(Problem(message, **where(i, name)))
    return found


def wrong_legs(legs: Sequence[Leg], cities: Sequence[str], where: Where) -> list[Problem]:
    """What is wrong with the legs, each with its place."""
    found: list[Problem] = []
    known, before = set(cities), dict[tuple[str, str], Leg]()

    def tell(i: int, column: str, message: str) -> None:
        found.append(Problem(message, **where(i, column)))

    if not legs:
        found.append(Problem("There is no leg of road.", **_nowhere(0, "")))
    for i, leg in enumerate(legs):
        for column, city in (("city_a", leg.a), ("city_b", leg.b)):
            if not city:
                tell(i, column, "The leg leads to no city; name one.")
            elif city not in known:
                tell(i, column, f"{city} is none of the {len(known)} cities of the network.")
        if leg.a == leg.b:
            tell(i, "city_b", f"This leg leads from {leg.a} to {leg.a}; leave it out.")
        if not 0 < leg.hours < math.inf:
            message = f"Hours above zero were expected from {leg.a} to {leg.b}, such as 1.5."
            tell(i, "hours", message)
        if leg.miles is not None and not 0 < leg.miles < math.inf:
            message = f"Miles above zero were expected from {leg.a} to {leg.b}, such as 48."
            tell(i, "miles", message)
        first = before.setdefault(leg.ends, leg)
        if first.hours != leg.hours and min(first.hours, leg.hours) > 0:
            message = (
                f"The leg between {leg.a} and {leg.b} is there twice, with {first.hours:g} and "
                f"{leg.hours:g} hours; keep one."
            )
            tell(i, "hours", message)
    return found


def _nowhere(row: int, column: str) -> dict[str, Any]:
    return {}


def _highways(leg: Leg) -> set[str]:
    return {name.strip() for name in _MARKS.sub("", leg.name).split("/")} - {""}


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
