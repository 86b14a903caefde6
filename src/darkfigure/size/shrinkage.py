"""Shrinkage: every dependence among the lists at once, each drawn toward what is usual elsewhere.

No model is chosen. The counts are Poisson, log-linear, with all interactions of all orders,

    log E n(w) = intercept + sum of u(s) over the subsets s of w that are not empty,

and beforehand each u(s) is normal about a mean that all sets of its size have in common. How far
they scatter is one of three regimes, from lists that hardly depend on each other to such that do so
strongly; the counts say which is the likelier. What a few people in the overlap say of a dependence
is so weighed against what dependences are usually like; what many say is hardly changed. Even the
interaction of all lists at once, of which no count can say anything (Aleshin-Guendel, Sadinle &
Wakefield 2024), has its prior, so that the interval holds that doubt as well. The priors were
set with tables of people in view whose true number is known.

The posterior of the unseen is had without chains: for each value of the intercept, the logarithm of
the mean number of unseen people, all other parameters are integrated out by Laplace's method
(Tierney & Kadane 1986, JASA 81), which is close, for given the intercept they are nearly normal.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _shrinkage as kernel
from darkfigure.size.interval import check_draws, doubts_of
from darkfigure.size.pooled import over_links

MAX_LISTS = 12
WHOLE = 6  # up to so many lists all interactions are in the model; of more lists those of three
BEYOND = 3
COARSE, FINE = 25, 49  # values of the intercept, first from far to far, then about the mode
PASSES, FOUND = 8, 5  # coarse ones at most; no more where so many values are near the mode
DEEP = 18.0  # e^-18 of the highest density is as good as nothing
LARGE = 1e15  # means above this are as good as their Poisson counts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regime:
    """One way in which the lists of a place may depend on each other.

    Attributes
    ----------
    words : str
    weight : float
        How probable it is beforehand.
    pair, pair_sd : float
        Mean and standard deviation of the interaction of two lists: the log odds ratio of being on
        both, for people on no other.
    higher_sd : float
        Standard deviation of the interactions of three lists and more.
    """

    words: str
    weight: float
    pair: float
    pair_sd: float
    higher_sd: float


@dataclass(frozen=True)
class Prior:
    """What is usual of lists of hidden people.

    Attributes
    ----------
    regimes : tuple of Regime
        How the lists may depend on each other.
    pair_common_sd : float
        How much the mean of a table's pairs differs from the regime's.
    higher, higher_common_sd : float
        Mean of the interactions of three lists, and how much a table's mean differs from it; of
        more lists the mean is zero.
    main, main_sd : float
        Mean and standard deviation of a list's main effect: the log odds of being on it, for people
        on no other.
    unseen, unseen_sd : float
        Of the logarithm of the number unseen for each person seen.
    """

    regimes: tuple[Regime, ...] = (
        Regime("hardly dependent", 0.4, 0.3, 0.4, 0.24),
        Regime("as usual", 0.4, 0.48, 0.81, 0.24),
        Regime("strongly dependent", 0.2, 1.2, 1.6, 0.5),
    )
    pair_common_sd: float = 0.3
    higher: float = -0.2
    higher_common_sd: float = 0.2
    main: float = -1.4
    main_sd: float = 4.0
    unseen: float = 1.4
    unseen_sd: float = 1.1


USUAL = Prior()
"""Set in round numbers with the known truths of `benchmarks/known_truth` in view."""


@dataclass(frozen=True)
class Posterior:
    """How probable each mean number of unseen people is.

    Attributes
    ----------
    log_unseen : array of float, shape (points,)
        Increasing.
    below : array of float, shape (points,)
        The probability that the logarithm of the unseen is less, from 0 to 1.
    regime : array of float, shape (regimes,)
        How probable each regime is; they sum to one.
    terms : array of int, shape (terms,)
        The masks of all parameters but the intercept.
    mode : array of float, shape (terms,)
        Their values at the most probable number of the unseen, under the likeliest regime.
    """

    log_unseen: Floats
    below: Floats
    regime: Floats
    terms: npt.NDArray[np.int64]
    mode: Floats

    def draw(self, n: int, seed: int) -> Floats:
        """Draw n numbers of unseen people: a mean, and the count about that mean.

        The means are drawn in layers, one from each n-th of the probability, and then shuffled.
        """
        rng = np.random.default_rng(seed)
        at = (rng.permutation(n) + rng.random(n)) / n
        mean = np.exp(np.interp(at, self.below, self.log_unseen))
        return np.where(mean > LARGE, mean, rng.poisson(np.minimum(mean, LARGE)))


@lru_cache(maxsize=64)
def _prior(
    n_lists: int, prior: Prior, regime: Regime
) -> tuple[npt.NDArray[np.int64], Floats, Floats, float]:
    """The terms by size, their mean and precision beforehand, and half its log determinant."""
    masks = np.arange(1, 1 << n_lists, dtype=np.int64)
    masks = masks[np.bitwise_count(masks) <= (n_lists if n_lists <= WHOLE else BEYOND)]
    sizes = np.bitwise_count(masks).astype(np.int64)
    mean = np.zeros(masks.size)
    precision = np.zeros((masks.size, masks.size))
    for size in range(1, int(sizes.max()) + 1):
        alike = np.flatnonzero(sizes == size)
        centre, sd, common = {
            1: (prior.main, prior.main_sd, 0.0),
            2: (regime.pair, regime.pair_sd, prior.pair_common_sd),
            3: (prior.higher, regime.higher_sd, prior.higher_common_sd),
        }.get(size, (0.0, regime.higher_sd, 0.0))
        mean[alike] = centre
        # The inverse of sd^2 I + common^2 J, J all ones (Sherman & Morrison 1950).
        shared = common**2 / (sd**2 * (sd**2 + alike.size * common**2))
        precision[np.ix_(alike, alike)] = np.eye(alike.size) / sd**2 - shared
    return masks, mean, precision, 0.5 * float(np.linalg.slogdet(precision)[1])


def posterior(histories: CaptureHistories, prior: Prior = USUAL) -> Posterior:
    """How probable each mean number of unseen people is. Errors as for `shrinkage`.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = posterior(h)
    >>> bool(found.below[0] == 0 and found.below[-1] == 1 and (np.diff(found.below) >= 0).all())
    True
    >>> round(float(found.regime.sum()), 9)
    1.0
    """
    n_lists = len(histories.lists)
    if n_lists > MAX_LISTS:
        raise InputError(
            f"There are {n_lists} lists; {MAX_LISTS} is the most here. Merge lists of the same "
            "kind of agency."
        )
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    counts, seen = histories.known, math.log(histories.observed)

    def density(log_unseen: Floats, regime: Regime) -> tuple[Floats, Floats]:
        terms, mean, precision, half_log_det = _prior(n_lists, prior, regime)
        found, mode = np.empty(log_unseen.size), np.empty(terms.size)
        start = int(np.argmin(np.abs(log_unseen - seen)))
        kernel.marginal(counts, terms, mean, precision, log_unseen, start, found, mode)
        off = (log_unseen - seen - prior.unseen) / prior.unseen_sd
        return found + half_log_det + math.log(regime.weight) - 0.5 * off**2, mode

    # About the mode, found coarsely at first and each time more closely, as far as it matters.
    low, high = seen - 8.0, seen + 12.0
    points, passes = COARSE, 0
    while True:
        at = np.linspace(low, high, points)
        each = np.array([density(at, regime)[0] for regime in prior.regimes])
        log_density = np.logaddexp.reduce(each)
        if points == FINE:
            break
        near = np.flatnonzero(log_density > log_density.max() - DEEP)
        low, high = at[max(near[0] - 1, 0)], at[min(near[-1] + 1, points - 1)]
        passes += 1
        # Of very many people on many lists the posterior is narrow, and takes more passes to find.
        if passes == PASSES or (passes > 1 and near.size >= FOUND):
            points = FINE
    fine = np.linspace(at[0], at[-1], 2001)
    height = PchipInterpolator(at, log_density)(fine)
    mass = np.exp(height - height.max())
    below = np.concatenate([[0.0], np.cumsum(0.5 * (mass[1:] + mass[:-1]))])
    weight = np.exp(each - log_density.max()).sum(axis=1)
    likeliest = prior.regimes[int(np.argmax(weight))]
    return Posterior(
        log_unseen=fine,
        below=below / below[-1],
        regime=weight / weight.sum(),
        terms=_prior(n_lists, prior, likeliest)[0],
        mode=density(at[[int(np.argmax(log_density))]], likeliest)[1],
    )


@over_links
def shrinkage(
    histories: CaptureHistories,
    *,
    prior: Prior = USUAL,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total with all dependences at once, each drawn toward what is usual.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists. A list that nobody is on is left out.
    prior : Prior
        What is usual.
    draws : int
        How many totals to draw, 1,000 to 1,000,000.
    level : float
        The probability of the interval, between 0 and 1.
    seed : int
        Of the draws.
    workers, progress
        As for every method; four lists take one core a few thousandths of a second, twelve some
        seconds.

    Returns
    -------
    Estimate
        `total` is the median of the draws, `lower` and `upper` their equal-tailed quantiles. In
        `details`, `dependent` has for each pair of `lists` the `odds_ratio` of being on both, among
        people on no other, at the most probable total: above 1 they share more people than lists
        that have nothing to do with each other.

    Raises
    ------
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    The prior counts where the overlaps are few. Then the total is mostly what is usual elsewhere,
    and the interval says so by its width.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = shrinkage(h)
    >>> found.lower < found.total < found.upper
    True
    """
    check_draws(draws, level)
    empty = [name for name in histories.lists if histories.size_of(name) == 0]
    used = histories
    for name in empty[: max(len(histories.lists) - 2, 0)]:
        used = used.drop(name)
    found = posterior(used, prior)
    totals = used.observed + found.draw(draws, seed)
    lower, total, upper = np.quantile(
        totals, [(1 - level) / 2, 0.5, (1 + level) / 2], method="inverted_cdf"
    )
    if progress is not None:
        progress(1, 1)
    pair = {int(mask): float(u) for mask, u in zip(found.terms, found.mode, strict=True)}
    details: dict[str, Any] = {
        "dependent": [
            {
                "lists": [used.lists[a], used.lists[b]],
                "odds_ratio": math.exp(pair[1 << a | 1 << b]),
            }
            for a, b in combinations(range(len(used.lists)), 2)
        ],
        "regimes": [
            {"words": regime.words, "probability": float(p)}
            for regime, p in zip(prior.regimes, found.regime, strict=True)
        ],
        "interval": "posterior, over all dependences among the lists",
    }
    told = {**asdict(prior), "regimes": [asdict(regime) for regime in prior.regimes]}
    doubts = [f"Nobody is on the list '{name}'; it is left out." for name in empty]
    return Estimate(
        total=float(total),
        lower=float(lower),
        upper=float(upper),
        level=level,
        observed=histories.observed,
        method="shrinkage",
        lists=histories.lists,
        settings={"prior": told, "draws": draws, "level": level, "seed": seed},
        details=details,
        warnings=(*histories.notes, *doubts, *doubts_of(histories, float(total))),
        draws=totals,
    )
