"""The total in replicates: what else could have been counted, and what would have been said.

    nonparametric     as many people as were met, drawn from them anew
    semiparametric    how many are met is drawn from the total first, then who, from those met
    parametric        all people are drawn, met and unmet, and how often each is met, by the family

The first keeps the number met as it is, and so leaves out part of the chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from darkfigure import engine
from darkfigure.demand.counts_table import Counts
from darkfigure.demand.families import Family
from darkfigure.demand.maximum import NEAR, Rows, chances_of, maximum
from darkfigure.demand.total import NO_LIMIT, Fitted, robust, total_of
from darkfigure.errors import InputError

Kind = Literal["semiparametric", "nonparametric", "parametric"]
Floats = npt.NDArray[np.float64]

KINDS: tuple[Kind, ...] = ("semiparametric", "nonparametric", "parametric")
IN_A_PIECE = 20
LEAST = 20


def replicates(
    fitted: Fitted,
    kind: Kind,
    b: int,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Floats:
    """The total in b replicates; infinite where one has none.

    Raises
    ------
    InputError
        If there are too few, the kind is not known, or the family says too little to draw from.
    """
    if kind not in KINDS:
        raise InputError(f"The kind of bootstrap is {', '.join(KINDS)}; not '{kind}'.")
    if b < LEAST:
        raise InputError(f"A bootstrap needs {LEAST} replicates or more, not {b}.")
    if kind == "parametric" and not fitted.of.whole:
        raise InputError(
            f"The family '{fitted.of.name}' says how often people are met at some counts only, so "
            "whole people cannot be drawn from it; use the semiparametric bootstrap."
        )
    if kind == "parametric" and fitted.rows.top:
        raise InputError(
            "With a top class the parametric bootstrap is not there; use the semiparametric one."
        )
    seeds = np.random.SeedSequence(seed).spawn(b)
    pieces = [seeds[i : i + IN_A_PIECE] for i in range(0, b, IN_A_PIECE)]

    def work(piece: Sequence[np.random.SeedSequence]) -> list[float]:
        with np.errstate(all="ignore"):
            return [_once(fitted, kind, np.random.default_rng(each)) for each in piece]

    found = engine.run(work, pieces, workers=workers, progress=progress)
    return np.array([total for piece in found for total in piece])


def _once(fitted: Fitted, kind: Kind, rng: np.random.Generator) -> float:
    rows = fitted.rows
    if kind == "parametric":
        drawn = _people_drawn(fitted, rng)
    else:
        n = fitted.observed
        if kind == "semiparametric":
            n = rng.binomial(round(fitted.total), min(1.0, n / fitted.total))
        people = rng.multinomial(n, rows.people / rows.people.sum())
        drawn = Rows(rows.counts, people, rows.x, rows.z, rows.top)
    return total_again(fitted, drawn)


def total_again(fitted: Fitted, rows: Rows) -> float:
    """The total of other counts, by the same family; infinite where there is none."""
    of = fitted.of
    if fitted.maximum is None:
        total = robust(Counts(rows.counts, rows.people).frequencies)[0]
        return total if math.isfinite(total) else math.inf
    if not (rows.people[of.looks_at(rows.counts)].sum() > len(fitted.names)):
        return math.inf
    start = fitted.maximum.coefficients
    if fitted.maximum.at_edge:
        start = np.where(np.arange(start.size) < rows.x.shape[1], start, np.maximum(start, -4.0))
    found = maximum(of, rows, fitted.link, start, NEAR)
    total = total_of(of, rows, found, fitted.link)[0]
    if found.converged and total <= NO_LIMIT * rows.people.sum():
        return total
    return math.inf


def _people_drawn(fitted: Fitted, rng: np.random.Generator) -> Rows:
    """People drawn from the fitted family, those never met left out."""
    of, rows, found = fitted.of, fitted.rows, fitted.maximum
    assert found is not None
    missed = chances_of(of, rows, found.coefficients, fitted.link).missed.value
    standing = rows.people * (1 + missed)
    number = math.floor(fitted.total) + int(rng.random() < fitted.total % 1)
    which = np.repeat(np.arange(standing.size), rng.multinomial(number, standing / standing.sum()))
    eta = rows.predictors(found.coefficients)
    second = eta[1][which] if len(eta) > 1 else np.zeros(which.size)
    drawn = times_met(of, np.exp(eta[0])[which], second, fitted.link, rng)
    keep = drawn > 0
    most = int(drawn.max(initial=1)) + 1
    cells, people = np.unique(which[keep] * most + drawn[keep], return_counts=True)
    of_row = cells // most
    return Rows(cells % most, people, rows.x[of_row], rows.z[of_row])


def times_met(
    of: Family, rate: Floats, second: Floats, link: str, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """How often each of some people is met, zero for never.

    Parameters
    ----------
    of : Family
        One that is about all counts.
    rate : array of float, shape (m,)
        Lambda of each person.
    second : array of float, shape (m,)
        The second linear predictor of each, where the family has one.
    link : str
        Of omega.
    rng : Generator
    """

    def base(at: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        r = rate[at]
        if of.base == "geometric":
            r = r * rng.standard_exponential(r.size)
        elif of.base == "negbin":
            alpha = np.maximum(np.exp(second[at]), 1e-9)
            r = r * alpha * rng.standard_gamma(1 / alpha)
        return rng.poisson(r).astype(np.int64)

    everybody = np.arange(rate.size)
    times = base(everybody)
    if of.ones == "as all":
        return times
    if of.ones.startswith("hurdle"):
        # Anew until it is not one: the distribution without its one.
        ones = np.flatnonzero(times == 1)
        while ones.size:
            times[ones] = base(ones)
            ones = ones[times[ones] == 1]
    share = -np.expm1(-np.exp(second)) if link == "cloglog" else expit(second)
    once = rng.random(rate.size) < share
    if of.ones.endswith("last"):
        once &= times > 0
    times[once] = 1
    return times
