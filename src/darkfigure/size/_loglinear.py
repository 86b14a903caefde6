"""Compiled kernels behind `loglinear`, `search` and `stepwise`: arrays in, arrays out.

A set of lists is a bit mask; everything a hierarchical log-linear model needs is then a sum over
subsets or over supersets of a mask, and no design matrix is ever built. With X[w, t] = 1 when the
term t is a subset of the cell w:

    linear predictor      (X beta)[w]   = sum of beta over the subsets of w
    sufficient statistic  (X' n)[t]     = sum of n over the supersets of t
    information           (X' W X)[s,t] = sum of W over the supersets of the union s | t
"""

import math

import numpy as np
from numba import njit

ESTIMABLE = 0
NO_MLE = 1  # the likelihood grows without end: no finite parameters (Fienberg & Rinaldo 2012)
NOT_IDENTIFIED = 2  # the unseen cell is free: the data say nothing about it
NEITHER = 3  # both of the above

MAX_ITERATIONS = 200


@njit(cache=True, nogil=True)
def sum_over_supersets(x):
    """Replace x[s] by the sum of x over all supersets of s (the superset zeta transform)."""
    half = 1
    while half < x.size:
        for start in range(0, x.size, 2 * half):
            for i in range(start, start + half):
                x[i] += x[i + half]
        half *= 2


@njit(cache=True, nogil=True)
def sum_over_subsets(x):
    """Replace x[s] by the sum of x over all subsets of s (the subset zeta transform)."""
    half = 1
    while half < x.size:
        for start in range(0, x.size, 2 * half):
            for i in range(start, start + half):
                x[i + half] += x[i]
        half *= 2


@njit(cache=True, nogil=True)
def _cholesky_solve(a, b, p):
    """Solve a x = b in place of b, for p rows; False when a is not positive definite."""
    for j in range(p):
        pivot = a[j, j]
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        if not pivot > 1e-14 * a[j, j]:
            return False
        root = math.sqrt(pivot)
        a[j, j] = root
        for i in range(j + 1, p):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = s / root
    for i in range(p):
        s = b[i]
        for k in range(i):
            s -= a[i, k] * b[k]
        b[i] = s / a[i, i]
    for i in range(p - 1, -1, -1):
        s = b[i]
        for k in range(i + 1, p):
            s -= a[k, i] * b[k]
        b[i] = s / a[i, i]
    return True


@njit(cache=True, nogil=True)
def support(margins, terms, n_terms, alive, free):
    """Fill `alive` (cells that stay in the fit) and `free` (finite terms); is the model identified?

    A term nobody shares has its parameter at minus infinity; the cells above it have mean zero and
    leave the fit (Chan, Silverman & Vincent 2021, section 3).

    Identification without a rank. Each finite term t is itself a cell that stays, so X has full
    column rank but for, at most, one direction: beta[t] = (-1)^|t|, the only one that vanishes on
    all those cells. It vanishes everywhere, and the unseen cell is free, exactly when the sum of
    (-1)^|t| over the finite terms inside w is zero for every cell w that stays.
    """
    cells = margins.size
    dead = np.zeros(cells, np.int64)
    euler = np.zeros(cells, np.int64)
    p = 0
    for i in range(n_terms):
        t = terms[i]
        if margins[t] > 0:
            free[p] = t
            p += 1
            size = 0
            while t:
                size += t & 1
                t >>= 1
            euler[free[p - 1]] = 1 - 2 * (size & 1)
        else:
            dead[t] = 1
    if p < n_terms:
        sum_over_subsets(dead)
    sum_over_subsets(euler)
    identified = False
    alive[0] = False
    for w in range(1, cells):
        alive[w] = dead[w] == 0
        if alive[w] and euler[w] != 0:
            identified = True
    return p, identified


@njit(cache=True, nogil=True)
def _solve_information(summed, free, n_free, info, step):
    """Solve information x step = step, the information gathered from superset-summed means."""
    for i in range(n_free):
        for j in range(i + 1):
            info[i, j] = summed[free[i] | free[j]]
    return _cholesky_solve(info, step, n_free)


@njit(cache=True, nogil=True)
def _predictor(free, n_free, beta, out):
    """The linear predictor on every cell."""
    out[:] = 0.0
    for i in range(n_free):
        out[free[i]] = beta[i]
    sum_over_subsets(out)


