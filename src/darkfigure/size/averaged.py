"""Model averaging: every hierarchical model has its say, in proportion to its probability.

No single model is taken for the truth. With equal weight beforehand, model m of the data y has

    p(m | y) = p(y | m) / sum of p(y | m') over all models m',

and the total is a mixture of what the models say of it, with these weights (Hoeting, Madigan,
Raftery & Volinsky 1999). The marginal likelihood p(y | m) comes from BIC, as exp(-BIC / 2), or from
Laplace's approximation of its integral under a prior that is written down below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _averaged as kernel
from darkfigure.size import _space
from darkfigure.size.interval import check_draws, doubts_of
from darkfigure.size.loglinear import Model, Status, fit
from darkfigure.size.pooled import over_links
from darkfigure.size.search import best_models, cannot_answer
from darkfigure.size.space import Space

PRIOR_SD = 1.5  # of an interaction, under "laplace"
PROVEN = 0.99  # how much of the probability must lie on the models that are weighed
MOST = 50_000  # models; beyond, what is proven by then is enough
WITHIN = range(6, 62, 4)  # how far above the lowest BIC to look, one after the other
WORK = 1 << 26  # cells fitted in all these searches: ten seconds or so
SHOWN = 10
NOTICEABLE = 0.05  # of the probability on models without an estimate
LARGE = 1e15  # means above this are as good as their Poisson counts

Weights = Literal["bic", "laplace"]


@dataclass(frozen=True)
class Posterior:
    """The models of a space that were weighed, and what each says of the unseen.

    Attributes
    ----------
    space : Space
    terms : array of uint8, shape (n, candidates)
        One row per model: 1 where it has the candidate.
    probability : array of float, shape (n,)
        Of each model, an estimate or not; they sum to one.
    weight : array of float, shape (n,)
        The same among the models with an estimate; zero for the others.
    estimable : array of bool, shape (n,)
        Whether the model has an estimate.
    log_unseen, log_unseen_se : array of float, shape (n,)
        Estimate and standard error of the logarithm of the unseen; NaN where there is none.
    proven : float
        At least this share of the probability of the whole space is on these models.
    """

    space: Space
    terms: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    estimable: npt.NDArray[np.bool_]
    log_unseen: npt.NDArray[np.float64]
    log_unseen_se: npt.NDArray[np.float64]
    proven: float

    @property
    def whole(self) -> bool:
        """Whether every model of the space was weighed."""
        return self.space.size() == len(self.terms)

    def model(self, i: int) -> Model:
        """The i-th model, from 0."""
        chosen = self.space.candidates[self.terms[i] == 1]
        return Model(self.space.n_lists, frozenset(int(mask) for mask in chosen))

    def with_pair(self, a: int, b: int) -> float:
        """The probability that lists a and b, from 0, depend on each other directly."""
        place = np.flatnonzero(self.space.candidates == (1 << a | 1 << b))
        return float(min(1.0, (self.probability @ self.terms[:, place]).sum()))

    def draw(self, n: int, seed: int) -> npt.NDArray[np.float64]:
        """Draw n numbers of unseen people: a model, its mean, and the count about that mean."""
        rng = np.random.default_rng(seed)
        model = rng.choice(self.weight.size, size=n, p=self.weight)
        log_mean = self.log_unseen[model] + self.log_unseen_se[model] * rng.standard_normal(n)
        with np.errstate(over="ignore"):
            mean = np.exp(log_mean)
        return np.where(mean > LARGE, mean, rng.poisson(np.minimum(mean, LARGE)))


def posterior(
    histories: CaptureHistories,
    weights: Weights = "bic",
    max_order: int | None = None,
    *,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Posterior:
    """The probability of every model that matters. Parameters and errors as for `averaged`.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = posterior(h)
    >>> best = found.probability.argmax()
    >>> str(found.model(best)), float(found.probability[best].round(2)), found.proven
    ('[12,3]', 0.67, 1.0)
    """
    if weights not in ("bic", "laplace"):
        raise InputError(f"The weights are bic or laplace, not '{weights}'.")
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    space = Space(len(histories.lists), max_order)
    # Under the prior one condition holds for all models: only interactions are kept finite by it,
    # so that the main effects must have their maximum without.
    if weights == "laplace":
        alone = fit(histories, Model(space.n_lists, frozenset()))
        if alone.status is not Status.ESTIMABLE:
            raise NoEstimateError(cannot_answer(histories))
    terms, proven = _models_that_matter(histories, space)

    n = len(terms)
    status = np.empty(n, np.int64)
    log_weight, intercept, variance = np.empty(n), np.empty(n), np.empty(n)

    def fit_some(part: slice) -> None:
        results = log_weight[part], intercept[part], variance[part]
        table = histories.known, space.n_lists, space.candidates, terms[part]
        kernel.fit_by_likelihood(*table, status[part], *results)
        if weights == "laplace":
            # The prior has a total for every model, also where the counts say nothing of one; such
            # a total would be the prior's alone, so the status stays that of the likelihood.
            reached = np.empty(part.stop - part.start, np.int64)
            kernel.fit_by_prior(*table, 1 / PRIOR_SD**2, reached, *results)
            status[part] |= reached

    parts = [slice(start, min(start + 512, n)) for start in range(0, n, 512)]
    for _ in engine.run(fit_some, parts, workers=workers, progress=progress):
        pass
    if weights == "bic":  # exp(-BIC / 2), but for what is the same in all models
        log_weight -= 0.5 * math.log(histories.observed) * terms.sum(axis=1)
    estimable = status == Status.ESTIMABLE
    if not estimable.any():
        raise NoEstimateError(cannot_answer(histories))
    probability = np.exp(log_weight - log_weight.max())
    # Apart, for next to a far better model without an estimate all the others may vanish.
    weight = np.exp(np.where(estimable, log_weight, -np.inf) - log_weight[estimable].max())
    return Posterior(
        space=space,
        terms=terms,
        probability=probability / probability.sum(),
        weight=weight / weight.sum(),
        estimable=estimable,
        log_unseen=np.where(estimable, intercept, np.nan),
        log_unseen_se=np.sqrt(np.where(estimable, variance, np.nan)),
        proven=proven,
    )


def _models_that_matter(
    histories: CaptureHistories, space: Space
) -> tuple[npt.NDArray[np.uint8], float]:
    """Rows of 0/1 over the candidates, and the share of exp(-BIC / 2) that is proven to be there.

    All models of a small space. Of a large one those of lowest BIC, further and further up until
    the bound on the sum over all others leaves at most 1 - PROVEN to them.
    """
    models = space.size()
    if models is not None and space.listed:
        bits = _space.list_models(space.requires, models)
        places = np.arange(space.candidates.size, dtype=np.uint64)
        return (bits[:, None] >> places & np.uint64(1)).astype(np.uint8), 1.0
    terms, most, left = None, 0.0, WORK >> space.n_lists
    # Is there any with an estimate at all? Where there is, the best is met early.
    left -= best_models(histories, max_order=space.max_order, budget=left // 4).fits
    for within in WITHIN:
        found = best_models(
            histories, None, within, max_order=space.max_order, inadmissible=True, budget=left
        )
        left -= found.fits
        if not np.any(found.status == Status.ESTIMABLE):
            continue  # those with an estimate lie further up
        inside = np.logaddexp.reduce(-found.values / 2)
        proven = float(np.exp(inside - np.logaddexp(inside, found.log_outside)))
        if terms is None or proven > most:
            terms, most = found.terms, proven
        if most >= PROVEN or len(found) > MOST or left <= 0:
            break
    if terms is None:
        raise NoEstimateError(
            "Models without an estimate are so much more probable than any with one that these "
            "lists cannot answer by averaging. Merge lists of the same kind of agency, or add one."
        )
    return terms, most


@over_links
def averaged(
    histories: CaptureHistories,
    *,
    weights: Weights = "bic",
    max_order: int | None = None,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total as the average over all hierarchical models, each with its probability.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists.
    weights : "bic" or "laplace"
        Where the probability of a model comes from. "bic": proportional to exp(-BIC / 2), close to
        the marginal likelihood under a prior worth one observation. "laplace": Laplace's
        approximation of the marginal likelihood when each interaction is normal about 0 with
        standard deviation 1.5, all independent, and intercept and main effects are flat. Such a
        prior says that the odds ratio of two lists, among people on no other, is with 95 %
        probability between exp(-2.94) and exp(2.94), 1/19 and 19; it keeps the interaction of lists
        that share nobody finite.
    max_order : int, optional
        The most lists that may interact at once, as for `bic`.
    draws : int
        How many totals to draw, 1,000 to 1,000,000.
    level : float
        The probability of the interval, between 0 and 1.
    seed : int
        Of the draws; the number of workers does not change them.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many pieces of the fits are done.

    Returns
    -------
    Estimate
        `total` is the median of the draws, `lower` and `upper` their equal-tailed quantiles. Each
        draw is of a model by its probability, of the mean of the unseen by the normal approximation
        on its logarithm, and of the count by Poisson's law about that mean. In `details`:

        - `models`, the size of the space (None if not counted); `models_weighed`;
          `models_admissible`, those with an estimate (None unless all were weighed);
        - `mass_proven`: how much of the probability of the whole space is proven to lie on the
          models weighed. Spaces of up to 50,000 models are weighed whole. Of larger ones those of
          lowest BIC are, until the others have less than 1 %, there are more than 50,000 or some
          ten seconds are over. None where "laplace" weighs models that were found in this way, for
          the proof is of the weights by BIC;
        - `mass_without_estimate`: the probability on models that have no estimate, over which the
          total cannot be averaged;
        - `best_models`: up to ten, each with its `probability` among all models weighed;
        - `dependent`: for each pair of `lists` the `probability` that it interacts.

    Raises
    ------
    NoEstimateError
        If no model can be estimated from these counts.
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    Raftery (1995), Sociological Methodology 25, and Kass & Raftery (1995), JASA 90, for BIC as
    marginal likelihood; Tierney & Kadane (1986), JASA 81, for Laplace's approximation; Hoeting et
    al. (1999), Statistical Science 14, for averaging. Parameters at minus infinity count in BIC as
    in `bic`, and models without an estimate have the supremum of their likelihood.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1])
    >>> found = averaged(h)
    >>> found.lower < found.total < found.upper
    True
    >>> found.details["best_models"][0]["model"], found.details["dependent"][0]["lists"]
    ('[12,3]', ['a', 'b'])
    """
    check_draws(draws, level)
    found = posterior(histories, weights, max_order, workers=workers, progress=progress)
    totals = histories.observed + found.draw(draws, seed)
    # Quantiles that are draws: between a finite and an infinite one nothing can be interpolated.
    lower, total, upper = np.quantile(
        totals, [(1 - level) / 2, 0.5, (1 + level) / 2], method="inverted_cdf"
    )
    without = float(found.probability[~found.estimable].sum())
    likely = np.lexsort((np.arange(len(found.terms)), -found.probability))
    shown = [int(i) for i in likely if found.estimable[i]][:SHOWN]
    pairs = list(combinations(range(len(histories.lists)), 2))
    details: dict[str, Any] = {
        "weights": weights,
        "models": found.space.size(),
        "models_weighed": len(found.terms),
        "models_admissible": int(found.estimable.sum()) if found.whole else None,
        "mass_proven": found.proven if weights == "bic" or found.whole else None,
        "mass_without_estimate": without,
        "best_models": [
            {
                "model": str(found.model(i)),
                "probability": float(found.probability[i]),
                "total": histories.observed + math.exp(found.log_unseen[i]),
            }
            for i in shown
        ],
        "dependent": [
            {
                "lists": [histories.lists[a], histories.lists[b]],
                "probability": found.with_pair(a, b),
            }
            for a, b in pairs
        ],
        "interval": "posterior, over models and within them",
    }
    settings: dict[str, Any] = {
        "weights": weights,
        "max_order": found.space.max_order,
        "draws": draws,
        "level": level,
        "seed": seed,
    }
    if weights == "laplace":
        settings["prior_sd"] = PRIOR_SD
    return Estimate(
        total=float(total),
        lower=float(lower),
        upper=float(upper),
        level=level,
        observed=histories.observed,
        method="averaged",
        lists=histories.lists,
        settings=settings,
        details=details,
        warnings=(
            *histories.notes,
            *doubts_of(histories, float(total)),
            *_doubts_about(found, weights, without),
        ),
        draws=totals,
    )


def _doubts_about(found: Posterior, weights: Weights, without: float) -> list[str]:
    """What in the weighing itself should make a reader careful."""
    doubts = []
    if without > NOTICEABLE:
        doubts.append(
            f"Models that give no estimate have {100 * without:.0f} % of the probability; the "
            "total is averaged over the others only."
        )
    if found.proven < PROVEN and weights == "bic":
        doubts.append(
            f"Only {math.floor(100 * found.proven)} % of the probability is proven to lie on the "
            f"{len(found.terms):,} models that were weighed; there are too many others to weigh."
        )
    if weights == "laplace" and not found.whole:
        doubts.append(
            "The models were found by their BIC and weighed by Laplace's approximation; others "
            "that the prior favours may be missing."
        )
    return doubts
