"""The m-array: how many people seen here on this occasion were next seen there on that one.

It has all that the multistate model takes from capture histories, for a sighting says where
somebody is and what came before no longer matters (Brownie et al. 1993). So the work does not grow
with the number of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]

MOST_CELLS = 10**8  # 800 MB


@dataclass(frozen=True, eq=False, repr=False)
class MArray:
    """Counts of people between one sighting and the next.

    Parameters
    ----------
    first : array, shape (T, R)
        People seen for the first time, by occasion and city.
    again : array, shape (T - 1, R, T - 1, R)
        `again[t, r, u, s]`: people seen on occasion t in city r and next on occasion u + 1 in s;
        zero where u < t.
    """

    first: Floats
    again: Floats

    @cached_property
    def released(self) -> Floats:
        """People seen on each occasion but the last, by city, shape (T - 1, R)."""
        total: Floats = self.first[:-1].copy()
        total[1:] += self.again.sum(axis=(0, 1))[:-1]
        return total

    @cached_property
    def never(self) -> Floats:
        """Of those, people who were never seen again, shape (T - 1, R)."""
        left: Floats = self.released - self.again.sum(axis=(2, 3))
        return left

    @cached_property
    def moves(self) -> Floats:
        """People by the city of a sighting and that of the next, whenever, shape (R, R).

        What is told of a move that only few were seen to make is told of them.
        """
        total: Floats = self.again.sum(axis=(0, 2))
        return total

    @cached_property
    def last(self) -> npt.NDArray[np.int64]:
        """The last u at which any of them were seen, or -1, shape (T - 1, R)."""
        found: npt.NDArray[np.bool_] = np.sum(self.again, axis=3) > 0
        steps = found.shape[0]
        after = steps - 1 - found[:, :, ::-1].argmax(axis=2)
        return np.where(np.any(found, axis=2), after, -1)


def m_array(histories: Histories) -> MArray:
    """Count the steps from one sighting to the next.

    Parameters
    ----------
    histories : Histories

    Raises
    ------
    InputError
        If cities times occasions are more than about 10,000.

    Examples
    --------
    >>> from darkfigure.circuit.histories import Histories
    >>> h = Histories(("A", "B"), ("May", "June", "July"), [[1, 0, 2], [1, 2, 0]], [3, 4])
    >>> m_array(h).again[0, 0]
    array([[0., 4.],
           [0., 3.]])
    >>> m_array(h).never
    array([[0., 0.],
           [0., 4.]])
    """
    patterns, freq = histories.patterns, histories.freq.astype(float)
    rows, occasions = patterns.shape
    cities = len(histories.cities)
    if ((occasions - 1) * cities) ** 2 > MOST_CELLS:
        raise InputError(
            f"{cities} cities on {occasions} occasions are too many to follow everybody through; "
            "take longer occasions, or put cities together."
        )
    first = np.zeros((occasions, cities))
    again = np.zeros((occasions - 1, cities, occasions - 1, cities))
    when = np.full(rows, -1)
    for t in range(occasions):
        here = np.flatnonzero(patterns[:, t])
        before = when[here]
        new, known = here[before < 0], here[before >= 0]
        np.add.at(first[t], patterns[new, t] - 1, freq[new])
        last = when[known]
        now = np.full(known.size, t - 1)
        cell = (last, patterns[known, last] - 1, now, patterns[known, t] - 1)
        np.add.at(again, cell, freq[known])
        when[here] = t
    return MArray(first, again)
