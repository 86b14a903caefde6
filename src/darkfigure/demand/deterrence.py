"""An arrest that deters: the next comes less easily than the first, and what that does to totals.

Somebody is first arrested at a rate lambda, and later at lambda d, in a period of length 1. The
first arrest falls at a time 1 - s, and k - 1 more in the s that is left, so that

    P(0) = exp(-lambda)
    P(k) = lambda (lambda d)^(k-1) / (k-1)! exp(-lambda) int_0^1 s^(k-1) exp(lambda (1 - d) s) ds.

Where rates differ between people, exponentially with mean m, this is

    P(0) = 1 / (1 + m)        P(k) = (1 - P(0)) q^(k-1) / (1 + d m),        q = d m / (1 + d m),

so that counts from one on hang on d m only: they say *nothing* of d, and those never arrested are d
times what they would be without deterrence.

Counts cannot tell d. Too many with one arrest are what an arrest that deters looks like, and also
what rates that differ between people look like, and one-inflation. So d is given, over a grid, and
the answer is how far the total moves. With d below 1, those never arrested are *fewer* than a
steady rate says: that somebody was not arrested again is no sign that he is hard to find.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, hyp1f1

from darkfigure.demand.counts_table import Counts
from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]

GRID = (1.0, 0.8, 0.6, 0.4, 0.2)
SLOW, FAST = math.log(1e-6), math.log(200.0)
STEP = 1e-3  # on the scale of the logarithm of the rate, for the curvature
DRAWS = 20_000
SENTENCE = (
    "How much an arrest deters cannot be told from these counts: people who differ look the same. "
    "The rows say what the total is for each value; which one holds must come from elsewhere."
)


@dataclass(frozen=True)
class Deterred:
    """The answer if later arrests come at d times the rate of the first.

    Attributes
    ----------
    factor : float
        d; 1 is no deterrence, 0.5 half the rate.
    total, lower, upper, se : float
        Of all people, log-normal limits.
    rate : float
        First arrests a person and period; the mean where rates differ.
    loglik : float
        To see how little the counts say about d.
    """

    factor: float
    total: float
    lower: float
    upper: float
    se: float
    rate: float
    loglik: float


@dataclass(frozen=True)
class Deterrence:
    """The total over a grid of d.

    Attributes
    ----------
    rows : tuple of Deterred
    differ : bool
        Whether rates differ between people (exponentially), or are the same.
    observed : int
    level : float
    sentence : str
        What the counts cannot tell.
    mixed : tuple of float or None
        Median and limits of the total with d drawn by the weights that were given.
    """

    rows: tuple[Deterred, ...]
    differ: bool
    observed: int
    level: float
    sentence: str
    mixed: tuple[float, float, float] | None

    def table(self) -> str:
        """The rows as text."""
        head = f"{'later rate / first':<20}{'people':>10}{'lower':>10}{'upper':>10}{'loglik':>12}"
        return "\n".join(
            [
                head,
                *(
                    f"{row.factor:<20g}{row.total:>10,.0f}{row.lower:>10,.0f}{row.upper:>10,.0f}"
                    f"{row.loglik:>12.1f}"
                    for row in self.rows
                ),
            ]
        )


def chances(rate: Floats, factor: float, most: int) -> Floats:
    """The chance of 0, 1, ..., most arrests.

    Parameters
    ----------
    rate : array of float, shape (m,)
        Lambda, above 0.
    factor : float
        d, from 0 on.
    most : int
        The highest count.

    Returns
    -------
    array of float, shape (m, most + 1)

    Notes
    -----
    The integral is 1F1(k; k + 1; lambda (1 - d)) / k.

    Examples
    --------
    >>> chances(np.array([0.5]), 1.0, 2).round(4).tolist()
    [[0.6065, 0.3033, 0.0758]]
    """
    r = np.asarray(rate, dtype=np.float64)[:, None]
    k = np.arange(1, most + 1)
    power = np.zeros((r.shape[0], most))
    power[:, 1:] = (k[1:] - 1) * np.log(r * factor)
    later = np.exp(np.log(r) - r + power - gammaln(k + 1.0)) * hyp1f1(k, k + 1, r * (1 - factor))
    return np.hstack([np.exp(-r), later])


def chances_differing(mean: float, factor: float, most: int) -> Floats:
    """As `chances`, for people whose rates are exponential with this mean; shape (most + 1,).

    Examples
    --------
    >>> chances_differing(1.0, 0.5, 2).round(4).tolist()
    [0.5, 0.3333, 0.1111]
    """
    later = factor * mean
    k = np.arange(most)
    arrested = mean / (1 + mean) / (1 + later) * np.exp(k * np.log(later / (1 + later)))
    return np.concatenate([[1 / (1 + mean)], arrested])


def deterrence(
    counts: Counts,
    factors: Sequence[float] = GRID,
    *,
    differ: bool = False,
    weights: Sequence[float] | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Deterrence:
    """The total if an arrest makes the next one rarer, over a grid of how much rarer.

    Parameters
    ----------
    counts : Counts
        Arrests of each person, no covariates.
    factors : sequence of float
        Values of d: the rate of later arrests over that of the first, above 0.
    differ : bool
        Whether rates differ between people, exponentially as in `ztgeom`; else all have the same,
        as in `ztpoisson`.
    weights : sequence of float, optional
        How likely each d is, from outside these counts; `mixed` is then the total with d unknown.
    level : float
        Confidence of the limits, between 0 and 1.
    seed : int
        Of the draws for `mixed`.

    Raises
    ------
    NoEstimateError
        If nobody was arrested twice or the likelihood has no maximum.
    InputError
        If a factor is not above 0, or weights and factors do not match.

    Notes
    -----
    The behavioural response of model Mb (Otis et al. 1978, Wildlife Monographs 62), for counts in
    continuous time. With d = 1 it is the zero-truncated Poisson or geometric. Standard errors as in
    `darkfigure.demand.total`; for the variance of who was met P(0) is that of all people together.

    Examples
    --------
    >>> found = deterrence(Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1]), [1.0, 0.5])
    >>> [round(row.total) for row in found.rows]
    [393, 316]
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if not factors or not all(math.isfinite(d) and 0 < d <= 10 for d in factors):
        raise InputError("Each factor is a number above 0 and at most 10; 1 is no deterrence.")
    if weights is not None and (
        len(weights) != len(factors) or min(weights) < 0 or not sum(weights) > 0
    ):
        raise InputError("There must be one weight from 0 on for each factor, not all of them 0.")
    if not any(n for y, n in counts.frequencies.items() if y > 1):
        raise NoEstimateError(
            "Nobody was arrested more than once; without them nothing can be said of those never "
            "arrested."
        )
    rows = tuple(_deterred(counts, d, differ, level) for d in factors)
    mixed = None
    if weights is not None:
        rng = np.random.default_rng(seed)
        share = np.asarray(weights, dtype=np.float64) / sum(weights)
        at = rng.choice(len(rows), DRAWS, p=share)
        unseen = np.array([row.total - counts.observed for row in rows])[at]
        se = np.array([row.se for row in rows])[at]
        spread = np.sqrt(np.log1p((se / unseen) ** 2))
        draws = counts.observed + unseen * np.exp(spread * rng.standard_normal(DRAWS))
        lower, middle, upper = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
        mixed = (float(middle), float(lower), float(upper))
    return Deterrence(rows, differ, counts.observed, level, SENTENCE, mixed)


