"""Who was seen when and in which city, by the records of several lists that were linked.

It is what `circuit` counts people from, and it stays in memory: nothing here writes or prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError
from darkfigure.lists.link import Links
from darkfigure.lists.overlap import forbidding, forest, people
from darkfigure.lists.records import Records


@dataclass(frozen=True, repr=False)
class Sighted:
    """Sightings of people who have no name any more.

    Attributes
    ----------
    people : array of int, shape (sightings,)
    days : tuple of date
    places : tuple of str
    undated, placeless : int
        How many more records say no day, or no city.
    """

    people: npt.NDArray[np.int64]
    days: tuple[date, ...]
    places: tuple[str, ...]
    undated: int
    placeless: int


def sighted(
    lists: Sequence[Records],
    links: Links,
    cities: Sequence[str | None],
    *,
    draws: int = 0,
    seed: int = 1,
) -> Iterator[Sighted]:
    """The sightings of the most probable people, then of each draw of who is who.

    Parameters
    ----------
    lists : sequence of Records
        In the order in which they were linked.
    links : Links
    cities : sequence of str or None
        For each list the city it works in, or None where its records say it, as the stratum "city".
    draws : int
        How many times who is who is drawn; see `overlap`.
    seed : int

    Raises
    ------
    InputError
        If a list says no city, or no record has both a day and a city.

    Examples
    --------
    >>> import polars as pl
    >>> from darkfigure.lists.records import Quality
    >>> rows = pl.DataFrame({"contact": ["2024-05-01", None]})
    >>> lists = [Records("shelter", rows, Quality(2, 2, {}, 0, {}))]
    >>> links = Links(("shelter",), np.array([0, 0]), np.array([0]), np.array([1]), np.array([3.0]))
    >>> [(s.days, s.places, s.undated) for s in sighted(lists, links, ["Reno"])]
    [((datetime.date(2024, 5, 1),), ('Reno',), 1)]
    """
    where: list[str | None] = []
    when: list[str | None] = []
    for each, city in zip(lists, cities, strict=True):
        if city is None and "stratum_city" not in each.frame.columns:
            raise InputError(
                f"'{each.name}' does not say where anybody was seen: name its city, or the column "
                "that says it, as the stratum 'city'."
            )
        said = [city] * each.frame.height if city else each.frame["stratum_city"].to_list()
        where += said
        when += each.frame["contact"].to_list()
    told = [i for i, (day, place) in enumerate(zip(when, where, strict=True)) if day and place]
    if not told:
        raise InputError("No record says both on which day and in which city it was made.")
    days = tuple(date.fromisoformat(when[i] or "") for i in told)
    places = tuple(where[i] or "" for i in told)
    undated = sum(day is None for day in when)
    placeless = len(when) - undated - len(told)
    branches, apart = forest(links), forbidding(links)
    for draw in range(draws + 1):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw,)))
        noise = rng.logistic(size=len(branches[2])) if draw else 0.0
        person = people(links, branches, noise, apart)
        yield Sighted(person[told], days, places, undated, placeless)
