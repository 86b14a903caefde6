"""Compiled kernel behind `stepwise`: forward selection of pairs by Poisson p-values."""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import ESTIMABLE, fit_terms, start_from_counts, sum_over_supersets


@kernel
def poisson_tail(x, mean):
    """One-sided p-value of x: P(X <= x) when x is below the mean, P(X >= x) otherwise."""
    if mean <= 0.0:
        return 1.0 if x <= 0 else 0.0
    at = math.exp(x * math.log(mean) - mean - math.lgamma(x + 1.0))
    total = at
    term = at
    k = x
    if x < mean:
        while k > 0.0 and term > 1e-17 * total:
            term *= k / mean
            k -= 1.0
            total += term
    else:
        while term > 1e-17 * total:
            k += 1.0
            term *= mean / k
            total += term
    return min(total, 1.0)


@kernel
def forward(counts, n_lists, pairs, threshold, chosen):
    """Forward selection; marks `chosen` pairs, returns status, log-likelihood, intercept, fits.

    At each stage the pair whose shared number of people is least expected under the current model
    joins it, if its p-value is below the threshold and the larger model has an estimate.
    """
    margins = counts.copy()
    sum_over_supersets(margins)
    eta = np.empty(counts.size)
    trial = np.empty(counts.size)
    mean = np.empty(counts.size)
    terms = np.empty(1 + n_lists + pairs.size, np.int64)
    p_value = np.empty(pairs.size)
    chosen[:] = False
    terms[0] = 0
    for j in range(n_lists):
        terms[1 + j] = 1 << j
    n_terms = 1 + n_lists
    start_from_counts(counts, eta)
    status, loglik, intercept, _ = fit_terms(counts, margins, terms, n_terms, eta)
    fits = 1
    while True:
        for w in range(counts.size):
            mean[w] = math.exp(eta[w]) if w else 0.0
        sum_over_supersets(mean)
        for i in range(pairs.size):
            p_value[i] = 2.0 if chosen[i] else poisson_tail(margins[pairs[i]], mean[pairs[i]])
        added = False
        for i in np.argsort(p_value, kind="mergesort"):
            if not p_value[i] < threshold:
                break
            terms[n_terms] = pairs[i]
            start_from_counts(counts, trial)
            s, ll, b, _ = fit_terms(counts, margins, terms, n_terms + 1, trial)
            fits += 1
            if s == ESTIMABLE:
                chosen[i] = True
                n_terms += 1
                status, loglik, intercept = s, ll, b
                eta[:] = trial
                added = True
                break
        if not added:
            return status, loglik, intercept, fits


@kernel
def forward_totals(tables, n_lists, pairs, threshold):
    """The total under the model that forward selection ends with; infinite where none."""
    totals = np.empty(tables.shape[0])
    chosen = np.empty(pairs.size, np.bool_)
    for b in range(tables.shape[0]):
        status, _, intercept, _ = forward(tables[b], n_lists, pairs, threshold, chosen)
        totals[b] = tables[b].sum() + math.exp(intercept) if status == ESTIMABLE else math.inf
    return totals
