"""Compiled kernels behind `averaged`: fit many models, each with the weight and spread it needs."""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import (
    ESTIMABLE,
    MAX_ITERATIONS,
    NO_MLE,
    cholesky_solve,
    fit_terms,
    predictor,
    solve_information,
    start_from_counts,
    sum_over_supersets,
)
from darkfigure.size._space import row_terms


@kernel
def fit_by_likelihood(counts, n_lists, candidates, models, status, loglik, intercept, variance):
    """Fit every model (rows of 0/1 over the candidates) by maximum likelihood.

    Results go into the last four arrays: those of `fit_terms`, and of models with an estimate the
    variance of the intercept, the first entry of the inverse information.
    """
    margins = counts.copy()
    sum_over_supersets(margins)
    most = 1 + n_lists + candidates.size
    terms = np.empty(most, np.int64)
    free = np.empty(most, np.int64)
    info = np.empty((most + 1, most))
    unit = np.empty(most)
    eta = np.empty(counts.size)
    summed = np.empty(counts.size)
    for m in range(models.shape[0]):
        n_terms = row_terms(n_lists, candidates, models[m], 0, terms)
        start_from_counts(counts, eta)
        status[m], loglik[m], intercept[m], _ = fit_terms(counts, margins, terms, n_terms, eta)
        variance[m] = math.nan
        if status[m] != ESTIMABLE:
            continue
        n_free = 0
        for i in range(n_terms):
            if margins[terms[i]] > 0:
                free[n_free] = terms[i]
                unit[n_free] = 0.0
                n_free += 1
        unit[0] = 1.0
        for w in range(counts.size):
            summed[w] = math.exp(eta[w])  # zero on the unseen cell and on those that left
        sum_over_supersets(summed)
        solve_information(summed, free, n_free, info, unit)
        variance[m] = unit[0]


@kernel
def _solve_penalised(mean, terms, n_terms, n_main, precision, summed, info, step):
    """Solve (information + prior precision of the interactions) x step = step.

    The pivots, whose product is the determinant, are left on the diagonal of `info`.
    """
    summed[:] = mean
    sum_over_supersets(summed)
    for i in range(n_terms):
        for j in range(i, n_terms):
            info[i, j] = summed[terms[i] | terms[j]]
        if i >= n_main:
            info[i, i] += precision
        info[n_terms, i] = info[i, i]
    cholesky_solve(info, step, n_terms)


@kernel
def fit_by_prior(
    counts, n_lists, candidates, models, precision, status, log_marginal, intercept, variance
):
    """Fit every model at its posterior mode; interactions are N(0, 1 / precision) beforehand.

    Results go into the last four arrays; `log_marginal` is Laplace's approximation, less what all
    models have in common. Every cell stays in the fit, but for those of lists without people: no
    count speaks of their interactions, whose prior then integrates to one.
    """
    margins = counts.copy()
    sum_over_supersets(margins)
    nobody = 0
    for j in range(n_lists):
        if margins[1 << j] == 0:
            nobody |= 1 << j
    cells = counts.size
    alive = np.empty(cells, np.bool_)
    for w in range(cells):
        alive[w] = w > 0 and w & nobody == 0
    most = 1 + n_lists + candidates.size
    terms = np.empty(most, np.int64)
    info = np.empty((most + 1, most))
    beta = np.empty(most)
    moved = np.empty(most)
    step = np.empty(most)
    eta = np.empty(cells)
    proposed = np.empty(cells)
    mean = np.zeros(cells)
    working = np.zeros(cells)
    summed = np.empty(cells)

    for m in range(models.shape[0]):
        n_terms = row_terms(n_lists, candidates, models[m], nobody, terms)
        n_main = 1
        while n_main < n_terms and terms[n_main] & (terms[n_main] - 1) == 0:
            n_main += 1
        beta[:] = 0.0
        height = -float(alive.sum())  # what is maximised, at parameters of zero
        start_from_counts(counts, eta)
        status[m], log_marginal[m], intercept[m], variance[m] = NO_MLE, -math.inf, 0.0, math.nan
        for _ in range(MAX_ITERATIONS):
            # Newton's method, written as least squares on eta + (n - mean) / mean: so the first
            # step carries the starting means, which follow no model, into this one.
            for w in range(cells):
                if alive[w]:
                    mean[w] = math.exp(eta[w])
                    working[w] = mean[w] * (eta[w] - 1.0) + counts[w]
                else:
                    mean[w] = working[w] = 0.0
            sum_over_supersets(working)
            for i in range(n_terms):
                step[i] = working[terms[i]]
            _solve_penalised(mean, terms, n_terms, n_main, precision, summed, info, step)
            for i in range(n_terms):
                step[i] -= beta[i]
            scale = 1.0
            while True:
                for i in range(n_terms):
                    moved[i] = beta[i] + scale * step[i]
                predictor(terms, n_terms, moved, proposed)
                trial = 0.0
                for i in range(n_main, n_terms):
                    trial -= 0.5 * precision * moved[i] ** 2
                change = 0.0
                for w in range(cells):
                    if alive[w]:
                        trial += counts[w] * proposed[w] - math.exp(proposed[w])
                        change = max(change, abs(proposed[w] - eta[w]))
                if trial >= height - 1e-9 * (1.0 + abs(height)) or scale < 1e-6:
                    break
                scale *= 0.5
            beta[:] = moved
            eta[:] = proposed
            height = trial
            # Convergence is quadratic: the next step would be below 1e-9.
            if scale == 1.0 and change < 1e-5:
                status[m] = ESTIMABLE
                break
        if status[m] != ESTIMABLE:
            continue
        for w in range(cells):
            if alive[w]:
                mean[w] = math.exp(eta[w])
        step[:] = 0.0
        step[0] = 1.0
        _solve_penalised(mean, terms, n_terms, n_main, precision, summed, info, step)
        log_det = 0.0
        for i in range(n_terms):
            log_det += math.log(info[i, i])  # the pivots
        # The powers of 2 pi in the interactions' prior and in the integral over them cancel.
        log_marginal[m] = height + 0.5 * (n_terms - n_main) * math.log(precision) - 0.5 * log_det
        intercept[m], variance[m] = beta[0], step[0]
