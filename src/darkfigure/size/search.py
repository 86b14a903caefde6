"""The space of hierarchical models and the best model in it.

With every term a hierarchical model has the term's subsets, so the models are the down-sets of the
sets of lists: 8, 113, 6,893 of them for 3, 4, 5 lists when the interaction of all lists, which no
data can tell from the dark figure, stays out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _search as kernel
from darkfigure.size.loglinear import Model, Status

MAX_LISTS = 8
MAX_CANDIDATES = 64  # a model is one 64-bit word
LISTED = 50_000  # spaces up to this size are fitted whole


@dataclass(frozen=True)
class Space:
    """All hierarchical models of `n_lists` lists whose terms join at most `max_order` lists.

    Parameters
    ----------
    n_lists : int
        2 to 8.
    max_order : int, optional
        1 (independence) to n_lists - 1. Left out: n_lists - 1 up to five lists, 2 from six on.

    Raises
    ------
    InputError
        If there are too many lists or the order is out of range.

    Examples
    --------
    >>> Space(4).size(), Space(5).size(), Space(6).size()
    (113, 6893, 32768)
    """

    n_lists: int
    max_order: int

    def __init__(self, n_lists: int, max_order: int | None = None) -> None:
        if n_lists > MAX_LISTS:
            raise InputError(
                f"The search over all models goes to {MAX_LISTS} lists, not {n_lists}. Use "
                "--method stepwise, or merge lists of the same kind of agency."
            )
        highest = max(1, n_lists - 1)
        if max_order is None:
            max_order = highest if n_lists <= 5 else 2
        if not 1 <= max_order <= highest:
            raise InputError(
                f"With {n_lists} lists the highest order of an interaction lies between 1 and "
                f"{highest}, not {max_order}: the interaction of all lists cannot be estimated."
            )
        if sum(math.comb(n_lists, k) for k in range(2, max_order + 1)) > MAX_CANDIDATES:
            raise InputError(
                f"With {n_lists} lists, interactions of up to {max_order} lists are too many to "
                "search; lower --max-order."
            )
        object.__setattr__(self, "n_lists", n_lists)
        object.__setattr__(self, "max_order", max_order)

    @property
    def candidates(self) -> npt.NDArray[np.int64]:
        """The sets of lists that may interact, as bit masks sorted by size."""
        masks = [m for m in range(1 << self.n_lists) if 2 <= m.bit_count() <= self.max_order]
        return np.array(sorted(masks, key=lambda m: (m.bit_count(), m)), np.int64)

    @property
    def requires(self) -> npt.NDArray[np.uint64]:
        """For each candidate the candidates one list smaller inside it, as bits."""
        place = {int(m): i for i, m in enumerate(self.candidates)}
        inner = [[m & ~(1 << j) for j in range(self.n_lists) if m >> j & 1] for m in place]
        return np.array([sum(1 << place[m] for m in ms if m in place) for ms in inner], np.uint64)

    def size(self, limit: int = 10**7) -> int:
        """How many models there are, counted no further than `limit`."""
        return int(kernel.count_models(self.requires, limit))

    def model(self, bits: int) -> Model:
        """The model whose candidates are set in `bits`."""
        chosen = [int(m) for i, m in enumerate(self.candidates) if int(bits) >> i & 1]
        return Model(self.n_lists, frozenset(chosen))


@dataclass(frozen=True)
class EveryModel:
    """Every model of a space, fitted; one entry per model in each array.

    Attributes
    ----------
    space : Space
    models : array of uint64
        Bits over the space's candidates; `space.model(bits)` gives the model.
    status : array of int
        As in `loglinear.Status`.
    total : array of float
        People in all; NaN where the model has no estimate.
    bic : array of float
        NaN where the model has no estimate.
    """

    space: Space
    models: npt.NDArray[np.uint64]
    status: npt.NDArray[np.int64]
    total: npt.NDArray[np.float64]
    bic: npt.NDArray[np.float64]

    @property
    def admissible(self) -> int:
        """How many models have an estimate."""
        return int(np.sum(self.status == Status.ESTIMABLE))

    def best(self, within: float) -> npt.NDArray[np.intp]:
        """Indices of the models whose BIC is no more than `within` above the lowest, best first."""
        if self.admissible == 0:
            return np.empty(0, np.intp)
        order = np.lexsort((self.models, self.bic))
        return order[self.bic[order] <= np.nanmin(self.bic) + within]


def every_model(
    histories: CaptureHistories, max_order: int | None = None, *, workers: int | None = None
) -> EveryModel:
    """Fit every hierarchical model.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 6 lists.
    max_order : int, optional
        As for `Space`.
    workers : int, optional
        Cores to use.

    Raises
    ------
    InputError
        If the space has more than 50,000 models.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3])
    >>> found = every_model(h)
    >>> len(found.models), found.admissible
    (8, 8)
    """
    space = Space(len(histories.lists), max_order)
    n = space.size(limit=LISTED + 1)
    if n > LISTED:
        raise InputError(
            f"There are more than {LISTED:,} models of {space.n_lists} lists up to order "
            f"{space.max_order}; they are searched, not fitted one by one."
        )
    counts, candidates = histories.known, space.candidates
    models = kernel.list_models(space.requires, n)
    status = np.empty(n, np.int64)
    log_likelihood = np.empty(n)
    intercept = np.empty(n)

    def fit_some(part: slice) -> None:
        kernel.fit_models(
            counts,
            space.n_lists,
            candidates,
            models[part],
            status[part],
            log_likelihood[part],
            intercept[part],
        )

    parts = [slice(start, start + 512) for start in range(0, n, 512)]
    for _ in engine.run(fit_some, parts, workers=workers):
        pass
    parameters = 1 + space.n_lists + np.bitwise_count(models)
    constant = sum(math.lgamma(x + 1) for x in counts)
    bic = -2 * (log_likelihood - constant) + math.log(histories.observed) * parameters
    estimable = status == Status.ESTIMABLE
    total = histories.observed + np.exp(np.where(estimable, intercept, np.nan))
    return EveryModel(space, models, status, total, np.where(estimable, bic, np.nan))


@dataclass(frozen=True)
class Best:
    """The model with the lowest BIC of a space, proven by branch and bound.

    Attributes
    ----------
    model : Model
    bic : float
    total : float
    models_fitted : int
        How many models the proof needed.
    """

    model: Model
    bic: float
    total: float
    models_fitted: int


def best_model(histories: CaptureHistories, max_order: int | None = None) -> Best:
    """Find the estimable model with the lowest BIC, without fitting them all.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 8 lists.
    max_order : int, optional
        As for `Space`.

    Raises
    ------
    NoEstimateError
        If not one model of the space can be estimated from these counts.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3])
    >>> str(best_model(h).model)
    '[1,2,3]'
    """
    space = Space(len(histories.lists), max_order)
    counts = histories.known
    found, bits, criterion, intercept, fits = kernel.best_model(
        counts, space.n_lists, space.candidates, space.requires, math.log(histories.observed)
    )
    if not found:
        raise NoEstimateError(cannot_answer(histories))
    constant = sum(math.lgamma(x + 1) for x in counts)
    return Best(
        model=space.model(int(bits)),
        bic=criterion + 2 * constant,
        total=histories.observed + math.exp(intercept),
        models_fitted=fits,
    )


def cannot_answer(histories: CaptureHistories) -> str:
    """Why no model can be estimated, in words."""
    pairs = histories.sharing_nobody()
    k = len(histories.lists)
    if len(pairs) == k * (k - 1) // 2:
        return (
            "These lists cannot answer: not one person is on two of them, so nothing tells how "
            "many are on none. Check that the records were matched; if they were, more lists or a "
            "longer period are needed."
        )
    if k == 2:
        return (
            "These lists cannot answer: everybody on one of the two lists is on the other as well, "
            "so nothing tells how many are on neither. Check that the lists were kept separately."
        )
    return (
        "These lists cannot answer: too few of them share people for any model to be estimated "
        f"({len(pairs)} of {k * (k - 1) // 2} pairs of lists share nobody). Merge lists of the "
        "same kind of agency, or add a list."
    )
