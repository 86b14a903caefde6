"""The log-linear model of lists that overlap, and its extended maximum likelihood fit.

The number of people on exactly the lists w is Poisson with mean mu_w, and

    log mu_w = sum of beta_t over the terms t that are subsets of w,

where a hierarchical model with a term has all the term's subsets. The unseen cell is w = {}, so the
estimate of the dark figure is exp(beta_{}) (Fienberg 1972; Cormack 1989).

Sparse tables need care in three ways. A term whose lists share nobody has its parameter at minus
infinity, and the cells above it leave the fit (extended maximum likelihood: Fienberg & Rinaldo
2012; Chan, Silverman & Vincent 2021, JASA 116). What is left may still have no maximum, or may say
nothing about the unseen cell; such a model is reported as what it is and never gives a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _loglinear as kernel


class Status(IntEnum):
    """Can the model be estimated from these counts? The numbers are those of the R peers."""

    ESTIMABLE = kernel.ESTIMABLE
    NO_MLE = kernel.NO_MLE
    NOT_IDENTIFIED = kernel.NOT_IDENTIFIED
    NEITHER = kernel.NEITHER

    @property
    def sentence(self) -> str:
        """The status in words."""
        return {
            Status.ESTIMABLE: "The model can be estimated.",
            Status.NO_MLE: "The likelihood has no maximum: too few lists share people.",
            Status.NOT_IDENTIFIED: "The counts say nothing about the people on no list.",
            Status.NEITHER: "The likelihood has no maximum, and the counts say nothing about the "
            "people on no list.",
        }[self]


@dataclass(frozen=True)
class Model:
    """A hierarchical log-linear model: which sets of two or more lists interact.

    Parameters
    ----------
    n_lists : int
        The number of lists K, 2 to 20.
    terms : frozenset of int
        The interacting sets as bit masks, subsets of two or more lists included.

    Raises
    ------
    InputError
        If the terms are not closed under taking subsets or name lists that do not exist.

    Examples
    --------
    >>> str(Model.parse("[12,23,4]", 4))
    '[12,23,4]'
    >>> sorted(Model.parse("[123,4]", 4).terms)
    [3, 5, 6, 7]
    """

    n_lists: int
    terms: frozenset[int]

    def __post_init__(self) -> None:
        for term in self.terms:
            if not 0 < term < 1 << self.n_lists or term.bit_count() < 2:
                raise InputError(f"{term} is not a set of two or more of {self.n_lists} lists.")
            for j in range(self.n_lists):
                inner = term & ~(1 << j)
                if inner != term and inner.bit_count() >= 2 and inner not in self.terms:
                    raise InputError("The model is not hierarchical: a term lacks a subset.")

    @classmethod
    def generated(cls, n_lists: int, generators: Iterable[int]) -> Model:
        """The smallest hierarchical model that has the given terms.

        Examples
        --------
        >>> str(Model.generated(3, [0b011, 0b110]))
        '[12,23]'
        """
        terms: set[int] = set()
        for generator in generators:
            inner = generator
            while inner:
                if inner.bit_count() >= 2:
                    terms.add(inner)
                inner = (inner - 1) & generator
        return cls(n_lists, frozenset(terms))

    @classmethod
    def parse(cls, text: str, n_lists: int) -> Model:
        """Read bracket notation over list numbers, such as "[12,3]"; lists past 9 as "(10)".

        Raises
        ------
        InputError
            If the text is not of this form.
        """
        tokens = [re.findall(r"\d|\(\d+\)", part) for part in text.strip().strip("[]").split(",")]
        rebuilt = ",".join("".join(part) for part in tokens)
        numbers = [[int(token.strip("()")) for token in part] for part in tokens]
        if f"[{rebuilt}]" != text.strip() or any(
            not part or max(part) > n_lists or min(part) < 1 for part in numbers
        ):
            raise InputError(
                f"'{text}' is not a model of {n_lists} lists; write the lists that go together "
                "by number, for example [12,3]."
            )
        return cls.generated(n_lists, (sum(1 << (j - 1) for j in set(part)) for part in numbers))

    def __str__(self) -> str:
        whole = self.terms | {1 << j for j in range(self.n_lists)}
        largest = [t for t in whole if not any(t != u and t & u == t for u in whole)]
        members = {t: [j + 1 for j in range(self.n_lists) if t >> j & 1] for t in largest}
        largest.sort(key=lambda t: (-len(members[t]), members[t]))
        return (
            "["
            + ",".join("".join(str(j) if j <= 9 else f"({j})" for j in members[t]) for t in largest)
            + "]"
        )

    @property
    def n_parameters(self) -> int:
        """Intercept, main effects and interactions; those at minus infinity are counted too."""
        return 1 + self.n_lists + len(self.terms)

    def masks(self) -> npt.NDArray[np.int64]:
        """All terms as bit masks: the empty set, the single lists, the interactions by size."""
        interactions = sorted(self.terms, key=lambda t: (t.bit_count(), t))
        return np.array([0, *(1 << j for j in range(self.n_lists)), *interactions], np.int64)


@dataclass(frozen=True)
class Fit:
    """One model fitted to one table of counts.

    Attributes
    ----------
    model : Model
    status : Status
        Whether there is an estimate at all. If not, `total` cannot be had.
    observed : int
        People on at least one list.
    log_likelihood : float
        Poisson log-likelihood at the maximum (its supremum where no maximum exists).
    deviance : float
        Twice the distance to the saturated model.
    expected : array of float, shape (2**K,)
        Fitted means; entry 0 is the estimate of the unseen (NaN where there is none).
    parameters : dict of int to float
        Estimate of each finite parameter by the mask of its term; empty if not estimable.
    minus_infinity : tuple of int
        The terms whose lists share nobody.
    unseen_log_se : float
        Standard error of the logarithm of the unseen, from the inverse information.
    """

    model: Model
    status: Status
    observed: int
    log_likelihood: float
    deviance: float
    expected: npt.NDArray[np.float64]
    parameters: dict[int, float]
    minus_infinity: tuple[int, ...]
    unseen_log_se: float

    @property
    def bic(self) -> float:
        """-2 log-likelihood + parameters x log(people observed), parameters at the boundary counted
        (Silverman, Chan & Vincent 2024, section 2)."""
        return -2 * self.log_likelihood + self.model.n_parameters * math.log(self.observed)

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 x parameters, parameters at the boundary counted."""
        return -2 * self.log_likelihood + 2 * self.model.n_parameters

    @property
    def total(self) -> float:
        """People in all, seen and unseen.

        Raises
        ------
        NoEstimateError
            If the model cannot be estimated from these counts.
        """
        if self.status is not Status.ESTIMABLE:
            raise NoEstimateError(f"Model {self.model} gives no estimate. {self.status.sentence}")
        return self.observed + float(self.expected[0])


