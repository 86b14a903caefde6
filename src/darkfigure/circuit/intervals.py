"""Intervals that do not take the likelihood for a parabola: by profile and parametric bootstrap.

Limits from a standard error are wrong close to 0 or 1, and there are none at it. The profile has
all values that the data do not contradict: with everything else free, -2 log L is above its least
by no more than the quantile of chi-squared with one degree of freedom, times c-hat. The bootstrap
makes people anew from the model, with as many first sightings, and fits it again; where people
enter it makes all of them, the unseen too, so that how many are seen is left to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import chi2

from darkfigure import engine
from darkfigure.circuit.amounts import SHARES, StockAndFlow
from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.estimates import (
    Estimated,
    Index,
    chances,
    log_odds,
    probability,
    rows,
    slope,
)
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import SAME, climb, least, minus_log_likelihood, moments, quiet
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.circuit.simulation import Region, simulate
from darkfigure.circuit.stock import amounts_at, labels_of, seen_of
from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]

Limits = Literal["wald", "profile", "bootstrap"]
LIMITS: tuple[Limits, ...] = get_args(Limits)

REPLICATES = 200
AT_ONCE = 10  # replicates of one piece of work
TINY = 1e-6  # of a share, so that all and none have a logit
END = 15.0  # on the logit scale: there a probability is 0 or 1


def with_limits(
    histories: Histories,
    found: Fit,
    kind: Limits,
    *,
    replicates: int = REPLICATES,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Fit:
    """A fit whose probabilities have other limits than those of their standard errors.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit
    kind : {'wald', 'profile', 'bootstrap'}
        'wald' leaves it as it is. Standard errors, and all of the coefficients, stay what they are.
    replicates, seed, workers, progress
        As for `bootstrap`; of a profile progress tells how many probabilities are done.

    Raises
    ------
    InputError
        If the kind is none of these.
    NoEstimateError
        As for `profile`.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> found = with_limits(h, fit(h), "profile").of("detection")[0]
    >>> round(found.lower, 3), round(found.upper, 3)
    (0.672, 0.826)
    """
    if kind not in LIMITS:
        raise InputError(f"Limits are {', '.join(LIMITS[:-1])} or {LIMITS[-1]}, not '{kind}'.")
    if kind == "wald":
        return found
    if kind == "bootstrap":
        made = bootstrap(
            histories, found, replicates=replicates, seed=seed, workers=workers, progress=progress
        )
        return made.rates(found)
    limits: list[tuple[float | None, float | None]] = []
    for done, each in enumerate(found.estimates, start=1):
        known = each.estimate is not None
        limits.append(profile(histories, found, each) if known else (None, None))
        if progress is not None:
            progress(done, len(found.estimates))
    return _limited(found, limits)


def _limited(found: Fit, limits: Sequence[tuple[float | None, float | None]]) -> Fit:
    estimates = tuple(
        replace(each, lower=lower, upper=upper)
        for each, (lower, upper) in zip(found.estimates, limits, strict=True)
    )
    return replace(found, estimates=estimates)


def profile(
    histories: Histories, found: Fit, estimate: Estimated, *, level: float | None = None
) -> tuple[float, float]:
    """The limits of one probability by the profile likelihood.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit
        Of which c-hat is taken too.
    estimate : Estimated
        One of its estimates; at the boundary it may be, too.
    level : float, optional
        The confidence; that of the fit when left out.

    Returns
    -------
    tuple of float
        0 or 1 where the data set no limit.

    Raises
    ------
    InputError
        If the estimate is not one of the fit.
    NoEstimateError
        If it cannot be estimated, or a higher maximum was found on the way.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> one = fit(h)
    >>> [round(limit, 3) for limit in profile(h, one, one.of("detection")[0])]
    [0.672, 0.826]
    """
    level = found.settings["level"] if level is None else level
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if estimate not in found.estimates:
        raise InputError(f"There is no {estimate.name} among the estimates of this fit.")
    if estimate.estimate is None:
        raise NoEstimateError(f"{estimate.name} cannot be estimated, so it has no limits.")
    design = design_of(histories, found)
    at = found.estimates.index(estimate)
    parameter, index, _ = rows(design, histories)[at]
    along = _Profile(m_array(histories), design, parameter, index, found, estimate)
    highest = found.settings["c_hat"] * float(chi2.ppf(level, 1))
    with quiet():
        return along.limit(-1, highest), along.limit(1, highest)


class _Profile:
    """The highest likelihood for each value h of the logit of one probability.

    -log L + K (h - c)**2 / 2 is least where the gradients of log L and h are parallel, which is on
    the profile, at a value that c moves along (compare Venzon & Moolgavkar 1988). K is of the
    likelihood's own curvature, so that h comes close to c.
    """

    def __init__(
        self,
        counts: MArray,
        design: Design,
        parameter: str,
        index: Index,
        found: Fit,
        estimate: Estimated,
    ) -> None:
        self.counts, self.design, self.parameter, self.index = counts, design, parameter, index
        self.least = found.minus2loglik / 2
        self.beta = found.beta
        natural = design.natural(found.beta)
        self.middle = log_odds(natural, parameter, index)
        along = slope(design, natural, parameter, index)
        self.towards = along / (along @ along)  # there h grows by one
        share, error = estimate.estimate or 0.0, estimate.standard_error
        self.width = error / (share * (1 - share)) if error else 1.0
        self.pull = 4 / self.width**2

    def _pulled(self, beta: Floats, c: float) -> tuple[float, Floats]:
        height, gradient = minus_log_likelihood(beta, self.counts, self.design)
        natural = self.design.natural(beta)
        off = log_odds(natural, self.parameter, self.index) - c
        along = slope(self.design, natural, self.parameter, self.index)
        return height + self.pull * off**2 / 2, gradient + self.pull * off * along

    def at(self, c: float, start: Floats) -> tuple[float, float, Floats]:
        """The value on the profile that c leads to, -2 log L above the least, and where."""
        beta, _ = least(self._pulled, start, c)
        value = log_odds(self.design.natural(beta), self.parameter, self.index)
        above = 2 * (minus_log_likelihood(beta, self.counts, self.design)[0] - self.least)
        if above < -SAME:
            raise NoEstimateError(
                "A higher maximum was found on the way to a limit; fit again with more starts."
            )
        return value, above, beta

    def limit(self, side: int, highest: float) -> float:
        """Where the profile crosses, below (-1) or above (1) the estimate."""
        no_limit = 0.0 if side < 0 else 1.0
        inner = float(np.clip(self.middle, 3 - END, END - 3))
        if side * self.middle > END - 3:
            return no_limit
        near, step = self.beta + (inner - self.middle) * self.towards, self.width
        outer = inner
        while True:
            outer += side * step
            value, above, far = self.at(outer, near)
            if above > highest:
                break
            if side * value > END or side * outer > 4 * END:
                return no_limit
            inner, near, step = outer, far, 1.5 * step
        cross = brentq(lambda c: self.at(c, near)[1] - highest, inner, outer, xtol=1e-5)
        return float(expit(self.at(cross, near)[0]))


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """The estimates of people who were made anew from a fitted model.

    Attributes
    ----------
    draws : array, shape (B, number of estimates)
        In the order of the estimates of the fit; not a number where they cannot be estimated.
    estimates : tuple of Estimated
        Those of the fit, with standard errors and percentile limits of the replicates.
    amounts, truths, seen : array, shape (B, number of amounts), or None
        Of a fit with entry, how many people are where, in the order of `StockAndFlow.amounts`: as
        estimated, as it was of the people who were made, and of those seen; the last two are not a
        number for rates.
    settings : dict
        All that is needed to do it again.
    """

    draws: Floats
    estimates: tuple[Estimated, ...]
    amounts: Floats | None
    truths: Floats | None
    seen: Floats | None
    settings: dict[str, Any]

    def rates(self, found: Fit) -> Fit:
        """The fit with the limits of the replicates."""
        return _limited(found, [(each.lower, each.upper) for each in self.estimates])

    def people(self, told: StockAndFlow) -> StockAndFlow:
        """Stock and flow with the limits of the replicates, none below who was seen.

        A number of people is not a parameter but hangs on chance itself, so that its limits are by
        how far estimates are from the truth of their replicate, on the scale of the logarithm of
        those not seen, and for shares of the logit; of rates they are by the estimates alone.

        Raises
        ------
        InputError
            If the fit had no entry.
        """
        if self.amounts is None or self.truths is None or self.seen is None:
            raise InputError("This fit has no entry, so it tells rates and no numbers of people.")
        level = self.settings["level"]
        ends = ((1 - level) / 2, (1 + level) / 2)
        made = []
        columns = zip(told.amounts, self.amounts.T, self.truths.T, self.seen.T, strict=True)
        for each, draws, truths, seen in columns:
            if each.estimate is None:
                made.append(each)
                continue
            one, least, off = each.estimate, each.observed or 0.0, draws - truths
            if np.isnan(truths).all():
                lower, upper = np.quantile(draws, ends, method="median_unbiased")
                off = draws
            elif each.what in SHARES:
                error = logit(draws.clip(TINY, 1 - TINY)) - logit(truths.clip(TINY, 1 - TINY))
                low, high = np.quantile(error, ends, method="median_unbiased")
                at = float(logit(np.clip(one, TINY, 1 - TINY)))
                lower, upper = expit(at - high), expit(at - low)
            else:
                # Half a person, so that nobody unseen has a logarithm. A replicate that sets no
                # limit is infinitely too high, and takes the lower limit down.
                error = np.log((draws - seen).clip(0.0) + 0.5) - np.log(truths - seen + 0.5)
                error = np.where(np.isfinite(error), error, np.inf)
                low, high = np.quantile(error, ends, method="higher")
                unseen = max(one - least, 0.0) + 0.5
                lower = least + unseen * np.exp(-high) - 0.5
                upper = least + unseen * np.exp(-low) - 0.5
            middle = np.quantile(off[np.isfinite(off)], (0.1587, 0.8413))
            made.append(
                replace(
                    each,
                    standard_error=float(middle[1] - middle[0]) / 2,
                    lower=float(min(max(lower, least), one)),
                    upper=float(max(upper, one)),
                )
            )
        return replace(told, amounts=tuple(made))

    def __repr__(self) -> str:
        return f"<Bootstrap: {len(self.draws)} replicates of {len(self.estimates)} estimates>"


def bootstrap(
    histories: Histories,
    found: Fit,
    *,
    replicates: int = REPLICATES,
    level: float | None = None,
    seed: int = 1,
    where: engine.Where = "local",
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Bootstrap:
    """Standard errors and limits by a parametric bootstrap.

    Parameters
    ----------
    histories : Histories
        What was fitted; each replicate has as many first sightings, by occasion and city, or with
        entry as many people, of whom some are seen.
    found : Fit
    replicates : int
        Two or more.
    level : float, optional
        The confidence; that of the fit when left out.
    seed : int
        The result is the same for a seed, on any number of cores.
    where, workers, progress
        As for `darkfigure.engine.run`.

    Raises
    ------
    InputError
        For fewer than two replicates, or a level that is none.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> bootstrap(h, fit(h), replicates=20)
    <Bootstrap: 20 replicates of 2 estimates>
    """
    level = found.settings["level"] if level is None else level
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if replicates < 2:
        raise InputError(f"Two replicates or more are needed, not {replicates}.")
    design, counts = design_of(histories, found), m_array(histories)
    places = [(parameter, index) for parameter, index, _ in rows(design, histories)]
    work = partial(
        _replicates,
        design=design,
        histories=histories,
        first=counts.first,
        beta=found.beta,
        places=places,
        seed=seed,
    )
    pieces = [
        range(begin, min(begin + AT_ONCE, replicates)) for begin in range(0, replicates, AT_ONCE)
    ]
    with quiet():
        done = engine.run(work, pieces, where=where, workers=workers, progress=progress)
        pieces_done = list(done)
    draws, *people = (np.concatenate(each) for each in zip(*pieces_done, strict=True))
    amounts, truths, seen = people if people[0].size else (None, None, None)
    draws[:, [each.estimate is None for each in found.estimates]] = np.nan
    ends = ((1 - level) / 2, (1 + level) / 2)
    pairs = zip(found.estimates, draws.T, strict=True)
    estimates = tuple(_drawn(each, column, ends) for each, column in pairs)
    settings = {"replicates": replicates, "level": level, "seed": seed}
    return Bootstrap(draws, estimates, amounts, truths, seen, settings)


def _drawn(each: Estimated, draws: Floats, ends: tuple[float, float]) -> Estimated:
    """An estimate with what its replicates say."""
    labels = (each.parameter, each.city, each.to, each.occasion)
    if each.estimate is None:
        return Estimated(*labels, None, None, None, None)
    lower, upper = np.quantile(draws, ends, method="median_unbiased")
    error = float(np.std(draws, ddof=1))
    return Estimated(*labels, each.estimate, error, float(lower), float(upper))


def _replicates(
    which: Sequence[int],
    design: Design,
    histories: Histories,
    first: Floats,
    beta: Floats,
    places: list[tuple[str, Index]],
    seed: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Probabilities of some replicates; with entry also amounts as told, truly and as seen."""
    natural = design.natural(beta)
    drawn = np.empty((len(which), len(places)))
    amounts, truths, seen = np.empty((3, len(which), 0))
    labels = labels_of(histories)
    if natural.entry is not None:
        amounts, truths, seen = np.empty((3, len(which), len(labels)))
    for b, replicate in enumerate(which):
        rng = np.random.default_rng([seed, replicate])
        made = None
        if natural.entry is None:
            counts = simulated(natural, first, rng)
        else:
            made = _everybody(natural, histories, design.poisson, rng)
            counts = m_array(made.histories)
        tops = [climb(start, counts, design) for start in (beta, moments(counts, design))]
        best = min(tops, key=lambda each: each[1])[0]
        top = design.natural(best)
        drawn[b] = [probability(top, parameter, index) for parameter, index in places]
        if made is not None:
            amounts[b] = amounts_at(best, design, counts, made.histories)
            truths[b] = [_truth(made, *label) for label in labels]
            seen[b] = seen_of(made.histories)
    return drawn, amounts, truths, seen


