"""The maximum of a family's likelihood, by Newton's method with exact derivatives.

The log-likelihood is a sum over rows of people with the same count and covariates. Each term hangs
on its row's linear predictors only, so the gradient is X'g and the Hessian X'hX. Where the Hessian
is not negative definite, or a full step would lead downhill, Marquardt's ridge shortens the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.demand import _taylor as t
from darkfigure.demand.families import Chances, Family, Link, chances

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS = 200
CLOSE = 1e-10  # what a further step would add to the log-likelihood
NEAR = 1e-5  # the same where only coefficients matter: its step leaves them right to 1e-5 errors
BLOCK = 4096  # rows at a time, whose derivatives stay in the cache and in memory that is kept
FAR = 30.0  # on the scale of a link: exp(-30) is nothing
LONGEST = 3.0  # step on the scale of a link
AT_EDGE = 1e-5  # a share of one-inflation that is as good as none


def times(matrix: Floats, vector: Floats) -> Floats:
    """Their product, by one thread: replicates run side by side, and BLAS would start more."""
    product: Floats = np.einsum("mi,i->m", matrix, vector)
    return product


@dataclass(frozen=True)
class Rows:
    """People with the same count and covariates, one row each.

    Attributes
    ----------
    counts, people : array of int, shape (m,)
    x : array of float, shape (m, p)
        Covariates of the rate, the intercept among them.
    z : array of float, shape (m, q)
        Covariates of the second parameter; q is 0 where there is none.
    top : int
        The count that means "so many or more"; 0 where there is none.
    """

    counts: Ints
    people: Ints
    x: Floats
    z: Floats
    top: int = 0

    def part(self, rows: npt.NDArray[np.bool_] | slice) -> Rows:
        """Some of the rows."""
        return Rows(self.counts[rows], self.people[rows], self.x[rows], self.z[rows], self.top)

    def predictors(self, coefficients: Floats) -> list[Floats]:
        """The linear predictors, each of shape (m,)."""
        p = self.x.shape[1]
        first = times(self.x, coefficients[:p])
        return [first, times(self.z, coefficients[p:])] if self.z.shape[1] else [first]


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is highest.

    Attributes
    ----------
    coefficients : array of float, shape (p + q,)
    log_likelihood : float
    covariance : array of float, shape (p + q, p + q)
        Inverse of the observed information; zero for a parameter at the edge of its range.
    converged : bool
    at_edge : bool
        Whether the second parameter ran to the edge of its range.
    """

    coefficients: Floats
    log_likelihood: float
    covariance: Floats
    converged: bool
    at_edge: bool


def chances_of(of: Family, rows: Rows, coefficients: Floats, link: Link = "logit") -> Chances:
    """What the family says of each row, the top class taken as what it is."""
    predictors = rows.predictors(coefficients)
    found = chances(of, rows.counts, predictors, link)
    cut = rows.counts == rows.top
    if not (rows.top and cut.any()):
        return found
    # 1 less the chances of all lower counts: every such count of every row in the class at once.
    at, lower = np.flatnonzero(cut), np.arange(of.counts[0], rows.top)
    each = [np.repeat(p[at], lower.size) for p in predictors]
    below = t.exp(chances(of, np.tile(lower, at.size), each, link).log_chance)
    beyond = t.log(1.0 - below.summed(lower.size))
    return Chances(found.log_chance.put(at, beyond), found.log_seen, found.missed)


def log_likelihood(
    of: Family, rows: Rows, coefficients: Floats, link: Link = "logit"
) -> tuple[float, Floats, Floats]:
    """The log-likelihood with its gradient (p + q,) and Hessian (p + q, p + q)."""
    begins = range(0, rows.counts.size, BLOCK)
    values, gradients, hessians = zip(
        *(_summed(of, rows.part(slice(i, i + BLOCK)), coefficients, link) for i in begins),
        strict=True,
    )
    return sum(values), np.sum(gradients, axis=0), np.sum(hessians, axis=0)


def _summed(
    of: Family, rows: Rows, coefficients: Floats, link: Link
) -> tuple[float, Floats, Floats]:
    term = chances_of(of, rows, coefficients, link).log_chance
    columns = [rows.x, rows.z][: term.gradient.shape[0]]
    gradient = [times(c.T, rows.people * g) for c, g in zip(columns, term.gradient, strict=True)]
    hessian = [
        [
            np.einsum("mi,mj->ij", (rows.people * term.hessian[i, j])[:, None] * a, b)
            for j, b in enumerate(columns)
        ]
        for i, a in enumerate(columns)
    ]
    value = float(np.sum(rows.people * term.value))
    return value, np.concatenate(gradient), np.block(hessian)


