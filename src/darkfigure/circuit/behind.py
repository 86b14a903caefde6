"""Who is behind a rate: how many different people would have to be others for it to be another.

    survival    people seen there, and again later
    detection   people seen there who had been seen before
    movement    people seen in the one city and next in the other; for a rate of a single step,
                only those who were seen at both ends of the step

A rate that is the same in all cities or over time rests on all people there; one that is a sum of
two, on the fewer of theirs. People are counted, not moves: who goes up and down a road ten times is
one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.covariates import Column
from darkfigure.circuit.histories import Histories

Ints = npt.NDArray[np.int64]


def words_of(term: str) -> set[str]:
    """The words of a term of a model, and the names of its covariates.

    Examples
    --------
    >>> sorted(words_of("city*time")), sorted(words_of("constant + hours"))
    (['city', 'time'], ['constant', 'hours'])
    """
    return {word.strip() for word in re.split("[+*]", term)}


@dataclass(frozen=True, eq=False, repr=False)
class Behind:
    """How many different people are behind each rate, with R cities and U steps.

    Parameters
    ----------
    histories : Histories

    Examples
    --------
    >>> h = Histories("AB", "1234", [[1, 2, 1, 2], [1, 1, 0, 1], [1, 2, 0, 0]], [1, 40, 9])
    >>> Behind(h).moves
    array([[40, 10],
           [ 1,  0]])
    """

    histories: Histories

    def survival(self, term: str) -> Ints:
        """People seen there and again later, by step and city, shape (U, R)."""
        row, t, r, _, _ = self._steps
        return self._of(term, row, t, r)

    def detection(self, term: str) -> Ints:
        """People seen there who had been seen before, by occasion but the first, shape (U, R)."""
        row, _, _, u, s = self._steps
        return self._of(term, row, u - 1, s)

    @cached_property
    def at_first(self) -> Ints:
        """People seen in each city on the first occasion, shape (R,)."""
        seen = self.histories.patterns[:, 0]
        counts = np.bincount(seen, self.histories.freq, len(self.histories.cities) + 1)
        return counts[1:].astype(np.int64)

    def entered(self, term: str) -> Ints:
        """People first seen there and then, as far as the chance to enter tells them apart.

        Shape (T, R); who is there on the first occasion is told by city whatever the term.
        """
        size = len(self.histories.cities)
        rows = np.arange(len(self.histories.freq))
        when = (self.histories.patterns > 0).argmax(axis=1)
        where = self.histories.patterns[rows, when] - 1
        first = np.zeros((self.histories.patterns.shape[1], size), np.int64)
        np.add.at(first, (when, where), self.histories.freq)
        later, words = first[1:], words_of(term)
        by_city = np.broadcast_to(later.sum(axis=0), later.shape)
        by_time = np.broadcast_to(later.sum(axis=1, keepdims=True), later.shape)
        if words >= {"city", "time"}:
            told = later if "*" in term else np.minimum(by_city, by_time)
        elif words & {"city", "time"}:
            told = by_city if "city" in words else by_time
        else:
            told = np.full(later.shape, later.sum())
        return np.vstack([first[:1], told])

    @cached_property
    def cities(self) -> Ints:
        """People seen in each city, shape (R,)."""
        row, t = np.nonzero(self.histories.patterns)
        cities = self.histories.patterns[row, t] - 1
        return self._people(row, cities, len(self.histories.cities))

    @cached_property
    def moves(self) -> Ints:
        """People seen in the one city and next in the other, whenever, shape (R, R)."""
        row, _, r, _, s = self._steps
        size = len(self.histories.cities)
        return self._people(row, r * size + s, size * size).reshape(size, size)

    @cached_property
    def moves_by_step(self) -> Ints:
        """People seen at both ends of a step, by their cities, shape (U, R, R)."""
        row, t, r, u, s = self._steps
        row, t, r, s = (each[u == t + 1] for each in (row, t, r, s))
        steps, size = self._shape
        keys = (t * size + r) * size + s
        return self._people(row, keys, steps * size * size).reshape(steps, size, size)

    def movers(self, *, by_step: bool) -> tuple[Ints, Ints]:
        """People who went to another city, and who stayed, shape (U,) each."""
        row, t, r, u, s = self._steps
        steps, _ = self._shape
        if by_step:
            row, t, r, s = (each[u == t + 1] for each in (row, t, r, s))
        else:
            t = np.zeros_like(t)
        both = [self._people(row[kind], t[kind], steps) for kind in (r != s, r == s)]
        if not by_step:
            both = [np.full(steps, each[0]) for each in both]
        return both[0], both[1]

    def apart(self, column: Column) -> int:
        """People behind a covariate: on both sides of its mean, the fewer.

        A covariate that sets a single city or road apart is another name for it. Of movement only
        those count who went to another city.
        """
        row, t, r, u, s = self._steps
        if column.parameter == "movement":
            row, t, r, s = (each[r != s] for each in (row, t, r, s))
            values = column.values[t, r * (self._shape[1] - 1) + s - (s > r)]
        elif column.parameter == "detection":
            values = column.values[u - 1, s]
        else:
            values = column.values[t, r]
        freq = self.histories.freq
        return min(int(freq[np.unique(row[side])].sum()) for side in (values > 0, values < 0))

    def together(self, city: int, to: Sequence[int], step: int | None) -> int:
        """Different people who went any of these ways from a city, on one step or whenever."""
        row, t, r, u, s = self._steps
        chosen = (r == city) & np.isin(s, np.array(to, np.int64))
        if step is not None:
            chosen &= (t == step) & (u == step + 1)
        return int(self.histories.freq[np.unique(row[chosen])].sum())

    def arrived(self, city: int, origins: Sequence[int]) -> int:
        """Different people who came to a city from any of these, whenever."""
        row, _, r, _, s = self._steps
        chosen = (s == city) & np.isin(r, np.array(origins, np.int64))
        return int(self.histories.freq[np.unique(row[chosen])].sum())

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.histories.occasions) - 1, len(self.histories.cities)

    @cached_property
    def _steps(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """From each sighting to the next: the row, the occasion and the city of both."""
        row, t = np.nonzero(self.histories.patterns)
        city = self.histories.patterns[row, t] - 1
        same = row[1:] == row[:-1]
        return row[:-1][same], t[:-1][same], city[:-1][same], t[1:][same], city[1:][same]

    def _people(self, row: Ints, keys: Ints, size: int) -> Ints:
        """Different people by a key, shape (size,)."""
        pairs = np.unique(row * size + keys)
        counts = np.bincount(pairs % size, self.histories.freq[pairs // size], size)
        return counts.astype(np.int64)

    def _of(self, term: str, row: Ints, t: Ints, r: Ints) -> Ints:
        """People behind each rate of a kind, which may be the same for all cities or steps."""
        steps, size = self._shape
        by_city = np.tile(self._people(row, r, size), (steps, 1))
        by_time = np.repeat(self._people(row, t, steps), size).reshape(steps, size)
        both = self._people(row, t * size + r, steps * size).reshape(steps, size)
        everybody = np.full((steps, size), self._people(row, 0 * row, 1)[0])
        words = words_of(term)
        if words >= {"city", "time"}:
            return both if "*" in term else np.minimum(by_city, by_time)
        return by_city if "city" in words else by_time if "time" in words else everybody
