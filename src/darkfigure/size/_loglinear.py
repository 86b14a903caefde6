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

from darkfigure._kernel import kernel

ESTIMABLE = 0
NO_MLE = 1  # the likelihood grows without end: no finite parameters (Fienberg & Rinaldo 2012)
NOT_IDENTIFIED = 2  # the unseen cell is free: the data say nothing about it
NEITHER = 3  # both of the above
UNDECIDED = 4  # not brought to its end: the ceiling of its likelihood was all that was asked

MAX_ITERATIONS = 200


@kernel
def sum_over_supersets(x):
    """Replace x[s] by the sum of x over all supersets of s (the superset zeta transform)."""
    half = 1
    while half < x.size:
        for start in range(0, x.size, 2 * half):
            for i in range(start, start + half):
                x[i] += x[i + half]
        half *= 2


@kernel
def sum_over_subsets(x):
    """Replace x[s] by the sum of x over all subsets of s (the subset zeta transform)."""
    half = 1
    while half < x.size:
        for start in range(0, x.size, 2 * half):
            for i in range(start, start + half):
                x[i + half] += x[i]
        half *= 2


@kernel
def cholesky_solve(a, b, p, own=1e-14):
    """Solve a x = b in place of b, for p rows; how many depend on the others (x is 0).

    Only the upper triangle of a is read, and overwritten row by row by D L' of a = L D L'. Row p
    of a holds the diagonal; a row depends on others if no more than the share `own` of it is left.
    """
    dependent = 0
    for j in range(p):
        pivot = a[j, j]
        if not pivot > own * a[p, j]:
            dependent += 1
            a[j, j] = 0.0
            continue
        for i in range(j + 1, p):
            share = a[j, i] / pivot
            if share != 0.0:
                b[i] -= share * b[j]
                for k in range(i, p):
                    a[i, k] -= share * a[j, k]
    for i in range(p - 1, -1, -1):
        if a[i, i] == 0.0:
            b[i] = 0.0
            continue
        s = b[i]
        for k in range(i + 1, p):
            s -= a[i, k] * b[k]
        b[i] = s / a[i, i]
    return dependent


@kernel
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


@kernel
def solve_information(summed, free, n_free, info, step):
    """Solve information x step = step, the information gathered from superset-summed means."""
    for i in range(n_free):
        for j in range(i, n_free):
            info[i, j] = summed[free[i] | free[j]]
        info[n_free, i] = info[i, i]  # the diagonal as it was, to judge the pivots by
    return cholesky_solve(info, step, n_free)


@kernel
def predictor(free, n_free, beta, out):
    """The linear predictor on every cell."""
    out[:] = 0.0
    for i in range(n_free):
        out[free[i]] = beta[i]
    sum_over_subsets(out)


@kernel
def _ceiling(alive, eta, mean, change):
    """A log-likelihood, less its constant, that no parameters exceed; infinite where none is known.

    Newton's step makes the linearised means m = mu (1 + change) share every sufficient statistic
    with the counts. For such m >= 0 and any parameters, sum(n eta - exp eta) = sum(m eta - exp eta)
    <= sum(m log m - m): weak duality, at any iterate, converged or not.
    """
    for w in range(1, alive.size):
        if alive[w] and change[w] < -1.0 - 1e-9:
            return math.inf
    ceiling = 0.0
    for w in range(1, alive.size):
        if alive[w]:
            share = 1.0 + change[w]
            if share > 1e-9:
                ceiling += mean[w] * share * (eta[w] + math.log(share) - 1.0)
    return ceiling


@kernel
def fit_terms(counts, margins, terms, n_terms, eta):
    """Fit one model by Newton's method: status, log-likelihood less its constant, intercept, steps.

    `counts` and `margins` (its superset sums) have 2**K entries; `terms` holds the empty set first.
    `eta` gives the starting log means and receives the fitted ones (-inf on cells that left).
    The log-likelihood is the supremum also where no estimate exists, so that it can serve as bound;
    where arithmetic fails, that of the saturated model, which bounds every other.
    The intercept is the logarithm of the mean of the unseen cell.
    """
    return fit_or_bound(counts, margins, terms, n_terms, eta, -math.inf, -math.inf)


