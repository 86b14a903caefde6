"""Latent classes: people differ in how easily each list finds them, and the classes are unknown.

Everybody belongs to one of C classes, k with probability pi_k, and within a class the lists are
independent: a person of class k is on list j with probability lambda_jk. So

    p(x) = sum_k pi_k prod_j lambda_jk^x_j (1 - lambda_jk)^(1 - x_j)

is the chance of the combination x, and p(0) that of being on no list. The weights come from a
stick that is broken again and again, pi_k = V_k (1 - V_1) ... (1 - V_(k-1)) with
V_k ~ Beta(1, alpha), alpha ~ Gamma(a, b), lambda_jk uniform and p(N) proportional to 1 / N: the
model of Manrique-Vallier (2016), which uses as many of its C classes as the counts call for.

The posterior often has several modes far apart, between which a Gibbs sampler goes so seldom that
its chains do not agree. Here classes of people, the unseen and alpha are integrated out, what is
left is walked through by Hamiltonian Monte Carlo (Neal 2011), and each chain is a ladder of
replicas with the likelihood raised to lower and lower powers, which change places (Geyer 1991):
where hardly any likelihood is left, the modes are not apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.convergence import Convergence, convergence
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _latent_class as kernel
from darkfigure.size.interval import check_draws, doubts_of
from darkfigure.size.pooled import over_links
from darkfigure.size.search import cannot_answer

CHAINS = 4
RUNGS = 14
LEAST_HEAT = 0.005  # the power of the likelihood on the last rung
FAR = 2.4  # how far a trajectory goes at most, in units of the logits; half on the other rungs
LEAPS = 256  # the most steps of a trajectory
TURNS = 6  # moves on the first rung, whose points alone are kept, between two exchanges
TUNING = (
    25,
    25,
    50,
    50,
    100,
    100,
    200,
    200,
)  # exchanges, after each of which the ladder is set anew;
# the longer ones only where much is drawn
FIRST = 1_000  # points of each chain that may be enough
DOUBLED = 6  # how often they may be doubled where they are not
RHAT = 1.01  # the most (Vehtari et al. 2021)
LEAST_ESS = 400.0  # independent draws, of the bulk and of the tails (the same)
MOST_LISTS = 12
ENDLESS = 1_000  # times the observed: what lies beyond is the prior's alone
LARGE = 1e15  # means above this are as good as their Poisson counts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """The most classes there may be, and the shape and rate of alpha's gamma prior."""

    classes: int = 10
    a: float = 0.25
    b: float = 0.25


@dataclass(frozen=True)
class Sweeps:
    """What some sweeps of one chain found.

    Attributes
    ----------
    odds : array of float, shape (points,)
        Of being on no list, at each point of the first rung.
    used : array of int, shape (points,)
        Classes that have a hundredth of the people or more.
    exchanged : array of float, shape (R - 1,)
        The share of the exchanges with the next rung that came about.
    steps : array of float, shape (R,)
        The sizes of steps at the end.
    """

    odds: Floats
    used: npt.NDArray[np.int64]
    exchanged: Floats
    steps: Floats


@dataclass(frozen=True)
class Ladder:
    """What all chains have in common, from the posterior to where hardly any likelihood is left.

    Attributes
    ----------
    heats : array of float, shape (R,)
        The power of the likelihood on each rung, from 1 downwards.
    steps : array of float, shape (R,)
        Sizes of the leapfrog steps.
    """

    heats: Floats
    steps: Floats

    @property
    def leaps(self) -> npt.NDArray[np.int64]:
        """The most steps of a trajectory on each rung."""
        far = np.full(self.steps.size, FAR / 2)
        far[0] = FAR
        return np.clip(far / self.steps, 4, LEAPS).astype(np.int64)

    def reset(self, found: list[Sweeps], steps: Floats) -> Ladder:
        """Rungs where as much is refused between any two neighbours.

        What is refused adds up along the ladder, and the sum is cut into equal parts (Syed,
        Bouchard-Côté, Deligiannidis & Doucet 2022, Algorithm 2).
        """
        refused = np.mean([1 - each.exchanged for each in found], axis=0)
        along = np.concatenate([[0.0], np.cumsum(np.clip(refused, 0.05, 1.0))])
        even = np.linspace(0.0, along[-1], self.heats.size)
        heats = np.exp(np.interp(even, along, np.log(self.heats)))
        return Ladder(heats, np.exp(np.interp(-heats, -self.heats, np.log(steps))))


