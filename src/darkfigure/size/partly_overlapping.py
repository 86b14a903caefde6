"""The log-linear model of lists that cover different strata, and its fit.

In the completed table every list works in every stratum. The number of people of stratum s on
exactly the lists w is Poisson there with mean m_sw, and

    log m_sw = alpha_s + sum of beta_ts over the terms t that are subsets of w,

where a term is a list or a set of lists that interact. What is counted in s are people by the lists
that work there: each mean is the sum of m_sw over what the other lists would have said, and the
unseen of s are all w without a list that works there (Zwane, van der Pal-de Bruin & van der Heijden
2004). Terms are the same in all strata, or those of up to so many lists go by stratum. So how two
lists depend on each other is learned where a third list works, and used where none does.

A term that goes by stratum does so where the counts can tell: where its lists work and at least one
more. Elsewhere it has the mean of those strata. A term whose lists share nobody, though people
could be on both, is at minus infinity, and the cells above it leave (as in `loglinear`).

The observed likelihood is climbed by Fisher scoring with halved steps, so that it never falls; its
maximum is where the EM algorithm of the paper ends.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.size import _partly_overlapping as kernel
from darkfigure.size._loglinear import sum_over_supersets
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.territories import Territories

MOST_LISTS = 8
"""Every list is completed in every stratum."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """One model fitted to counts with territories.

    Attributes
    ----------
    model : Model
        Which sets of lists interact.
    by_stratum : int
        Terms of up to so many lists go by stratum: 0 none, 1 lists, 2 pairs as well.
    status : Status
        Whether there is an estimate. If not, `unseen` cannot be believed.
    log_likelihood : float
        Of the observed counts, Poisson, at the maximum.
    parameters : int
        Those at minus infinity are counted too.
    observed : array of float, shape (S,)
        People seen in each stratum.
    expected : array of float, shape (S, 2**K)
        Fitted means of the counts; 0 where nobody can be counted.
    unseen : array of float, shape (S,)
        Estimates of how many were not seen.
    log_covariance : array of float, shape (S, S)
        Of the logarithms of the unseen, from the inverse information of the observed counts.
    path : array of float
        The log-likelihood less its constant after each step; it never falls.
    """

    model: Model
    by_stratum: int
    status: Status
    log_likelihood: float
    parameters: int
    observed: Matrix
    expected: Matrix
    unseen: Matrix
    log_covariance: Matrix
    path: Matrix

    @property
    def bic(self) -> float:
        """-2 log-likelihood + parameters x log(people observed)."""
        return -2 * self.log_likelihood + self.parameters * math.log(self.observed.sum())

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 x parameters."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def total(self) -> float:
        """People in all strata, seen and unseen.

        Raises
        ------
        NoEstimateError
            If the model cannot be estimated from these counts.
        """
        if self.status is not Status.ESTIMABLE:
            raise NoEstimateError(f"Model {self.model} gives no estimate. {self.status.sentence}")
        return float(self.observed.sum() + self.unseen.sum())

    @property
    def unseen_log_se(self) -> float:
        """Standard error of the logarithm of all the unseen (delta method)."""
        share = self.unseen / self.unseen.sum()
        return math.sqrt(float(share @ self.log_covariance @ share))

    def __str__(self) -> str:
        return f"{self.model}{('', ', lists by stratum', ', all by stratum')[self.by_stratum]}"


def fit(territories: Territories, model: Model, by_stratum: int = 1) -> Fit:
    """Fit one model by maximum likelihood of the observed counts.

    Parameters
    ----------
    territories : Territories
        Counts over 2 to 8 lists.
    model : Model
        Which sets of lists interact.
    by_stratum : int
        Terms of up to so many lists go by stratum, 0 or more.

    Raises
    ------
    InputError
        If the model is for another number of lists, or there are too many.

    Examples
    --------
    Two lists are everywhere and a third in one city; pairs 1 and 2 depend on each other alike. Of
    500 people in each city the model finds the unseen of the city that has two lists only.

    >>> whole = np.array([144.0, 72, 48, 48, 48, 24, 16, 16]) * 1.25  # a and b: odds ratio 2
    >>> two = np.zeros(8)
    >>> two[:4] = whole[:4] + whole[4:]
    >>> counts = np.array([whole, two])
    >>> counts[:, 0] = 0
    >>> cities = Territories(("a", "b", "c"), (("North",), ("South",)), np.array([7, 3]), counts)
    >>> found = fit(cities, Model.parse("[12,3]", 3))
    >>> found.status.name, found.unseen.round(1) + 0.0
    ('ESTIMABLE', array([180., 240.]))
    """
    if model.n_lists != len(territories.lists):
        raise InputError(
            f"The model is for {model.n_lists} lists, the counts are of {len(territories.lists)}."
        )
    if model.n_lists > MOST_LISTS:
        raise InputError(
            f"Territories are worked out over {MOST_LISTS} lists at most, not {model.n_lists}; "
            "merge lists of the same kind of agency."
        )
    layout = layout_of(territories, model, by_stratum)
    counts = territories.counts.ravel()[layout.observed]
    theta = _start(territories, layout)
    path = np.full(kernel.MAX_ITERATIONS, np.nan)
    height, code, steps = kernel.score(layout.design, layout.place, counts, theta, path)
    mean, mu = np.empty(len(layout.place)), np.empty(counts.size)
    kernel.means(layout.design, layout.place, theta, mean, mu)
    expected = np.zeros(territories.counts.size)
    expected[layout.observed] = mu
    strata = len(territories.kinds)
    hidden = layout.place < 0
    unseen = np.bincount(layout.stratum[hidden], mean[hidden], strata).astype(float)
    slopes = np.zeros((strata, theta.size))
    np.add.at(slopes, layout.stratum[hidden], layout.design[hidden] * mean[hidden, None])
    covariance = np.full((strata, strata), math.nan)
    if code == kernel.ESTIMABLE:
        information, gradient = np.empty((theta.size, theta.size)), np.empty(theta.size)
        kernel.derivatives(layout.design, layout.place, mean, mu, counts, information, gradient)
        information = np.triu(information) + np.triu(information, 1).T
        relative = slopes / np.where(unseen > 0, unseen, 1.0)[:, None]
        covariance = relative @ np.linalg.solve(information, relative.T)
    constant = sum(math.lgamma(x + 1) for x in counts[counts > 1])
    return Fit(
        model=model,
        by_stratum=by_stratum,
        status=Status(code),
        log_likelihood=height - constant,
        parameters=layout.parameters,
        observed=territories.counts.sum(axis=1),
        expected=expected.reshape(territories.counts.shape),
        unseen=unseen,
        log_covariance=covariance,
        path=path[:steps],
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """How parameters make the means of the completed cells, and these the observed ones.

    Attributes
    ----------
    design : array of float, shape (cells, p)
    place : array of int, shape (cells,)
        The observed count that a cell is part of, or -1 where its people are unseen.
    observed : array of int
        Where the observed counts stand among S x 2**K.
    stratum : array of int, shape (cells,)
    parameters : int
        All of them, also those at minus infinity.
    """

    design: Matrix
    place: npt.NDArray[np.int64]
    observed: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    parameters: int


def layout_of(territories: Territories, model: Model, by_stratum: int) -> Layout:
    """The model written out for these counts."""
    shared = territories.counts.copy()
    for row in shared:
        sum_over_supersets(row)
    masks = tuple(int(t) for t in model.masks()[1:])
    works = tuple(territories.works.tolist())
    anybody = shared[:, (0, *masks)] > 0
    return _layout(model.n_lists, works, masks, by_stratum, anybody.tobytes())


@functools.lru_cache(maxsize=4096)
def _layout(k: int, works: tuple[int, ...], terms: tuple[int, ...], upto: int, on: bytes) -> Layout:
    strata = len(works)
    anybody = np.frombuffer(on, bool).reshape(strata, -1)  # of the stratum, and of each term
    stratum = np.repeat(np.arange(strata), 1 << k)
    cell = np.tile(np.arange(1 << k), strata)
    alive = anybody[stratum, 0].copy()
    columns = [(stratum == s).astype(float) for s in range(strata) if anybody[s, 0]]
    parameters = strata
    for i, term in enumerate(terms, 1):
        size = term.bit_count()
        has = cell & term == term
        tells = [
            s
            for s in range(strata)
            if size <= upto and works[s] & term == term and works[s].bit_count() > size
        ]
        parameters += max(len(tells), 1)
        covering = [s for s in range(strata) if works[s] & term == term]
        if not any(anybody[s, i] for s in covering):
            alive &= ~has
            continue
        alive &= ~(has & np.isin(stratum, [s for s in tells if not anybody[s, i]]))
        apart = [s for s in tells if anybody[s, i]]
        columns.append(has.astype(float))
        columns += [
            has * ((stratum == s).astype(float) - (stratum == apart[-1])) for s in apart[:-1]
        ]
    covered = cell & np.array(works)[stratum]
    index = np.where(covered > 0, stratum * (1 << k) + covered, -1)[alive]
    observed = np.unique(index[index >= 0])
    place = np.where(index >= 0, np.searchsorted(observed, index), -1)
    design = np.ascontiguousarray(np.column_stack(columns)[alive])
    return Layout(design, place, observed, stratum[alive], parameters)


def _start(territories: Territories, layout: Layout) -> Matrix:
    """As if each list had half of the people, whoever is on the others."""
    theta = np.zeros(layout.design.shape[1])
    mean, mu = np.empty(len(layout.place)), np.empty(len(layout.observed))
    seen = territories.counts.sum(axis=1)
    living = np.flatnonzero(seen)
    kernel.means(layout.design, layout.place, theta, mean, mu)
    inside = layout.place >= 0
    cells = np.bincount(layout.stratum[inside], mean[inside], len(seen))
    theta[: living.size] = np.log(seen[living] / cells[living])
    return theta
