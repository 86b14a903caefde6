"""Histories over occasions: how many people were seen in which city at which times.

A history has one entry for each occasion: 0 where the person was not seen, else the city. People
with the same history are pooled, and nothing here prints a history: one that is somebody's alone is
that person's path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Histories:
    """Counts of people by their history, the same histories pooled.

    Parameters
    ----------
    cities : sequence of str
        The R cities, all different.
    occasions : sequence of str
        The T occasions in order of time, two or more, all different.
    patterns : array of int, shape (rows, T)
        0 where not seen, else 1 to R, the number of the city; every row has one sighting or more.
    freq : array of int, shape (rows,), optional
        How many people have each history, zero or more; one each where it is left out.
    groups : sequence of str, length rows, optional
        The group of the people of each row, such as their sex.
    notes : sequence of str
        What a reader of any result should know about how these counts came to be.
    every : str
        What an occasion is called: "month", "10 days", or "occasion" where its length is not known.

    Raises
    ------
    InputError
        For no city, fewer than two occasions, names used twice, shapes that do not fit, cities
        that do not exist, a history without a sighting, numbers that are no counts, or nobody.

    Examples
    --------
    >>> h = Histories(("Reno", "Oakland"), ("May", "June"), [[1, 0], [1, 2], [1, 0]], [5, 2, 3])
    >>> h
    <Histories: 10 people in 2 cities over 2 occasions, 12 sightings>
    """

    cities: tuple[str, ...]
    occasions: tuple[str, ...]
    patterns: npt.NDArray[np.int64]
    freq: npt.NDArray[np.int64]
    groups: tuple[str, ...] | None
    notes: tuple[str, ...]
    every: str

    def __init__(
        self,
        cities: Sequence[str],
        occasions: Sequence[str],
        patterns: npt.ArrayLike,
        freq: npt.ArrayLike | None = None,
        groups: Sequence[str] | None = None,
        notes: Iterable[str] = (),
        every: str = "occasion",
    ) -> None:
        cities, occasions = tuple(map(str, cities)), tuple(map(str, occasions))
        given = np.asarray(patterns)
        _check_names(cities, occasions)
        if given.ndim != 2 or given.shape[1] != len(occasions):
            raise InputError(
                f"Each history has one entry for each of the {len(occasions)} occasions; these "
                f"have the shape {given.shape}."
            )
        counts = np.ones(len(given), int) if freq is None else np.asarray(freq)
        labels = None if groups is None else tuple(map(str, groups))
        if counts.shape != (len(given),) or (labels is not None and len(labels) != len(given)):
            raise InputError("There must be one count, and one group if any, for each history.")
        for numbers, least, most, what in (
            (given, 0, len(cities), f"0, or the number of a city up to {len(cities)}"),
            (counts, 0, 2**53, "a count of people, a whole number of zero or more"),
        ):
            whole = np.issubdtype(numbers.dtype, np.number) and np.all(numbers == np.rint(numbers))
            if numbers.size and not (whole and numbers.min() >= least and numbers.max() <= most):
                raise InputError(f"An entry is no number that can be here; it is {what}.")
        if not given.any(axis=1).all():
            raise InputError("A history has no sighting; who was never seen has none.")
        if not counts.sum():
            raise InputError("There is nobody in these histories.")
        names = sorted(set(labels or ()))
        keyed = given if labels is None else np.c_[given, [names.index(each) for each in labels]]
        rows, where = np.unique(keyed.astype(np.int64), axis=0, return_inverse=True)
        pooled = np.bincount(where.ravel(), weights=counts).astype(np.int64)
        rows, pooled = rows[pooled > 0], pooled[pooled > 0]
        kept = None if labels is None else tuple(names[i] for i in rows[:, -1])
        for name, value in (
            ("cities", cities),
            ("occasions", occasions),
            ("patterns", rows[:, : len(occasions)]),
            ("freq", pooled),
            ("groups", kept),
            ("notes", tuple(notes)),
            ("every", every),
        ):
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def people(self) -> int:
        """How many different people were seen."""
        return int(self.freq.sum())

    @property
    def sightings(self) -> int:
        """On how many occasions anybody was seen, over all people."""
        return int(self.freq @ np.count_nonzero(self.patterns, axis=1))

    def by_group(self) -> dict[str, Histories]:
        """The histories of each group, in the order of their names.

        Examples
        --------
        >>> h = Histories("A", ("May", "June"), [[1, 0], [1, 1]], [5, 2], groups=("f", "m"))
        >>> h.by_group()["f"].people
        5
        """
        if self.groups is None:
            raise InputError("These histories have no groups.")
        labels = np.array(self.groups)
        return {
            str(name): Histories(
                self.cities,
                self.occasions,
                self.patterns[labels == name],
                self.freq[labels == name],
                notes=self.notes,
                every=self.every,
            )
            for name in np.unique(labels)
        }

    def to_dict(self) -> dict[str, Any]:
        """What may be told of them, ready for JSON: no history."""
        return {
            "cities": list(self.cities),
            "occasions": list(self.occasions),
            "people": self.people,
            "sightings": self.sightings,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        cities = "1 city" if len(self.cities) == 1 else f"{len(self.cities)} cities"
        return (
            f"<Histories: {self.people:,} people in {cities} over {len(self.occasions)} occasions, "
            f"{self.sightings:,} sightings>"
        )


def _check_names(cities: tuple[str, ...], occasions: tuple[str, ...]) -> None:
    if not cities:
        raise InputError("There is no city; name one or more.")
    if len(occasions) < 2:
        raise InputError(
            "There is a single occasion, so that nobody can be seen again; two are needed, and "
            "three or more to tell who left from who was not seen. Take shorter occasions."
        )
    for names, what in ((cities, "city"), (occasions, "occasion")):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"The {what} '{twice[0]}' is named more than once.")
