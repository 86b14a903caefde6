"""Compiled kernels behind `space`: walk all hierarchical models, and fit those that are given.

A model is a bit set over `candidates`, the sets of two or more lists that may interact, sorted by
size, or a row of 0/1 over them. It is hierarchical when with every term it has the term's subsets:
`requires[i]` holds, as bits, the candidates one list smaller than candidate i and inside it.
"""

import math

import numpy as np

from darkfigure._kernel import kernel
from darkfigure.size._loglinear import (
    ESTIMABLE,
    fit_terms,
    start_from_counts,
    sum_over_supersets,
)

TIE = 1e-7  # criteria closer than this are equal


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def row_terms(n_lists, candidates, row, left_out, terms):
    """Put the masks of the terms of a row into `terms`, but for those with a list of `left_out`."""
    terms[0] = 0
    n = 1
    for j in range(n_lists):
        if (1 << j) & left_out == 0:
            terms[n] = 1 << j
            n += 1
    for i in range(candidates.size):
        if row[i] and candidates[i] & left_out == 0:
            terms[n] = candidates[i]
            n += 1
    return n


@kernel
def nested_totals(tables, n_lists, candidates, models):
    """The total under the model of lowest BIC among the first 1, 2, ... of `models`, per table."""
    totals = np.full((tables.shape[0], models.shape[0]), math.inf)
    eta = np.empty(tables.shape[1])
    terms = np.empty(1 + n_lists + candidates.size, np.int64)
    for b in range(tables.shape[0]):
        margins = tables[b].copy()
        sum_over_supersets(margins)
        observed = tables[b].sum()
        lowest, total = math.inf, math.inf
        for m in range(models.shape[0]):
            n_terms = row_terms(n_lists, candidates, models[m], 0, terms)
            start_from_counts(tables[b], eta)
            status, loglik, intercept, _ = fit_terms(tables[b], margins, terms, n_terms, eta)
            criterion = -2.0 * loglik + math.log(observed) * n_terms
            if status == ESTIMABLE and criterion < lowest - TIE:
                lowest, total = criterion, observed + math.exp(intercept)
            totals[b, m] = total
    return totals
