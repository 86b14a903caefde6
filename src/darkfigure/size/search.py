"""The best models of a space, found and proven without fitting them all.

Branch and bound: a set of models is ruled out when its largest model, which has the highest
likelihood of the set, does not make up for the terms that all models of the set have. So the best
of 2**36 models is proven by some ten thousand fits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _search as kernel
from darkfigure.size._space import TIE
from darkfigure.size.bootstrap import Totals
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.space import Space

NO_BUDGET = 1 << 62

Criterion = Literal["bic", "aic"]

Watch = Callable[[int], None]
"""Told how many models have been fitted so far."""


class NotFoundInTime(NoEstimateError):
    """The search ended before it met a model with an estimate; there may be one."""


@dataclass(frozen=True)
class BestModels:
    """The models of lowest BIC (or AIC), best first, with the proof that there are no others.

    Attributes
    ----------
    space : Space
    terms : array of uint8, shape (n, candidates)
        One row per model: 1 where it has the candidate; `model(i)` gives the model.
    values : array of float, shape (n,)
        The criterion. Of values closer than 1e-7 the model with the smaller terms comes first.
    total : array of float, shape (n,)
        People in all; NaN where the model has no estimate.
    status : array of int, shape (n,)
        As in `loglinear.Status`.
    fitted : int
        How many different models were fitted; the bound ruled out all the others.
    fits : int
        How many fits that took, with those of the first good model.
    certified : bool
        True if proven: no model that is not among these belongs to them.
    floor : float
        No model that is not among these has a criterion below this one.
    log_outside : float
        Logarithm of an upper bound on the sum of exp(-criterion / 2) over all models not here.
    """

    space: Space
    terms: npt.NDArray[np.uint8]
    values: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    status: npt.NDArray[np.int64]
    fitted: int
    fits: int
    certified: bool
    floor: float
    log_outside: float

    def __len__(self) -> int:
        return len(self.values)

    def model(self, i: int) -> Model:
        """The i-th best model, from 0."""
        chosen = self.space.candidates[self.terms[i] == 1]
        return Model(self.space.n_lists, frozenset(int(mask) for mask in chosen))

    @property
    def gap(self) -> float:
        """How far below the best one found a better one may still lie; 0 if proven."""
        return 0.0 if self.certified else max(0.0, float(self.values[0]) - self.floor)

    @property
    def pruned(self) -> int | None:
        """How many models the bound ruled out unfitted; None if there are too many to count."""
        models = self.space.size()
        return None if models is None else models - self.fitted


def best_models(
    histories: CaptureHistories,
    keep: int | None = 1,
    within: float = math.inf,
    *,
    max_order: int | None = None,
    criterion: Criterion = "bic",
    inadmissible: bool = False,
    budget: int | None = None,
    time_limit: float | None = None,
    watch: Watch | None = None,
) -> BestModels:
    """The `keep` best models, those no more than `within` above the best, without fitting them all.

    Branch and bound: a set of models is ruled out when its largest model, with the highest
    likelihood of the set, does not make up for the terms that all of the set have.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists.
    keep : int, optional
        How many models, 1 or more; None for as many as there are.
    within : float
        How far above the best a criterion may lie, 0 or more.
    max_order : int, optional
        As for `Space`.
    criterion : "bic" or "aic"
        Every parameter costs log(people observed), or 2.
    inadmissible : bool
        Let models without an estimate stand among the others, also where there are no others.
    budget : int, optional
        Number of fits after which the best found so far is returned, with the gap that remains.
    time_limit : float, optional
        The same in seconds, which on another machine may end elsewhere.
    watch : callable, optional
        Told every fifth of a second how many models have been fitted.

    Raises
    ------
    NoEstimateError
        If not one model of the space can be estimated from these counts.
    NotFoundInTime
        If none with an estimate was met before the search ended.
    InputError
        If nobody is on any list or a parameter is out of range.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3])
    >>> found = best_models(h, keep=3)
    >>> [str(found.model(i)) for i in range(3)], found.certified
    (['[1,2,3]', '[23,1]', '[13,2]'], True)
    """
    if keep is not None and keep < 1:
        raise InputError(f"The number of models to keep is 1 or more, not {keep}.")
    if not within >= 0:
        raise InputError(f"How far above the best a model may lie is 0 or more, not {within}.")
    if time_limit is not None and not 0 < time_limit < math.inf:
        raise InputError(f"A time limit is a number of seconds above 0, not {time_limit}.")
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    space = Space(len(histories.lists), max_order)
    counts = histories.known
    terms, found, fitted, fits, floor, log_outside = _watched(
        time_limit,
        watch,
        lambda desk: kernel.search(
            counts,
            space.n_lists,
            space.candidates,
            _penalty(criterion, histories.observed),
            keep or 0,
            float(within),
            inadmissible,
            NO_BUDGET if budget is None else budget,
            desk,
        ),
    )
    status = found[:, 2].astype(np.int64)
    if not len(found) or not (inadmissible or np.any(status == Status.ESTIMABLE)):
        if np.isfinite(floor):
            raise NotFoundInTime(
                "No model with an estimate was found in time. Allow more time, or lower the order "
                "of the interactions."
            )
        raise NoEstimateError(cannot_answer(histories))
    constant = sum(math.lgamma(x + 1) for x in counts)
    values = found[:, 0] + 2 * constant
    total = histories.observed + np.exp(np.where(status == Status.ESTIMABLE, found[:, 1], np.nan))
    ranked = _ranked(terms, values)
    order = ranked[:keep]
    order = order[values[order] <= values[order[0]] + within + TIE]
    beyond = np.setdiff1d(ranked, order)  # written down while the limits were still higher
    log_outside = np.logaddexp.reduce([log_outside - constant, *(-values[beyond] / 2)])
    floor += 2 * constant
    certified = bool(floor >= values[order[-1]])
    floor = min([floor, *values[beyond]])
    return BestModels(
        space=space,
        terms=terms[order],
        values=values[order],
        total=total[order],
        status=status[order],
        fitted=fitted,
        fits=fits,
        certified=certified,
        floor=float(floor),
        log_outside=float(log_outside),
    )


def best_totals(space: Space, budget: int = NO_BUDGET) -> Totals:
    """The total under the model of lowest BIC, for many tables at once; infinite where none.

    A search that has made `budget` fits ends and takes the best model so far; a second column tells
    where that happened.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3])
    >>> best_totals(Space(3))(h.known[None]).round()
    array([[215.,   0.]])
    """
    candidates, desk = space.candidates, np.zeros(2)

    def totals(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found = np.column_stack([np.full(len(tables), np.inf), np.zeros(len(tables))])
        for b, counts in enumerate(tables):
            terms, models, _, fits, *_ = kernel.search(
                counts,
                space.n_lists,
                candidates,
                math.log(counts.sum()),
                1,
                math.inf,
                False,
                budget,
                desk,
            )
            found[b, 1] = fits >= budget
            if len(models):
                found[b, 0] = counts.sum() + math.exp(models[_ranked(terms, models[:, 0])[0], 1])
        return found

    return totals


def _penalty(criterion: Criterion, observed: int) -> float:
    if criterion not in ("bic", "aic"):
        raise InputError(f"The criterion is bic or aic, not '{criterion}'.")
    return math.log(observed) if criterion == "bic" else 2.0


def _ranked(terms: npt.NDArray[np.uint8], values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Indices from the lowest value up; of values that are equal, the smaller terms first."""
    if len(values) == 1:
        return np.zeros(1, np.intp)
    by_value = np.argsort(values, kind="stable")
    step = np.diff(values[by_value], prepend=values[by_value[:1]]) > TIE
    group = np.cumsum(step)
    return by_value[np.lexsort((*terms[by_value].T, group))]


def _watched(
    time_limit: float | None, watch: Watch | None, work: Callable[[npt.NDArray[np.float64]], Any]
) -> Any:
    """Run a search that can be seen, interrupted and timed."""
    desk = np.zeros(2)
    until = math.inf if time_limit is None else time.monotonic() + time_limit
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(work, desk)
        try:
            while True:
                try:
                    return future.result(timeout=max(0.0, min(0.2, until - time.monotonic())))
                except TimeoutError:
                    if time.monotonic() >= until:
                        desk[0] = 1.0
                        return future.result()
                    if watch is not None:
                        watch(int(desk[1]))
        finally:
            desk[0] = 1.0


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
    if not pairs:
        return (
            "These lists cannot answer: though every two of them share people, no model has an "
            "estimate. Either nearly everybody is on the same lists, so check that the lists were "
            "kept separately, or there are too few people."
        )
    return (
        "These lists cannot answer: too few of them share people for any model to be estimated "
        f"({len(pairs)} of {k * (k - 1) // 2} pairs of lists share nobody). Merge lists of the "
        "same kind of agency, or add a list."
    )