def fit(histories: CaptureHistories, model: Model) -> Fit:
    """Fit a hierarchical log-linear model by extended maximum likelihood.

    Parameters
    ----------
    histories : CaptureHistories
        The counts, over as many lists as the model has.
    model : Model
        Which sets of lists interact.

    Raises
    ------
    InputError
        If the model is for another number of lists, or nobody was observed.

    Notes
    -----
    Newton's method on sums over subsets and supersets (see `_loglinear`). Where some fitted mean
    has all but vanished, the linear programme of `has_maximum` decides whether an estimate exists.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 40, 20])
    >>> round(fit(h, Model.parse("[1,2]", 2)).total, 6)  # Lincoln & Petersen: 80 x 60 / 20
    240.0
    """
    if model.n_lists != len(histories.lists):
        raise InputError(
            f"The model is for {model.n_lists} lists, the counts are of {len(histories.lists)}."
        )
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    counts = histories.known
    margins = counts.copy()
    kernel.sum_over_supersets(margins)
    masks = model.masks()
    eta = np.empty(counts.size)
    kernel.start_from_counts(counts, eta)
    code, log_likelihood, intercept, _ = kernel.fit_terms(counts, margins, masks, masks.size, eta)
    expected = np.exp(eta)
    stays = np.isfinite(eta)
    if np.any(stays & (counts == 0) & (expected < 1e-5)):
        code = (code & kernel.NOT_IDENTIFIED) | (
            kernel.ESTIMABLE if has_maximum(histories, model) else kernel.NO_MLE
        )
    status = Status(code)

    finite = [int(t) for t in masks if margins[t] > 0]
    expected[0] = math.nan
    parameters: dict[int, float] = {}
    unseen_log_se = math.nan
    if status is Status.ESTIMABLE:
        eta[0] = intercept
        expected[0] = math.exp(intercept)
        for t in finite:  # Moebius inversion of the linear predictor on the subsets of t
            inner = [s for s in finite if s & t == s and s != t]
            parameters[t] = float(eta[t]) - sum(parameters[s] for s in inner)
        summed = np.where(stays, expected, 0.0)
        kernel.sum_over_supersets(summed)
        information = summed[np.bitwise_or.outer(finite, finite)]
        unit = np.zeros(len(finite))
        unit[0] = 1.0
        unseen_log_se = math.sqrt(float(np.linalg.solve(information, unit)[0]))
    positive = counts > 0
    saturated = float(np.sum(counts[positive] * np.log(counts[positive]))) - counts.sum()
    constant = sum(math.lgamma(x + 1) for x in counts[positive])
    return Fit(
        model=model,
        status=status,
        observed=histories.observed,
        log_likelihood=log_likelihood - constant,
        deviance=2 * (saturated - log_likelihood),
        expected=expected,
        parameters=parameters,
        minus_infinity=tuple(int(t) for t in masks if margins[t] == 0),
        unseen_log_se=unseen_log_se,
    )


def has_maximum(histories: CaptureHistories, model: Model) -> bool:
    """Does the likelihood of the finite parameters have a maximum?

    It has none exactly when some direction of the parameters leaves the mean of every counted cell
    alone, raises no mean and lowers that of an empty cell: then the likelihood grows along it for
    ever (Fienberg & Rinaldo 2012, theorem 3; Haberman 1974). A linear programme finds the direction
    that lowers most, if there is one.

    Parameters
    ----------
    histories : CaptureHistories
    model : Model

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 40, 0])
    >>> has_maximum(h, Model.parse("[1,2]", 2))
    False
    """
    from scipy.optimize import linprog

    counts = histories.known
    margins = counts.copy()
    kernel.sum_over_supersets(margins)
    masks = model.masks()
    cells = np.arange(1, counts.size)
    for empty in masks[margins[masks] == 0]:
        cells = cells[cells & empty != empty]
    finite = masks[margins[masks] > 0]
    design = ((cells[:, None] & finite[None, :]) == finite[None, :]).astype(float)
    counted = counts[cells] > 0
    if counted.all():
        return True
    empty_rows = design[~counted]
    solution = linprog(
        c=empty_rows.sum(axis=0),
        A_ub=np.vstack([empty_rows, -empty_rows]),
        b_ub=np.repeat([0.0, 1.0], len(empty_rows)),
        A_eq=design[counted],
        b_eq=np.zeros(int(counted.sum())),
        bounds=(None, None),
        method="highs",
    )
    if not solution.success:
        raise NoEstimateError(
            f"Whether model {model} has an estimate could not be decided: {solution.message}"
        )
    # A direction, if there is one, can be scaled until it lowers some cell by the full one allowed.
    return bool(solution.fun > -0.5)
