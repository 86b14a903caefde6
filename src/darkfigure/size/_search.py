"""Compiled kernels behind `search`: walk the space of hierarchical models.

A model is a bit set over `candidates`, the sets of two or more lists that may interact, sorted by
size. It is hierarchical when with every term it has the term's subsets: `requires[i]` holds, as
bits, the candidates one list smaller than candidate i and inside it.
"""

import math

import numpy as np
from numba import njit

from darkfigure.size._loglinear import ESTIMABLE, fit_terms, start_from_counts, sum_over_supersets

TIE = 1e-7  # criteria closer than this are equal; the model that comes first in order is kept


@njit(cache=True, nogil=True)
def count_models(requires, limit):
    """How many hierarchical models there are, counting no further than `limit`."""
    t = requires.size
    position = np.empty(t + 2, np.int64)
    chosen = np.empty(t + 2, np.uint64)
    position[0] = 0
    chosen[0] = 0
    top = 1
    found = 0
    while top > 0 and found < limit:
        top -= 1
        i, model = position[top], chosen[top]
        while i < t:
            if requires[i] & ~model == 0:
                position[top] = i + 1
                chosen[top] = model | (np.uint64(1) << np.uint64(i))
                top += 1
            i += 1
        found += 1
    return found


@njit(cache=True, nogil=True)
def list_models(requires, n):
    """All n hierarchical models, each once, as bit sets over the candidates."""
    t = requires.size
    models = np.empty(n, np.uint64)
    position = np.empty(t + 2, np.int64)
    chosen = np.empty(t + 2, np.uint64)
    position[0] = 0
    chosen[0] = 0
    top = 1
    found = 0
    while top > 0 and found < n:
        top -= 1
        i, model = position[top], chosen[top]
        models[found] = model
        found += 1
        while i < t:
            if requires[i] & ~model == 0:
                position[top] = i + 1
                chosen[top] = model | (np.uint64(1) << np.uint64(i))
                top += 1
            i += 1
    return models


@njit(cache=True, nogil=True)
def write_terms(n_lists, candidates, model, terms):
    """Put the masks of a model's terms into `terms`: empty set, single lists, interactions."""
    terms[0] = 0
    for j in range(n_lists):
        terms[1 + j] = 1 << j
    n = 1 + n_lists
    for i in range(candidates.size):
        if (model >> np.uint64(i)) & np.uint64(1):
            terms[n] = candidates[i]
            n += 1
    return n


@njit(cache=True, nogil=True)
def fit_models(counts, n_lists, candidates, models, status, loglik, intercept):
    """Fit every model of `models`; results go into the last three arrays."""
    margins = counts.copy()
    sum_over_supersets(margins)
    terms = np.empty(1 + n_lists + candidates.size, np.int64)
    eta = np.empty(counts.size)
    for m in range(models.size):
        n_terms = write_terms(n_lists, candidates, models[m], terms)
        start_from_counts(counts, eta)
        status[m], loglik[m], intercept[m], _ = fit_terms(counts, margins, terms, n_terms, eta)


@njit(cache=True, nogil=True)
def _bits(x):
    n = 0
    while x:
        x &= x - np.uint64(1)
        n += 1
    return n