@dataclass(frozen=True)
class Chain:
    """Where a chain stands: its replicas, and its random numbers; both change as it goes on.

    Attributes
    ----------
    points : array of float, shape (R, D)
        See `_latent_class`.
    likes : array of float, shape (R,)
        Their log likelihoods.
    slot : array of int, shape (R,)
        Which point is on which rung.
    rng : Generator
        The chain's own.
    """

    points: Floats
    likes: Floats
    slot: npt.NDArray[np.int64]
    rng: np.random.Generator

    @classmethod
    def start(cls, prior: Prior, lists: int, seed: int, number: int) -> Chain:
        """A chain whose replicas start anywhere, the weights uniform over all that add up to one.

        From the prior some would start with next to nobody in the classes that the counts need, a
        corner from which they are long in coming.
        """
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        sticks = rng.standard_exponential((RUNGS, prior.classes - 1))
        sticks /= np.arange(prior.classes - 1, 0, -1)
        on = rng.logistic(size=(RUNGS, lists * prior.classes))
        points = np.hstack([np.log(sticks), on])
        return cls(points, np.zeros(RUNGS), np.arange(RUNGS), rng)

    def advance(
        self, histories: CaptureHistories, prior: Prior, ladder: Ladder, exchanges: int, tune: bool
    ) -> Sweeps:
        """Go on for so many exchanges; where `tune`, the steps are set on the way."""
        masks = np.flatnonzero(histories.known)
        table = histories.known[masks], masks, float(histories.observed)
        turns = 1 if tune else TURNS
        points = exchanges * turns
        found = Sweeps(
            np.empty(points), np.empty(points, np.int64), np.empty(RUNGS - 1), ladder.steps.copy()
        )
        kernel.run(
            table, len(histories.lists), prior.classes, (prior.a, prior.b), ladder.heats,
            found.steps, ladder.leaps, self.points, self.likes, self.slot, turns, tune, self.rng,
            found.odds, found.used, found.exchanged,
        )  # fmt: skip
        return found


@dataclass(frozen=True)
class Posterior:
    """What all chains found in the last round, and what they say of themselves.

    Attributes
    ----------
    odds : array of float, shape (chains, sweeps)
        Of being on no list, given each state of the chains.
    used : array of int, shape (chains, sweeps)
        Classes that have a hundredth of the people or more.
    exchanged : array of float, shape (chains, R - 1)
        The share of exchanges between neighbouring rungs that was accepted.
    convergence : Convergence
        Of the logarithm of the odds.
    moves : int
        All moves of each chain on its first rung, those that were not kept included.
    doubled : int
        How often the chains had to be made twice as long.
    """

    odds: Floats
    used: npt.NDArray[np.int64]
    exchanged: Floats
    convergence: Convergence
    moves: int
    doubled: int


