"""Bootstrap over people, with the whole choice of model redone in every replicate.

A replicate draws as many people as were observed, with replacement; the method then starts from
nothing. Intervals are bias-corrected and accelerated (BCa: Efron 1987; DiCiccio & Efron 1996,
section 2), the acceleration from a jackknife that leaves out one person, weighted by the people of
each cell (Chan, Silverman & Vincent 2021).

A replicate without an estimate counts as an infinite total: it means too little overlap, and hiding
it would make the interval look shorter than it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories

Totals = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""From counts of shape (tables, 2**K), entry 0 zero, to totals (tables,), infinite where none."""

PIECE = 5  # replicates that travel together to a core


@dataclass(frozen=True)
class Interval:
    """A BCa interval and what it came from.

    Attributes
    ----------
    lower, upper : float
    draws : array of float, shape (B,)
        The totals of the replicates, infinite where one had no estimate.
    bias : float
        z0, the standard normal quantile of the share of draws below the estimate.
    acceleration : float
        a, a sixth of the skewness of the jackknife.
    warnings : tuple of str
    """

    lower: float
    upper: float
    draws: npt.NDArray[np.float64]
    bias: float
    acceleration: float
    warnings: tuple[str, ...]


def replicates(histories: CaptureHistories, b: int, seed: int) -> npt.NDArray[np.float64]:
    """Draw b tables of as many people as were observed, shape (b, 2**K), entry 0 zero.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 40, 20])
    >>> replicates(h, 3, seed=1).sum(axis=1)
    array([120., 120., 120.])
    """
    counts = histories.known
    seen = np.flatnonzero(counts)  # cells nobody was in stay empty
    drawn = np.random.default_rng(seed).multinomial(
        histories.observed, counts[seen] / counts.sum(), size=b
    )
    tables = np.zeros((b, counts.size))
    tables[:, seen] = drawn
    return tables


def bootstrap(
    histories: CaptureHistories,
    total: float,
    totals: Totals,
    *,
    b: int,
    level: float,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Interval:
    """BCa interval for a total.

    Parameters
    ----------
    histories : CaptureHistories
    total : float
        The estimate from `histories` itself.
    totals : callable
        The method, on many tables at once; see `Totals`.
    b : int
        Number of replicates, 20 or more.
    level : float
        Between 0 and 1.
    seed : int
        The same seed gives the same replicates, on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.

    Raises
    ------
    InputError
        If b or the level is out of range.
    """
    if b < 20:
        raise InputError(f"{b} replicates are too few for an interval; take 200 or more.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    tables = replicates(histories, b, seed)
    pieces = [tables[i : i + PIECE] for i in range(0, b, PIECE)]
    draws = np.concatenate(list(engine.run(totals, pieces, workers=workers, progress=progress)))
    bias, acceleration, warnings = _bias(draws, total), *_acceleration(histories, totals)
    lower, upper = (
        _limit(draws, bias, acceleration, p) for p in ((1 - level) / 2, (1 + level) / 2)
    )
    # The percentile points of a skewed sample can pass the estimate itself; an interval holds it.
    lower, upper = min(lower, total), max(upper, total)
    return Interval(
        lower,
        upper,
        draws,
        bias,
        acceleration,
        warnings + _doubts(draws, lower, upper, level),
    )


def bca_limit(draws: npt.NDArray[np.float64], total: float, acceleration: float, p: float) -> float:
    """The p-th BCa percentile point (DiCiccio & Efron 1996, equation 2.3).

    Examples
    --------
    >>> bca_limit(np.arange(1.0, 100.0), 50.0, 0.0, 0.5)
    49.01...
    """
    return _limit(draws, _bias(draws, total), acceleration, p)


def _bias(draws: npt.NDArray[np.float64], total: float) -> float:
    below = float(np.mean(draws < total))
    if below in (0.0, 1.0):  # beyond what b replicates can tell
        below = min(max(below, 0.5 / draws.size), 1 - 0.5 / draws.size)
    return NormalDist().inv_cdf(below)


def _acceleration(histories: CaptureHistories, totals: Totals) -> tuple[float, tuple[str, ...]]:
    counts = histories.known
    cells = np.flatnonzero(counts)
    tables = np.repeat(counts[None, :], cells.size, axis=0)
    tables[np.arange(cells.size), cells] -= 1
    left_out = totals(tables)
    if not np.all(np.isfinite(left_out)):
        return 0.0, (
            "Without one single person there would be no estimate at all; the interval is not "
            "corrected for skewness.",
        )
    weight = counts[cells]
    centred = np.average(left_out, weights=weight) - left_out
    spread = float(np.sum(weight * centred**2))
    if spread == 0.0:
        return 0.0, ()
    return float(np.sum(weight * centred**3)) / (6 * spread**1.5), ()


def _limit(draws: npt.NDArray[np.float64], bias: float, acceleration: float, p: float) -> float:
    z = NormalDist()
    shifted = bias + z.inv_cdf(p)
    at = z.cdf(bias + shifted / (1 - acceleration * shifted))
    ordered = np.sort(draws)
    place = at * (draws.size - 1)
    low = math.floor(place)
    high = min(low + 1, draws.size - 1)
    if place == low or ordered[low] == ordered[high]:
        return float(ordered[low])
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _doubts(
    draws: npt.NDArray[np.float64], lower: float, upper: float, level: float
) -> tuple[str, ...]:
    doubts = []
    none = int(np.sum(~np.isfinite(draws)))
    if none:
        doubts.append(
            f"{none} of {draws.size} bootstrap replicates had no estimate at all; they count as "
            "totals without a limit."
        )
    if math.isinf(upper):
        doubts.append(
            f"So many replicates had no estimate that the interval at {level} has no upper limit."
        )
    finite = draws[np.isfinite(draws)]
    if finite.size and (lower <= finite.min() or upper == finite.max()):
        doubts.append(
            f"A limit of the interval is the most extreme of the {draws.size} replicates; more "
            "replicates may move it."
        )
    return tuple(doubts)