def climb(
    of: Family, rows: Rows, start: Floats, link: Link = "logit", close: float = CLOSE
) -> tuple[Floats, float, Floats, bool]:
    """Newton's method from a start: coefficients, log-likelihood, Hessian, whether it arrived.

    It has arrived when one more step would add less than `close`; that step is taken, the
    derivatives at its end are not worked out.
    """
    x, ridge = start.copy(), 0.0
    value, gradient, hessian = log_likelihood(of, rows, x, link)
    for _ in range(STEPS):
        information = -hessian
        scale = np.maximum(np.abs(np.diag(information)), 1e-12)
        try:
            curved = np.linalg.cholesky(information + np.diag(ridge * scale))
            step = np.linalg.solve(curved.T, np.linalg.solve(curved, gradient))
        except np.linalg.LinAlgError:
            ridge = max(10 * ridge, 1e-6)
            if ridge > 1e12:
                return x, value, hessian, False
            continue
        promised = float(step @ gradient)
        if promised < close and ridge < 1e-3:
            last = step if ridge == 0.0 else 0.0 * step
            return x + last, value + max(promised, 0.0) / 2 * (ridge == 0.0), hessian, True
        longest = max(float(np.abs(each).max()) for each in rows.predictors(step))
        step *= min(1.0, LONGEST / max(longest, 1e-300))
        with np.errstate(all="ignore"):
            found = log_likelihood(of, rows, x + step, link)
        if np.isfinite(found[0]) and np.isfinite(found[2]).all() and found[0] >= value - 1e-11:
            x, (value, gradient, hessian), ridge = x + step, found, ridge / 10
            ridge = ridge if ridge > 1e-7 else 0.0
            if max(float(np.abs(each).max()) for each in rows.predictors(x)) > FAR:
                return x, value, hessian, False
        else:
            ridge = max(10 * ridge, 1e-4)
            if ridge > 1e12:
                return x, value, hessian, promised < 1e-6
    return x, value, hessian, False


def maximum(
    of: Family,
    rows: Rows,
    link: Link = "logit",
    start: Floats | None = None,
    close: float = CLOSE,
) -> Maximum:
    """The highest of the likelihood.

    Parameters
    ----------
    of : Family
    rows : Rows
        Those that the family does not look at are left out.
    link : "logit" or "cloglog"
        Of omega.
    start : array of float, shape (p + q,), optional
        A place near the maximum; without it several are tried.
    close : float
        When to stop: what one more step would add to the log-likelihood.
    """
    rows = rows.part(of.looks_at(rows.counts) & (rows.people > 0))
    p, q = rows.x.shape[1], rows.z.shape[1]
    x, value, hessian, arrived = climb(
        of, rows, _start(of, rows, link) if start is None else start, link, close
    )
    edge = of.extra in ("omega", "alpha") and bool((rows.z @ x[p:]).max() < np.log(AT_EDGE))
    keep = np.arange(p + q) < (p if edge else p + q)
    covariance = np.zeros((p + q, p + q))
    try:
        covariance[np.ix_(keep, keep)] = np.linalg.inv(-hessian[np.ix_(keep, keep)])
    except np.linalg.LinAlgError:
        arrived = False
    sound = bool((np.diag(covariance) >= 0).all() and np.isfinite(covariance).all())
    return Maximum(x, value, covariance, (arrived or edge) and sound, edge)


def _start(of: Family, rows: Rows, link: Link) -> Floats:
    """The highest maximum without covariates, found from several places: few rows, no time."""
    p, q = rows.x.shape[1], rows.z.shape[1]
    counts, which = np.unique(rows.counts, return_inverse=True)
    people = np.bincount(which, weights=rows.people).astype(np.int64)
    one = np.ones((counts.size, 1))
    plain = Rows(counts, people, one, one[:, :0] if q == 0 else one, rows.top)
    found = [climb(of, plain, each, link) for each in _guesses(of, plain)]
    best = max(found, key=lambda each: each[1])[0]
    intercepts = [
        np.linalg.lstsq(each, np.ones(rows.counts.size), rcond=None)[0] for each in (rows.x, rows.z)
    ]
    start = np.zeros(p + q)
    start[:p] = best[0] * intercepts[0]
    if q:
        start[p:] = np.clip(best[1], -5.0, 5.0) * intercepts[1]
    return start


def _guesses(of: Family, rows: Rows) -> list[Floats]:
    """Where the climb may begin, from the mean."""
    more = float(rows.people @ rows.counts) / float(rows.people.sum()) - of.counts[0]
    if of.ones == "two":
        more = float(np.clip(more, 1e-3, 1 - 1e-3))
        return [np.array([np.log(more / (1 - more))])]
    rates = np.log(np.clip([more, 2 * more], 0.02, 50.0))
    second = {"": [], "alpha": [-1.0, 1.5], "omega": [-3.0, 0.5], "pi": [0.0]}[of.extra]
    if not second:
        return [rates[:1]]
    return [np.array([rate, each]) for rate in rates for each in second]