@njit(cache=True, nogil=True)
def best_model(counts, n_lists, candidates, requires, penalty):
    """The estimable model with the lowest -2 log-likelihood + penalty x parameters, proven.

    Branch and bound over (terms decided in, terms decided out). The largest model under a node has
    the highest likelihood of all models there and the terms decided in are the fewest parameters,
    so the two together bound every model under the node from below.

    Returns found, model, criterion (without the likelihood's constant), intercept, models fitted.
    """
    cells = counts.size
    t = candidates.size
    one = np.uint64(1)
    margins = counts.copy()
    sum_over_supersets(margins)
    terms = np.empty(1 + n_lists + t, np.int64)
    main = 1 + n_lists

    # above[i]: candidate i and all candidates that contain it, which leave together.
    above = np.zeros(t, np.uint64)
    for i in range(t):
        for k in range(t):
            if candidates[k] & candidates[i] == candidates[i]:
                above[i] |= one << np.uint64(k)
    everything = np.uint64(0)
    for i in range(t):
        everything |= one << np.uint64(i)

    # Decide first what the counts speak of most clearly: the largest standardised departures of the
    # margins from independence. Larger terms come after the smaller ones inside them.
    start = np.empty(cells)
    start_from_counts(counts, start)
    n_terms = write_terms(n_lists, candidates, np.uint64(0), terms)
    status, loglik, intercept, _ = fit_terms(counts, margins, terms, n_terms, start)
    fits = 1
    expected = np.exp(start)
    expected[0] = 0.0
    sum_over_supersets(expected)
    strength = np.empty(t)
    for i in range(t):
        c = candidates[i]
        strength[i] = abs(margins[c] - expected[c]) / math.sqrt(expected[c] + 0.5)
        size = 0
        while c:
            size += c & 1
            c >>= 1
        strength[i] -= 1e9 * size
    order = np.argsort(-strength)

    found = False
    best = math.inf
    best_bits = np.uint64(0)
    best_intercept = math.nan
    if status == ESTIMABLE:
        found = True
        best = -2.0 * loglik + penalty * main
        best_intercept = intercept

    depth = t + 2
    stack_in = np.empty(depth, np.uint64)
    stack_out = np.empty(depth, np.uint64)
    stack_at = np.empty(depth, np.int64)
    stack_loglik = np.empty(depth)
    stack_eta = np.empty((depth, cells))
    here = np.empty(cells)

    start_from_counts(counts, stack_eta[0])
    n_terms = write_terms(n_lists, candidates, everything, terms)
    status, loglik, intercept, _ = fit_terms(counts, margins, terms, n_terms, stack_eta[0])
    fits += 1
    value = -2.0 * loglik + penalty * (main + t)
    if status == ESTIMABLE and value < best - TIE:
        found, best, best_bits, best_intercept = True, value, everything, intercept
    stack_in[0], stack_out[0], stack_at[0], stack_loglik[0] = np.uint64(0), np.uint64(0), 0, loglik
    top = 1
    while top > 0:
        top -= 1
        inside, outside, at = stack_in[top], stack_out[top], stack_at[top]
        loglik = stack_loglik[top]
        here[:] = stack_eta[top]
        size = main + _bits(inside)
        while at < t and -2.0 * loglik + penalty * size <= best + TIE:
            i = order[at]
            at += 1
            if (outside >> np.uint64(i)) & one:
                continue
            # the child without term i is fitted and put by; the walk goes on with the child with it
            out = outside | above[i]
            stack_eta[top] = here
            for w in range(cells):  # a mean that vanished above need not vanish below
                stack_eta[top, w] = max(here[w], -3.0)
            n_terms = write_terms(n_lists, candidates, everything & ~out, terms)
            status, child, intercept, _ = fit_terms(counts, margins, terms, n_terms, stack_eta[top])
            fits += 1
            value = -2.0 * child + penalty * n_terms
            if status == ESTIMABLE:
                model = everything & ~out
                better = value < best - TIE
                if better or (value <= best + TIE and model < best_bits):
                    found, best_bits, best_intercept = True, model, intercept
                    best = value if better else min(best, value)
            if -2.0 * child + penalty * size <= best + TIE:
                stack_in[top], stack_out[top] = inside, out
                stack_at[top], stack_loglik[top] = at, child
                top += 1
            inside |= one << np.uint64(i)
            size += 1
    return found, best_bits, best, best_intercept, fits


@njit(cache=True, nogil=True)
def best_totals(tables, n_lists, candidates, requires):
    """The total under the model with the lowest BIC, for each table; infinite where none."""
    totals = np.empty(tables.shape[0])
    for b in range(tables.shape[0]):
        observed = tables[b].sum()
        found, _, _, intercept, _ = best_model(
            tables[b], n_lists, candidates, requires, math.log(observed)
        )
        totals[b] = observed + math.exp(intercept) if found else math.inf
    return totals


@njit(cache=True, nogil=True)
def model_totals(tables, terms):
    """The total under one fixed model, for each table; infinite where it has no estimate."""
    totals = np.empty(tables.shape[0])
    eta = np.empty(tables.shape[1])
    for b in range(tables.shape[0]):
        margins = tables[b].copy()
        sum_over_supersets(margins)
        start_from_counts(tables[b], eta)
        status, _, intercept, _ = fit_terms(tables[b], margins, terms, terms.size, eta)
        totals[b] = tables[b].sum() + math.exp(intercept) if status == ESTIMABLE else math.inf
    return totals