@kernel
def fit_or_bound(counts, margins, terms, n_terms, eta, hopeless, minor):
    """Fit one model as `fit_terms` does, as far as a search has to know it.

    As soon as the log-likelihood provably stays below `hopeless`, or below `minor` and is known to
    within a hundredth, the fit ends UNDECIDED and gives that ceiling.
    """
    cells = counts.size
    alive = np.empty(cells, np.bool_)
    free = np.empty(n_terms, np.int64)
    n_free, identified = support(margins, terms, n_terms, alive, free)
    # Without identification the intercept is redundant on the cells that stay: leave it out.
    if not identified:
        free = free[1:]
        n_free -= 1

    mean = np.zeros(cells)
    summed = np.zeros(cells)
    working = np.zeros(cells)
    info = np.empty((n_free + 1, n_free))
    step = np.empty(n_free)
    gradient = np.empty(n_free)
    change = np.empty(cells)

    # One step of iteratively reweighted least squares carries any starting means into the model.
    for w in range(cells):
        if alive[w]:
            mean[w] = math.exp(eta[w])
            summed[w] = mean[w]
            working[w] = mean[w] * (eta[w] - 1.0) + counts[w]
    sum_over_supersets(summed)
    sum_over_supersets(working)
    for i in range(n_free):
        step[i] = working[free[i]]
    started = solve_information(summed, free, n_free, info, step) == 0
    predictor(free, n_free, step, change)
    intercept = step[0]  # the empty set comes first among the terms
    for w in range(cells):
        change[w] = change[w] - eta[w] if alive[w] else 0.0
    if started and minor > -math.inf:
        ceiling = _ceiling(alive, eta, mean, change)
        if ceiling < hopeless:
            return UNDECIDED, ceiling, math.nan, 1
    loglik = 0.0
    cold = 0.0
    for w in range(cells):
        if alive[w]:
            eta[w] += change[w]
            started = started and not eta[w] > 30.0
            mean[w] = math.exp(eta[w])
            loglik += counts[w] * eta[w] - mean[w]
            cold -= 1.0
        else:
            eta[w] = -math.inf
    if not (started and loglik >= cold):  # a start too far off: begin again at means of one
        intercept = 0.0
        loglik = cold
        for w in range(cells):
            if alive[w]:
                eta[w] = 0.0
                mean[w] = 1.0

    exists = True
    iterations = 1
    while iterations < MAX_ITERATIONS:
        iterations += 1
        summed[:] = mean
        sum_over_supersets(summed)
        for i in range(n_free):
            step[i] = margins[free[i]] - summed[free[i]]
            gradient[i] = step[i]
        dependent = solve_information(summed, free, n_free, info, step)
        gain = 0.0
        for i in range(n_free):
            gain += gradient[i] * step[i]
        predictor(free, n_free, step, change)

        if minor > -math.inf and dependent == 0:
            ceiling = _ceiling(alive, eta, mean, change)
            if ceiling < hopeless or (ceiling < minor and ceiling - loglik < 0.01):
                return UNDECIDED, ceiling, math.nan, iterations

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
                    fading += mean[w]
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
                    mean[w] = math.exp(moved)
                    trial += counts[w] * moved - mean[w]
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
            if dependent > 0:  # means that vanished have made two parameters one
                exists = False
                for i in range(n_free):
                    if abs(margins[free[i]] - summed[free[i]]) > 1e-4:
                        loglik = _saturated(counts)
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


@kernel
def _saturated(counts):
    """The log-likelihood, less its constant, of a model that fits every count."""
    loglik = 0.0
    for n in counts:
        if n > 0:
            loglik += n * math.log(n) - n
    return loglik


@kernel
def start_from_counts(counts, eta):
    """Starting log means for a fit that has no better ones."""
    for w in range(counts.size):
        eta[w] = math.log(counts[w] + 0.5)
