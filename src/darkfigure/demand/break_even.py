"""Where a shift turns from help to harm: the value of an unknown at which the mean is zero.

The unknowns are independent, so the mean of the difference given one of them, all others over
their distributions, is its regression on that one. It is fitted as a cubic in the share of the
distribution below the value, on the draws themselves.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DEGREE = 3
SURE = 2.0
"""A side counts as above or below zero by so many standard errors at least."""


@dataclass(frozen=True)
class Turn:
    """Where the mean difference of an unknown is zero, as shares of its distribution.

    Attributes
    ----------
    at : tuple of float
        The shares; empty if it keeps its sign.
    low, high : float
        The mean difference at the 2.5 % and the 97.5 % point.
    """

    at: tuple[float, ...]
    low: float
    high: float


def turn(share: Floats, difference: Floats) -> Turn:
    """Find where the mean difference changes its sign.

    Parameters
    ----------
    share : array, shape (n,)
        The share of the unknown's distribution below each draw, between 0 and 1.
    difference : array, shape (n,)

    Examples
    --------
    >>> share = np.linspace(0, 1, 1001)
    >>> [round(x, 3) for x in turn(share, 3 * share - 1).at]
    [0.333]
    >>> turn(share, 3 * share + 1).at
    ()
    """
    basis = np.polynomial.legendre.legvander(2 * share - 1, DEGREE)
    coefficients, *_ = np.linalg.lstsq(basis, difference, rcond=None)
    left = difference - basis @ coefficients
    spread = np.linalg.pinv(basis.T @ basis) * (left @ left) / max(1, share.size - DEGREE - 1)
    grid = np.linspace(0.025, 0.975, 381)
    on = np.polynomial.legendre.legvander(2 * grid - 1, DEGREE)
    mean = on @ coefficients
    error = np.sqrt(np.maximum(0.0, np.einsum("ij,jk,ik->i", on, spread, on)))
    sign = np.where(np.abs(mean) > SURE * error + 1e-12, np.sign(mean), 0.0)
    # Only changes between sides that are surely above and surely below zero are told.
    sure = np.flatnonzero(sign)
    at = []
    for i, j in itertools.pairwise(sure):
        if sign[i] != sign[j]:
            near = np.flatnonzero(np.sign(mean[i:j]) != np.sign(mean[i + 1 : j + 1]))[0] + i
            part = mean[near] / (mean[near] - mean[near + 1])
            at.append(float(grid[near] + part * (grid[near + 1] - grid[near])))
    return Turn(tuple(at), float(mean[0]), float(mean[-1]))
