"""The space of hierarchical models, and all of its models fitted.

With every term a hierarchical model has the term's subsets, so the models are the down-sets of the
sets of lists: 8, 113, 6,893 and 7,785,061 of them for 3, 4, 5 and 6 lists when the interaction of
all lists, which no data can tell from the dark figure, stays out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _space as kernel
from darkfigure.size.loglinear import Model, Status

MAX_LISTS = 12
MAX_CANDIDATES = 300
COUNTED = 10_000_000  # larger spaces are counted only where a formula does
LISTED = 50_000  # spaces up to this size are fitted whole


@dataclass(frozen=True)
class Space:
    """All hierarchical models of `n_lists` lists whose terms join at most `max_order` lists.

    Parameters
    ----------
    n_lists : int
        2 to 12.
    max_order : int, optional
        1 (independence) to n_lists - 1. Left out: n_lists - 1 up to six lists, 2 from seven on.

    Raises
    ------
    InputError
        If there are too many lists or the order is out of range.

    Examples
    --------
    >>> Space(4).size(), Space(5).size(), Space(6).size()
    (113, 6893, 7785061)
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
            max_order = highest if n_lists <= 6 else 2
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

    def size(self) -> int | None:
        """How many models there are; None for more than ten million that no formula counts."""
        return _count(self)

    @property
    def listed(self) -> bool:
        """Are the models few enough (50,000) to be fitted one by one?"""
        models = self.size()
        return models is not None and models <= LISTED

    def model(self, bits: int) -> Model:
        """The model whose candidates are set in `bits`."""
        chosen = [int(m) for i, m in enumerate(self.candidates) if int(bits) >> i & 1]
        return Model(self.n_lists, frozenset(chosen))


@lru_cache
def _count(space: Space) -> int | None:
    candidates = len(space.candidates)
    if space.max_order <= 2:
        return int(1 << candidates)
    if candidates > 64:  # a model is one 64-bit word
        return None
    models = int(kernel.count_models(space.requires, COUNTED + 1))
    return models if models <= COUNTED else None


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
    n = space.size()
    if n is None or not space.listed:
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