@njit(cache=True, nogil=True)
def fit_terms(counts, margins, terms, n_terms, eta):
    """Fit one model by Newton's method: status, log-likelihood less its constant, intercept, steps.

    `counts` and `margins` (its superset sums) have 2**K entries; `terms` holds the empty set first.
    `eta` gives the starting log means and receives the fitted ones (-inf on cells that left).
    The log-likelihood is the supremum also where no estimate exists, so that it can serve as bound;
    where arithmetic fails, that of the saturated model, which bounds every other.
    The intercept is the logarithm of the mean of the unseen cell.
    """
    cells = counts.size
    alive = np.empty(cells, np.bool_)
    free = np.empty(n_terms, np.int64)
    n_free, identified = support(margins, terms, n_terms, alive, free)
    # Without identification the intercept is redundant on the cells that stay: leave it out.
    if not identified:
        free = free[1:]
        n_free -= 1

    weights = np.zeros(cells)
    working = np.zeros(cells)
    info = np.empty((n_free, n_free))
    step = np.empty(n_free)
    gradient = np.empty(n_free)
    change = np.empty(cells)

    # One step of iteratively reweighted least squares carries any starting means into the model.
    for w in range(cells):
        if alive[w]:
            mean = math.exp(eta[w])
            weights[w] = mean
            working[w] = mean * eta[w] + counts[w] - mean
    sum_over_supersets(weights)
    sum_over_supersets(working)
    for i in range(n_free):
        step[i] = working[free[i]]
    started = _solve_information(weights, free, n_free, info, step)
    _predictor(free, n_free, step, change)
    intercept = step[0]  # the empty set comes first among the terms
    loglik = 0.0
    for w in range(cells):
        eta[w] = change[w] if alive[w] else -math.inf
        started = started and not eta[w] > 30.0
    cold = 0.0
    for w in range(cells):
        if alive[w]:
            loglik += counts[w] * eta[w] - math.exp(eta[w])
            cold -= 1.0
    if not (started and loglik >= cold):  # a start too far off: begin again at means of one
        intercept = 0.0
        loglik = cold
        for w in range(cells):
            if alive[w]:
                eta[w] = 0.0

    exists = True
    iterations = 1
    while iterations < MAX_ITERATIONS:
        iterations += 1
        for w in range(cells):
            weights[w] = math.exp(eta[w])
        sum_over_supersets(weights)
        for i in range(n_free):
            step[i] = margins[free[i]] - weights[free[i]]
            gradient[i] = step[i]
        if not _solve_information(weights, free, n_free, info, step):
            exists = False
            loglik = _saturated(counts)
            break
        gain = 0.0
        for i in range(n_free):
            gain += gradient[i] * step[i]
        _predictor(free, n_free, step, change)

        # A direction that leaves every counted cell alone and only lowers empty ones can be
        # followed for ever: no maximum exists. Newton's step becomes it, minus one per step.
        moved_counted = 0.0
        highest = 0.0
        lowest = 0.0
        fading = 0.0
        for w in range(1, cells):
            if alive[w]:
                if counts[w] > 0:
                    moved_counted = max(moved_counted, abs(change[w]))
                highest = max(highest, change[w])
                lowest = min(lowest, change[w])
                if change[w] < -0.5:
                    fading += math.exp(eta[w])
        still = moved_counted < 1e-6 and highest < 1e-6 and gain < 1e-5
        if still and lowest < -0.5 and fading < 1e-6:
            exists = False
            loglik += fading
            break

        scale = min(1.0, 6.0 / max(highest, -lowest, 1e-300))
        while True:
            trial = 0.0
            for w in range(cells):
                if alive[w]:
                    moved = eta[w] + scale * change[w]
                    trial += counts[w] * moved - math.exp(moved)
            if trial >= loglik - 1e-9 * (1.0 + abs(loglik)) or scale < 1e-6:
                break
            scale *= 0.5
        for w in range(cells):
            if alive[w]:
                eta[w] += scale * change[w]
        intercept += scale * step[0]
        loglik = trial
        # Convergence is quadratic: after a full step this small the next would be below 1e-8.
        if gain < 1e-9 and max(highest, -lowest) < 1e-4:
            break

    if not identified:
        intercept = math.nan
    status = ESTIMABLE
    if iterations == MAX_ITERATIONS:
        exists = False
        loglik = _saturated(counts)
    if not exists:
        status += NO_MLE
    if not identified:
        status += NOT_IDENTIFIED
    return status, loglik, intercept, iterations


@njit(cache=True, nogil=True)
def _saturated(counts):
    """The log-likelihood, less its constant, of a model that fits every count."""
    loglik = 0.0
    for n in counts:
        if n > 0:
            loglik += n * math.log(n) - n
    return loglik


@njit(cache=True, nogil=True)
def start_from_counts(counts, eta):
    """Starting log means for a fit that has no better ones."""
    for w in range(counts.size):
        eta[w] = math.log(counts[w] + 0.5)
