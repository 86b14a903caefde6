"""Intervals that do not take the likelihood for a parabola: by profile and parametric bootstrap.

Limits from a standard error are wrong close to 0 or 1, and there are none at it. The profile has
all values that the data do not contradict: with everything else free, -2 log L is above its least
by no more than the quantile of chi-squared with one degree of freedom, times c-hat. The bootstrap
is in a room of its own.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import chi2

from darkfigure import engine
from darkfigure.circuit.bootstrap import REPLICATES, bootstrap, limited
from darkfigure.circuit.design import Design
from darkfigure.circuit.estimates import (
    Estimated,
    Index,
    log_odds,
    rows,
    slope,
)
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import SAME, least, minus_log_likelihood, quiet
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]

Limits = Literal["wald", "profile", "bootstrap"]
LIMITS: tuple[Limits, ...] = get_args(Limits)

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
    return limited(found, limits)


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