def _deterred(counts: Counts, factor: float, differ: bool, level: float) -> Deterred:
    values = np.array(list(counts.frequencies))
    people = np.array(list(counts.frequencies.values()), dtype=np.float64)
    n, most = float(people.sum()), int(values.max())

    def spread(log_rate: float) -> Floats:
        rate = math.exp(log_rate)
        if differ:
            return chances_differing(rate, factor, most)
        one: Floats = chances(np.array([rate]), factor, most)[0]
        return one

    def loglik(log_rate: float) -> float:
        p = spread(log_rate)
        cells = p[values]
        if counts.top:
            cells = np.where(values == counts.top, 1 - p[: counts.top].sum(), cells)
        with np.errstate(all="ignore"):
            value = float(people @ np.log(cells) - n * np.log1p(-p[0]))
        return value if math.isfinite(value) else -math.inf

    coarse = np.linspace(SLOW, FAST, 60)
    best = int(np.argmax([loglik(u) for u in coarse]))
    if best in (0, coarse.size - 1):
        raise NoEstimateError(f"With later arrests at {factor:g} times the rate there is no total.")
    u = float(
        minimize_scalar(
            lambda x: -loglik(x),
            bounds=(coarse[best - 1], coarse[best + 1]),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
    )
    top = loglik(u)
    information = -(loglik(u + STEP) - 2 * top + loglik(u - STEP)) / STEP**2
    if not information > 0:
        raise NoEstimateError(f"With later arrests at {factor:g} times the rate there is no total.")

    def total(log_rate: float) -> float:
        return n / -math.expm1(math.log(spread(log_rate)[0]))

    slope = (total(u + STEP) - total(u - STEP)) / (2 * STEP)
    none = float(spread(u)[0])
    size = total(u)
    se = math.sqrt(slope**2 / information + n * none / (1 - none) ** 2)
    z = NormalDist().inv_cdf((1 + level) / 2)
    wide = math.exp(z * math.sqrt(math.log1p((se / (size - n)) ** 2)))
    return Deterred(
        factor, size, n + (size - n) / wide, n + (size - n) * wide, se, math.exp(u), top
    )
