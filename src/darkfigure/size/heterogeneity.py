"""Heterogeneity: some people are easier to find than others, on every list alike.

A person easy to find turns up on many lists, one hard to find on none; that alone makes lists look
as if they depended on each other. Where the ease of being found varies over people in a given form,
the log-linear model of independent lists gains one term, in the number of lists |w| that a person
is on (Darroch et al. 1993; Rivest & Baillargeon 2007):

    log mu_w = a + sum of b_j over the lists j in w + c h(|w|),

    h(k) = 2**k - 1              "poisson": the mildest shape
    h(k) = k**2 / 2              "darroch": normal on the logit scale, c its variance
    h(k) = log 3.5 - log(3.5 + k) "gamma": many people who are very hard to find

with exp(a) unseen. These are the models Mth, in which the lists differ; Mt is `independent`. The
models Mb and Mbh are about the order in which somebody was caught, which lists do not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _heterogeneity as kernel
from darkfigure.size.bootstrap import bootstrap as resample
from darkfigure.size.interval import doubts_of
from darkfigure.size.pooled import over_links
from darkfigure.size.search import cannot_answer

Kind = Literal["poisson", "darroch", "gamma"]

SHAPES: Mapping[Kind, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "poisson": lambda k: 2**k - 1,
    "darroch": lambda k: k**2 / 2,
    "gamma": lambda k: math.log(3.5) - np.log(3.5 + k),
}

FAR_APART = 1.25  # between the totals of shapes that fit alike
UNSURE = 1.0  # a standard error of the logarithm of the unseen
NO_LIMIT = 1e6  # times the people observed: more unseen are no number and no limit
NOTHING = 1e-3  # unseen people that are as good as none


@dataclass(frozen=True)
class LayeredFit:
    """A model with main effects and columns in the number of lists, fitted to one table.

    Attributes
    ----------
    observed : int
    total : float
        The observed and exp(a) unseen.
    unseen_log_se : float
        Standard error of a, from the inverse information.
    shape : array of float, shape (m,)
        The c of each column.
    log_likelihood : float
        Poisson's, at the maximum.
    deviance : float
        Twice the distance to the saturated model.
    parameters : int
        Intercept, main effects and columns, those held at zero left out.
    free : int
        Degrees of freedom: combinations of lists less parameters.
    start : array of float
        All parameters, for fits that lie near.
    """

    observed: int
    total: float
    unseen_log_se: float
    shape: npt.NDArray[np.float64]
    log_likelihood: float
    deviance: float
    parameters: int
    free: int
    start: npt.NDArray[np.float64]

    @property
    def total_se(self) -> float:
        """Standard error of the total: of the mean of the unseen, and of their number about it."""
        unseen = self.total - self.observed
        return math.sqrt(unseen + (unseen * self.unseen_log_se) ** 2)

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 x parameters."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def bic(self) -> float:
        """-2 log-likelihood + parameters x log(people observed)."""
        return -2 * self.log_likelihood + self.parameters * math.log(self.observed)


def fit_layers(
    histories: CaptureHistories, columns: npt.NDArray[np.float64], *, bounded: bool = False
) -> LayeredFit:
    """Fit main effects and columns in the number of lists by maximum likelihood.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over K lists.
    columns : array of float, shape (K + 1, m)
        What each column is for people on 0, 1, ..., K lists; zero for 0.
    bounded : bool
        Whether no parameter of a column may be below zero.

    Raises
    ------
    NoEstimateError
        If the likelihood has no maximum, or only at more than a million unseen for each one seen.
    InputError
        If nobody is on any list.

    Examples
    --------
    >>> h = CaptureHistories("ab", [0, 60, 40, 20])
    >>> round(fit_layers(h, np.empty((3, 0))).total, 6)
    240.0
    """
    counts, k = histories.known, len(histories.lists)
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    sizes, layers, x = np.empty(k), np.empty(k + 1), np.empty(1 + k + columns.shape[1])
    kernel.margins_of(counts, sizes, layers)
    kernel.start(sizes, layers.sum(), x)
    found, log_likelihood, variance = kernel.fit_layers(sizes, layers, 1, columns, bounded, x)
    unseen = math.exp(min(x[0], 700.0))
    if not (found and unseen <= NO_LIMIT * histories.observed):
        raise NoEstimateError(cannot_answer(histories))
    shape = x[1 + k :].copy()
    positive = counts[counts > 0]
    saturated = float(np.sum(positive * np.log(positive))) - histories.observed
    parameters = 1 + k + int(np.count_nonzero(shape) if bounded else shape.size)
    return LayeredFit(
        observed=histories.observed,
        total=histories.observed + unseen,
        unseen_log_se=math.sqrt(variance),
        shape=shape,
        log_likelihood=log_likelihood - sum(math.lgamma(n + 1) for n in positive),
        deviance=max(0.0, 2 * (saturated - log_likelihood)),
        parameters=parameters,
        free=(1 << k) - 1 - parameters,
        start=x,
    )


def profile_limits(
    histories: CaptureHistories,
    fit: LayeredFit,
    columns: npt.NDArray[np.float64],
    level: float,
    *,
    bounded: bool = False,
) -> tuple[float, float]:
    """The interval by the profile of the multinomial likelihood (Cormack 1992).

    All totals at which no parameters make the counts much less likely: twice the logarithm of the
    ratio is below the chi-squared quantile. The lower limit is the observed where even nobody
    unseen is not, the upper one infinite where no number is too large.
    """
    from scipy.optimize import brentq, minimize_scalar

    k = len(histories.lists)
    sizes, layers = np.empty(k), np.empty(k + 1)
    kernel.margins_of(histories.known, sizes, layers)
    seen = histories.observed

    def height(log_unseen: float) -> float:
        unseen, x = math.exp(log_unseen), fit.start.copy()
        filled = layers.copy()
        filled[0] = unseen
        found, value, _ = kernel.fit_layers(sizes, filled, 0, columns, bounded, x)
        if not found:
            return -math.inf
        total = seen + unseen  # the means add up to it, so that the value has - total in it
        value += total - total * math.log(total)
        return float(value + math.lgamma(total + 1) - math.lgamma(unseen + 1))

    middle = math.log(max(fit.total - seen, NOTHING))
    # Poisson's estimate and the multinomial one differ by little: look near it.
    reach = 1.0 + 3 * fit.unseen_log_se
    peak = minimize_scalar(
        lambda u: -height(u), bounds=(middle - reach, middle + reach), method="bounded"
    )
    top = max(-float(peak.fun), height(middle))
    at = float(peak.x) if -float(peak.fun) >= top else middle
    cut = top - NormalDist().inv_cdf((1 + level) / 2) ** 2 / 2

    def limit(step: float, end: float) -> float | None:
        inner = at
        while step * (end - inner) > 0:
            outer = inner + step
            if height(outer) < cut:
                return float(brentq(lambda u: height(u) - cut, inner, outer, xtol=1e-10))
            inner = outer
        return None

    lower = limit(-0.5, math.log(NOTHING))
    upper = limit(0.5, math.log(NO_LIMIT * seen))
    return (
        float(seen) if lower is None else seen + math.exp(lower),
        math.inf if upper is None else seen + math.exp(upper),
    )


def with_limits(
    histories: CaptureHistories,
    fit: LayeredFit,
    columns: npt.NDArray[np.float64],
    *,
    bounded: bool,
    method: str,
    settings: Mapping[str, Any],
    details: Mapping[str, Any],
    doubts: list[str],
    replicates: int,
    level: float,
    seed: int,
    workers: int | None,
    progress: engine.Progress | None,
    resume: Path | None,
) -> Estimate:
    """The estimate of a fitted model with its interval: by profile likelihood, or BCa bootstrap."""
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    details = {
        "deviance": fit.deviance,
        "parameters": fit.parameters,
        "degrees_of_freedom": fit.free,
        "aic": fit.aic,
        "bic": fit.bic,
        "standard_error": fit.total_se,
        "pairs_sharing_nobody": [list(pair) for pair in histories.sharing_nobody()],
        **details,
    }
    draws = None
    if replicates == 0:
        lower, upper = profile_limits(histories, fit, columns, level, bounded=bounded)
        details["interval"] = "profile of the multinomial likelihood"
    else:
        k = len(histories.lists)
        interval = resample(
            histories,
            fit.total,
            lambda tables: kernel.layer_totals(tables, k, columns, bounded),
            b=replicates,
            level=level,
            seed=seed,
            workers=workers,
            progress=progress,
            resume=resume,
        )
        lower, upper, draws = interval.lower, interval.upper, interval.draws
        doubts = [*doubts, *interval.warnings]
        details |= {
            "interval": "BCa bootstrap, fitted anew in every replicate",
            "bias": interval.bias,
            "acceleration": interval.acceleration,
        }
    if math.isinf(upper):
        doubts = [*doubts, "The counts set no upper limit: no number of unseen is too large."]
    return Estimate(
        total=fit.total,
        lower=min(lower, fit.total),
        upper=max(upper, fit.total),
        level=level,
        observed=histories.observed,
        method=method,
        lists=histories.lists,
        settings={**settings, "bootstrap": replicates, "level": level, "seed": seed},
        details=details,
        warnings=(*doubts, *histories.notes, *doubts_of(histories, fit.total)),
        draws=draws,
    )


def _column(kind: Kind, n_lists: int) -> npt.NDArray[np.float64]:
    return SHAPES[kind](np.arange(n_lists + 1.0))[:, None]


@over_links
def heterogeneity(
    histories: CaptureHistories,
    *,
    kind: Kind = "poisson",
    bootstrap: int = 0,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> Estimate:
    """Estimate the total when some people are easier to find than others, on every list alike.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 3 to 20 lists.
    kind : "poisson", "darroch" or "gamma"
        How the ease of being found varies over people, from the mildest to the wildest. The counts
        can hardly tell them apart, and the total depends on it. "poisson" stays nearest to what was
        seen: where the truth is known it errs least of the three.
    bootstrap : int
        Replicates, 20 or more, for a BCa interval; 0 gives the profile-likelihood interval, which
        takes the shape as known.
    level : float
        Confidence of the interval, between 0 and 1.
    seed : int
        Of the replicates; the same on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.
    resume : Path, optional
        A file for what was finished, to go on from after an interrupt; see `bootstrap.draw`.

    Returns
    -------
    Estimate
        In `details`: the `heterogeneity` c; deviance, degrees of freedom, AIC and BIC;
        `aic_without` and `total_without` heterogeneity; and `kinds`, the total and AIC under each
        shape (None where it has no estimate).

    Raises
    ------
    NoEstimateError
        If the likelihood has no maximum.
    InputError
        If there are two lists only, nobody is on any, or a parameter is out of range.

    Notes
    -----
    Rivest & Baillargeon (2007), Biometrics 63, sections 2 and 3, as models Mth Poisson2, Mth
    Darroch and Mth Gamma3.5 of Rcapture. The total is n + exp(a) from the Poisson likelihood.
    Whatever is estimated, another distribution of ease fits as well and has another total (Link
    2003, Biometrics 59).

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 12])
    >>> found = heterogeneity(h)
    >>> round(found.total), found.details["heterogeneity"] > 0
    (1139, True)
    """
    if kind not in SHAPES:
        raise InputError(f"The kind is {', '.join(SHAPES)}; not '{kind}'.")
    k = len(histories.lists)
    if k < 3:
        raise InputError(
            "Two lists cannot tell how people differ: at least three are needed. Without "
            "differences, the method 'independent' answers."
        )
    without = fit_layers(histories, np.empty((k + 1, 0)))
    fits: dict[str, LayeredFit | None] = {}
    for each in SHAPES:
        try:
            fits[each] = fit_layers(histories, _column(each, k))
        except NoEstimateError:
            fits[each] = None
    fit = fits[kind]
    if fit is None:
        raise NoEstimateError(
            f"With heterogeneity of the kind '{kind}' the likelihood has no maximum, or only at an "
            "absurd number of people: the counts do not tell how much people differ. A lower bound "
            "of the total may still exist; see the method 'chao'."
        )
    return with_limits(
        histories,
        fit,
        _column(kind, k),
        bounded=False,
        method="heterogeneity",
        settings={"kind": kind},
        details={
            "heterogeneity": float(fit.shape[0]),
            "aic_without": without.aic,
            "total_without": without.total,
            "kinds": {
                name: None if one is None else {"total": one.total, "aic": one.aic}
                for name, one in fits.items()
            },
        },
        doubts=_doubts_about(kind, fits),
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
        resume=resume,
    )


def _doubts_about(kind: Kind, fits: Mapping[str, LayeredFit | None]) -> list[str]:
    """What makes a model of heterogeneity shake."""
    fit = fits[kind]
    assert fit is not None
    alike = [one.total for one in fits.values() if one is not None and one.aic < fit.aic + 2]
    doubts = []
    if max(alike) > FAR_APART * min(alike):
        doubts.append(
            f"How people differ cannot be seen: shapes that fit as well or better give totals from "
            f"{min(alike):,.0f} to {max(alike):,.0f}, and the interval is for one of them only."
        )
    if any(one is None for one in fits.values()):
        missing = " and ".join(f"“{name}”" for name, one in fits.items() if one is None)
        doubts.append(f"There is no estimate with heterogeneity of the kind {missing}.")
    if fit.shape[0] < 0:
        doubts.append(
            "The heterogeneity comes out negative, which differences between people cannot cause: "
            "the lists rather avoid each other's people. Do not use this total."
        )
    if fit.unseen_log_se > UNSURE:
        doubts.append(
            "The standard error of the unseen is larger than their number: the counts hardly say "
            "how many there are under this model."
        )
    return doubts
