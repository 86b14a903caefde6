"""The total of a fitted family, with its standard error and whether it can be used.

Each person that a family looks at stands for w = 1 + p_0 / P(S) people, himself and those like him
who were never met; S are the counts looked at. So

    N = sum of w over those looked at + all others
    var N = (dN/db)' V (dN/db) + sum of (1 - P(S)) w^2,

the error of the coefficients b and the chance of who was met (van der Heijden et al. 2003; Boehning
et al. 2013 for two counts).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from darkfigure.demand.counts_table import Counts
from darkfigure.demand.families import OMEGA_LINKS, Family, Link
from darkfigure.demand.formula import design
from darkfigure.demand.maximum import Maximum, Rows, chances_of, maximum, times
from darkfigure.errors import InputError, NoEstimateError

NO_LIMIT = 1000.0  # times the people met: a total that is no number
UNTOLD = 20.0  # a standard error on the scale of the logarithm of the rate
ENOUGH = 2  # people met more than once
OFTEN = {1: "once", 2: "twice", 3: "three times"}


@dataclass(frozen=True)
class Fitted:
    """A family fitted to counts.

    Attributes
    ----------
    of : Family
    rows : Rows
        The people by count and covariates.
    names : list of str
        Of the coefficients; those of the second parameter end in `:alpha`, `:omega` or `:pi`.
    link : str
        Of omega.
    maximum : Maximum or None
        None for `robust`, which has no likelihood.
    total, se : float
    parts : tuple of float
        The two parts of the variance: of the coefficients, and of who was met.
    why_not : str
        Why the fit cannot be used; empty if it can.
    """

    of: Family
    rows: Rows
    names: list[str]
    link: Link
    maximum: Maximum | None
    total: float
    se: float
    parts: tuple[float, float]
    why_not: str

    @property
    def observed(self) -> int:
        """How many people were met."""
        return int(self.rows.people.sum())

    @property
    def loglik(self) -> float | None:
        """The log-likelihood, of the counts that the family looks at."""
        return None if self.maximum is None else self.maximum.log_likelihood

    @property
    def aic(self) -> float | None:
        """-2 log-likelihood + 2 x parameters."""
        return None if self.loglik is None else -2 * self.loglik + 2 * len(self.names)

    @property
    def bic(self) -> float | None:
        """-2 log-likelihood + parameters x log(people met)."""
        if self.loglik is None:
            return None
        return -2 * self.loglik + len(self.names) * math.log(self.observed)

    def limits(self, level: float) -> tuple[float, float]:
        """Log-normal limits: the logarithm of the unseen is normal (Chao 1987)."""
        unseen = self.total - self.observed
        if unseen <= 0:
            return float(self.observed), float(self.observed)
        z = NormalDist().inv_cdf((1 + level) / 2)
        spread = math.exp(z * math.sqrt(math.log1p((self.se / unseen) ** 2)))
        return self.observed + unseen / spread, self.observed + unseen * spread

    def normal_limits(self, level: float) -> tuple[float, float]:
        """Limits as if the total were normal; the lower one is never below the people met."""
        z = NormalDist().inv_cdf((1 + level) / 2)
        return max(float(self.observed), self.total - z * self.se), self.total + z * self.se


def rows_of(of: Family, counts: Counts, formula: str, inflation: str) -> tuple[Rows, list[str]]:
    """People grouped by count and covariates, and the names of the coefficients."""
    x, names = design(formula, counts)
    z = x[:, :0]
    if of.extra:
        z, seconds = design(inflation if of.extra != "alpha" else "~ 1", counts)
        names = names + [f"{name}:{of.extra}" for name in seconds]
    elif inflation.replace(" ", "") != "~1":
        raise InputError(f"The family '{of.name}' has no second parameter for '{inflation}'.")
    whole = np.column_stack([counts.counts.astype(np.float64), x, z])
    unique, which = np.unique(whole, axis=0, return_inverse=True)
    people = np.zeros(unique.shape[0], np.int64)
    np.add.at(people, which.ravel(), counts.people)
    p = x.shape[1]
    return (
        Rows(
            unique[:, 0].astype(np.int64),
            people,
            unique[:, 1 : 1 + p],
            unique[:, 1 + p :],
            counts.top,
        ),
        names,
    )


def total_of(of: Family, rows: Rows, found: Maximum, link: Link) -> tuple[float, float, float]:
    """The total, and the two parts of its variance."""
    standing = rows.part(of.adds(rows.counts) & (rows.people > 0))
    chances = chances_of(of, standing, found.coefficients, link)
    missed = chances.missed
    total = float(rows.people.sum() + np.sum(standing.people * missed.value))
    columns = [standing.x, standing.z][: missed.gradient.shape[0]]
    slope = np.concatenate(
        [times(c.T, standing.people * g) for c, g in zip(columns, missed.gradient, strict=True)]
    )
    seen = np.exp(chances.log_seen.value)
    return (
        total,
        float(slope @ found.covariance @ slope),
        float(np.sum(standing.people * (1 - seen) * (1 + missed.value) ** 2)),
    )


def fit(
    of: Family,
    counts: Counts,
    formula: str = "y ~ 1",
    inflation: str = "~ 1",
    link: Link = "logit",
) -> Fitted:
    """Fit a family; what cannot be used says why in `why_not`.

    Raises
    ------
    NoEstimateError
        If nobody was met more than once.
    InputError
        If the formula does not fit the counts, or the top class begins too low for the family.

    Examples
    --------
    >>> from darkfigure.demand.families import family
    >>> found = fit(family("ztpoisson"), Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1]))
    >>> round(found.total, 1), round(found.se, 1)
    (393.3, 17.4)
    """
    if link not in OMEGA_LINKS:
        raise InputError(f"The link of omega is {' or '.join(OMEGA_LINKS)}, not '{link}'.")
    often = sum(n for y, n in counts.frequencies.items() if y > 1)
    if often < ENOUGH:
        raise NoEstimateError(
            "Nobody was met more than once. How many were never met is told from how many were met "
            "again; without them not even a lower bound can be had."
            if often == 0
            else "One person only was met more than once, on whom all would hang: how many were "
            "never met, and also a lower bound of it, is told from how many were met again."
        )
    last = 2 if of.ones in ("as all", "left out") else 3 if of.name != "robust" else 5
    last = max(last, of.counts[1] + 1 if of.counts[1] else 0)
    if counts.top and counts.top < last:
        raise InputError(
            f"The top class is '{counts.top} or more', and the family '{of.name}' has to know who "
            f"was met exactly {'once' if last == 2 else f'{last - 1} times'}."
        )
    rows, names = rows_of(of, counts, formula, inflation)
    if of.name == "robust":
        if len(names) > 1:
            raise InputError("The family 'robust' takes no covariates; 'oichao' is like it.")
        total, variance, why = robust(counts.frequencies)
        return Fitted(of, rows, [], link, None, total, math.sqrt(variance), (variance, 0.0), why)
    why = _too_few(of, counts.frequencies)
    if why:
        nothing = Maximum(np.zeros(len(names)), math.nan, np.eye(len(names)), False, False)
        return Fitted(of, rows, names, link, nothing, math.nan, math.nan, (0.0, 0.0), why)
    with np.errstate(all="ignore"):
        found = maximum(of, rows, link)
        total, slope, chance = total_of(of, rows, found, link)
        why = _why_not(of, rows, found, total, slope + chance)
    se = math.sqrt(max(slope + chance, 0.0)) if math.isfinite(slope + chance) else math.nan
    return Fitted(of, rows, names, link, found, total, se, (slope, chance), why)


def _too_few(of: Family, frequencies: dict[int, int]) -> str:
    first, last = of.counts
    if of.ones == "two":
        for y in (first, last):
            if not frequencies.get(y):
                return f"nobody was met exactly {OFTEN[y]}"
    elif of.ones != "as all" and not any(n for y, n in frequencies.items() if y > 2):
        return "nobody was met more than twice, so the rate of those met again is not known"
    return ""


def _why_not(of: Family, rows: Rows, found: Maximum, total: float, variance: float) -> str:
    """Why a fit cannot be used, or an empty text."""
    observed = float(rows.people.sum())
    standing = rows.part(of.adds(rows.counts))
    p = rows.x.shape[1]
    spread = np.einsum("ij,jk,ik->i", standing.x, found.covariance[:p, :p], standing.x)
    if not math.isfinite(total) or total > NO_LIMIT * observed:
        if of.extra == "alpha":
            return (
                "it diverged: the rates spread without end (alpha runs to infinity) and the total "
                "with them"
            )
        return f"it diverged: more than {NO_LIMIT:,.0f} people for each one met"
    if not (math.isfinite(variance) and found.converged):
        return "its likelihood has no maximum that could be reached"
    if spread.size and spread.max() > UNTOLD**2:
        return "in some group nobody was met more often, so that its rate is not known"
    return ""


def robust(frequencies: dict[int, int]) -> tuple[float, float, str]:
    """Chao's bound with the number met once put right: total, its variance, why it cannot be used.

    From those met two, three and four times the number who would be met once is

        f1' = 4 f2^2 / (3 f3) - f2 f3 / (2 f4),

    no more than were, and f1'^2 / (2 f2) were never met (Chiu & Chao 2016). All who
    were met stay counted. Its variance is by the delta method over multinomial counts.

    Examples
    --------
    >>> total, variance, why = robust({1: 900, 2: 150, 3: 40, 4: 12})
    >>> round(total), round(variance ** 0.5), why
    (1935, 641, '')
    """
    observed = sum(frequencies.values())
    f = np.array([frequencies.get(y, 0) for y in (1, 2, 3, 4)], dtype=np.float64)
    if f[1] == 0:
        return math.nan, 0.0, "nobody was met exactly twice"

    def ones(f: npt.NDArray[np.float64]) -> float:
        f1, f2, f3, f4 = f
        if f3 > 0 and f4 > 0:
            found = 4 * f2**2 / (3 * f3) - f2 * f3 / (2 * f4)
        else:
            found = 4 * f2**2 / (3 * (f3 + 1)) - f2 * f3 / (2 * (f4 + 1))
        return float(min(found, f1))

    def unseen(f: npt.NDArray[np.float64]) -> float:
        return float(max(ones(f), 0.0) ** 2 / (2 * f[1]))

    if ones(f) <= 0:
        return math.nan, 0.0, "those met 2, 3 and 4 times fall off so fast that none is left for 1"

    none = unseen(f)
    slope = np.zeros(4)
    for j in range(4):
        h = 1e-5 * max(f[j], 1.0)
        up, down = f.copy(), f.copy()
        up[j], down[j] = f[j] + h, max(f[j] - h, 0.0)
        slope[j] = (unseen(up) - unseen(down)) / (up[j] - down[j])
    # All frequencies count one each in N; N itself is not known, so its estimate stands for it.
    total = observed + none
    weights = np.concatenate([1 + slope, [1.0]])
    cells = np.concatenate([f, [observed - f.sum()]])
    variance = float(weights**2 @ cells - (weights @ cells) ** 2 / total)
    return total, max(variance, 0.0), ""
