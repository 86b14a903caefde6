"""Bayesian thresholding: pairs of lists depend on each other where the posterior is sure of it.

First the model with the interaction of every pair of lists, each with a normal prior about zero:

    log mu_w = a + sum of b_j over j in w + sum of c_ij over the pairs in w,    c_ij ~ N(0, 1).

Then only the pairs are kept whose posterior mean is at least twice its posterior standard deviation
away from zero, and the model with these is fitted once more, under the same prior. Its posterior is
that of the total, n + exp(a) (Silverman 2020, JRSS A 183, section 5).

The posterior is log-concave, so that Hamiltonian Monte Carlo draws almost independent values; four
chains from different starts must agree, or there is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _threshold as kernel
from darkfigure.size.interval import check_draws, doubts_of
from darkfigure.size.loglinear import Model, Status, fit
from darkfigure.size.pooled import over_links
from darkfigure.size.search import cannot_answer

Prior = Literal["proper", "improper"]

MOST_LISTS = 12
CHAINS = 4
LEAST = 1_000  # draws kept of each chain
SELECTION = 2_500  # of each chain, where the pairs are chosen
SAME = 1.01  # R-hat, beyond which chains do not agree
ENOUGH = 400  # independent draws that the kept ones must be worth, for each parameter
TOSS_UP = 0.1  # a ratio this close to the threshold might have come out on its other side


@dataclass(frozen=True)
class Posterior:
    """Draws from the posterior of one model.

    Attributes
    ----------
    terms : array of int, shape (p,)
        The masks of the parameters, the empty set first.
    draws : array of float, shape (chains, n, p)
    r_hat : float
        The largest of the parameters.
    effective : float
        The smallest effective size of the parameters.
    accepted : float
        The share of proposals that were accepted.
    """

    terms: npt.NDArray[np.int64]
    draws: npt.NDArray[np.float64]
    r_hat: float
    effective: float
    accepted: float

    def ratio(self, term: int) -> tuple[float, float]:
        """The posterior mean of a parameter, and its standard deviation."""
        own = self.draws[:, :, np.flatnonzero(self.terms == term)[0]]
        return float(own.mean()), float(own.std(ddof=1))


def posterior(
    histories: CaptureHistories,
    pairs: Sequence[int],
    absent: Sequence[int],
    precision: float,
    each: int,
    key: int,
    *,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Posterior:
    """Draw from the posterior of the model with some pairs of lists.

    Parameters
    ----------
    histories : CaptureHistories
    pairs : sequence of int
        The interactions, as bit masks.
    absent : sequence of int
        Pairs with their interaction at minus infinity: nobody can be on both lists.
    precision : float
        Of the interactions' prior, one over the variance; 0 for a flat one.
    each : int
        Draws to keep of each of four chains.
    key : int
        Which of the streams of random numbers to use.
    seed, workers, progress
        As for `threshold`.

    Raises
    ------
    NoEstimateError
        If the posterior has no mode, or the chains do not agree.
    """
    counts, k = histories.known, len(histories.lists)
    peopled = [j for j in range(k) if histories.size_of(histories.lists[j])]
    nobody = sum(1 << j for j in range(k) if j not in peopled)
    cells = np.arange(counts.size)
    alive = (cells > 0) & (cells & nobody == 0)
    for pair in absent:
        alive &= cells & pair != pair
    main = [0, *(1 << j for j in peopled)]
    terms = np.array([*main, *(pair for pair in pairs if not pair & nobody)], np.int64)
    weight = np.where(np.arange(terms.size) < len(main), 0.0, precision)
    centre, curvature = np.empty(terms.size), np.empty((terms.size, terms.size))
    if not kernel.mode(counts, alive, terms, weight, centre, curvature):
        raise NoEstimateError(cannot_answer(histories))
    # With curvature = L L', the columns of the inverse of L' are a square root of its inverse.
    spread = np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(curvature)).T)

    def one(number: int) -> tuple[npt.NDArray[np.float64], float]:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key, number)))
        normals = rng.standard_normal((1 + kernel.WARM_UP + each, terms.size))
        uniforms = rng.random((kernel.WARM_UP + each, 2))
        out = np.empty((each, terms.size))
        accepted = kernel.chain(
            counts, alive, terms, weight, centre, spread, normals, uniforms, out
        )
        return out, accepted

    chains = list(engine.run(one, range(CHAINS), workers=workers, progress=progress))
    draws = np.array([drawn for drawn, _ in chains])
    found = Posterior(
        terms=terms,
        draws=draws,
        r_hat=float(kernel.r_hat(draws).max()),
        effective=min(kernel.effective_size(draws[:, :, i]) for i in range(terms.size)),
        accepted=float(np.mean([share for _, share in chains])),
    )
    if not (found.r_hat <= SAME and found.effective >= ENOUGH):
        raise NoEstimateError(
            f"The draws from the posterior have not converged (R-hat {found.r_hat:.3f}, worth "
            f"{found.effective:.0f} independent draws), so there is no answer. The counts are too "
            "thin for this method; merge lists of the same kind of agency, or take another method."
        )
    return found


@over_links
def threshold(
    histories: CaptureHistories,
    *,
    prior: Prior = "proper",
    ratio: float = 2.0,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total from the pairs of lists that surely depend on each other.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 12 lists.
    prior : "proper" or "improper"
        "proper": each interaction is normal about zero with variance 1, so that also that of lists
        which share nobody is finite. "improper": flat; the interaction of lists that share nobody
        is then at minus infinity, and stays in the model. Intercept and main effects are flat
        under both.
    ratio : float
        How many posterior standard deviations the posterior mean must be away from zero for the
        pair to be kept, 0 to 10.
    draws : int
        How many totals to keep, 1,000 to 1,000,000, of four chains that have at least 1,000 each.
    level : float
        The probability of the interval, between 0 and 1.
    seed : int
        Of the draws; the number of workers does not change them.
    workers : int, optional
        Cores to use, up to four.
    progress : callable, optional
        Told how many of the chains are done.

    Returns
    -------
    Estimate
        `total` is the median of the draws, `lower` and `upper` their equal-tailed quantiles; a draw
        is n + exp(a). In `details`: the `model` kept; `pairs`, with the posterior `mean`, `sd` and
        `ratio` under the model of all pairs (None at minus infinity) and whether each was `kept`;
        `minus_infinite_pairs`; `r_hat`, `effective_size` of the total, and `accepted`, of the last
        fit; `effective_size_of_selection`, the least of any parameter in the first.

    Raises
    ------
    NoEstimateError
        If there is no estimate even of independent lists, if under an improper prior the model of
        all pairs has none, if the model kept has none but for the prior, or if the chains do not
        agree (R-hat above 1.01 or fewer than 400 effective draws).
    InputError
        If there are more than 12 lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    Silverman (2020), Journal of the Royal Statistical Society A 183, 691-736, section 5. Pairs are
    dropped all at once. Draws by Hamiltonian Monte Carlo (Neal 2011) about the posterior mode;
    R-hat and effective size as in Gelman et al. (2013), section 11.4, and Vehtari et al. (2021).

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 140, 110, 80, 90, 14, 13, 6])
    >>> found = threshold(h)
    >>> found.details["model"], found.lower < found.total < found.upper
    ('[12,3]', True)
    >>> found.details["effective_size"] > 1000
    True
    """
    if prior not in ("proper", "improper"):
        raise InputError(f"The prior is proper or improper, not '{prior}'.")
    if not 0 <= ratio <= 10:
        raise InputError(f"The ratio to pass is between 0 and 10, not {ratio}.")
    check_draws(draws, level)
    names, k = histories.lists, len(histories.lists)
    if k > MOST_LISTS:
        raise InputError(
            f"There are {k} lists; thresholding works through {MOST_LISTS} at most. Merge lists of "
            "the same kind of agency, or leave the smallest out."
        )
    # Whatever the prior says of the pairs, the main effects must have their maximum without it.
    if fit(histories, Model(k, frozenset())).status is not Status.ESTIMABLE:
        raise NoEstimateError(cannot_answer(histories))
    every = [1 << i | 1 << j for i, j in combinations(range(k), 2)]
    absent: list[int] = []
    precision = 1.0
    if prior == "improper":
        whole = fit(histories, Model(k, frozenset(every)))
        if whole.status is not Status.ESTIMABLE:
            raise NoEstimateError(
                "Under an improper prior the model of all pairs must have an estimate, and it has "
                f"none. {whole.status.sentence} The proper prior may have an answer."
            )
        absent = [pair for pair in every if pair in whole.minus_infinity]
        precision = 0.0

    def told(done: int, of: int) -> None:
        if progress is not None:
            progress(done, 2 * of)

    first = posterior(
        histories,
        [pair for pair in every if pair not in absent],
        absent,
        precision,
        SELECTION,
        0,
        seed=seed,
        workers=workers,
        progress=told,
    )
    asked = {int(pair): first.ratio(pair) for pair in first.terms if int(pair).bit_count() == 2}
    kept = [pair for pair, (mean, sd) in asked.items() if abs(mean) >= ratio * sd]
    model = Model(k, frozenset([*kept, *absent]))
    alone = fit(histories, model)
    if alone.status is not Status.ESTIMABLE:
        raise NoEstimateError(
            f"The pairs of lists that depend on each other make model {model}, which has no "
            f"estimate but what the prior says. {alone.status.sentence} {cannot_answer(histories)}"
        )
    last = posterior(
        histories,
        kept,
        absent,
        precision,
        max(LEAST, -(-draws // CHAINS)),
        1,
        seed=seed,
        workers=workers,
        progress=lambda done, of: told(of + done, of),
    )
    with np.errstate(over="ignore"):
        chains = histories.observed + np.exp(last.draws[:, :, 0])
    mixed = chains.T.reshape(-1)
    totals = mixed[np.linspace(0, mixed.size - 1, draws).astype(np.int64)]
    lower, total, upper = np.quantile(totals, [(1 - level) / 2, 0.5, (1 + level) / 2])
    details: dict[str, Any] = {
        "model": str(model),
        "pairs": [_pair(names, pair, asked.get(pair), pair in kept) for pair in every],
        "minus_infinite_pairs": [_names(names, pair) for pair in absent],
        "mean": float(totals.mean()),
        "r_hat": last.r_hat,
        "effective_size": kernel.effective_size(np.log(chains - histories.observed)),
        "effective_size_of_selection": first.effective,
        "accepted": last.accepted,
        "interval": "posterior, of the model kept",
    }
    return Estimate(
        total=float(total),
        lower=float(lower),
        upper=float(upper),
        level=level,
        observed=histories.observed,
        method="threshold",
        lists=names,
        settings={"prior": prior, "ratio": ratio, "draws": draws, "level": level, "seed": seed},
        details=details,
        warnings=(
            *histories.notes,
            *doubts_of(histories, float(total)),
            *_doubts_about(names, asked, ratio),
        ),
        draws=totals,
    )


def _names(names: Sequence[str], pair: int) -> list[str]:
    return [name for j, name in enumerate(names) if pair >> j & 1]


def _pair(
    names: Sequence[str], pair: int, found: tuple[float, float] | None, kept: bool
) -> dict[str, Any]:
    mean, sd = found or (None, None)
    return {
        "lists": _names(names, pair),
        "mean": mean,
        "sd": sd,
        "ratio": None if mean is None or sd is None else abs(mean) / sd,
        "kept": kept,
    }


def _doubts_about(
    names: Sequence[str], asked: dict[int, tuple[float, float]], ratio: float
) -> list[str]:
    """What in the choice of the pairs should make a reader careful."""
    doubts = [
        "The interval takes the pairs that were kept as known beforehand, so it is too short."
    ]
    close = [pair for pair, (mean, sd) in asked.items() if abs(abs(mean) / sd - ratio) < TOSS_UP]
    if close:
        said = "; ".join(" and ".join(_names(names, pair)) for pair in close)
        doubts.append(
            f"Whether these pairs were kept was a toss-up, and the total hangs on it: {said}."
        )
    return doubts
