"""Synthetic tables, of as many lists and people as wanted, from a process with a known truth.

Each person is on list j with the log odds b_j + 0.6 z, z standard normal and the person's own, so
that who is easy to find for one list is so for all; and 2 more if on the list that j depends on.
Up to five pairs of lists depend on each other. The b_j are evenly spaced over two units, at the
height at which 1,500 of 13,000 people, about one in nine, are on any list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from darkfigure.histories import CaptureHistories

PEOPLE = 13_000
SEEN = 1_500 / PEOPLE
SPREAD = 0.6
LIFT = 2.0
DEPENDENT = 5


def synthetic(n_lists: int, seed: int, *, observed: int | None = None) -> CaptureHistories:
    """One synthetic table: 13,000 people, of whom those on no list are not counted.

    Parameters
    ----------
    n_lists : int
        2 or more.
    seed : int
        The same seed gives the same table.
    observed : int, optional
        Draw exactly so many people who are on a list, instead.

    Examples
    --------
    >>> synthetic(9, 1).observed
    1481
    """
    cells = _cells(n_lists)
    rng = np.random.default_rng(seed)
    if observed is None:
        counts = rng.multinomial(PEOPLE, cells)
    else:
        counts = np.append(0, rng.multinomial(observed, cells[1:] / cells[1:].sum()))
    counts[0] = 0
    return CaptureHistories([f"L{j + 1}" for j in range(n_lists)], counts)


def dependent_pairs(n_lists: int) -> list[tuple[int, int]]:
    """The pairs of lists that depend on each other: the second on the first.

    Examples
    --------
    >>> dependent_pairs(9)
    [(0, 1), (1, 3), (2, 5), (3, 4), (4, 6)]
    """
    pairs = [(i, i + 1 + i % 3) for i in range(n_lists)]
    return [(i, j) for i, j in pairs if j < n_lists][:DEPENDENT]


def _cells(n_lists: int) -> npt.NDArray[np.float64]:
    """The probability of each combination of lists, entry 0 that of none."""
    on = (np.arange(1 << n_lists)[:, None] >> np.arange(n_lists)) & 1
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    tilt = np.linspace(-1, 1, n_lists)
    shift = np.zeros(on.shape)
    for i, j in dependent_pairs(n_lists):
        shift[:, j] += LIFT * on[:, i]

    def cells(height: float) -> npt.NDArray[np.float64]:
        found = np.zeros(len(on))
        for z, weight in zip(nodes, weights / weights.sum(), strict=True):
            listed = 1 / (1 + np.exp(-(height + tilt + SPREAD * z + shift)))
            found += weight * np.where(on, listed, 1 - listed).prod(axis=1)
        return found

    return cells(brentq(lambda height: 1 - cells(height)[0] - SEEN, -12, 3))