def posterior(
    histories: CaptureHistories,
    prior: Prior = Prior(),
    *,
    first: int = FIRST,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Posterior:
    """Run the chains until they agree. Parameters and errors as for `latent_class`.

    The chains are tuned, and then run for rounds of which each is twice as long as the one before;
    only the last round is kept, so that at least half of every chain is thrown away. `first` is how
    many points of each chain the first round has.
    """
    chains = [Chain.start(prior, len(histories.lists), seed, number) for number in range(CHAINS)]
    heats = np.geomspace(1.0, LEAST_HEAT, RUNGS)
    ladder = Ladder(heats, 0.05 / np.sqrt(heats))

    def round_of(exchanges: int, tune: bool) -> list[Sweeps]:
        def go(chain: Chain) -> Sweeps:
            return chain.advance(histories, prior, ladder, exchanges, tune)

        return list(engine.run(go, chains, workers=workers))

    rounds = [-(-first // TURNS) << doubled for doubled in range(DOUBLED + 1)]
    tuning = [exchanges for exchanges in TUNING if 5 * exchanges <= max(first, 250)]
    for exchanges in tuning:
        found = round_of(exchanges, True)
        steps = np.exp(np.mean([np.log(each.steps) for each in found], axis=0))
        ladder = ladder.reset(found, steps)
    moves = sum(tuning)
    for doubled, exchanges in enumerate(rounds):
        found = round_of(exchanges, False)
        moves += exchanges * TURNS
        if progress is not None:
            progress(doubled + 1, len(rounds))
        odds = np.stack([each.odds for each in found])
        said = convergence(np.log(odds))
        if said.rhat <= RHAT and min(said.ess_bulk, said.ess_tail) >= LEAST_ESS:
            if progress is not None:
                progress(len(rounds), len(rounds))
            return Posterior(
                odds,
                np.stack([each.used for each in found]),
                np.stack([each.exchanged for each in found]),
                said,
                moves,
                doubled,
            )
        ladder = ladder.reset(found, ladder.steps)
    raise NoEstimateError(
        f"The {CHAINS} chains did not come to agree within {moves:,} moves each: R-hat is "
        f"{said.rhat:.3f} (at most {RHAT}), and what they drew is worth {said.ess_bulk:,.0f} "
        f"independent draws of the middle and {said.ess_tail:,.0f} of the tails (at least "
        f"{LEAST_ESS:,.0f}). No total is given, for none is known."
    )


@over_links
def latent_class(
    histories: CaptureHistories,
    *,
    classes: int = 10,
    a: float = 0.25,
    b: float = 0.25,
    draws: int = 4_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total where people differ in how easily lists find them, by latent classes.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 3 to 12 lists.
    classes : int
        The most classes there may be, 1 to 50; only as many are used as the counts call for.
    a, b : float
        Shape and rate of the gamma prior of alpha, both more than zero. The mean a / b is small
        where few classes are expected.
    draws : int
        How many totals to draw, 1,000 to 1,000,000.
    level : float
        The probability of the interval, between 0 and 1.
    seed : int
        Of the chains; the number of workers does not change them.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many rounds are done, of as many as there may be; mostly the first is enough.

    Returns
    -------
    Estimate
        `total` is the median of the draws, `lower` and `upper` their equal-tailed quantiles. In
        `details`:

        - `rhat`, `ess_bulk`, `ess_tail`: rank-normalised split R-hat of the chains, and how many
          independent draws they are worth, in the middle and in the tails;
        - `chains`, and the `moves` of each, those thrown away included;
        - `exchanged`: the smallest share of exchanges between neighbouring rungs that came about;
        - `classes_used`: how many classes have a hundredth of the people or more, the mean over the
          draws.

    Raises
    ------
    NoEstimateError
        If R-hat stays above 1.01 or an effective size below 400, however long the chains run; if
        there are two lists only, or nobody is on two; if the posterior has no end, more than a
        thousand times the observed.
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    Manrique-Vallier (2016), Biometrics 72, sections 3 and 4, for the model and its prior; the
    R package LCMCR has the same defaults.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 6])
    >>> found = latent_class(h, draws=1_000)
    >>> found.lower < found.total < found.upper, found.details["rhat"] <= 1.01
    (True, True)
    """
    check_draws(draws, level)
    if not 1 <= classes <= 50:
        raise InputError(f"The number of classes is 1 to 50, not {classes}.")
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise InputError(f"The prior's a and b must be more than zero, not {a} and {b}.")
    if len(histories.lists) > MOST_LISTS:
        raise InputError(
            f"There are {len(histories.lists)} lists; {MOST_LISTS} is the most for latent classes."
        )
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    if histories.people_on(1) == histories.observed:
        raise NoEstimateError(cannot_answer(histories))
    if len(histories.lists) == 2:
        raise NoEstimateError(
            "Two lists cannot tell classes of people apart: whatever their overlap, one class fits "
            "it, and how many are hidden in others would be the prior's guess. Add a list, or use "
            "the method 'independent' and say what it assumes."
        )
    prior = Prior(classes, a, b)
    found = posterior(
        histories, prior, first=-(-draws // CHAINS), seed=seed, workers=workers, progress=progress
    )
    totals = _totals(found, histories.observed, draws, seed)
    lower, total, upper = (
        float(x)
        for x in np.quantile(totals, [(1 - level) / 2, 0.5, (1 + level) / 2], method="inverted_cdf")
    )
    if upper > ENDLESS * histories.observed:
        raise NoEstimateError(
            "The counts set the total no end: with latent classes it may as well be more than "
            f"{ENDLESS:,} times the {histories.observed:,} who were seen, and how much more is the "
            f"prior's guess. It is at least {lower:,.0f} with probability {(1 + level) / 2:.3g}."
        )
    return Estimate(
        total=total,
        lower=lower,
        upper=upper,
        level=level,
        observed=histories.observed,
        method="latent-class",
        lists=histories.lists,
        settings={
            "classes": classes, "a": a, "b": b, "draws": draws, "level": level, "seed": seed
        },
        details={
            "rhat": found.convergence.rhat,
            "ess_bulk": found.convergence.ess_bulk,
            "ess_tail": found.convergence.ess_tail,
            "chains": CHAINS,
            "moves": found.moves,
            "exchanged": float(found.exchanged.min()),
            "classes_used": float(found.used.mean()),
            "interval": "posterior, over classes",
        },
        warnings=(
            *histories.notes,
            *doubts_of(histories, total),
            *_doubts_about(found, len(histories.lists), classes),
        ),
        draws=totals,
    )  # fmt: skip


def _totals(found: Posterior, observed: int, draws: int, seed: int) -> Floats:
    """Totals given states that are spread evenly over the chains.

    Given the odds w of being on no list, the number of the unseen is negative binomial: Poisson
    about w times a gamma with the observed as its shape.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(CHAINS,)))
    odds = found.odds.T.ravel()  # sweep by sweep, the chains beside each other
    kept = odds[np.linspace(0, odds.size - 1, draws).round().astype(np.int64)]
    mean = kept * rng.standard_gamma(observed, draws)
    totals: Floats = observed + np.where(mean > LARGE, mean, rng.poisson(np.minimum(mean, LARGE)))
    return totals


def _doubts_about(found: Posterior, lists: int, classes: int) -> list[str]:
    """What in the chains and classes should make a reader careful."""
    doubts = []
    full = float(np.mean(found.used == classes))
    if lists == 3:
        doubts.append(
            "Three lists have fewer combinations than two classes have parameters: how many people "
            "are hidden in a second class is in part the prior's guess."
        )
    if found.doubled > 2:
        doubts.append(
            f"The chains were slow to agree and were run {2**found.doubled} times as long as is "
            "mostly enough."
        )
    if classes > 1 and full > 0.05:
        doubts.append(
            f"All {classes} classes have a share of the people in {100 * full:.0f} % of the "
            "draws; more classes may be needed."
        )
    return doubts
