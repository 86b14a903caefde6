"""The parametric bootstrap: people made anew from a fitted model, to which it is fitted again.

Each replicate has as many first sightings as there were; where people enter it makes all of them,
the unseen too, so that how many are seen is left to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from darkfigure import engine
from darkfigure.circuit.amounts import SHARES, StockAndFlow
from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.estimates import (
    Estimated,
    Index,
    chances,
    probability,
    rows,
)
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import climb, moments, quiet
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.circuit.simulation import Region, simulate
from darkfigure.circuit.stock import amounts_at, labels_of, seen_of
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]

REPLICATES = 200
AT_ONCE = 10  # replicates of one piece of work
TINY = 1e-6  # of a share, so that all and none have a logit


def limited(found: Fit, limits: Sequence[tuple[float | None, float | None]]) -> Fit:
    """The fit with these limits of its probabilities, in their order."""
    estimates = tuple(
        replace(each, lower=lower, upper=upper)
        for each, (lower, upper) in zip(found.estimates, limits, strict=True)
    )
    return replace(found, estimates=estimates)


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
        return limited(found, [(each.lower, each.upper) for each in self.estimates])

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