def _truth(made: Region, what: str, city: str | None, occasion: str | None) -> float:
    """The amount of people who were made; not a number of a rate."""
    histories = made.histories
    here = slice(None) if city is None else [histories.cities.index(city)]
    if what == "stock":
        by_occasion = made.stock[:, here].sum(axis=1)
        when = None if occasion is None else histories.occasions.index(occasion)
        return float(by_occasion.mean() if when is None else by_occasion[when])
    ever, only = made.ever[here].sum(), made.only[here].sum()
    several = made.people - made.only.sum()
    found = {
        "flow": made.people if city is None else ever,
        "counted more than once": ever - made.people,
        "share elsewhere too": (ever - only) / max(ever, 1),
        "share in several cities": several / made.people,
    }
    return float(found.get(what, np.nan))


def _everybody(
    natural: Natural, histories: Histories, poisson: bool, rng: np.random.Generator
) -> Region:
    """People who enter, stay, move and are seen by the model, as many as it says."""
    assert natural.entry is not None
    expected = histories.people + natural.unseen
    return simulate(
        histories.cities,
        histories.occasions,
        int(rng.poisson(expected)) if poisson else round(expected),
        natural.entry,
        natural.survival,
        natural.movement,
        natural.detection,
        seed=int(rng.integers(2**62)),
    )


def simulated(natural: Natural, first: Floats, rng: np.random.Generator) -> MArray:
    """An m-array of people who follow the model, given where and when each is first seen.

    Parameters
    ----------
    natural : Natural
    first : array, shape (T, R)
        First sightings, by occasion and city.
    rng : Generator
    """
    steps, cities = natural.survival.shape
    ways = chances(natural)
    again = np.zeros((steps, cities, steps, cities))
    released = first.copy()
    for t in range(steps):
        for r in range(cities):
            cells = ways[t, r, t:].ravel()
            never = max(0.0, 1.0 - cells.sum())
            drawn = rng.multinomial(int(released[t, r]), [*cells, never])
            again[t, r, t:] = drawn[:-1].reshape(-1, cities)
        released[t + 1] += again[:, :, t].sum(axis=(0, 1))
    return MArray(first, again)
