"""Ranks with their uncertainty, from draws of the rates.

In each possible world the places have an order; over the worlds every place has a distribution of
ranks (Goldstein & Spiegelhalter 1996, JRSS A 159:385–443). Rank 1 is the highest rate. A place's
expected rank is the sum over the others of the probability that they are at least as high (Lin,
Louis, Paddock & Ridgeway 2006, Bayesian Analysis 1:915–946, eq. 2), and is the best guess under
squared error of ranks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.compare.rates import Draws
from darkfigure.errors import InputError


@dataclass(frozen=True)
class Ranks:
    """Where each of K places stands, as far as that can be told.

    Attributes
    ----------
    probability : array of float, shape (places, places)
        Row: a place. Column: a rank, from 1. Each row and each column adds up to 1.
    expected : array of float, shape (places,)
        Expected ranks, between 1 and K.
    lower, upper : array of int, shape (places,)
        The limits of each place's rank at the level, for a place that was named beforehand; they
        do not hold for all places at once.
    simultaneous_lower, simultaneous_upper : array of int, shape (places,)
        Limits that do: the ranks of all places are within them in a share of the draws that is no
        less than the level.
    higher : array of float, shape (places, places)
        The probability that the row's rate is higher than the column's; 1/2 on the diagonal.
    level : float
    """

    probability: Draws
    expected: Draws
    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    simultaneous_lower: npt.NDArray[np.int64]
    simultaneous_upper: npt.NDArray[np.int64]
    higher: Draws
    level: float

    @property
    def told_apart(self) -> npt.NDArray[np.bool_]:
        """Pairs of places whose order is sure, shape (places, places): the interval of the ratio of
        their rates at the level excludes 1."""
        return np.asarray(np.maximum(self.higher, 1 - self.higher) >= sure_from(self.level))

    @property
    def distinct(self) -> float:
        """The share of all pairs whose order is sure, between 0 and 1."""
        k = len(self.expected)
        return float(self.told_apart[np.triu_indices(k, 1)].mean())


def sure_from(level: float) -> float:
    """The probability of an order from which it is told as sure.

    It is that of one side: the interval at the level of the ratio of the two rates excludes 1 where
    the one is higher with at least this probability.

    Examples
    --------
    >>> sure_from(0.95)
    0.975
    """
    return (1 + level) / 2


def ranks(draws: npt.ArrayLike, *, level: float = 0.95, highest_first: bool = True) -> Ranks:
    """The distribution of ranks over draws.

    Parameters
    ----------
    draws : array of float, shape (draws, places)
        Of the rates; infinite ones are higher than all others.
    level : float
        Of the limits, between 0 and 1.
    highest_first : bool
        Whether rank 1 is the highest.

    Raises
    ------
    InputError
        If there are fewer than two places, the level is out of range, or a draw is not a number.

    Notes
    -----
    The limits of one place leave out ranks in tails of (1 - level) / 2. Those of all places at once
    have the largest tails, the same for all and no larger than that, with which the share of draws
    in which every place is within its limits is no less than the level.

    Examples
    --------
    >>> found = ranks([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]])
    >>> found.expected.tolist(), found.probability.tolist()
    ([2.5, 2.5, 1.0], [[0.0, 0.5, 0.5], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    """
    x = np.asarray(draws, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or len(x) == 0:
        raise InputError("Ranks need draws of two places or more.")
    if np.isnan(x).any():
        raise InputError("Ranks need draws that are numbers; some are missing.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if not highest_first:
        x = -x
    n, k = x.shape
    counts, higher = np.zeros((k, k)), np.empty((k, k))
    tied = np.zeros(n, dtype=np.bool_)
    for j in range(k):
        above, level_with = x[:, [j]] > x, x[:, [j]] == x
        higher[j] = above.mean(axis=0) + 0.5 * level_with.mean(axis=0)
        tied |= level_with.sum(axis=1) > 1
    order = np.argsort(-x[~tied], axis=1)
    for rank in range(k):
        counts[:, rank] = np.bincount(order[:, rank], minlength=k)
    shared = []
    for row in x[tied]:  # who is level shares the ranks that they take together
        first, width = (row > row[:, None]).sum(axis=1), (row == row[:, None]).sum(axis=1)
        shared.append((first, first + width - 1))
        for j in range(k):
            counts[j, first[j] : first[j] + width[j]] += 1 / width[j]
    probability = counts / n
    below = probability.cumsum(axis=1)
    # How far into its tails each rank lies, and in each draw the place that is farthest out.
    depth = np.minimum(below, 1 - below + probability)
    each = np.arange(k)
    outermost = np.empty(n)
    outermost[~tied] = depth[order, each].min(axis=1)
    outermost[tied] = [min(depth[each, a].min(), depth[each, b].min()) for a, b in shared]
    tail = (1 - level) / 2
    reached = float(np.sort(outermost)[math.floor((1 - level) * n + 1e-9)])
    joint = min(tail, reached - 1e-9)  # so that what lies just there is kept
    limits = [_limits(below, each_tail) for each_tail in (tail, joint)]
    expected = 0.5 + (1.0 - higher).sum(axis=1)
    return Ranks(probability, expected, *limits[0], *limits[1], higher, level)


def _limits(below: Draws, tail: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ranks that remain when each place's tails are cut off."""
    slack = 1e-12  # sums of shares that are whole in truth
    return 1 + (below < tail - slack).sum(axis=1), 1 + (below < 1 - tail - slack).sum(axis=1)
